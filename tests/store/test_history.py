"""Listings of issues and deliveries, what an issue waits for, and following it without counting everything anew."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlalchemy as sa

from mailer.config import Settings
from mailer.model import (
    BatchState,
    DeliveryState,
    EventKind,
    IssueKind,
    IssueState,
    Outcome,
    Receipt,
    SubscriptionState,
)
from mailer.services.program import Program
from mailer.services.status import Filter, issue_status, overview
from mailer.services.watching import Watcher
from mailer.store import erasing, history, issues, ledger, listing, pacing, suppressions
from mailer.store.database import insert_row
from mailer.store.listing import Wanted
from mailer.store.suppressions import Suppression
from mailer.store.tables import batches, deliveries, events
from tests.store.world import MINUTE, NOW, World, key, names, receipts

LATER = NOW + timedelta(hours=2)


def program(world: World) -> Program:
    """As much of the program as looks at issues."""
    workspace = SimpleNamespace(issue_names=lambda: ["issue"])
    made = SimpleNamespace(store=world.store, now=lambda: world.now, workspace=workspace, settings=Settings())
    return cast(Program, made)


def listed(world: World, issue: str = "issue", **wanted: Any) -> list[listing.DeliveryRow]:
    with world.store.read() as connection:
        number = issues.number(connection, issue)
        return list(listing.deliveries_of(connection, number, Wanted(**wanted)))


def people(rows: list[listing.DeliveryRow]) -> list[str]:
    return [(row.email or "-").partition("@")[0] for row in rows]


@pytest.fixture
def half_way(world: World) -> World:
    """Batches of two: ada accepted and ben refused, cleo and dan in doubt, eva on the way, fay waits."""
    world.add("weekly", "ada", "ben", "cleo", "dan", "eva", "fay", "gil")
    world.freeze("weekly", batch_size=2)
    first = world.claimed()
    assert world.begin(first)
    world.record(first, receipts(first, Outcome.ACCEPTED, Outcome.REFUSED, detail="mailbox full", provider_id="p1"))
    world.submit(Outcome.DOUBTFUL)
    third = world.claimed()
    assert world.begin(third)
    world.record(third, receipts(third, Outcome.ACCEPTED)[1:])
    return world


def test_deliveries_by_batch_state_and_number(half_way: World) -> None:
    rows = listed(half_way)
    assert people(rows) == ["ada", "ben", "cleo", "dan", "eva", "fay", "gil"]
    assert [row.batch for row in rows] == [1, 1, 2, 2, 3, 3, 4]
    assert (rows[1].state, rows[1].detail, rows[1].provider_id) == (DeliveryState.REFUSED, "mailbox full", "p1")
    assert people(listed(half_way, states=[DeliveryState.DOUBTFUL, DeliveryState.REFUSED])) == ["ben", "cleo", "dan"]
    assert people(listed(half_way, batch=3)) == ["eva", "fay"]
    assert people(listed(half_way, batch=9)) == []
    assert people(listed(half_way, limit=3)) == ["ada", "ben", "cleo"]
    assert people(listed(half_way, states=[DeliveryState.PENDING], batch=3)) == []


def test_a_domain_is_of_the_key(world: World) -> None:
    world.add("weekly", "ada", "ben")
    world.freeze("weekly")
    assert people(listed(world, domain="example.org")) == ["ada", "ben"]
    assert people(listed(world, domain="example.com")) == []


def test_somebody_forgotten_has_no_address(half_way: World) -> None:
    with half_way.store.write() as connection:
        erasing.forget(connection, key("ben"), ["hash:0000:ab"], half_way.now)
    row = listed(half_way)[1]
    assert (row.email, row.state, row.detail) == (None, DeliveryState.REFUSED, "forgotten")


def test_deliveries_of_another_issue_stay_out(half_way: World) -> None:
    half_way.freeze("weekly", name="other")
    assert people(listed(half_way, states=[DeliveryState.REFUSED])) == ["ben"]
    assert len(listed(half_way, "other")) == 7


@pytest.mark.parametrize("seed", range(4))
def test_figures_are_what_the_rows_say(world: World, seed: int) -> None:
    """Whatever is most: the counts of an issue with rows in every state, beside one that has others."""
    dice = random.Random(seed)
    world.add("weekly", *(f"p{number}" for number in range(40)))
    for name in ("issue", "other"):
        world.freeze("weekly", name=name, batch_size=10)
    weights = [dice.choice([0, 1, 10]) for _ in DeliveryState]
    weights[seed % len(weights)] += 1
    with world.store.write() as connection:
        for number in connection.execute(sa.select(deliveries.c.id)).scalars().all():
            state = dice.choices(list(DeliveryState), weights)[0]
            connection.execute(sa.update(deliveries).where(deliveries.c.id == number).values(state=state))
        for number in connection.execute(sa.select(batches.c.id)).scalars().all():
            state_of = dice.choice([BatchState.PENDING, BatchState.ACCEPTED, BatchState.REFUSED])
            connection.execute(sa.update(batches).where(batches.c.id == number).values(state=state_of))
    counted = Counter(row.state for row in listed(world))
    assert world.figures().deliveries == dict.fromkeys(DeliveryState, 0) | counted
    assert world.figures().recipients == 40


def test_what_is_due_later_and_what_the_provider_keeps(half_way: World) -> None:
    with half_way.store.write() as connection:
        fourth = sa.update(batches).where(batches.c.number == 4)
        connection.execute(fourth.values(due_at=LATER))
        connection.execute(sa.update(batches).where(batches.c.number == 1).values(hold="h", send_at=LATER + MINUTE))
    with half_way.store.read() as connection:
        number = issues.number(connection, "issue")
        assert history.due_later(connection, number, half_way.now) == [history.Group(LATER, 1)]
        assert history.due_later(connection, number, LATER) == []
        assert history.held(connection, number, half_way.now) == [history.Group(LATER + MINUTE, 1)]
        assert history.held(connection, number, LATER + MINUTE) == []
    told = issue_status(program(half_way), "issue")
    assert [group.mails for group in (*told.due_later, *told.held)] == [1, 1]


def test_reports_count_each_mail_once(half_way: World) -> None:
    rows = listed(half_way)
    report(half_way, rows[0].id, EventKind.DELIVERED, "a")
    report(half_way, rows[0].id, EventKind.OPENED, "b")
    report(half_way, rows[0].id, EventKind.OPENED, "c")
    report(half_way, rows[1].id, EventKind.DELIVERED, "d")
    report(half_way, rows[1].id, EventKind.BOUNCED_HARD, "e")
    half_way.freeze("weekly", name="other")
    rows_of = {each.name: each for each in overview(program(half_way)).rows}
    assert rows_of["issue"].reported == {"delivered": 2, "opened": 1, "bounced_hard": 1}
    assert rows_of["issue"].bounced == 1
    assert rows_of["other"].reported == {}


def report(world: World, delivery_id: int, kind: EventKind, name: str) -> None:
    with world.store.write() as connection:
        row = connection.execute(sa.select(deliveries).where(deliveries.c.id == delivery_id)).one()
        values = {"key": name, "delivery_id": row.id, "issue_id": row.issue_id, "subscriber_id": row.subscriber_id}
        insert_row(connection, events, {**values, "kind": kind, "detail": "", "at": NOW, "received_at": NOW})


def test_the_domains_that_refuse_most(half_way: World) -> None:
    with half_way.store.read() as connection:
        number = issues.number(connection, "issue")
        assert history.domains(connection, number, DeliveryState.REFUSED, 5) == {"example.org": 1}
        assert history.domains(connection, number, DeliveryState.CANCELLED, 5) == {}


def test_issues_by_state_and_kind(half_way: World) -> None:
    half_way.later()
    half_way.freeze("weekly", name="alarm", kind=IssueKind.ALERT)
    with half_way.store.write() as connection:
        issues.pause(connection, "alarm", "a reason", half_way.now)

    def found(**wanted: Any) -> list[str]:
        return [each.name for each in overview(program(half_way), Filter(**wanted)).rows]

    assert found() == ["alarm", "issue"]
    assert found(states=[IssueState.PAUSED]) == ["alarm"]
    assert found(states=[IssueState.SENDING, IssueState.PAUSED], kind=IssueKind.BULLETIN) == ["issue"]
    assert found(limit=1) == ["alarm"]
    assert overview(program(half_way), Filter(limit=1)).total == 2


def test_whose_mails_wait(half_way: World) -> None:
    with half_way.store.read() as connection:
        left = list(listing.recipients_left(connection, issues.number(connection, "issue")))
    assert [recipient.email for recipient in left] == [key("gil")]
    assert left[0].list_name == "weekly"


def test_recipients_can_be_read_in_a_transaction_that_writes(world: World) -> None:
    """What is streamed is one statement, and none of those after it."""
    world.add("weekly", "ada", "ben")
    with world.store.write() as connection:
        first = next(listing.recipients_now(connection, ["weekly"]))
        suppressions.add(connection, Suppression(key("ada")), NOW)
        assert [each.email for each in listing.recipients_now(connection, ["weekly"])] == [key("ben")]
    assert first.email == key("ada")


# --- following ------------------------------------------------------------------------------------------------------


def test_a_watcher_sees_what_a_count_of_all_sees(world: World) -> None:
    """Through every kind of step, in any order: what is not looked at again has not changed."""
    dice = random.Random(7)
    world.add("weekly", *(f"p{number}" for number in range(60)))
    world.freeze("weekly", batch_size=3)
    watcher = Watcher(program(world), "issue")
    held: list[ledger.ClaimedBatch] = []
    begun: list[tuple[ledger.ClaimedBatch, list[Receipt]]] = []
    seen: Counter[DeliveryState] = Counter()
    for _ in range(150):
        world.later(dice.choice([0, 0, 0.1, 0.5]))
        step(world, dice, held, begun)
        look = watcher.look()
        figures = world.figures()
        assert dict(look.deliveries) == figures.deliveries
        assert {state: look.batches[state] for state in BatchState} == figures.batches
        assert look.left == figures.deliveries[DeliveryState.PENDING] + figures.deliveries[DeliveryState.SUBMITTING]
        seen.update(state for state, number in figures.deliveries.items() if number)
    assert set(seen) == set(DeliveryState) - {DeliveryState.CANCELLED}, "the steps went through all of it"


def step(
    world: World,
    dice: random.Random,
    held: list[ledger.ClaimedBatch],
    begun: list[tuple[ledger.ClaimedBatch, list[Receipt]]],
) -> None:
    """Something that a sender, a dead one or a person does. An answer may come in parts."""
    claims = ("claim", "claim", "divide", "divide")
    match dice.choice((*claims, "begin", "begin", *["answer"] * 4, "sweep", "leave", "pause", "resume")):
        case "claim" if (batch := world.claim()) is not None:
            held.append(batch)
        case "divide":
            world.later(0.001)
            if (batch := world.claim(most=1)) is not None:
                held.append(batch)
        case "begin" if held:
            batch = held.pop(dice.randrange(len(held)))
            if world.begin(batch):
                begun.append((batch, receipts(batch, *dice.choices(list(Outcome), k=3))))
        case "answer" if begun:
            batch, left = begun[dice.randrange(len(begun))]
            world.record(batch, [left.pop()])
            begun[:] = [each for each in begun if each[1]]
        case "sweep":
            world.sweep()
        case "leave":
            world.change("weekly", f"p{dice.randrange(60)}", SubscriptionState.UNSUBSCRIBED)
        case "pause" | "resume" as word:
            with world.store.write() as connection:
                state = issues.state_of(connection, "issue")
                if state is IssueState.SENDING and word == "pause":
                    issues.pause(connection, "issue", "", world.now)
                elif state is IssueState.PAUSED:
                    issues.resume(connection, "issue", world.now)


def test_a_watcher_counts_only_what_moves(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add("weekly", *(f"p{number}" for number in range(20)))
    world.freeze("weekly", batch_size=2)
    watcher, counted = Watcher(program(world), "issue"), []
    before = history.counts_of

    def count(connection: sa.Connection, numbers: list[int]) -> dict[int, dict[DeliveryState, int]]:
        counted.append(len(numbers))
        return before(connection, numbers)

    monkeypatch.setattr(history, "counts_of", count)
    watcher.look()
    world.later()
    world.submit()
    watcher.look()
    world.later()
    watcher.look()
    assert counted == [10, 1, 0]


def test_rate_and_time_to_go(world: World) -> None:
    world.add("weekly", *(f"p{number}" for number in range(20)))
    world.freeze("weekly", batch_size=4)
    watcher = Watcher(program(world), "issue")
    assert (watcher.look().rate, watcher.look().seconds_left) == (0, None)
    world.now += timedelta(seconds=2)
    world.submit()
    look = watcher.look()
    assert (look.rate, look.left, look.seconds_left) == (2, 16, 8)
    for _ in range(4):
        world.now += timedelta(seconds=20)
        look = watcher.look()
    assert look.rate == 0, "what was long ago is no rate"


def test_what_an_issue_waits_for(world: World) -> None:
    world.add("weekly", "ada", "ben")
    world.freeze("weekly", batch_size=1)
    watcher = Watcher(program(world), "issue")
    assert (watcher.look().due_at, watcher.look().at_work) == (None, 0)
    batch = world.claimed(lease=60)
    assert watcher.look().at_work == 1
    world.later(2)
    assert watcher.look().at_work == 0, "its lease is over"
    world.sweep()
    assert names(batch) == ["ada"]
    with world.store.write() as connection:
        connection.execute(sa.update(batches).values(due_at=LATER))
    assert watcher.look().due_at == LATER
    with world.store.write() as connection:
        connection.execute(sa.update(batches).values(due_at=None))
        pacing.block(connection, "outbox", LATER, world.now)
    assert watcher.look().due_at == LATER
    assert issue_status(program(world), "issue").ready_at == LATER
