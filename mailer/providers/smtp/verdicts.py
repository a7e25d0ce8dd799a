"""What a server's reply makes of a mail: done, refused and why, later and how much later, or no use going on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from mailer.model import Outcome
from mailer.providers.smtp.replies import Reply


class Stage(StrEnum):
    """What a reply answers."""

    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    END = "the mail"


class Kind(StrEnum):
    """Whose fault a refusal is. It stands first in a receipt's detail."""

    ADDRESS = "address"
    FULL = "mailbox full"
    SIZE = "size"
    POLICY = "policy"
    CONTENT = "content"
    SERVER = "server"
    OTHER = "other"


class Reach(StrEnum):
    """Whom a reply is about: this mail alone, all mails to its domain, or whatever we send through this server."""

    MAIL = "mail"
    DOMAIN = "domain"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of the mail; `retry_after` in seconds, None where the usual growing pause does."""

    outcome: Outcome
    kind: Kind = Kind.OTHER
    reach: Reach = Reach.MAIL
    retry_after: float | None = None


TAKEN = Verdict(Outcome.ACCEPTED)

# RFC 3463: the class is the reply's own, these are subject and detail.
_KINDS = {
    "1.1": Kind.ADDRESS, "1.2": Kind.ADDRESS, "1.3": Kind.ADDRESS, "1.6": Kind.ADDRESS, "1.10": Kind.ADDRESS,
    "2.1": Kind.ADDRESS, "2.2": Kind.FULL, "2.3": Kind.SIZE, "3.4": Kind.SIZE, "4.4": Kind.ADDRESS,
}  # fmt: skip
_SUBJECTS = {"3": Kind.SERVER, "4": Kind.SERVER, "6": Kind.CONTENT, "7": Kind.POLICY}

_NOBODY = re.compile(
    r"user (?:is )?(?:unknown|not found|does not exist)|unknown (?:user|recipient|mailbox|account|local)"
    r"|no such (?:user|recipient|mailbox|account|person|address|domain)"
    r"|(?:user|recipient|mailbox|account|address|domain)\b.{0,40}"
    r"(?:not exist|doesn't exist|unavailable|not found|unknown|disabled|inactive|invalid)"
    r"|invalid (?:recipient|mailbox|address)|domain not found|host not found",
    re.IGNORECASE,
)
_FULL = re.compile(
    r"quota|mailbox (?:is )?full|over ?quota|insufficient (?:system )?storage|out of storage", re.IGNORECASE
)
_SPAM = re.compile(r"\bspam|content (?:was )?(?:rejected|refused)|virus|malware|looks like|\bURL\b", re.IGNORECASE)
_GREY = re.compile(r"gr[ea]y ?-?list|try again (?:later|in)|retry (?:later|in)|come back later", re.IGNORECASE)
_RELAY = re.compile(r"\brelay", re.IGNORECASE)
_MOMENT = re.compile(r"\b(\d{1,5}) ?(s|sec|seconds?|m|min|minutes?|h|hours?)\b", re.IGNORECASE)
_UNITS = {"s": 1, "m": 60, "h": 3600}

GREYLISTED = 300.0
"""Seconds: what most greylists ask for; sooner would begin their count anew."""

FULL_MAILBOX = 4 * 3600.0
"""Seconds: nobody tidies up a mailbox sooner."""


def verdict(stage: Stage, reply: Reply) -> Verdict:
    """The reply to one step of one mail. A good one is a verdict only at the end of the mail."""
    if reply.good:
        return TAKEN
    kind = kind_of(stage, reply)
    if reply.temporary:
        return _later(stage, reply, kind)
    return Verdict(Outcome.REFUSED, kind, Reach.SERVER if _about_us(stage, reply, kind) else Reach.MAIL)


def kind_of(stage: Stage, reply: Reply) -> Kind:
    """By enhanced status, then by code, then by the words that servers use when they give neither."""
    _, _, status = reply.enhanced.partition(".")
    text = reply.text
    if status in _KINDS:
        return _KINDS[status]
    if status.startswith("7.") and _SPAM.search(text) and stage is Stage.END:
        return Kind.CONTENT
    if status and status.partition(".")[0] in _SUBJECTS:
        return _SUBJECTS[status.partition(".")[0]]
    if reply.code in (422, 452, 552):
        return Kind.FULL if stage is Stage.RCPT or _FULL.search(text) else Kind.SIZE
    if stage in (Stage.RCPT, Stage.END) and (reply.code == 551 or _NOBODY.search(text)):
        return Kind.ADDRESS
    if stage is Stage.RCPT and reply.code == 553:
        return Kind.ADDRESS
    if _FULL.search(text):
        return Kind.FULL
    return Kind.CONTENT if _SPAM.search(text) and stage is Stage.END else Kind.OTHER


def _later(stage: Stage, reply: Reply, kind: Kind) -> Verdict:
    if reply.code == 421 or stage is Stage.MAIL or kind is Kind.SERVER or _wants_password(reply):
        return Verdict(Outcome.RETRY, Kind.SERVER, Reach.SERVER, _named(reply))
    if kind is Kind.FULL:
        return Verdict(Outcome.RETRY, kind, Reach.MAIL, _named(reply) or FULL_MAILBOX)
    if _GREY.search(reply.text) and stage is Stage.RCPT:
        # A greylist is about this address, this sender and this server of ours: others may pass already.
        return Verdict(Outcome.RETRY, Kind.POLICY, Reach.MAIL, _named(reply) or GREYLISTED)
    reach = Reach.DOMAIN if kind is Kind.POLICY else Reach.MAIL
    return Verdict(Outcome.RETRY, kind, reach, _named(reply))


def _named(reply: Reply) -> float | None:
    """The seconds that the server asks to wait for, where it says so in words."""
    found = _MOMENT.search(reply.text)
    return float(found[1]) * _UNITS[found[2][0].lower()] if found else None


def _about_us(stage: Stage, reply: Reply, kind: Kind) -> bool:
    """Whether a refusal would meet every mail alike: nobody on the list must be counted out for it."""
    if _wants_password(reply):
        return True
    if stage is Stage.MAIL:
        return kind is not Kind.SIZE
    if stage is Stage.END:
        return False
    unknown_command = reply.code in (500, 502, 503, 504)
    return unknown_command or (kind in (Kind.POLICY, Kind.OTHER) and bool(_RELAY.search(reply.text)))


def about_this_one(stage: Stage, reply: Reply) -> bool:
    """Whether a refusal of everybody may be one of this recipient after all, if the server takes others."""
    return stage is not Stage.MAIL and not _wants_password(reply)


def _wants_password(reply: Reply) -> bool:
    return reply.code in (454, 530, 534, 535, 538) and (reply.code != 454 or reply.enhanced.startswith("4.7"))


_ADDRESS = re.compile(r"<?[^\s<>@]*@[^\s<>@]*>?")
LONGEST_DETAIL = 200


def words(reply: Reply, recipient: str = "") -> str:
    """The reply for people: code, status and text, without any address and on one line."""
    text = "".join(character if character.isprintable() else " " for character in reply.text)
    for part in (recipient, recipient.rpartition("@")[0]):
        if part:
            text = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", "(address)", text, flags=re.IGNORECASE)
    text = _ADDRESS.sub("(address)", text)
    whole = " ".join(f"{reply.code} {reply.enhanced} {text}".split())
    return whole if len(whole) <= LONGEST_DETAIL else whole[: LONGEST_DETAIL - 1] + "…"


_QUEUED = re.compile(
    r"(?:queued (?:mail for delivery )?as|\bid[ =:]) ?<?([A-Za-z0-9][\w.-]{3,79})(?![\w.@-])", re.IGNORECASE
)


def queue_id(reply: Reply) -> str:
    """The name under which the server took the mail, as its log has it; empty where it does not say."""
    found = _QUEUED.search(" ".join(reply.lines))
    return found[1] if found else ""
