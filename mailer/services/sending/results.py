"""What a sender is asked and what it tells: how far it is, and how an issue stands when it stops."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mailer.model import IssueState
from mailer.services.sending.sharing import Shared
from mailer.store import history, ledger
from mailer.store import issues as stored_issues
from mailer.store.database import Store
from mailer.store.history import Group


class Why(StrEnum):
    """Why a sender stopped. `waits`: what is left is not due yet; `elsewhere`: another sender is at work on it."""

    DONE = "done"
    ASKED = "asked"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    TRIPPED = "tripped"
    CAP = "cap"
    WAITS = "waits"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class SendResult:
    """How an issue stands when a sender stops.

    `accepted_now`: mails that this sender handed over; `twice`: people with more than one accepted delivery;
    `why` it stopped, with `detail` for people and what to look at in `advice`; `resume_at`: when there is something to
    do again; `refusals`: reasons with how many, the most frequent first; `held`: mails that the provider took and keeps
    until a time.
    """

    name: str
    state: IssueState
    figures: ledger.Figures
    twice: int
    accepted_now: int = 0
    why: Why = Why.DONE
    detail: str = ""
    advice: str = ""
    resume_at: datetime | None = None
    refusals: Mapping[str, int] = field(default_factory=dict)
    held: tuple[Group, ...] = ()

    @property
    def stopped(self) -> bool:
        """Whether somebody asked it to stop."""
        return self.why is Why.ASKED


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a send has come, in recipients. `rate` is mails a second of late, `seconds_left` what is left at it.

    `waiting` says what it waits for, where it does.
    """

    done: int
    total: int
    doubtful: int = 0
    refused: int = 0
    rate: float = 0.0
    waiting: str = ""

    @property
    def seconds_left(self) -> float | None:
        """None while nobody can say."""
        return (self.total - self.done) / self.rate if self.rate > 0 else None


Tell = Callable[[Progress], None]
Stop = Callable[[], bool]


def never() -> bool:
    return False


def silent(_: Progress) -> None:
    return


@dataclass(frozen=True, slots=True)
class SendOptions:
    """How to send. `per_minute`: at most so many mails a minute, also where the settings allow more.

    `wait`: seconds to wait for what is due later; None is for ever, 0 carries out what is due. `alone`: leave it to
    another sender that is at work on the issue already. `shared`: what all senders of one process have in common.
    """

    tell: Tell = silent
    stop: Stop = never
    per_minute: int | None = None
    wait: float | None = None
    alone: bool = False
    shared: Shared | None = None


@dataclass(frozen=True, slots=True)
class End:
    """How a sender came to its end."""

    why: Why = Why.DONE
    detail: str = ""
    advice: str = ""
    resume_at: datetime | None = None


def result(
    store: Store, name: str, *, accepted_now: int = 0, end: End | None = None, now: datetime | None = None
) -> SendResult:
    """How the issue stands; with `now`, also what the provider still keeps of it."""
    end = end or End()
    with store.read() as connection:
        held = history.held(connection, stored_issues.number(connection, name), now) if now else []
        return SendResult(
            name,
            stored_issues.state_of(connection, name),
            ledger.figures(connection, name),
            ledger.accepted_twice(connection, name),
            accepted_now,
            end.why,
            end.detail,
            end.advice,
            end.resume_at,
            ledger.refusals(connection, name),
            tuple(held),
        )
