"""Links by their addresses alone. Whether they are alive is another family's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from mailer.checks.document import Document, Element, Link, visible
from mailer.checks.facts import Facts, Mail
from mailer.checks.finding import Fault, Level
from mailer.checks.hosts import is_private, is_reserved, is_shortener, same_site
from mailer.checks.rule import Family, Rule
from mailer.checks.wire import addresses, message
from mailer.checks.words import OTHER_MARKS, OUR_MARKS

WEB = ("http", "https")
FITTING = (*WEB, "mailto", "tel", "sms", "geo", "webcal", "whatsapp", "signal", "tg", "matrix", "xmpp", "cid")
DANGEROUS = ("javascript", "vbscript", "data", "file", "blob", "about")
SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
HOST = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?(?:\.[^\W_](?:[\w-]{0,61}[^\W_])?)*\.?")
# What readers take for an address: with http or www, or a name whose last part is one that sites have. Names of files
# and of software, such as node.js, are none.
SHOWN = re.compile(
    r"(?:https?://(?:www\.)?|www\.)([\w.-]+\.\w{2,})(?::\d+)?(?:[/?#]\S*)?"
    r"|((?:[\w-]+\.)+(?:com|org|net|eu|int|info|de|at|ch|fr|be|es|pt|br|it|nl|uk|ie|us|ca|in|pk))(?:[/?#]\S*)?",
    re.IGNORECASE,
)


class Leading(NamedTuple):
    """A link with its address taken apart; None where it is none."""

    link: Link
    scheme: str
    url: SplitResult | None

    @property
    def host(self) -> str:
        return (self.url.hostname or "") if self.url else ""


def links_of(mail: Mail) -> Sequence[Leading]:
    """The links of a mail but for those that a template has yet to fill."""
    return leading_of(mail.document) if mail.html else ()


@lru_cache(maxsize=16)
def leading_of(document: Document) -> Sequence[Leading]:
    """Taken apart once for the rules that ask, of which there are nine."""
    return tuple(leading(link) for link in document.links if not yet_to_fill(link.href))


def yet_to_fill(href: str) -> bool:
    return bool(OUR_MARKS.search(href) or OTHER_MARKS.search(href))


def leading(link: Link) -> Leading:
    scheme = SCHEME.match(re.sub(r"[\s\x00-\x1f]", "", link.href[:40]))
    try:
        url = urlsplit(link.href)
        url.port  # noqa: B018 - refuses what is no number
    except ValueError:
        return Leading(link, scheme[1].lower() if scheme else "", None)
    return Leading(link, scheme[1].lower() if scheme else "", url)


def every(says: Callable[[Leading, Facts], str]) -> Callable[[Facts], Iterator[Fault]]:
    """A rule that looks at each link; one address is told once in a mail."""

    def asked(facts: Facts) -> Iterator[Fault]:
        for mail in facts.mails:
            told: set[str] = set()
            for each in links_of(mail):
                if each.link.href not in told and (words := says(each, facts)):
                    told.add(each.link.href)
                    yield Fault(words, mail.document.place(each.link.element, each.link.href))

    return asked


def empty(facts: Facts) -> Iterator[Fault]:
    for mail in facts.mails:
        for element in mail.document.tagged("a") if mail.html else ():
            if leads_nowhere(element):
                yield Fault("a link leads nowhere", mail.document.place(element, visible(element)))


def leads_nowhere(element: Element) -> bool:
    """Whether it looks like a link and has no address. One without href may be a place that other links lead to."""
    href = element.get("href")
    return href is not None and (not href.strip() or href.strip() in ("#", "http://", "https://", "mailto:"))


def dangerous(each: Leading, _: Facts) -> str:
    return "a link runs code or opens a file, which mail programs take out" if each.scheme in DANGEROUS else ""


def relative(each: Leading, _: Facts) -> str:
    href = each.link.href
    if each.scheme or href.startswith("#"):
        return ""
    return "a link has no https:// before it, so in a mail it leads nowhere"


def malformed(each: Leading, _: Facts) -> str:
    if each.link.href in ("http://", "https://", "mailto:"):
        return ""
    if each.url is None:
        return "a link is not an address"
    if each.scheme in WEB and (not written_well(each) or re.search(r"[\s<>\"{}|\\^`]", each.link.href)):
        return "a link is not an address"
    if each.scheme == "mailto" and "@" not in unquote(each.url.path):
        return "a link to write a mail has no address in it"
    known = each.scheme in FITTING or each.scheme in DANGEROUS or not each.scheme
    return "" if known else "a link has a scheme that mail programs do not know"


def written_well(each: Leading) -> bool:
    numbers = each.url is not None and each.url.netloc.startswith("[")
    return numbers or bool(HOST.fullmatch(each.host))


def private(facts: Facts) -> Iterator[Fault]:
    """While mails stay on this machine, so may what they lead to."""
    here = facts.sending is not None and not facts.sending.leaves_this_machine
    for fault in every(only_here)(facts):
        yield Fault(fault.message, fault.place, level=Level.WARNING) if here else fault


def only_here(each: Leading, _: Facts) -> str:
    reached = each.scheme in WEB and each.host and is_private(each.host)
    return "a link leads to a host that readers cannot reach" if reached else ""


def insecure(each: Leading, _: Facts) -> str:
    return "a link is not https" if each.scheme == "http" and not is_private(each.host) else ""


def shortened(each: Leading, facts: Facts) -> str:
    return "a link hides where it leads" if each.scheme in WEB and is_shortener(each.host, facts.shorteners) else ""


def made_up(each: Leading, facts: Facts) -> str:
    """Somebody who tries the program out with examples throughout knows that they are."""
    sending = facts.sending
    own = (sending.from_email.rpartition("@")[2], urlsplit(sending.base_url).hostname or "") if sending else ()
    trial = any(map(is_reserved, own))
    return "a link leads to a site that only exists in examples" if is_reserved(each.host) and not trial else ""


def misleading(each: Leading, _: Facts) -> str:
    shown = SHOWN.fullmatch(each.link.text.rstrip("."))
    if not shown or each.scheme not in WEB or not each.host:
        return ""
    host = shown[1] or shown[2]
    return "" if same_site(host, each.host) else "a link shows one address and leads to another"


def personal(facts: Facts) -> Iterator[Fault]:
    """The excerpt ends before the part that is the reader's."""
    for mail in facts.mails:
        people = addresses(message(mail.raw).value("To")) if mail.raw else []
        if len(people) != 1:
            continue
        for each in links_of(mail):
            if each.scheme in WEB and people[0].lower() in unquote(each.link.href).lower():
                place = mail.document.place(each.link.element, f"{each.scheme}://{each.host}")
                yield Fault("a link tells another site the reader's address", place)


def rule(name: str, level: Level, why: str, advice: str, look: Callable[[Facts], Iterator[Fault]]) -> Rule:
    return Rule(name, Family.LINKS, level, why, advice, look)


WHOLE = "write the whole address, beginning with https://"

RULES = (
    rule("link-nowhere", Level.ERROR, "A link without an address is a promise that was forgotten.", WHOLE, empty),
    rule("unsafe-link", Level.ERROR, "Mail programs take such links out, and filters take the mail for an attack.",
         WHOLE, every(dangerous)),
    rule("relative-link", Level.ERROR, "A mail has no site of its own that an address could be part of.", WHOLE,
         every(relative)),
    rule("malformed-link", Level.ERROR, "What is not an address cannot be followed.", "copy it anew from the browser",
         every(malformed)),
    rule("private-link", Level.ERROR, "Elsewhere the names and numbers of your network mean nothing, or another host.",
         "write the address that readers use", private),
    rule("http-link", Level.WARNING, "What is not encrypted can be read and changed on its way; browsers warn of it.",
         "write https:// if the site has it", every(insecure)),
    rule("shortened-link", Level.WARNING, "Filters distrust shorteners, because spammers hide behind them, and a third "
         "party learns who reads.", "write the address that it leads to", every(shortened)),
    rule("placeholder-link", Level.WARNING, "Links to example.org are placeholders that were forgotten.",
         "write the address that was meant", every(made_up)),
    rule("misleading-link", Level.WARNING, "A link that shows another address than it has is how phishing works, and "
         "filters know it.", "show words, or the address that it leads to", every(misleading)),
    rule("personal-link", Level.WARNING, "Addresses in links end in the logs of other sites, and go on from there.",
         "leave the address out; ask for it on the page", personal),
)  # fmt: skip
