"""What mailbox providers and RFCs ask of the headers of a bulk mail, looked at in the bytes that would leave."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from mailer.checks.facts import Facts
from mailer.checks.finding import Fault, Level, Part, Place
from mailer.checks.rule import Family, Rule
from mailer.checks.wire import BRACKETED, Entity, addresses, message

ONCE = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version")
"""Headers that a mail must have exactly once; RFC 5322, 3.6, and Gmail refuses mails with two."""

AT_MOST_ONCE = ("Sender", "Reply-To", "Content-Type", "List-ID", "Feedback-ID")
ONE_CLICK = "List-Unsubscribe=One-Click"
# What would make a subject read otherwise than it is written: embedded directions, overrides and isolates. The marks
# U+200E, U+200F and U+061C only help a mixed line along.
CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
OCTETS = 998
FEEDBACK = re.compile(r"(?:[A-Za-z0-9._-]*:){3}[A-Za-z0-9._-]{5,15}")


def messages(facts: Facts) -> Iterator[Entity]:
    return (message(mail.raw) for mail in facts.mails if mail.raw)


def each(look: Callable[[Entity], Iterable[str]]) -> Callable[[Facts], Iterator[Fault]]:
    """A rule that has the same words whatever mail it is."""

    def asked(facts: Facts) -> Iterator[Fault]:
        for entity in messages(facts):
            for words in look(entity):
                yield Fault(words, Place(Part.HEADERS))

    return asked


def one_click_headers(facts: Facts) -> Iterator[Fault]:
    """RFC 8058, 3.1. Where there is no https address to leave at, another rule says so."""
    sending = facts.sending
    if sending is not None and not sending.base_url.startswith("https://"):
        return
    level = None if sending is not None and sending.leaves_this_machine else Level.WARNING
    for entity in messages(facts):
        for words in amiss_in_one_click(entity):
            yield Fault(words, Place(Part.HEADERS), level=level)


def amiss_in_one_click(entity: Entity) -> Iterator[str]:
    leaving, post = entity.named("List-Unsubscribe"), entity.named("List-Unsubscribe-Post")
    if len(leaving) != 1:
        yield f"there are {len(leaving)} List-Unsubscribe headers instead of one"
    if len(post) != 1:
        yield f"there are {len(post)} List-Unsubscribe-Post headers instead of one"
    elif post[0].value != ONE_CLICK:
        yield f"List-Unsubscribe-Post does not say {ONE_CLICK}"
    if len(leaving) != 1:
        return
    header = leaving[0]
    if "=?" in header.value:
        yield "List-Unsubscribe is written as an encoded word, which nothing reads"
        return
    links = [uri for line in header.lines for uri in BRACKETED.findall(line) if not uri.startswith("mailto:")]
    if any(line.count("<") != line.count(">") for line in header.lines):
        yield "an address in List-Unsubscribe is broken over two lines"
    elif [link.startswith("https://") and " " not in link for link in links] != [True]:
        yield "List-Unsubscribe has not exactly one https address"


def counted_headers(entity: Entity) -> Iterator[str]:
    for name in ONCE:
        if (count := len(entity.named(name))) != 1:
            yield f"there are {count} {name} headers instead of one" if count else f"there is no {name} header"
    for name in AT_MOST_ONCE:
        if (count := len(entity.named(name))) > 1:
            yield f"there are {count} {name} headers instead of one"


def recipients(entity: Entity) -> Iterator[str]:
    people = addresses(",".join(header.value for header in entity.named("To")))
    if len(people) > 1:
        yield f"{len(people)} people are in To, and see one another's addresses"
    for name in ("Cc", "Bcc"):
        if entity.named(name):
            yield f"there is a {name} header in a mail to one person"


def message_id(entity: Entity) -> Iterator[str]:
    senders = addresses(entity.value("From"))
    number = BRACKETED.search(entity.value("Message-ID"))
    if not senders or not entity.named("Message-ID"):
        return
    if not number or "@" not in number[1]:
        yield "Message-ID is not of the form <something@domain>"
    elif domain_of(number[1]) != domain_of(senders[0]):
        yield "the domain of Message-ID is not the one of From"


def list_id(entity: Entity) -> Iterator[str]:
    found = entity.named("List-ID")
    inside = BRACKETED.search(found[0].value) if found else None
    if not found:
        yield "there is no List-ID"
    elif not inside or not re.fullmatch(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+", inside[1]):
        yield "List-ID has no name in angle brackets, such as <weekly.example.org>"


def feedback_id(entity: Entity) -> Iterator[str]:
    for header in entity.named("Feedback-ID"):
        if not FEEDBACK.fullmatch(header.value):
            yield "Feedback-ID is not three names and a sender of 5 to 15 letters, with colons between"


def sender(facts: Facts) -> Iterator[Fault]:
    if facts.sending is None or not facts.sending.from_email:
        return
    for entity in messages(facts):
        found = [address.lower() for address in addresses(entity.value("From"))]
        if found and found != [facts.sending.from_email.lower()]:
            yield Fault("From is not the address that the settings name", Place(Part.HEADERS))


def subject_controls(facts: Facts) -> Iterator[Fault]:
    for mail in facts.mails:
        if CONTROLS.search(mail.subject):
            yield Fault("the subject has control characters in it, which hide or turn round words", Place(Part.SUBJECT))
        if len(mail.subject.encode("utf-8", "surrogatepass")) > OCTETS:
            yield Fault(f"the subject is longer than {OCTETS} octets", Place(Part.SUBJECT))


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()


BUG = "this is a fault of the program that wrote the mail, not of its text: tell those who keep it"

RULES = (
    Rule(
        "one-click-headers",
        Family.BULK,
        Level.ERROR,
        "Gmail and Yahoo offer unsubscribing by one click only when both headers are whole (RFC 8058).",
        BUG,
        one_click_headers,
    ),
    Rule(
        "single-headers",
        Family.BULK,
        Level.ERROR,
        "Gmail refuses a mail that lacks a header every mail has, or has it twice (RFC 5322).",
        BUG,
        each(counted_headers),
    ),
    Rule(
        "one-recipient",
        Family.BULK,
        Level.ERROR,
        "Readers must never see one another's addresses.",
        "write one mail for each person",
        each(recipients),
    ),
    Rule(
        "sender-differs",
        Family.BULK,
        Level.ERROR,
        "A mail must say who it is from, and only configured senders are known to be allowed.",
        "correct the address under [from.NAME] in mailer.toml",
        sender,
    ),
    Rule(
        "subject-controls",
        Family.BULK,
        Level.ERROR,
        "Control characters in a subject begin new headers or show other words than are written.",
        "write the subject again by hand, without what was pasted",
        subject_controls,
    ),
    Rule(
        "list-id",
        Family.BULK,
        Level.WARNING,
        "Mail programs sort by List-ID and mailbox providers count by it (RFC 2919).",
        "give the mail a List-ID header that stays the same for this list",
        each(list_id),
    ),
    Rule(
        "message-id",
        Family.BULK,
        Level.WARNING,
        "A Message-ID of another domain looks like a mail that somebody passed on.",
        "write the Message-ID under the domain of From",
        each(message_id),
    ),
    Rule(
        "feedback-id",
        Family.BULK,
        Level.NOTE,
        "Gmail counts complaints by Feedback-ID only in its exact form.",
        "write it as campaign:list:kind:sender, or leave it out",
        each(feedback_id),
    ),
)
