"""Who would get it, beside who got the issues before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from statistics import median

from mailer.checks.facts import AudienceFacts, EarlierIssue, Facts
from mailer.checks.finding import Fault, Level, Part, Place
from mailer.checks.rule import Family, Rule
from mailer.wording import counted

FEWEST_EARLIER = 3
"""So many issues before are the least that make a habit."""
TIMES = 2
"""An audience that is larger or smaller by more than this is not the usual one."""
PEOPLE = 50
"""Fewer people more or less are the life of a small list."""

SHARE = 0.1
"""Above this part of the people looked at, doubtful consents are a matter of the list and not of single people."""

MANY_SUPPRESSIONS = 20
"""Of so many suppressed addresses, one at least is on a list of some size."""
SIZE = 200

RECENT = 3
"""So many of the last issues tell what receivers think now."""
COMPLAINTS_STOP, COMPLAINTS_WARN = 0.003, 0.001
"""Gmail's own limits: never reach the first, stay below the second."""
FEWEST_COMPLAINTS = 3
BOUNCES_WARN = 0.02
FEWEST_BOUNCES = 5

WITHOUT_WARMUP = 1000
"""More mails at once from a domain that nobody knows are taken for spam."""

SETTLED = timedelta(days=1)
"""After so long reports of an issue have come, if any do."""
ENOUGH = 100
"""Of so many mails one at least is reported of."""


def sent_otherwise(facts: Facts) -> Iterator[Fault]:
    if facts.issue and facts.issue.sent_otherwise:
        yield Fault("this issue was already sent, or is being sent, with other content than its file has now")


def nobody(facts: Facts) -> Iterator[Fault]:
    people = facts.audience
    if people is None or people.recipients:
        return
    advice = ""
    if people.outside_segment:
        advice = (
            f"{people.outside_segment} confirmed and not in the segment: "
            "mailer segments count SEGMENT --list NAME tries another one"
        )
    elif people.pending:
        advice = (
            f"{people.pending} wait until they confirm; those who agreed already come in with: "
            "mailer subscribers import FILE --list NAME --state confirmed --consent WORDS"
        )
    yield Fault("nobody would receive this issue", Place(Part.AUDIENCE), advice)


def audience_size(facts: Facts) -> Iterator[Fault]:
    people = facts.audience
    before = [each.recipients for each in people.earlier if each.alike] if people else []
    if people is None or len(before) < FEWEST_EARLIER or not people.recipients:
        return
    usual = round(median(before))
    if abs(people.recipients - usual) < PEOPLE:
        return
    last = f"the last {len(before)} issues to these lists had about {usual:,}"
    if people.recipients > usual * TIMES:
        yield Fault(f"{people.recipients:,} people would get this; {last}", Place(Part.AUDIENCE))
    elif people.recipients * TIMES < usual:
        yield Fault(f"only {people.recipients:,} people would get this; {last}", Place(Part.AUDIENCE))


def consent_evidence(facts: Facts) -> Iterator[Fault]:
    if facts.audience and (unproven := facts.audience.unproven):
        yield of_people(facts.audience, unproven, "without a word on how they agreed")


def consent_age(facts: Facts) -> Iterator[Fault]:
    if facts.audience and (old := facts.audience.old_consents):
        yield of_people(facts.audience, old, "and agreed more than two years ago")


def of_people(people: AudienceFacts, number: int, what: str) -> Fault:
    """Single people are good to know; many are a matter of the list."""
    level = Level.WARNING if number > people.looked_at * SHARE else Level.NOTE
    message = f"{number:,} of {counted(people.looked_at, 'person', 'people')} looked at are confirmed {what}"
    return Fault(message, Place(Part.AUDIENCE), level=level)


def nobody_left_out(facts: Facts) -> Iterator[Fault]:
    people = facts.audience
    if people is None or people.left_out or people.recipients < SIZE or people.suppressions < MANY_SUPPRESSIONS:
        return
    yield Fault(
        f"nobody is left out as suppressed, although there are {people.suppressions:,} suppressions or more",
        Place(Part.AUDIENCE),
    )


def another_today(facts: Facts) -> Iterator[Fault]:
    if facts.audience is None or not facts.audience.today:
        return
    urgent = facts.issue is not None and facts.issue.kind == "alert"
    for name in facts.audience.today:
        place = Place(Part.AUDIENCE, excerpt=name)
        yield Fault("one of these lists gets another issue today", place, level=Level.NOTE if urgent else None)


def complaints(facts: Facts) -> Iterator[Fault]:
    recent = recent_of(facts)
    number, mails = sum(each.complained for each in recent), sum(each.recipients for each in recent)
    if number < FEWEST_COMPLAINTS or number < mails * COMPLAINTS_WARN:
        return
    level = Level.ERROR if number >= mails * COMPLAINTS_STOP else Level.WARNING
    yield Fault(told(number, mails, recent, "complained"), Place(Part.AUDIENCE), level=level)


def bounces(facts: Facts) -> Iterator[Fault]:
    recent = recent_of(facts)
    number, mails = sum(each.bounced for each in recent), sum(each.recipients for each in recent)
    if number >= FEWEST_BOUNCES and number >= mails * BOUNCES_WARN:
        yield Fault(told(number, mails, recent, "had no such address"), Place(Part.AUDIENCE))


def recent_of(facts: Facts) -> tuple[EarlierIssue, ...]:
    """The last issues of which anything was heard."""
    return tuple(each for each in facts.audience.earlier if each.heard)[:RECENT] if facts.audience else ()


def told(number: int, mails: int, recent: tuple[EarlierIssue, ...], what: str) -> str:
    issues = counted(len(recent), "issue")
    return f"{number:,} of the {mails:,} readers of the last {issues} {what} ({number / max(mails, 1):.2%})"


def no_warmup(facts: Facts) -> Iterator[Fault]:
    people = facts.audience
    if people is None or facts.sending is None or not facts.sending.leaves_this_machine:
        return
    if people.new_domain and not people.warmup and people.recipients > WITHOUT_WARMUP:
        yield Fault(
            f"the first issue from this domain would go to {people.recipients:,} people at once", Place(Part.SETTINGS)
        )


def unheard(facts: Facts) -> Iterator[Fault]:
    people = facts.audience
    if people is None or people.hears is None:
        return
    if not people.hears:
        yield Fault("nothing is set up that hears which mails came back", Place(Part.SETTINGS))
        return
    last = next((each for each in people.earlier if each.at < facts.now - SETTLED), None)
    if last and not last.heard and last.recipients >= ENOUGH:
        yield Fault(
            f"not one report came about the {last.recipients:,} mails of an earlier issue",
            Place(Part.AUDIENCE, excerpt=last.name),
        )


RULES = (
    Rule(
        "sent-otherwise",
        Family.AUDIENCE,
        Level.ERROR,
        "What was sent to some must be what is sent to the others.",
        "put the file back as it was, write the new content as another issue, or go on with the old: send --frozen",
        sent_otherwise,
        firm=True,
    ),
    Rule(
        "no-recipients",
        Family.AUDIENCE,
        Level.ERROR,
        "A send to nobody is a mistake in its lists or its segment.",
        "mailer lists show NAME says who is on a list",
        nobody,
        firm=True,
    ),
    Rule(
        "audience-size",
        Family.AUDIENCE,
        Level.WARNING,
        "An audience that is suddenly far larger or smaller is often a wrong list, segment or import.",
        "look at its lists and its segment: mailer lists show NAME",
        audience_size,
    ),
    Rule(
        "consent-evidence",
        Family.AUDIENCE,
        Level.WARNING,
        "Who mails people must be able to show how they agreed (GDPR art. 7).",
        "mailer lists doctor NAME says who they are; import with --consent WORDS, or ask them to confirm",
        consent_evidence,
    ),
    Rule(
        "consent-age",
        Family.AUDIENCE,
        Level.WARNING,
        "After two years people have forgotten that they agreed, and complain.",
        "ask them whether they still want it; mailer lists doctor NAME says who they are",
        consent_age,
    ),
    Rule(
        "nobody-left-out",
        Family.AUDIENCE,
        Level.NOTE,
        "Suppressions that meet nobody may be for another list, or written in another way.",
        "mailer suppressions list shows them",
        nobody_left_out,
    ),
    Rule(
        "another-today",
        Family.AUDIENCE,
        Level.WARNING,
        "Two issues on one day are what most people leave a list for.",
        "send it on another day: mailer send ISSUE --at TIME",
        another_today,
    ),
    Rule(
        "complaints",
        Family.AUDIENCE,
        Level.WARNING,
        "Gmail and Yahoo refuse mail of senders of whom 0.3 % of readers complain, for days.",
        "find out who complained and why, and mail only those who read: mailer status ISSUE",
        complaints,
    ),
    Rule(
        "bounces",
        Family.AUDIENCE,
        Level.WARNING,
        "Mail to addresses that are gone tells receivers that a list was bought or forgotten.",
        "look at where its addresses come from: mailer lists doctor NAME",
        bounces,
    ),
    Rule(
        "no-warmup",
        Family.AUDIENCE,
        Level.WARNING,
        "Many mails at once from a domain that nobody knows are taken for spam.",
        "set warmup under [limits] in mailer.toml, as warmup = [200, 500, 1000, 2000, 5000]",
        no_warmup,
    ),
    Rule(
        "unheard",
        Family.AUDIENCE,
        Level.WARNING,
        "Who does not hear which mails came back mails dead addresses for ever.",
        "set webhook_keys under [provider] or host under [bounces.imap] in mailer.toml, and see: mailer events",
        unheard,
    ),
)
