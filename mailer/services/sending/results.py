"""What a sender tells: how far it is, and how an issue stands when it stops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mailer.model import IssueState
from mailer.store import issues as stored_issues
from mailer.store import ledger
from mailer.store.database import Store


@dataclass(frozen=True, slots=True)
class SendResult:
    """How an issue stands when a sender stops.

    `accepted_now`: mails that this sender handed over; `twice`: people with more than one accepted delivery;
    `stopped`: it was asked to.
    """

    name: str
    state: IssueState
    figures: ledger.Figures
    twice: int
    accepted_now: int = 0
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a send has come, in recipients."""

    done: int
    total: int


Tell = Callable[[Progress], None]
Stop = Callable[[], bool]


def never() -> bool:
    return False


def silent(_: Progress) -> None:
    return


def result(store: Store, name: str, *, accepted_now: int = 0, stopped: bool = False) -> SendResult:
    with store.read() as connection:
        state = stored_issues.state_of(connection, name)
        twice = ledger.accepted_twice(connection, name)
        return SendResult(name, state, ledger.figures(connection, name), twice, accepted_now, stopped)
