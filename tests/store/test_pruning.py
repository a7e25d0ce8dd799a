"""Pruning: figures stay as they were wherever it is killed, and what still counts is left alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from mailer.audience.address import Address
from mailer.config import Settings
from mailer.delivery.doubts import Word
from mailer.errors import ConflictError, NotFoundError, SegmentError
from mailer.model import DeliveryState, EventKind, Outcome, Receipt
from mailer.services import pruning, status
from mailer.services.deliveries import deliveries as listed
from mailer.services.doubts import plan
from mailer.services.explaining import PRUNED, explain
from mailer.services.segments import parse_for
from mailer.services.watching import Watcher
from mailer.store import events, history, ledger
from mailer.store import pruning as stored
from mailer.store.database import Store
from mailer.store.doubts import Which
from mailer.store.listing import Wanted
from mailer.store.pruning import Limits
from mailer.store.tables import batches, deliveries, exclusions, issue_counts, issues
from mailer.store.tables import events as reported
from mailer.workspace import Workspace
from tests.store.asking_program import SETTINGS, Campaign
from tests.store.world import NOW, UNSUBSCRIBED, World, address, count, key, receipts

PEOPLE = [f"p{number}" for number in range(9)]
DAY = timedelta(days=1)
LATER = NOW + 40 * DAY
NUMBERS = itertools.count()
ANSWERS = st.sampled_from([*Outcome, Outcome.ACCEPTED, Outcome.ACCEPTED])
FEW = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


@contextmanager
def killed_after(store: Store, statements: int) -> Iterator[None]:
    """Dies in the middle of what it does, after so many statements."""
    left = itertools.count(statements, -1)

    def strike(*_: Any) -> None:
        if next(left) <= 0:
            raise Killed

    sa.event.listen(store.engine, "before_cursor_execute", strike)
    try:
        yield
    except Killed:
        pass
    finally:
        sa.event.remove(store.engine, "before_cursor_execute", strike)


def campaign(world: World, now: datetime = LATER, **work: int) -> Campaign:
    told = Settings.model_validate({**SETTINGS, "work": work})
    return Campaign(world.store, Workspace(Path("no-such-folder")), settings=told, moment=now)


def everything(world: World, name: str) -> dict[str, Any]:
    """What is told of an issue, with its counts."""
    with world.store.read() as connection:
        issue_id = connection.execute(sa.select(issues.c.id).where(issues.c.name == name)).scalar_one()
        answers = ledger.refusals(connection, name)
        return {
            "figures": asdict(ledger.figures(connection, name)),
            "frozen": asdict(ledger.frozen_counts(connection, name)),
            "reported": dict(history.reported(connection, [issue_id]).get(issue_id, {})),
            "refused": sum(answers.values()),
            "answers": {answer: number for answer, number in answers.items() if number > 1 and answer != stored.OTHERS},
        }


def report(connection: Connection, issue: str, which: list[tuple[int, EventKind]], now: datetime) -> None:
    """Events about some deliveries of an issue."""
    query = sa.select(deliveries.c.id).join(issues, issues.c.id == deliveries.c.issue_id).where(issues.c.name == issue)
    numbers = list(connection.execute(query.order_by(deliveries.c.id)).scalars())
    about = events.delivered(connection, numbers)
    filed = [
        events.Filed(f"{numbers[place]}:{kind.value}", about[numbers[place]], kind, "", now)
        for place, kind in which
        if place < len(numbers)
    ]
    events.add(connection, filed, now)


def rows(world: World, issue: str) -> list[int]:
    """How many deliveries, exclusions and events of an issue there are."""
    with world.store.read() as connection:
        number = connection.execute(sa.select(issues.c.id).where(issues.c.name == issue)).scalar_one()
        return [
            connection.execute(sa.select(sa.func.count()).where(table.c.issue_id == number)).scalar_one()
            for table in (deliveries, exclusions, reported)
        ]


@FEW
@given(
    answers=st.lists(st.lists(ANSWERS, min_size=3, max_size=3), min_size=3, max_size=3),
    details=st.lists(st.sampled_from(["550 no", "551 nobody", "552 full"]), min_size=9, max_size=9),
    told=st.lists(st.tuples(st.integers(0, 8), st.sampled_from(list(EventKind))), max_size=12),
    deaths=st.lists(st.integers(0, 25), max_size=6),
    keep=st.sampled_from([(30, 0), (0, 30), (30, 30), (60, 30), (30, 60)]),
)
def test_figures_are_the_same_before_and_after(
    world: World, answers: Any, details: list[str], told: Any, deaths: list[int], keep: tuple[int, int]
) -> None:
    """Whatever came of an issue, and wherever pruning dies."""
    world.now, name = NOW, f"issue{next(NUMBERS)}"
    if not world.lists:
        world.lists = {"weekly": 1}
        world.add("weekly", *PEOPLE)
        world.add("weekly", "gone", "left", state=UNSUBSCRIBED)
    world.freeze("weekly", name=name, batch_size=3)
    place = 0
    while (batch := world.claim(issue=name)) is not None and place < 3:
        assert world.begin(batch)
        found = [
            Receipt(one.delivery_id, outcome, details[3 * place + at])
            for at, (one, outcome) in enumerate(zip(batch.recipients, answers[place], strict=False))
        ]
        world.record(batch, found)
        place += 1
    with world.store.write() as connection:
        report(connection, name, told, world.now)
    world.finish(name)
    before, rows_before = everything(world, name), rows(world, name)
    program = campaign(world, keep_deliveries_days=keep[0], keep_events_days=keep[1])
    for statements in deaths:
        with killed_after(world.store, statements):
            prune_by(program, 2)
        assert everything(world, name) == before
    done = prune_by(program, 2)
    assert everything(world, name) == before
    with world.store.read() as connection:
        stopped = stored.unsettled(connection, number_of(connection, name), LATER)
        state = connection.execute(sa.select(issues.c.state).where(issues.c.name == name)).scalar_one()
    settled = state.value == "sent" and not stopped
    whole, only_events = settled and 0 < keep[0] <= 30, settled and 0 < keep[1] <= 30
    expected = [0, 0, 0] if whole else [*rows_before[:2], 0] if only_events else rows_before
    assert rows(world, name) == expected, done


def prune_by(program: Campaign, portion: int) -> pruning.Pruned:
    """Prune with small transactions."""
    whole, pruning.PORTION = pruning.PORTION, portion
    try:
        return pruning.prune(program, dry_run=False)
    finally:
        pruning.PORTION = whole


def number_of(connection: Connection, issue: str) -> int:
    return int(connection.execute(sa.select(issues.c.id).where(issues.c.name == issue)).scalar_one())


@pytest.fixture
def sent(world: World) -> World:
    """Three got an issue; a fourth was left out."""
    world.add("weekly", "ada", "ben", "cy")
    world.add("weekly", "gone", state=UNSUBSCRIBED)
    world.freeze("weekly")
    world.submit()
    world.finish()
    with world.store.write() as connection:
        report(connection, "issue", [(0, EventKind.DELIVERED), (1, EventKind.BOUNCED_HARD)], NOW)
    return world


def test_a_dry_run_tells_and_changes_nothing(sent: World) -> None:
    program = campaign(sent, keep_deliveries_days=30)
    planned = pruning.prune(program, dry_run=True)
    assert [(each.name, each.rows, each.whole) for each in planned.issues] == [("issue", 6, True)]
    assert planned.summary() == [
        "issue: 6 rows would be deleted, its deliveries and what was reported of them; ended on 2026-11-22, "
        "its figures stay"
    ]
    assert rows(sent, "issue") == [3, 1, 2]
    assert pruning.prune(program, dry_run=False).rows == planned.rows
    assert pruning.prune(program, dry_run=False).summary() == ["nothing is old enough"]


@pytest.mark.parametrize(("days", "left"), [(0, 3), (41, 3), (40, 0)])
def test_days_are_kept_to_the_day(sent: World, days: int, left: int) -> None:
    done = pruning.prune(campaign(sent, keep_deliveries_days=days), dry_run=False)
    assert rows(sent, "issue")[0] == left
    if not days:
        assert done.summary() == ["everything is kept: keep_deliveries_days and keep_events_days under [work] are 0"]


def test_what_is_asked_afterwards_is_answered_in_one_line(sent: World) -> None:
    program = campaign(sent, keep_deliveries_days=30)
    before = asdict(status.issue_status(program, "issue")), asdict(status.overview(program).rows[0])
    pruning.prune(program, dry_run=False)
    assert (asdict(status.issue_status(program, "issue")), asdict(status.overview(program).rows[0])) == before
    assert Watcher(program, "issue").look().deliveries[DeliveryState.ACCEPTED] == 3
    with (
        pytest.raises(NotFoundError, match=r"deliveries of issue were pruned on 2027-01-01"),
        listed(program, "issue", Wanted()),
    ):
        pass
    with pytest.raises(NotFoundError, match="were pruned on 2027-01-01"):
        plan(program, Which("issue", LATER), Word.SENT)
    found = explain(program, Address(key("ada"), key("ada"), key("ada")), "issue")
    assert (found.verdict, found.summary) == (
        PRUNED,
        "nobody knows any more: the deliveries of issue were pruned on 2027-01-01",
    )
    with pytest.raises(SegmentError, match="nobody knows any more who received issue"):
        parse_for(program, 'received("issue")', ["weekly"])
    with pytest.raises(SegmentError, match="nobody knows any more who received issue"):
        parse_for(program, "not received_within(90d)", ["weekly"])
    assert parse_for(program, "received_within(30d)", ["weekly"]).text


def test_its_name_is_never_sent_again(sent: World) -> None:
    pruning.prune(campaign(sent, keep_deliveries_days=30), dry_run=False)
    assert sent.freeze("weekly").recipients == 3
    assert sent.claim() is None
    with pytest.raises(ConflictError, match="was already sent"):
        sent.freeze("weekly", hash="other")


def test_late_events_of_it_are_not_kept(sent: World) -> None:
    pruning.prune(campaign(sent, keep_events_days=30), dry_run=False)
    before = everything(sent, "issue")
    with sent.store.write() as connection:
        report(connection, "issue", [(2, EventKind.COMPLAINED)], LATER)
    assert everything(sent, "issue") == before
    assert rows(sent, "issue") == [3, 1, 0]


def test_words_that_one_mail_alone_got_are_not_kept(world: World) -> None:
    world.add("weekly", "ada", "ben", "cy")
    world.freeze("weekly")
    batch = world.claimed()
    world.begin(batch)
    answers = ("550 no", "550 no", "550 cy@example.org is unknown")
    world.record(
        batch,
        [Receipt(one.delivery_id, Outcome.REFUSED, each) for one, each in zip(batch.recipients, answers, strict=True)],
    )
    world.finish()
    pruning.prune(campaign(world, keep_deliveries_days=30), dry_run=False)
    with world.store.read() as connection:
        assert ledger.refusals(connection, "issue") == {"550 no": 2, stored.OTHERS: 1}
        assert "cy@" not in repr(connection.execute(sa.select(issue_counts)).all())
        assert history.domains(connection, 1, DeliveryState.REFUSED, 10) == {"example.org": 3}


def test_what_is_not_settled_is_left_alone(world: World) -> None:
    world.add("weekly", "ada", "ben")
    world.freeze("weekly", batch_size=1)
    world.submit()
    world.submit(Outcome.DOUBTFUL)
    world.finish()
    program = campaign(world, keep_deliveries_days=1, keep_events_days=1)
    assert pruning.prune(program, dry_run=False).summary() == [
        "nothing is old enough",
        "issue: left alone, mails of it are in doubt",
    ]
    assert rows(world, "issue")[0] == 2


def test_what_a_provider_keeps_is_left_alone(sent: World) -> None:
    with sent.store.write() as connection:
        connection.execute(sa.update(batches).values(hold="h", send_at=LATER + DAY))
    done = pruning.prune(campaign(sent, keep_deliveries_days=1), dry_run=False)
    assert done.summary()[1] == "issue: left alone, its provider keeps mails of it"
    assert rows(sent, "issue")[0] == 3


def test_what_decides_about_other_issues_is_left_alone(sent: World) -> None:
    limits = Limits(deliveries=LATER)

    def old() -> list[str]:
        with sent.store.read() as connection:
            return [each.name for each in stored.old(connection, limits, LATER)]

    assert old() == ["issue"]
    with sent.store.write() as connection:
        connection.execute(sa.text("UPDATE lists SET cap_issues = 2, cap_days = 41"))
    assert old() == []
    with sent.store.write() as connection:
        connection.execute(sa.text("UPDATE lists SET cap_issues = 2, cap_days = 39"))
    assert old() == ["issue"]
    sent.freeze("weekly", name="next")
    with sent.store.write() as connection:
        waits = sa.update(issues).where(issues.c.name == "next")
        connection.execute(waits.values(state="scheduled", segment='not received("issue")'))
    assert old() == []


def test_a_doubt_that_comes_up_before_the_count_is_seen(sent: World) -> None:
    with sent.store.read() as connection:
        (issue,) = stored.old(connection, Limits(LATER), LATER)
    with sent.store.write() as connection:
        connection.execute(sa.update(batches).values(state="doubtful"))
    with sent.store.write() as connection:
        assert not stored.close(connection, issue, LATER)
        assert stored.delete(connection, issue, 10) == 0
        assert count(connection, deliveries) == 3


def test_numbers_that_are_used_again_settle_nothing(sent: World) -> None:
    """SQLite may give the numbers of deleted deliveries to new ones."""
    pruning.prune(campaign(sent, keep_deliveries_days=1), dry_run=False)
    sent.now = LATER
    sent.freeze("weekly", name="next")
    batch = sent.claimed(issue="next")
    assert len(receipts(batch, Outcome.ACCEPTED)) == 3
    with sent.store.read() as connection:
        assert all(not events.of_delivery(connection, one.delivery_id) for one in batch.recipients)
    assert address("ada")
