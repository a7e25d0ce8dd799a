"""The promise under any order of events: several senders, deaths between any two steps, people leaving meanwhile.

A provider of the test's own writes down whom it really took. Whatever happens, it takes nobody twice, the ledger
never calls somebody free whom it took, and everybody ends in a state that says what happened.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mailer.delivery.states import BATCH_MOVES, DELIVERY_MOVES, OPEN_BATCHES, batch_state, moves_of
from mailer.model import BatchState, DeliveryState, IssueState, Outcome, Receipt, SubscriptionState
from mailer.store import issues, ledger, subscriptions, suppressions
from mailer.store.database import Store, open_store
from mailer.store.jotting import Jotter
from mailer.store.tables import batches, deliveries, exclusions, metadata
from tests import migrated, postgres
from tests.store.world import CONFIRMED, UNSUBSCRIBED, World, key
from tests.thoroughness import examples

PEOPLE = [f"p{number}" for number in range(7)]
SENDERS = ["north", "south", "west"]
STATES = st.sampled_from([None, *SubscriptionState, *[CONFIRMED] * 6])
# What a call may come to: the answer, and whether the provider really took the mail.
ANSWERS = st.sampled_from(
    [
        (Outcome.ACCEPTED, True),
        (Outcome.REFUSED, False),
        (Outcome.RETRY, False),
        (Outcome.NOT_SENT, False),
        (Outcome.DOUBTFUL, True),
        (Outcome.DOUBTFUL, False),
    ]
)
# A provider that takes a batch as a whole, one that keeps it for a while, and one that is told mail by mail.
PLAIN = ledger.Marks("sendgrid", boot="first")
KEPT = ledger.Marks("sendgrid", boot="first", hold="h")
IN_ORDER = ledger.Marks("smtp", in_order=True, boot="first")
MARKS = st.sampled_from([PLAIN, KEPT, IN_ORDER, IN_ORDER])
PACES = st.sampled_from([None, None, ledger.Pace("sendgrid", per_minute=60), ledger.Pace("sendgrid", warmup=(3, 3))])
TAKEN_STATES = {DeliveryState.SUBMITTING, DeliveryState.DOUBTFUL, DeliveryState.ACCEPTED}


@dataclass
class Sender:
    """What a sending process knows; a death wipes it."""

    token: str
    batch: ledger.ClaimedBatch | None = None
    begun: bool = False
    answers: list[Receipt] | None = None
    marks: ledger.Marks = PLAIN
    jotted: int = 0


class Promise(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.store = self.open()
        self.world = World(self.store)
        self.senders = {name: Sender(f"{name}-0") for name in SENDERS}
        self.deaths = 0
        self.took: Counter[int] = Counter()
        self.seen_deliveries: dict[int, DeliveryState] = {}
        self.seen_batches: dict[int, BatchState] = {}
        self.boot = "first"
        self.jotter = Jotter(self.store, 60, lambda: self.world.now)

    def open(self) -> Store:
        """An empty store."""
        self.folder = Path(tempfile.mkdtemp(prefix="promise-"))
        (self.folder / "mailer.db").write_bytes(migrated.file())
        return open_store(f"sqlite:///{self.folder}/mailer.db", busy_timeout=5)

    def teardown(self) -> None:
        try:
            if self.seen_deliveries:
                self.drain()
        finally:
            self.jotter.close()
            self.close()

    def close(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    @initialize(
        first=st.tuples(*[STATES] * len(PEOPLE)), second=st.tuples(*[STATES] * len(PEOPLE)), size=st.integers(1, 4)
    )
    def freeze(
        self,
        first: tuple[SubscriptionState | None, ...],
        second: tuple[SubscriptionState | None, ...],
        size: int,
    ) -> None:
        for name in ("first", "second"):
            self.world.upsert(name, [])
        for list_name, states in (("first", first), ("second", second)):
            for person, state in zip(PEOPLE, states, strict=True):
                if state is not None:
                    self.world.add(list_name, person, state=state)
        self.frozen = self.world.freeze("first", "second", batch_size=size)

    @rule(
        sender=st.sampled_from(SENDERS),
        stages=st.integers(1, 8),
        outcomes=st.lists(ANSWERS, min_size=4, max_size=4),
        part=st.integers(1, 4),
        marks=MARKS,
    )
    def work(
        self, sender: str, stages: int, outcomes: list[tuple[Outcome, bool]], part: int, marks: ledger.Marks
    ) -> None:
        """A sender goes on from where it is by some stages: claim, point of no return, call, record."""
        me = self.senders[sender]
        for _ in range(stages):
            if me.batch is None:
                self.claim(me)
            elif not me.begun:
                self.begin(me, replace(marks, boot=self.boot))
            elif me.marks.in_order:
                self.jot(me, outcomes)
            elif me.answers is None:
                self.call(me, outcomes)
            else:
                self.record(me, part)
            self.nobody_is_taken_twice_and_nobody_is_lost()

    @rule(outcomes=st.lists(ANSWERS, min_size=4, max_size=4), marks=MARKS, stages=st.integers(1, 2))
    def work_in_turn(self, outcomes: list[tuple[Outcome, bool]], marks: ledger.Marks, stages: int) -> None:
        """Most of what happens is work: of all the senders, one after the other."""
        for sender in SENDERS:
            self.work(sender, stages, outcomes, 2, marks)

    @rule(sender=st.sampled_from(SENDERS), pace=PACES, most=st.none() | st.integers(1, 3))
    def claim_slowly(self, sender: str, pace: ledger.Pace | None, most: int | None) -> None:
        """At a pace, and not more than so many."""
        me = self.senders[sender]
        if me.batch is None:
            self.claim(me, pace=pace, most=most)

    def claim(self, me: Sender, **terms: Any) -> None:
        me.batch = self.world.claim(me.token, **terms)
        me.begun, me.answers, me.jotted = False, None, 0
        size = len(me.batch.recipients) if me.batch else 0
        assert size <= (terms.get("most") or size)
        for recipient in me.batch.recipients if me.batch else ():
            assert self.may_be_mailed(recipient.email, recipient.list_name)

    def begin(self, me: Sender, marks: ledger.Marks) -> None:
        assert me.batch is not None
        me.marks, me.begun = marks, self.world.begin(me.batch, me.token, marks)
        if me.begun:
            assert self.issue_state() is IssueState.SENDING
        else:
            me.batch = None

    def call(self, me: Sender, outcomes: list[tuple[Outcome, bool]]) -> None:
        assert me.batch is not None
        me.answers = []
        for recipient, (outcome, taken) in zip(me.batch.recipients, outcomes, strict=False):
            self.took[recipient.delivery_id] += taken
            me.answers.append(Receipt(recipient.delivery_id, outcome, retry_after=5))

    def jot(self, me: Sender, outcomes: list[tuple[Outcome, bool]]) -> None:
        """The next mail of a batch in order: it leaves, and what came of it is written down before the next."""
        assert me.batch is not None
        if me.jotted == len(me.batch.recipients):
            self.world.settle(me.batch, me.token)
            me.batch = None
            return
        number = me.batch.recipients[me.jotted].delivery_id
        outcome, taken = outcomes[me.jotted % len(outcomes)]
        self.took[number] += taken
        me.jotted += 1
        go_on = self.jotter.jot(me.batch.id, me.token, Receipt(number, outcome, retry_after=5))
        assert not go_on or self.issue_state() is IssueState.SENDING
        if not go_on:
            # What was not sent is recorded as that, if it is still this one's to say.
            rest = [Receipt(one.delivery_id, Outcome.NOT_SENT) for one in me.batch.recipients[me.jotted :]]
            self.world.record(me.batch, rest, me.token)
            me.batch = None

    @rule()
    def start_the_machine_again(self) -> None:
        """All its processes die. What the file had taken is there: nothing is lost here but the belief in it."""
        self.boot = f"start {self.deaths}"
        for sender in SENDERS:
            self.die(sender)

    def record(self, me: Sender, part: int) -> None:
        assert me.batch is not None
        assert me.answers is not None
        self.world.record(me.batch, me.answers[:part], me.token)
        me.answers = me.answers[part:]
        if not me.answers:
            me.batch = None

    @rule(sender=st.sampled_from(SENDERS))
    def die(self, sender: str) -> None:
        self.deaths += 1
        self.senders[sender] = Sender(f"{sender}-{self.deaths}")

    @rule(sender=st.sampled_from(SENDERS))
    def give_back(self, sender: str) -> None:
        me = self.senders[sender]
        if me.batch and not me.begun:
            with self.store.write() as connection:
                ledger.give_back(connection, me.batch.id, me.token, self.world.now)
            me.batch = None

    @rule(sender=st.sampled_from(SENDERS), thief=st.sampled_from(SENDERS))
    def record_for_another(self, sender: str, thief: str) -> None:
        me = self.senders[sender]
        if me.batch and me.begun and not me.marks.in_order and sender != thief:
            lies = [Receipt(recipient.delivery_id, Outcome.NOT_SENT) for recipient in me.batch.recipients]
            assert self.world.record(me.batch, lies, self.senders[thief].token) == 0

    @rule(seconds=st.sampled_from([1, 20, 61]))
    def time_passes(self, seconds: int) -> None:
        self.world.later(seconds / 60)

    @rule(late=st.booleans())
    def sweep(self, late: bool) -> None:
        """`late`: everybody stood still for longer than a lease."""
        self.world.later(61 / 60 if late else 0)
        self.world.sweep(self.boot)

    @rule(person=st.sampled_from(PEOPLE), one=st.booleans())
    def leave(self, person: str, one: bool) -> None:
        """One list, or every one."""
        for list_name in list(self.lists_of(key(person)))[: 1 if one else None]:
            self.world.change(list_name, person, UNSUBSCRIBED)

    @rule(person=st.sampled_from(PEOPLE))
    def suppress(self, person: str) -> None:
        self.world.suppress(person)

    @rule(person=st.sampled_from(PEOPLE))
    def import_again(self, person: str) -> None:
        self.world.add("first", person)

    @rule()
    def finish(self) -> None:
        self.world.finish()

    @rule()
    def send_again(self) -> None:
        assert self.world.freeze("first", "second") == self.frozen

    @rule(state=st.sampled_from([IssueState.PAUSED, IssueState.SENDING]))
    def pause_or_resume(self, state: IssueState) -> None:
        if self.issue_state() in {IssueState.PAUSED, IssueState.SENDING} - {state}:
            with self.store.write() as connection:
                issues.set_state(connection, "issue", state, self.world.now)

    @rule(really=st.integers(0, 5))
    def cancel(self, really: int) -> None:
        if not really and self.issue_state() in {IssueState.SENDING, IssueState.PAUSED}:
            with self.store.write() as connection:
                ledger.cancel(connection, "issue", self.world.now)

    @precondition(lambda self: hasattr(self, "frozen"))
    @invariant()
    def nobody_is_taken_twice_and_nobody_is_lost(self) -> None:
        with self.store.read() as connection:
            states: dict[int, DeliveryState] = dict(connection.execute(DELIVERIES).all())
            in_batches = [tuple(row) for row in connection.execute(BATCHES)]
            excluded = connection.execute(sa.select(sa.func.count()).select_from(exclusions)).scalar_one()
        assert all(times <= 1 for times in self.took.values())
        assert all(states[number] in TAKEN_STATES for number, times in self.took.items() if times)
        assert len(states) == self.frozen.recipients
        assert len(states) + excluded == self.frozen.candidates
        assert self.world.figures().deliveries == dict.fromkeys(DeliveryState, 0) | Counter(states.values())
        self.moves_are_allowed(states)
        self.batches_follow_their_deliveries(in_batches)

    def moves_are_allowed(self, states: dict[int, DeliveryState]) -> None:
        for number, state in states.items():
            before = self.seen_deliveries.get(number, DeliveryState.PENDING)
            # A cancelled issue lets go of what comes back in the same transaction: two moves at once.
            after = {before} | DELIVERY_MOVES[before]
            assert state in after.union(*(DELIVERY_MOVES[one] for one in after))
            assert before not in {DeliveryState.ACCEPTED, DeliveryState.REFUSED} or state is before
        self.seen_deliveries = states

    def batches_follow_their_deliveries(self, rows: list[tuple[int, BatchState, bool, DeliveryState | None]]) -> None:
        states: dict[int, BatchState] = {}
        in_order: dict[int, bool] = {}
        held: dict[int, Counter[DeliveryState]] = {}
        for number, state, ordered, delivery in rows:
            states[number], in_order[number] = state, ordered
            held.setdefault(number, Counter()).update([delivery] if delivery else [])
        for number, state in states.items():
            if state is BatchState.CLAIMED:
                assert set(held[number]) <= {DeliveryState.PENDING, DeliveryState.EXCLUDED}
            elif state is BatchState.SUBMITTING:
                # In order, it is settled after the last answer.
                assert held[number][DeliveryState.SUBMITTING] or in_order[number]
            else:
                assert batch_state(held[number]) is state
            before = self.seen_batches.get(number, state)
            after = {before} | BATCH_MOVES[before]
            assert state in after.union(*(moves_of(one) for one in after))
        self.seen_batches = states
        if self.issue_state() is IssueState.SENT:
            assert not set(states.values()) & OPEN_BATCHES

    def drain(self) -> None:
        """Everything in flight dies; one sender does the rest. Everybody ends in a state that says what happened."""
        self.world.later(60)
        self.world.sweep(self.boot)
        if self.issue_state() is IssueState.PAUSED:
            self.pause_or_resume(IssueState.SENDING)
        while (batch := self.world.claim("last")) is not None:
            assert self.world.begin(batch, "last")
            for recipient in batch.recipients:
                self.took[recipient.delivery_id] += 1
            accepted = [Receipt(recipient.delivery_id, Outcome.ACCEPTED) for recipient in batch.recipients]
            assert self.world.record(batch, accepted, "last") == len(accepted)
        assert self.world.finish() or self.issue_state() is IssueState.CANCELLED
        self.seen_deliveries, self.seen_batches = {}, {}  # many moves lie between
        self.nobody_is_taken_twice_and_nobody_is_lost()
        left = {DeliveryState.PENDING, DeliveryState.SUBMITTING} & set(self.seen_deliveries.values())
        assert not left

    def may_be_mailed(self, email: str, list_name: str) -> bool:
        with self.store.read() as connection:
            banned = {one.value for one in suppressions.every(connection)}
        return email not in banned and self.lists_of(email).get(list_name) is CONFIRMED

    def lists_of(self, email: str) -> dict[str, SubscriptionState]:
        with self.store.read() as connection:
            return subscriptions.of(connection, email)

    def issue_state(self) -> IssueState:
        with self.store.read() as connection:
            stored = issues.get(connection, "issue")
        assert stored is not None
        return stored.state


DELIVERIES = sa.select(deliveries.c.id, deliveries.c.state)
BATCHES = sa.select(batches.c.id, batches.c.state, batches.c.in_order, deliveries.c.state).join(
    deliveries, deliveries.c.batch_id == batches.c.id, isouter=True
)


@cache
def server_store() -> Store:
    """One migrated database for all examples: making one for each would take longer than the example."""
    return open_store(postgres.shared().create(migrated.name()))


class PromiseOnServer(Promise):
    """The same on PostgreSQL."""

    def open(self) -> Store:
        names = ", ".join(table.name for table in metadata.sorted_tables)
        with server_store().write() as connection:
            connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
        return server_store()

    def close(self) -> None:
        """The database is used again."""


Promise.TestCase.settings = settings(max_examples=examples(25), stateful_step_count=30, deadline=None)
PromiseOnServer.TestCase.settings = settings(max_examples=examples(6), stateful_step_count=25, deadline=None)
TestPromise = Promise.TestCase
TestPromiseOnServer = PromiseOnServer.TestCase
