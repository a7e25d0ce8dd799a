"""Safe mode: the provider keeps each batch for a while, and drops one whose fate nobody knows.

One number for a batch, whatever requests it is handed over in: what was accepted under it is dropped with the rest, and
all of it goes out again under a new number. That needs no second call as long as nothing is in doubt. A number for each
request would drop less, and cost a batch of a thousand people with a text of their own a thousand calls more.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mailer.errors import ProviderError
from mailer.model import BatchState
from mailer.providers import Holds, Provider
from mailer.services.program import Program
from mailer.services.sending.access import provided
from mailer.store import holding, ledger
from mailer.store.holding import IN_DOUBT, KeptBatch, Which

EPOCH, MINUTE = datetime(1970, 1, 1, tzinfo=UTC), timedelta(minutes=1)

SLACK = timedelta(minutes=2)
"""Before the last moment for a drop: for the calls, and for clocks that differ."""

AGAIN = timedelta(seconds=15)
"""Until a drop that failed is tried again, by whoever comes then."""

SPARE = 2
"""So many of the drops that a provider allows at one time are left for people."""

WINDOW = timedelta(minutes=3)
"""At least so long there must be time to drop a batch after its sender's lease."""

LONG_GONE = timedelta(hours=72)
"""After its time a provider may keep what it was told to drop or to pause for so long."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The provider's number for a batch, and until when it keeps it."""

    hold: str
    send_at: datetime


def hold_for(program: Program, provider: Provider, batch: ledger.ClaimedBatch, now: datetime) -> Hold | None:
    """Under which number a batch is kept, and until when; None without safe mode. Ask before it is begun.

    ProviderError when no number is to be had; nothing was sent.
    """
    chosen = program.settings.provider
    if not chosen.safe or not isinstance(provider, Holds):
        return None
    terms = provider.hold_terms
    # Whoever comes after a sender that died finds its batch when the lease is over, and must be in time to drop it.
    needed = batch.lease_until + terms.lead + SLACK + WINDOW
    send_at = min(max(now + timedelta(minutes=chosen.safe_minutes), needed), now + terms.longest - SLACK)
    # To the full minute, so that what was handed over together leaves together.
    return Hold(provider.new_hold(), -(-(send_at - EPOCH) // MINUTE) * MINUTE + EPOCH)


def settle_held(program: Program, provider: Provider, issue: str, now: datetime) -> int:
    """Drop the batches of an issue that are in doubt and still kept, and give their people back; how many."""
    if not isinstance(provider, Holds):
        return 0
    found = kept_batches(program, provider, issue, IN_DOUBT, now)
    return sum(bool(drop_one(program, provider, kept, IN_DOUBT)) for kept in found)


def settles_at(program: Program, provider: Provider, issue: str, now: datetime) -> datetime | None:
    """When `settle_held` may have something to do: wait for it before an issue is said to be sent. None: never."""
    if not isinstance(provider, Holds):
        return None
    which = Which(issue, provider.name, IN_DOUBT, now + provider.hold_terms.lead + SLACK)
    with program.store.read() as connection:
        return holding.due(connection, which, now)


def unsettled(program: Program, issue: str) -> bool:
    """Whether an issue that is said to be sent has doubts that a sender would settle."""
    with program.store.read() as connection:
        if not holding.keeps(connection, issue, IN_DOUBT, program.now()):
            return False
    with provided(program) as provider:
        return settles_at(program, provider, issue, program.now()) is not None


def may_go_on(program: Program, provider: Provider, issue: str, now: datetime) -> str:
    """Why no further batch should be begun: more would be in doubt than can be dropped. Empty when it may go on."""
    if not program.settings.provider.safe or not isinstance(provider, Holds):
        return ""
    most = provider.hold_terms.most
    with program.store.read() as connection:
        count = holding.in_flight(connection, provider.name, now)
    if count < most - SPARE:
        return ""
    return f"{count} batches fell into doubt within a short time, and {provider.name} drops no more than {most} at once"


def kept_batches(
    program: Program, provider: Holds, issue: str, states: Collection[BatchState], now: datetime
) -> list[KeptBatch]:
    """The batches for which there is time enough to drop them."""
    which = Which(issue, provider.name, states, now + provider.hold_terms.lead + SLACK)
    with program.store.read() as connection:
        return holding.droppable(connection, which, now)


def drop_one(program: Program, provider: Holds, kept: KeptBatch, states: Collection[BatchState]) -> int | None:
    """Have a batch dropped; how many people that concerned. 0: it was not. None: nobody knows, or somebody else is."""
    _make_room(program, provider)
    now = program.now()
    with program.store.write() as connection:
        if not holding.take(connection, kept, states, now + AGAIN, now):
            return None
    try:
        gone = provider.drop(kept.hold, kept.send_at - provider.hold_terms.lead)
    except ProviderError:
        return None
    with program.store.write() as connection:
        if gone:
            return holding.dropped(connection, kept, program.now()) or None
        holding.keep(connection, kept, now + AGAIN, program.now())
    return 0


def _make_room(program: Program, provider: Holds) -> None:
    """Have the provider forget what it dropped long ago."""
    with program.store.read() as connection:
        old = holding.forgettable(connection, provider.name, program.now() - LONG_GONE)
    for kept in old:
        with suppress(ProviderError):
            provider.release(kept.hold)
            with program.store.write() as connection:
                holding.forget(connection, kept)
