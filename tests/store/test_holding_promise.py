"""Safe mode with anything happening in any order: the ledger says what really happens, and nobody gets it twice."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

import pytest
import sqlalchemy as sa

from mailer.errors import ConflictError
from mailer.model import DeliveryState, Outcome, Receipt
from mailer.services.sending.holding import may_go_on, settle_held
from mailer.services.sending.recalling import drop_held, recall
from mailer.store import evidence, holding, ledger
from mailer.store.tables import batches, deliveries, issues
from tests.store.keeping import LEAD, Killed, Place, begun, numbers, place
from tests.store.world import FILES_ONLY, SERVERS_ONLY, World
from tests.thoroughness import sized

PEOPLE, BATCH = 12, 3
STEPS = 60
SEEDS = 30
FAULTS = ("", "", "", "before", "after", "refused", "killed before", "killed after")
MODES = ("before", "after", None, None, None, None)


@dataclass
class Call:
    """A batch in a sender's hands. `arrived`: the provider has it."""

    owner: str
    batch: ledger.ClaimedBatch
    hold: str
    send_at: datetime
    arrived: bool = False


@dataclass
class Campaign:
    """What may happen, each thing by itself."""

    here: Place
    chance: random.Random
    patch: pytest.MonkeyPatch
    calls: list[Call] = field(default_factory=list)
    lost: list[Call] = field(default_factory=list)
    owners: int = 0

    def any(self, calls: list[Call]) -> Call | None:
        return self.chance.choice(calls) if calls else None

    def begin(self) -> None:
        here = self.here
        if may_go_on(here.as_program(), here.keeper, here.issue, here.world.now):
            return
        self.owners += 1
        owner = f"owner{self.owners}"
        with suppress(AssertionError):  # nothing is waiting
            self.calls.append(Call(owner, *begun(here, owner)))

    def arrive(self) -> None:
        """A request gets there, also one of a sender that is dead."""
        call = self.any([each for each in self.calls + self.lost if not each.arrived])
        if call is not None and self.here.world.now < call.send_at - LEAD:
            call.arrived = True
            self.here.keeper.post(call.hold, call.send_at, numbers(call.batch))

    def answer(self) -> None:
        call = self.any(self.calls)
        if call is None:
            return
        self.calls.remove(call)
        known = Outcome.ACCEPTED if call.arrived else Outcome.NOT_SENT
        outcome = self.chance.choice([known, known, Outcome.DOUBTFUL])
        if outcome is Outcome.DOUBTFUL and not call.arrived:
            self.lost.append(call)
        answers = [Receipt(number, outcome) for number in numbers(call.batch)]
        if outcome is Outcome.DOUBTFUL and call.arrived and self.chance.random() < 0.5:
            answers[0] = Receipt(answers[0].delivery_id, Outcome.ACCEPTED)
        self.here.world.record(call.batch, answers, call.owner)

    def die(self) -> None:
        if call := self.any(self.calls):
            self.calls.remove(call)
            self.lost.append(call)

    def sweep(self) -> None:
        self.here.world.sweep()

    def settle(self) -> None:
        """A look at the doubts, by a sender to which anything may happen meanwhile."""
        here = self.here
        here.keeper.faults.extend(self.chance.choice(FAULTS) for _ in range(3))
        step, moment = self.chance.choice(["take", "dropped", "keep"]), self.chance.choice(MODES)
        real = getattr(holding, step)

        def dies(*given: object) -> object:
            if moment == "after":
                real(*given)
            raise Killed

        here.keeper.on_drop = self.chance.choice([None, None, self.answer, self.report, self.sweep, self.arrive])
        with self.patch.context() as patch, suppress(Killed):
            if moment is not None:
                patch.setattr(holding, step, dies)
            settle_held(here.as_program(), here.keeper, here.issue, here.world.now)
        here.keeper.faults.clear()
        here.keeper.on_drop = None

    def report(self) -> None:
        """The provider reports that it took a mail."""
        query = sa.select(deliveries.c.id, batches.c.hold).join(batches, batches.c.id == deliveries.c.batch_id)
        with self.here.world.store.write() as connection:
            there = [row.id for row in connection.execute(query)
                     if any(number == row.id for _, number in self.here.keeper.kept.get(row.hold, ()))]  # fmt: skip
            if there:
                evidence.accept(connection, self.chance.choice(there), "reported", self.here.world.now)

    def wait(self) -> None:
        self.here.world.later(self.chance.choice([0.1, 0.3, 1, 2, 5]))

    def finish(self) -> None:
        self.here.world.finish(self.here.issue)

    def cancel(self) -> None:
        if self.chance.random() > 0.05:
            return
        with suppress(ConflictError), self.here.world.store.write() as connection:
            ledger.cancel(connection, self.here.issue, self.here.world.now)

    def take_back(self) -> None:
        self.here.keeper.faults.extend(self.chance.choice(FAULTS) for _ in range(3))
        with suppress(Killed):
            drop_held(self.here.as_program(), self.here.issue)
            if self.chance.random() < 0.02:
                recall(self.here.as_program(), self.here.issue)
        self.here.keeper.faults.clear()

    def step(self) -> None:
        steps = [self.begin, self.begin, self.arrive, self.arrive, self.answer, self.answer, self.die, self.sweep]
        steps += [self.settle, self.settle, self.report, self.wait, self.wait, self.finish, self.cancel, self.take_back]
        self.chance.choice(steps)()

    def check(self, *, over: bool = False) -> Counter[str]:
        left = self.here.keeper.left()
        assert max(left.values(), default=0) <= 1, "somebody gets it twice"
        with self.here.world.store.read() as connection:
            query = sa.select(deliveries.c.id, deliveries.c.state).join(issues, issues.c.id == deliveries.c.issue_id)
            rows = connection.execute(query.where(issues.c.name == self.here.issue)).all()
        for number, state in rows if over else ():
            if state is not DeliveryState.DOUBTFUL:
                assert left[number] == (state is DeliveryState.ACCEPTED), f"{state} {number}"
        return Counter(state.value for _, state in rows)


def whatever_happens(world: World, seeds: range, patch: pytest.MonkeyPatch) -> Counter[str]:
    """An issue for each seed; how its deliveries ended, all together."""
    ended: Counter[str] = Counter()
    world.add("members", *(f"p{number}" for number in range(PEOPLE)))
    here = place(world)
    for seed in seeds:
        here.issue = f"issue{seed}"
        world.freeze("members", name=here.issue, batch_size=BATCH)
        campaign = Campaign(here, random.Random(seed), patch)
        for _ in range(STEPS):
            campaign.step()
            campaign.check()
        world.later(120)
        world.sweep()
        ended += campaign.check(over=True)
        here.keeper.kept.clear()
    return ended


@FILES_ONLY
@pytest.mark.parametrize("first", range(0, sized(1, 4) * SEEDS, SEEDS))
def test_the_ledger_says_what_becomes_of_each(world: World, first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = whatever_happens(world, range(first, first + SEEDS), monkeypatch)
    assert min(ended[state] for state in ("accepted", "doubtful", "pending", "cancelled")) > 0, "not much happened"


@SERVERS_ONLY
def test_the_same_on_a_server(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = whatever_happens(world, range(1000, 1000 + sized(4, 10)), monkeypatch)
    assert ended["accepted"] > 0
