"""One answer on its way into the ledger, and who writes several of them down at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from mailer.delivery.outcomes import Tried
from mailer.errors import StoreError
from mailer.model import BatchState, IssueState, Receipt
from mailer.store.columns import EPOCH, MICROSECOND


@dataclass(slots=True, eq=False)
class Jot:
    """One answer. `go_on`: whether more of its batch may be sent, None until it is written down.

    `late`: its batch is in doubt already, and the answer has to be written down with all that follows for the batch.
    """

    batch_id: int
    owner: str
    receipt: Receipt
    go_on: bool | None = None
    late: bool = False
    error: StoreError | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a batch stands at the moment of a jot."""

    state: BatchState
    issue_state: IssueState
    lease_until: datetime | None
    not_after: datetime | None

    def may_go_on(self, now: datetime) -> bool:
        """Whether more of it may be sent."""
        in_time = self.not_after is None or now <= self.not_after
        return self.state is BatchState.SUBMITTING and self.issue_state is IssueState.SENDING and in_time

    def is_short(self, lease: timedelta, now: datetime) -> bool:
        """Whether a quarter of the lease is used up: not every jot writes the batch's row."""
        return self.lease_until is None or self.lease_until - now < lease * 3 / 4


class Pad(Protocol):
    """Writes jots down, all in one transaction, and says in each whether to go on."""

    def write(self, jots: Sequence[Jot], now: datetime) -> None: ...

    def close(self) -> None: ...


def meaning(row: tuple[Any, ...]) -> tuple[Standing, Tried]:
    """Of a batch's state, its issue's, lease, last moment, attempts and beginning as they are stored."""
    state, issue_state, lease_until, not_after, attempts, since = row
    standing = Standing(BatchState(state), IssueState(issue_state), _time(lease_until), _time(not_after))
    return standing, Tried(attempts, EPOCH + timedelta(microseconds=since), standing.not_after)


def stamp(time: datetime | None) -> int | None:
    """A time as it is stored."""
    return None if time is None else (time - EPOCH) // MICROSECOND


def _time(stored: int | None) -> datetime | None:
    return None if stored is None else EPOCH + timedelta(microseconds=stored)
