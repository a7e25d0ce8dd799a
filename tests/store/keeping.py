"""A provider that keeps mails until later, for tests of safe mode: every step of it can fail or be killed."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from mailer.config.settings import Provider as ProviderSettings
from mailer.config.settings import Settings
from mailer.errors import ProviderError
from mailer.model import Batch, Outcome, Receipt
from mailer.providers.protocol import Capabilities, HoldTerms
from mailer.services.program import Program
from mailer.services.sending.holding import hold_for
from mailer.store import ledger
from mailer.workspace import Workspace
from tests.store.world import World

LEAD = timedelta(minutes=10)
TERMS = HoldTerms(LEAD, timedelta(hours=72), 10)
ABLE = Capabilities(max_recipients=1000, schedules=True, cancels=True)


class Killed(BaseException):
    """The process ended here."""


@dataclass
class Keeper:
    """Keeps what is handed over until its time by the clock of `world`.

    `faults` are for the next drops: "before" and "after" lose the call and the answer, "refused" says no, and the
    same with a kill: "killed before", "killed after". A drop later than ten minutes before the time is heeded by nobody
    and answered all the same.
    """

    world: World
    name: str = "keeper"
    capabilities: Capabilities = ABLE
    hold_terms: HoldTerms = TERMS
    made: int = 0
    kept: dict[str, list[tuple[datetime, int]]] = field(default_factory=dict)
    told: dict[str, datetime] = field(default_factory=dict)
    faults: deque[str] = field(default_factory=deque)
    drops: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    on_drop: Callable[[], object] | None = None

    def new_hold(self) -> str:
        self.made += 1
        return f"hold{self.made}"

    def drop(self, hold: str, by: datetime) -> bool:
        fault = self.faults.popleft() if self.faults else ""
        self.drops.append(hold)
        if fault == "killed before":
            raise Killed
        if fault == "before":
            raise ProviderError("keeper does not answer")
        if fault == "refused" or (hold not in self.told and len(self.told) >= self.hold_terms.most):
            return False
        self.told.setdefault(hold, self.world.now)
        if self.on_drop is not None:
            self.on_drop()
        if fault == "killed after":
            raise Killed
        if fault == "after" or self.world.now > by:
            raise ProviderError("keeper does not answer")
        return True

    def release(self, hold: str) -> None:
        self.released.append(hold)
        self.told.pop(hold, None)

    def submit(self, batch: Batch) -> tuple[Receipt, ...]:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is open."""

    def post(self, hold: str, send_at: datetime, numbers: Sequence[int]) -> None:
        """A request arrives."""
        self.kept.setdefault(hold, []).extend((send_at, number) for number in numbers)

    def left(self) -> Counter[int]:
        """How many mails each delivery makes, once all times have come."""
        return Counter(
            number
            for hold, mails in self.kept.items()
            for send_at, number in mails
            if hold not in self.told or self.told[hold] > send_at - LEAD
        )


@dataclass
class Place:
    """A workspace as far as safe mode looks at it."""

    world: World
    keeper: Keeper
    settings: Settings
    issue: str = "issue"
    workspace: Workspace = field(default_factory=lambda: Workspace(Path("campaign")))
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def store(self) -> Any:
        return self.world.store

    def now(self) -> datetime:
        return self.world.now

    def make_provider(self) -> Keeper:
        return self.keeper

    def as_program(self) -> Program:
        return cast(Program, self)


def place(world: World, *, safe: bool = True, minutes: int = 25) -> Place:
    chosen = ProviderSettings(name="sendgrid", safe=safe, safe_minutes=minutes)
    return Place(world, Keeper(world), Settings(provider=chosen))


def begun(here: Place, owner: str = "one", lease: float = 60) -> tuple[ledger.ClaimedBatch, str, datetime]:
    """A batch past the point of no return, with the number it is kept under."""
    world = here.world
    batch = world.claimed(owner, here.issue, lease)
    kept = hold_for(here.as_program(), here.keeper, batch, world.now)
    assert kept is not None
    marks = ledger.Marks(here.keeper.name, hold=kept.hold, send_at=kept.send_at)
    with world.store.write() as connection:
        assert ledger.begin(connection, batch.id, owner, world.now, marks)
    return batch, kept.hold, kept.send_at


def numbers(batch: ledger.ClaimedBatch) -> list[int]:
    return [each.delivery_id for each in batch.recipients]


def handed(here: Place, outcome: Outcome, owner: str = "one", arrives: bool = True) -> ledger.ClaimedBatch:
    """A batch taken to its end with one outcome for all; `arrives`: the provider has its mails."""
    batch, hold, send_at = begun(here, owner)
    if arrives:
        here.keeper.post(hold, send_at, numbers(batch))
    here.world.record(batch, [Receipt(number, outcome) for number in numbers(batch)], owner)
    return batch
