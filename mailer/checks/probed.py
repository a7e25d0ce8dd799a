"""Which addresses of a mail may be asked whether they are there, and which answers are believed for a while."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from typing import Final

from mailer.checks.document import Element, Link, own_text
from mailer.checks.facts import Facts, Mail, Probe

GOOD: Final = range(200, 300)
LEFT_ALONE: Final = frozenset({401, 403, 405, 406, 407, 423, 425, 429, 451, 503, 999})
"""Answers that say more about programs than about what a reader would see; 999 is LinkedIn's."""

PATIENCE: Final = frozenset({429, 503})
PATIENT: Final = timedelta(hours=1)
"""So long those are left alone who answered that they are asked too much."""

LEAVING: Final = re.compile(
    r"unsubscri|unsub\b|de-?subscri|disiscri|cancella(?:ti|rsi)|uitschrij|afmeld|avregistrer|avprenumerer|wypisz|отпис|退订|配信停止|"
    r"opt[-_ ]?out|remove[-_ ]?me|sign[-_]?off|abmeld|abbestell|d[eé]sabonn|d[eé]sinscri"
    r"|darse[-_ ]de[-_ ]baja|cancelar[-_ ](?:la |a |su )?(?:suscri|inscri|assin|subscri)|إلغاء الاشتراك",
    re.I,
)
"""What stands in links that end a subscription. Some do it when they are merely opened, so they are never asked."""

SENTENCE: Final = 300
"""Letters. What stands around a link is longer where it is a text, and no note below one."""

ANSWERING: Final = re.compile(r"<(https?://[^>]*)>")


def addresses(facts: Facts) -> tuple[str, ...]:
    """The links and images that may be asked: nothing that only a real person's mail shows, no reader's own page."""
    mails = [mail for mail in facts.mails if not mail.real]
    base = facts.sending.base_url if facts.sending else ""
    own = [f"{base.rstrip('/')}/{kind}/" for kind in "upvcl"] if base else []
    found = dict.fromkeys(url for mail in mails for url in shown(mail) if not url.startswith(tuple(own)))
    return tuple(found)


def shown(mail: Mail) -> Iterator[str]:
    """What a mail links to and shows, without its ways out."""
    out, beside = {mail.unsubscribe, *ways_out(mail.raw)}, dict[Element, str]()
    for link in mail.document.links:
        if (
            askable(link.href)
            and link.href not in out
            and not LEAVING.search(f"{link.href} {link.text} {around(link, beside)}")
        ):
            yield link.href
    for image in mail.document.images:
        if askable(image.src) and image.src not in out:
            yield image.src


def around(link: Link, known: dict[Element, str]) -> str:
    """The sentence that a link stands in: "to unsubscribe, click here" says only there what it is."""
    parent = link.element.getparent()
    if parent not in known:
        text = own_text(parent) if parent is not None else ""
        known[parent] = text if len(text) <= SENTENCE else ""
    return known[parent]


def ways_out(raw: bytes) -> Iterable[str]:
    """The web addresses in the headers of a message that end a subscription."""
    if not raw:
        return ()
    head = message_from_bytes(raw.partition(b"\r\n\r\n")[0].partition(b"\n\n")[0], policy=policy.compat32)
    return ANSWERING.findall("".join(str(head.get("List-Unsubscribe", "")).split()))


def askable(url: str) -> bool:
    return url.lower().startswith(("http://", "https://"))


def asked_as(url: str) -> str:
    """The address without the place on its page, which servers are not told."""
    return url.partition("#")[0]


def secure_twin(url: str) -> str:
    """The same address over https; empty where it is asked over https already, or at a port of its own."""
    scheme, _, rest = url.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return f"https://{rest}" if scheme.lower() == "http" and ":" not in authority.strip("[]") else ""


def settled(probe: Probe, now: datetime) -> bool:
    """Whether an answer is believed for hours. What was not there is asked again: somebody may have mended it."""
    if probe.status in PATIENCE:
        return now - probe.at < PATIENT
    return is_there(probe) or left_alone(probe)


def is_there(probe: Probe) -> bool:
    return probe.status in GOOD


def left_alone(probe: Probe) -> bool:
    return probe.status in LEFT_ALONE
