"""What law and the rules of mailbox providers for bulk senders ask of every mail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape, unescape

from mailer.checks.clients import GMAIL_CLIPS_AT
from mailer.checks.document import Element, visible
from mailer.checks.facts import Facts, Mail
from mailer.checks.finding import Fault, Level, Part, Place
from mailer.checks.hosts import is_reserved
from mailer.checks.rule import Family, Rule

# How the ways out of mails are called in the languages of the program, and in the placeholders of other programs.
WAY_OUT = re.compile(
    r"unsub|opt[\s_-]?out|abmeld|abbestell|austragen|d[ée]s(?:abonn|inscri)|(?:dar\w*|de) baja|cancelar|descadastr"
    r"|اشتراک ختم|(?:إ|ا)لغاء الاشتراك|رکنیت ختم|preferences",
    re.IGNORECASE,
)
HIDDEN = re.compile(r"display:none|visibility:hidden|opacity:0(?:\.0+)?(?:[;!]|$)|max-height:0", re.IGNORECASE)
NO_LETTERS = re.compile(r"[\W_]+")
SIZE = re.compile(r"(?:^|;)font-size:(\d*\.?\d+)(px|pt|em|rem|%)?", re.IGNORECASE)
SMALLEST = {"px": 2.0, "pt": 2.0, "": 2.0, "em": 0.2, "rem": 0.2, "%": 20.0}
"""Sizes at and below which nobody sees that there is text."""


def unsubscribe_link(facts: Facts) -> Iterator[Fault]:
    """CAN-SPAM, GDPR art. 7(3) and the bulk rules of Gmail and Yahoo ask for a link that a reader can see."""
    for mail in facts.mails:
        if not mail.html:
            continue
        if mail.unsubscribe:
            parts = (("HTML", mail.html), ("text", mail.text))
            missing = [name for name, part in parts if mail.unsubscribe not in unescape(part)]
            if missing:
                yield Fault(f"there is no unsubscribe link in the {' and the '.join(missing)} part", Place(Part.HTML))
        elif facts.issue is None and not any(
            WAY_OUT.search(f"{link.text} {link.href}") for link in mail.document.links
        ):
            yield Fault("no link looks like one to unsubscribe", Place(Part.HTML), level=Level.WARNING)


def unsubscribe_hidden(facts: Facts) -> Iterator[Fault]:
    for mail in facts.mails:
        links = ways_out(mail)
        if links and all(hidden(link) for link in links):
            yield Fault("the unsubscribe link cannot be seen", mail.document.place(links[0]))


def ways_out(mail: Mail) -> list[Element]:
    """The links to unsubscribe by."""
    if not mail.unsubscribe or not mail.html:
        return []
    return [link.element for link in mail.document.links if link.href == mail.unsubscribe]


def hidden(link: Element) -> bool:
    """Whether a link has nothing to click on, or style attributes hide it. Style sheets are not asked."""
    around = (link, *link.iterancestors())
    styles = [re.sub(r"\s", "", each.get("style") or "") for each in around]
    # The size that is said nearest to the words; layout tables have 0 to close the gaps between columns.
    size = next((found for style in styles if (found := SIZE.search(style))), None)
    tiny = size is not None and float(size[1]) <= SMALLEST[(size[2] or "").lower()]
    return (
        not visible(link)
        or tiny
        or any(HIDDEN.search(style) for style in styles)
        or any(each.get("hidden") is not None for each in around)
    )


def unsubscribe_clipped(facts: Facts) -> Iterator[Fault]:
    for mail in facts.mails:
        if not mail.unsubscribe or len(mail.html) * 4 <= GMAIL_CLIPS_AT:
            continue
        html = mail.html.encode()
        found = [html.find(each.encode()) for each in {mail.unsubscribe, escape(mail.unsubscribe)}]
        if min((position for position in found if position >= 0), default=0) >= GMAIL_CLIPS_AT:
            yield Fault(f"the unsubscribe link stands after the first {GMAIL_CLIPS_AT:,} bytes", Place(Part.HTML))


def postal_address(facts: Facts) -> Iterator[Fault]:
    """CAN-SPAM asks for a valid physical postal address in every mail."""
    sending = facts.sending
    if sending is None or (sending.postal_address.strip() and sending.organisation.strip()):
        return
    missing = "name" if not sending.organisation.strip() else "postal address"
    level = Level.ERROR if sending.leaves_this_machine else Level.WARNING
    yield Fault(f"the organisation's {missing} is missing", Place(Part.SETTINGS), level=level)


def address_shown(facts: Facts) -> Iterator[Fault]:
    """That it is in the settings helps nobody when a template does not print it."""
    if facts.sending is None:
        return
    wanted = {"name": facts.sending.organisation, "postal address": facts.sending.postal_address}
    level = Level.ERROR if facts.sending.leaves_this_machine else Level.WARNING
    for mail in facts.mails:
        shown = {Part.HTML: letters(visible(mail.document.root)) if mail.html else "", Part.TEXT: letters(mail.text)}
        for part, text in shown.items():
            for what, words in wanted.items():
                if text and letters(words) not in text:
                    yield Fault(f"the organisation's {what} is not in the {NAMES[part]} part", Place(part), level=level)


NAMES = {Part.HTML: "HTML", Part.TEXT: "text"}


def letters(text: str) -> str:
    """Only its letters and digits, so that line breaks and commas make no difference."""
    return NO_LETTERS.sub("", text.casefold())


def public_pages(facts: Facts) -> Iterator[Fault]:
    """One-click unsubscribing (RFC 8058) needs an https address; mailbox providers demand it of bulk senders."""
    sending = facts.sending
    if sending is None or sending.base_url.startswith("https://"):
        return
    level = Level.ERROR if sending.leaves_this_machine else Level.WARNING
    message = "there is no https address to unsubscribe at, so mails carry no one-click link"
    yield Fault(message, Place(Part.SETTINGS), level=level)


def free_mail(facts: Facts) -> Iterator[Fault]:
    if facts.sending and facts.sending.free_mail:
        level = Level.ERROR if facts.sending.leaves_this_machine else Level.WARNING
        yield Fault("From is an address at a provider of mailboxes for anybody", Place(Part.SETTINGS), level=level)


def made_up_sender(facts: Facts) -> Iterator[Fault]:
    """Where nothing leaves this machine, somebody is trying the program out."""
    sending = facts.sending
    if sending and sending.leaves_this_machine and is_reserved(sending.from_email.rpartition("@")[2]):
        yield Fault("From is under a domain that only exists in examples", Place(Part.SETTINGS))


def tracking(facts: Facts) -> Iterator[Fault]:
    if facts.sending and facts.sending.tracking:
        yield Fault("it is counted who follows links in this issue", Place(Part.SETTINGS))


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
        "unsubscribe-hidden",
        Family.BULK,
        Level.ERROR,
        "A way out that nobody can see is none, and readers complain instead.",
        "print the link in words, in a size and place where it is seen",
        unsubscribe_hidden,
    ),
    Rule(
        "unsubscribe-clipped",
        Family.BULK,
        Level.ERROR,
        "Gmail cuts off what comes after, and with it the way out.",
        "take out some articles, or print the link near the top as well",
        unsubscribe_clipped,
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
        "address-shown",
        Family.BULK,
        Level.ERROR,
        "Law asks for the sender's name and postal address where readers see them.",
        "print {{ organisation.name }} and {{ organisation.postal_address }} in both templates",
        address_shown,
    ),
    Rule(
        "one-click",
        Family.BULK,
        Level.ERROR,
        "Gmail and Yahoo ask bulk senders for unsubscribing by one click (RFC 8058), which needs https.",
        "set base_url under [web] in mailer.toml to an https:// address",
        public_pages,
    ),
    Rule(
        "free-mail",
        Family.BULK,
        Level.ERROR,
        "Only their own servers may send for such domains, so mails from elsewhere fail DMARC and are refused.",
        "set an address at a domain of your own under [from.NAME] in mailer.toml",
        free_mail,
    ),
    Rule(
        "made-up-sender",
        Family.BULK,
        Level.WARNING,
        "Nobody can answer it, and no server can prove that the mail is yours.",
        "set an address at a domain of your own under [from.NAME] in mailer.toml",
        made_up_sender,
    ),
    Rule(
        "tracking-on",
        Family.BULK,
        Level.NOTE,
        "Counting who follows links needs a ground in law, and readers' trust.",
        "tracking = false in a list's file, or under [privacy] in mailer.toml, ends it",
        tracking,
    ),
)
