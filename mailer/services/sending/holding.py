"""Safe mode: a provider keeps each batch for a while, and drops one whose fate nobody knows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mailer.providers import Provider
from mailer.services.program import Program
from mailer.store import ledger


@dataclass(frozen=True, slots=True)
class Hold:
    """The provider's number for a batch, and until when it keeps it."""

    hold: str
    send_at: datetime


def hold_for(program: Program, provider: Provider, batch: ledger.ClaimedBatch, now: datetime) -> Hold | None:
    """Under which number a batch is kept, and until when; None without safe mode. Ask before it is begun."""
    return None


def settle_held(program: Program, provider: Provider, issue: str, now: datetime) -> int:
    """Drop the batches of an issue that are in doubt and still kept, and give their people back; how many."""
    return 0


def settles_at(program: Program, provider: Provider, issue: str, now: datetime) -> datetime | None:
    """When `settle_held` may have something to do: wait for it before an issue is said to be sent. None: never."""
    return None


def may_go_on(program: Program, provider: Provider, issue: str, now: datetime) -> str:
    """Why no further batch should be begun: more would be in doubt than can be dropped. Empty when it may go on."""
    return ""
