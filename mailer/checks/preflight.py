"""The first rules: those whose breach no issue should go out with.

Each takes the facts and returns a finding or nothing. Adding a rule is a function and a line in `RULES`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import unescape

from mailer.checks.finding import Finding, Level
from mailer.wording import near_name

GMAIL_CLIPS_AT = 102_400
"""Bytes of HTML after which Gmail cuts a message off, and with it the unsubscribe link."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at. The mail is one as a recipient would get it, the longest of the samples.

    `repeated` maps the key of an article to the issue in which one of the lists already got it; `unwritable` are the
    reasons why mails of samples could not be written.
    """

    kind: str
    subject: str
    html: str
    text: str
    unsubscribe: str
    organisation: str
    postal_address: str
    articles: int
    recipients: int
    base_url: str
    leaves_this_machine: bool
    repeated: Mapping[str, str]
    unwritable: Mapping[str, int]
    samples: int
    sent_otherwise: bool = False
    pending: int = 0
    outside_segment: int = 0
    fields_used: frozenset[str] = frozenset()
    fields_known: frozenset[str] = frozenset()


def check(facts: Facts) -> tuple[Finding, ...]:
    """Everything the rules find, errors first."""
    found = [finding for rule in RULES if (finding := rule(facts))]
    return tuple(sorted(found, key=lambda finding: finding.level is not Level.ERROR))


def sent_otherwise(facts: Facts) -> Finding | None:
    if not facts.sent_otherwise:
        return None
    return Finding(
        "sent-otherwise",
        Level.ERROR,
        "this issue was already sent, or is being sent, with other content than its file has now",
        "put the file back as it was, write the new content as another issue, or go on with the old: send --frozen",
    )


def nobody(facts: Facts) -> Finding | None:
    if facts.recipients:
        return None
    advice = "mailer lists show NAME says who is on a list"
    if facts.outside_segment:
        advice = (
            f"{facts.outside_segment} confirmed and not in the segment: "
            "mailer segments count SEGMENT --list NAME tries another one"
        )
    elif facts.pending:
        advice = (
            f"{facts.pending} wait until they confirm; those who agreed already come in with: "
            "mailer subscribers import FILE --list NAME --state confirmed --consent WORDS"
        )
    return Finding("no-recipients", Level.ERROR, "nobody would receive this issue", advice)


def unwritable(facts: Facts) -> Finding | None:
    if not facts.unwritable:
        return None
    reason = next(iter(facts.unwritable))
    return Finding(
        "unwritable",
        Level.ERROR,
        f"{sum(facts.unwritable.values())} of {facts.samples} sample mails cannot be written: {reason}"
        + (f" (and {len(facts.unwritable) - 1} more reasons)" if len(facts.unwritable) > 1 else ""),
        'give the field a default, such as {{ subscriber.first_name | default("friend") }}',
    )


def unknown_field(facts: Facts) -> Finding | None:
    """A misspelt field with a default is worse than one without: everybody gets the default, and nobody notices."""
    unknown = sorted(facts.fields_used - facts.fields_known)
    if not unknown or not facts.fields_known:
        return None
    near = near_name(unknown[0], facts.fields_known)
    known = ", ".join(sorted(facts.fields_known))
    advice = f'did you mean "{near}"?' if near else f"people have: {known}"
    return Finding(
        "unknown-field",
        Level.WARNING,
        f"none of the {facts.samples} people looked at has the field {unknown[0]}",
        advice,
    )


def empty_subject(facts: Facts) -> Finding | None:
    if facts.subject.strip() or not facts.html:  # where no mail could be written, there is no subject to judge
        return None
    return Finding("empty-subject", Level.ERROR, "the subject is empty", "write one in the issue file")


def unsubscribe_link(facts: Facts) -> Finding | None:
    """CAN-SPAM, GDPR art. 7(3) and the bulk rules of Gmail and Yahoo ask for a link that a reader can see."""
    missing = [name for name, part in (("HTML", facts.html), ("text", facts.text)) if not has(part, facts.unsubscribe)]
    if not missing or not facts.html:
        return None
    return Finding(
        "unsubscribe-link",
        Level.ERROR,
        f"there is no unsubscribe link in the {' and the '.join(missing)} part",
        "templates print it as {{ links.unsubscribe }}",
    )


def has(part: str, link: str) -> bool:
    return link in unescape(part)


def postal_address(facts: Facts) -> Finding | None:
    """CAN-SPAM asks for a valid physical postal address in every mail."""
    if facts.postal_address.strip() and facts.organisation.strip():
        return None
    missing = "name" if not facts.organisation.strip() else "postal address"
    level = Level.ERROR if facts.leaves_this_machine else Level.WARNING
    return Finding(
        "postal-address",
        level,
        f"the organisation's {missing} is missing",
        "set it under [organisation] in mailer.toml",
    )


def public_pages(facts: Facts) -> Finding | None:
    """One-click unsubscribing (RFC 8058) needs an https address; mailbox providers demand it of bulk senders."""
    if facts.base_url.startswith("https://"):
        return None
    level = Level.ERROR if facts.leaves_this_machine else Level.WARNING
    return Finding(
        "one-click",
        level,
        "there is no https address to unsubscribe at, so mails carry no one-click link",
        "set base_url under [web] in mailer.toml to an https:// address",
    )


def clipped(facts: Facts) -> Finding | None:
    size = len(facts.html.encode())
    if size <= GMAIL_CLIPS_AT:
        return None
    return Finding(
        "clipped", Level.WARNING, f"the HTML has {size:,} bytes, Gmail cuts it off at {GMAIL_CLIPS_AT:,}",
        "take out some articles",
    )  # fmt: skip


def template_marks(facts: Facts) -> Finding | None:
    """A person who wrote `{{name}}` into an article title meant no template; one who sees it in a mail is puzzled."""
    found = re.search(r"\{\{.{0,60}?\}\}|\{%.{0,60}?%\}", facts.text)
    if not found:
        return None
    return Finding(
        "template-marks", Level.WARNING, f"readers will see {found[0]!r}", "template code in an article is text"
    )


def no_articles(facts: Facts) -> Finding | None:
    if facts.articles or facts.kind != "bulletin":
        return None
    return Finding("no-articles", Level.WARNING, "this bulletin has no article", "list some under articles:")


def repeated(facts: Facts) -> Finding | None:
    if not facts.repeated:
        return None
    key, issue = next(iter(facts.repeated.items()))
    return Finding(
        "repeated-article",
        Level.ERROR,
        f"{len(facts.repeated)} of the articles went to one of these lists before, such as {key} in {issue}",
        "take them out, or send with --again",
    )


RULES: tuple[Callable[[Facts], Finding | None], ...] = (
    sent_otherwise,
    nobody,
    unwritable,
    unknown_field,
    empty_subject,
    unsubscribe_link,
    postal_address,
    public_pages,
    repeated,
    clipped,
    template_marks,
    no_articles,
)
