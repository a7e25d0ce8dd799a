"""What a mail to the bounce address turned out to be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class What(StrEnum):
    """`receipt`: a mail program says that somebody read it, or threw it away. `nothing`: nothing follows from it."""

    REPORT = "report"
    COMPLAINT = "complaint"
    OPT_OUT = "opt_out"
    AUTO_REPLY = "auto_reply"
    RECEIPT = "receipt"
    NOTHING = "nothing"
    UNKNOWN = "unknown"


class Action(StrEnum):
    """What a server did with a mail, RFC 3464, 2.3.3. `passed`: handed on to where nothing is reported from."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    PASSED = "passed"


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a mail for one address. `addresses`: the one we wrote to, and the one it was at last, in small
    letters, as far as the report names them. `text` is what a server said, and comes from outside.
    """

    addresses: tuple[str, ...]
    action: Action
    status: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """What may name our mail, those first that are the most likely to be it. Nothing of it is verified.

    `addresses` may be bounce addresses with a token, `message_ids` may be ours, without their brackets.
    """

    addresses: tuple[str, ...] = ()
    message_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """A mail that was read. `why`: what it is, in words for a person. `id`: its own Message-ID.

    `text`: its own first words. `standard`: it says so in the form of a standard, and nothing was guessed.
    """

    what: What
    why: str
    fates: tuple[Fate, ...] = ()
    named: Named = Named()
    at: datetime | None = None
    id: str = ""
    sender: str = ""
    subject: str = ""
    text: str = ""
    standard: bool = False
