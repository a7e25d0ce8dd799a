"""What law and the rules of mailbox providers for bulk senders ask of every mail."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape

from mailer.checks.facts import Facts
from mailer.checks.finding import Fault, Level, Part, Place
from mailer.checks.rule import Family, Rule


def unsubscribe_link(facts: Facts) -> Iterator[Fault]:
    """CAN-SPAM, GDPR art. 7(3) and the bulk rules of Gmail and Yahoo ask for a link that a reader can see."""
    for mail in facts.mails:
        if not mail.html or not mail.unsubscribe:
            continue
        parts = (("HTML", mail.html), ("text", mail.text))
        missing = [name for name, part in parts if mail.unsubscribe not in unescape(part)]
        if missing:
            yield Fault(f"there is no unsubscribe link in the {' and the '.join(missing)} part", Place(Part.HTML))


def postal_address(facts: Facts) -> Iterator[Fault]:
    """CAN-SPAM asks for a valid physical postal address in every mail."""
    sending = facts.sending
    if sending is None or (sending.postal_address.strip() and sending.organisation.strip()):
        return
    missing = "name" if not sending.organisation.strip() else "postal address"
    level = Level.ERROR if sending.leaves_this_machine else Level.WARNING
    yield Fault(f"the organisation's {missing} is missing", Place(Part.SETTINGS), level=level)


def public_pages(facts: Facts) -> Iterator[Fault]:
    """One-click unsubscribing (RFC 8058) needs an https address; mailbox providers demand it of bulk senders."""
    sending = facts.sending
    if sending is None or sending.base_url.startswith("https://"):
        return
    level = Level.ERROR if sending.leaves_this_machine else Level.WARNING
    message = "there is no https address to unsubscribe at, so mails carry no one-click link"
    yield Fault(message, Place(Part.SETTINGS), level=level)


RULES = (
    Rule(
        "unsubscribe-link",
        Family.BULK,
        Level.ERROR,
        "Law and mailbox providers ask for a link to leave that a reader can see.",
        "templates print it as {{ links.unsubscribe }}",
        unsubscribe_link,
        firm=True,
    ),
    Rule(
        "postal-address",
        Family.BULK,
        Level.ERROR,
        "Law asks for the sender's name and postal address in every mail.",
        "set it under [organisation] in mailer.toml",
        postal_address,
    ),
    Rule(
        "one-click",
        Family.BULK,
        Level.ERROR,
        "Gmail and Yahoo ask bulk senders for unsubscribing by one click (RFC 8058), which needs https.",
        "set base_url under [web] in mailer.toml to an https:// address",
        public_pages,
    ),
)
