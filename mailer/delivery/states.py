"""The states of issues, batches and deliveries, and every move between them that is allowed.

These tables are the only place that says so. The store asks them which states a row may come from
(`sources`), so a move that is missing here cannot happen there.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from mailer.errors import ConflictError
from mailer.model import BatchState, DeliveryState, IssueState

State = TypeVar("State", bound=StrEnum)

Moves = Mapping[State, frozenset[State]]

ISSUE_MOVES: Moves[IssueState] = {
    IssueState.DRAFT: frozenset({IssueState.SCHEDULED, IssueState.SENDING}),
    # Back to a draft: nobody got anything yet, and its file may be changed and scheduled anew.
    # Not paused: what is found too late begins and is paused at once, so that every paused issue has an audience.
    IssueState.SCHEDULED: frozenset({IssueState.DRAFT, IssueState.SENDING}),
    IssueState.SENDING: frozenset({IssueState.PAUSED, IssueState.SENT, IssueState.CANCELLED}),
    IssueState.PAUSED: frozenset({IssueState.SENDING, IssueState.SENT, IssueState.CANCELLED}),
    # A doubt that turns out as not sent opens the issue again for those deliveries.
    IssueState.SENT: frozenset({IssueState.SENDING}),
    IssueState.CANCELLED: frozenset(),
}

BATCH_MOVES: Moves[BatchState] = {
    # Back from claimed: the owner died or gave up before the point of no return, so certainly nothing was sent.
    # Cancelled from claimed: the check at the claim left nobody to send to.
    BatchState.PENDING: frozenset({BatchState.CLAIMED, BatchState.CANCELLED}),
    BatchState.CLAIMED: frozenset({BatchState.PENDING, BatchState.SUBMITTING, BatchState.CANCELLED}),
    # Back from submitting: the provider answered that it took nothing (429, connection refused).
    BatchState.SUBMITTING: frozenset(
        {
            BatchState.PENDING,
            BatchState.ACCEPTED,
            BatchState.REFUSED,
            BatchState.DOUBTFUL,
            BatchState.CANCELLED,
        }
    ),
    # Out of doubt only by evidence: the late answer its own owner got, an event, or a person's word.
    BatchState.DOUBTFUL: frozenset({BatchState.PENDING, BatchState.ACCEPTED, BatchState.REFUSED, BatchState.CANCELLED}),
    BatchState.ACCEPTED: frozenset(),
    BatchState.REFUSED: frozenset(),
    BatchState.CANCELLED: frozenset(),
}

DELIVERY_MOVES: Moves[DeliveryState] = {
    DeliveryState.PENDING: frozenset({DeliveryState.SUBMITTING, DeliveryState.EXCLUDED, DeliveryState.CANCELLED}),
    DeliveryState.SUBMITTING: frozenset(
        {DeliveryState.PENDING, DeliveryState.ACCEPTED, DeliveryState.REFUSED, DeliveryState.DOUBTFUL}
    ),
    DeliveryState.DOUBTFUL: frozenset({DeliveryState.PENDING, DeliveryState.ACCEPTED, DeliveryState.REFUSED}),
    DeliveryState.ACCEPTED: frozenset(),
    DeliveryState.REFUSED: frozenset(),
    DeliveryState.EXCLUDED: frozenset(),
    DeliveryState.CANCELLED: frozenset(),
}

# Besides, for a batch that its provider still keeps and that is being dropped (store/holding.py): what was accepted may
# not leave. Apart from the tables above, because no provider's answer may make these moves.
HELD_DELIVERY_MOVES: Moves[DeliveryState] = {
    DeliveryState.ACCEPTED: frozenset({DeliveryState.DOUBTFUL}),
    DeliveryState.DOUBTFUL: frozenset({DeliveryState.CANCELLED}),
}
HELD_BATCH_MOVES: Moves[BatchState] = {BatchState.ACCEPTED: frozenset({BatchState.DOUBTFUL})}

# And for what a provider reports of a mail that is to be handed over again: it arrived after all (store/evidence.py).
# Only while its batch is nobody's, since who claimed it has the mail in hand.
SHOWN_DELIVERY_MOVES: Moves[DeliveryState] = {DeliveryState.PENDING: frozenset({DeliveryState.ACCEPTED})}
SHOWN_BATCH_MOVES: Moves[BatchState] = {BatchState.PENDING: frozenset({BatchState.ACCEPTED})}

# A batch in one of these still has work in it: its issue is not finished.
OPEN_BATCHES = frozenset({BatchState.PENDING, BatchState.CLAIMED, BatchState.SUBMITTING})


# By type, because the members of two such enumerations with the same text are equal and hash alike.
_TABLES: Mapping[type[StrEnum], Mapping[Any, frozenset[Any]]] = {
    IssueState: ISSUE_MOVES,
    BatchState: BATCH_MOVES,
    DeliveryState: DELIVERY_MOVES,
}


def moves_of(state: State) -> frozenset[State]:
    """The states that may follow this one."""
    return _TABLES[type(state)][state]


def check_move(old: State, new: State, what: str) -> None:
    """Refuse a move that is not in the tables. `what` names the thing for the error's reader."""
    if new not in moves_of(old):
        raise ConflictError(f"{what} is {old.value}; it cannot become {new.value}")


def sources(new: State) -> tuple[State, ...]:
    """The states a row may have for it to become `new`: the condition of a compare-and-set."""
    return tuple(old for old in type(new) if new in moves_of(old))


def held_sources(new: DeliveryState) -> tuple[DeliveryState, ...]:
    """As `sources`, for the deliveries of a batch that is being dropped."""
    return (*sources(new), *(old for old, moves in HELD_DELIVERY_MOVES.items() if new in moves))


def batch_state(counts: Mapping[DeliveryState, int]) -> BatchState:
    """The state that follows for a batch which left the point of no return, from those of its deliveries."""
    present = {state for state, count in counts.items() if count}
    if DeliveryState.SUBMITTING in present:
        return BatchState.SUBMITTING
    if DeliveryState.PENDING in present:
        return BatchState.PENDING
    for state in (BatchState.DOUBTFUL, BatchState.ACCEPTED, BatchState.REFUSED):
        if DeliveryState(state.value) in present:
            return state
    return BatchState.CANCELLED
