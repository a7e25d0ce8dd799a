"""What follows from events: who is suppressed, whose subscription ends, and which issue is paused.

Whoever is suppressed is so in the transaction that keeps the event: killed anywhere, neither is there without the
other. What a person let in again is not shut out by what was reported before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from mailer.delivery import reactions
from mailer.delivery.reactions import ADVICE, Policy
from mailer.model import Cause, EventKind, How, IssueState, SubscriptionState, SuppressionReason
from mailer.services.jobs.leaving import REPORTING
from mailer.services.program import Program
from mailer.store import issues as stored_issues
from mailer.store import lists as stored_lists
from mailer.store import reacting as stored
from mailer.store import subscriptions, suppressions
from mailer.store.reacting import Person
from mailer.store.subscriptions import Origin
from mailer.store.suppressions import EVERY_LIST, Suppression

FINAL = frozenset({EventKind.COMPLAINED, EventKind.UNSUBSCRIBED})
BOUNCES = frozenset({EventKind.BOUNCED_HARD, EventKind.BOUNCED_SOFT})
REACTED = FINAL | BOUNCES
"""What anything follows from for a person."""

WATCHED = frozenset({EventKind.BLOCKED, EventKind.COMPLAINED})
"""What anything follows from for an issue."""

ANSWERS = BOUNCES | {EventKind.DELIVERED, EventKind.BLOCKED}
"""What a provider that reports says of each mail in the end."""


@dataclass(frozen=True, slots=True)
class Said:
    """Something that was reported of a mail to a person. `mail`: which mail, in words that name nobody.

    `counts`: it is among the mails of issues, of which several may be needed for a reason.
    """

    subscriber: int
    list_id: int
    kind: EventKind
    at: datetime
    mail: str
    everywhere: bool = False
    counts: bool = True


def policy_of(program: Program) -> Policy:
    """When an address is not mailed any more, as the settings have it."""
    bounces = program.settings.bounces
    return Policy(bounces.hard, bounces.soft, bounces.soft_days, bounces.soft_issues)


def react(connection: Connection, said: Iterable[Said], policy: Policy, now: datetime) -> Counter[str]:
    """Suppress and end what follows from these, in the transaction that keeps them; how many, by reason."""
    wanted = [each for each in said if each.kind in REACTED]
    done: Counter[str] = Counter()
    if not wanted:
        return done
    people = stored.people(connection, (each.subscriber for each in wanted))
    lifts = stored.lifted(connection, (person.email_key for person in people.values()))
    known = [each for each in wanted if each.subscriber in people]
    last = [each for each in known if each.kind in FINAL and _counts(each, people, lifts)]
    done["ended"] = _leave(connection, [each for each in last if each.kind is EventKind.UNSUBSCRIBED], people, now)
    entries = [_final(each, people[each.subscriber]) for each in last]
    entries += _bounced(connection, [each for each in known if each.kind in BOUNCES], people, lifts, policy)
    for reason in (SuppressionReason.COMPLAINED, SuppressionReason.UNSUBSCRIBED, SuppressionReason.BOUNCED):
        mine = [entry for entry in entries if entry.reason is reason]
        done[reason.value] = suppressions.add_all(connection, mine, now) if mine else 0
    return +done


def _counts(each: Said, people: Mapping[int, Person], lifts: Mapping[str, datetime]) -> bool:
    """Whether nobody has let the address in again since."""
    lifted = lifts.get(people[each.subscriber].email_key)
    return lifted is None or each.at > lifted


def _final(each: Said, person: Person) -> Suppression:
    complained = each.kind is EventKind.COMPLAINED
    reason = SuppressionReason.COMPLAINED if complained else SuppressionReason.UNSUBSCRIBED
    words = f"called {each.mail} spam" if complained else f"through the provider's link in {each.mail}"
    # Whoever complains means us; whoever unsubscribes from everything that comes from there, all of it.
    list_id = EVERY_LIST if complained or each.everywhere else each.list_id
    return Suppression(person.email_key, reason, words, list_id)


def _leave(connection: Connection, said: Sequence[Said], people: Mapping[int, Person], now: datetime) -> int:
    """End the subscriptions that brought those mails; how many there were."""
    names = stored_lists.names(connection, {each.list_id for each in said})
    ended = 0
    # In one order everywhere: each person is locked.
    for each in sorted(said, key=lambda one: (one.subscriber, one.list_id, one.at)):
        who = subscriptions.standing(connection, names[each.list_id], people[each.subscriber].id)
        if who is None or who.state is SubscriptionState.UNSUBSCRIBED:
            continue
        evidence = {"reported_at": each.at.isoformat(timespec="seconds"), "mail": each.mail}
        origin = Origin(How.PROVIDER, "the provider's own link", evidence=evidence)
        subscriptions.move(connection, who, SubscriptionState.UNSUBSCRIBED, origin, now)
        ended += 1
    return ended


def _bounced(
    connection: Connection,
    said: Sequence[Said],
    people: Mapping[int, Person],
    lifts: Mapping[str, datetime],
    policy: Policy,
) -> Iterator[Suppression]:
    """Those of whom enough came back."""
    last = {each.subscriber: each for each in sorted(said, key=lambda one: (one.at, one.kind))}
    hard = {
        each.subscriber: each for each in said if each.kind is EventKind.BOUNCED_HARD and _counts(each, people, lifts)
    }
    if policy.hard > 1:
        hard = {}
    mails = stored.mails(connection, [number for number in last if number not in hard])
    for number, each in last.items():
        key = people[number].email_key
        if number in hard:
            yield Suppression(
                key, SuppressionReason.BOUNCED, f"no such address, says the bounce of {hard[number].mail}"
            )
            continue
        why = reactions.why_not(reactions.since(mails.get(number, ()), lifts.get(key)), policy)
        if why and each.counts:
            yield Suppression(key, SuppressionReason.BOUNCED, f"{why}; the last was {each.mail}")


def watch(program: Program, issues: Mapping[int, str], kinds: Collection[EventKind]) -> dict[str, str]:
    """Pause those of these issues that receivers do not take, or readers call spam; why, by issue."""
    paused = {}
    for issue_id, name in sorted(issues.items()):
        if why := _trouble(program, issue_id, kinds):
            with program.store.write() as connection:
                if stored_issues.locked(connection, name).state is IssueState.SENDING:
                    stored_issues.pause(connection, name, why, program.now())
                    paused[name] = why
    return paused


def _trouble(program: Program, issue_id: int, kinds: Collection[EventKind]) -> str:
    """Why an issue had better stop; empty when it goes on, or does not go."""
    settings = program.settings.bounces
    shares = {EventKind.BLOCKED: settings.pause_blocked, EventKind.COMPLAINED: settings.pause_complained}
    # Others say nothing of what arrives.
    answers = ANSWERS if program.settings.provider.name in REPORTING else ()
    with program.store.read() as connection:
        for kind in sorted(WATCHED & set(kinds)):
            mood = stored.mood(connection, issue_id, kind, answers, shares[kind])
            if mood.state is not IssueState.SENDING:
                return ""
            if reactions.too_many(mood.number, mood.answered, shares[kind], settings.least):
                return _why(kind, mood.number, shares[kind], stored.causes(connection, issue_id))
    return ""


def _why(kind: EventKind, number: int, share: float, causes: Mapping[Cause, int]) -> str:
    if kind is EventKind.COMPLAINED:
        return f"{number:,} readers called it spam, more than {share:.2%} of those it reached"
    advice = max(ADVICE, key=lambda cause: causes.get(cause, 0))
    return f"{number:,} mails were refused for our sake, more than {share:.1%}: {ADVICE[advice]}"
