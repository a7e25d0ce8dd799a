"""Scheduled issues: frozen content, an audience of the moment they begin, and every reader's own clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailer.delivery.zones import by_key, local_instant, zone_of
from mailer.errors import ConflictError, NotFoundError
from mailer.model import Exclusion, IssueChange, IssueKind, IssueState, Outcome
from mailer.store import articles, issues, ledger, readerzones, scheduling
from mailer.store.database import Store, open_store
from mailer.store.scheduling import Schedule, Terms
from mailer.store.subscribers import NewSubscriber
from mailer.store.tables import batches, deliveries, issue_articles, issue_changes, issue_lists
from mailer.store.tables import issues as issues_table
from mailer.store.tables import subscribers as people
from tests.store.world import CONFIRMED, NOW, SERVERS_ONLY, UNSUBSCRIBED, World, address, count, names, receipts
from tests.thoroughness import examples

HOUR = timedelta(hours=1)
ZONES = tuple(sorted(available_timezones()))
KNOWN = by_key(ZONES)


def plan(world: World, *list_names: str, name: str = "issue", when: Schedule | None = None, **values: Any) -> Any:
    frozen = ledger.Frozen(
        name, values.pop("kind", IssueKind.BULLETIN), "Rivers", values.pop("hash", "h1"), {"a": 1}, list_names, **values
    )
    with world.store.write() as connection:
        return scheduling.schedule(connection, frozen, when or Schedule(world.now + HOUR), world.now)


def begin(world: World, name: str = "issue", **terms: Any) -> ledger.FrozenCounts | None:
    with world.store.derive() as connection:
        return scheduling.start(connection, name, world.now, Terms(**terms))


def stored(world: World, name: str = "issue") -> issues.StoredIssue:
    with world.store.read() as connection:
        found = issues.get(connection, name)
    assert found is not None
    return found


def due(world: World) -> list[str]:
    with world.store.read() as connection:
        return [row.name for row in scheduling.due(connection, world.now)]


def ready(world: World) -> list[str]:
    with world.store.read() as connection:
        return [row.name for row in scheduling.ready(connection, world.now)]


def history(world: World) -> list[IssueChange]:
    with world.store.read() as connection:
        return [each.what for each in issues.changes(connection, stored(world).id)]


def test_the_audience_is_that_of_the_beginning(world: World) -> None:
    world.add("weekly", "ada", "ben")
    plan(world, "weekly")
    assert (stored(world).state, stored(world).started_at) == (IssueState.SCHEDULED, None)
    assert world.figures().recipients == 0
    world.add("weekly", "cleo")
    world.change("weekly", "ben", UNSUBSCRIBED)
    world.later(60)
    frozen = begin(world)
    assert frozen is not None
    assert (frozen.recipients, frozen.exclusions[Exclusion.UNSUBSCRIBED]) == (2, 1)
    assert names(world.claimed()) == ["ada", "cleo"]
    assert (stored(world).frozen_at, stored(world).started_at) == (NOW, world.now)
    assert history(world) == [IssueChange.SCHEDULED, IssueChange.STARTED]


def test_nothing_of_it_is_claimed_before(world: World) -> None:
    world.add("weekly", "ada")
    plan(world, "weekly")
    assert (due(world), ready(world), world.claim()) == ([], [], None)
    assert begin(world) is None
    world.later(60)
    assert due(world) == ["issue"]
    assert begin(world) is not None
    assert (due(world), ready(world)) == ([], ["issue"])


def test_a_clock_that_is_set_back_waits_and_begins_nothing_twice(world: World) -> None:
    world.add("weekly", "ada")
    plan(world, "weekly")
    world.later(60)
    assert begin(world) is not None
    world.submit()
    world.now = NOW - HOUR
    assert (due(world), ready(world), begin(world)) == ([], ["issue"], None)
    assert world.finish()
    assert ready(world) == []


def test_a_segment_is_asked_when_it_begins(world: World) -> None:
    world.add("weekly", "ada", "ben", city="Oslo")
    plan(world, "weekly", segment='city == "Oslo"', when=Schedule(NOW + HOUR))
    world.add("weekly", "cleo", city="Oslo")
    world.add("weekly", "dan", city="Bergen")
    world.later(60)
    frozen = begin(world)
    assert frozen is not None
    assert (frozen.recipients, frozen.exclusions[Exclusion.SEGMENT]) == (3, 1)


def test_scheduling_again_replaces_content_and_time(world: World) -> None:
    world.add("weekly", "ada")
    world.add("alerts", "ben")
    assert plan(world, "weekly", article_keys=("a",)) is None
    before = plan(world, "alerts", hash="h2", article_keys=("b", "c"), when=Schedule(NOW + 2 * HOUR, NOW + 3 * HOUR))
    assert (before.hash, before.due_at) == ("h1", NOW + HOUR)
    now = stored(world)
    assert (now.hash, now.lists, now.article_keys) == ("h2", ("alerts",), ("b", "c"))
    assert (now.due_at, now.not_after) == (NOW + 2 * HOUR, NOW + 3 * HOUR)
    assert history(world) == [IssueChange.SCHEDULED] * 2
    world.later(60)
    assert begin(world) is None, "it was put off meanwhile"
    world.later(60)
    assert begin(world) is not None
    assert names(world.claimed()) == ["ben"]


def test_a_draft_again_leaves_nothing(world: World) -> None:
    world.add("weekly", "ada")
    plan(world, "weekly", article_keys=("a",))
    with world.store.write() as connection:
        scheduling.unschedule(connection, "issue", world.now)
    with world.store.read() as connection:
        assert issues.get(connection, "issue") is None
        tables = (issues_table, issue_lists, issue_articles, issue_changes)
        assert [count(connection, table) for table in tables] == [0] * 4
        assert articles.sent_to(connection, ["weekly"]) == {}
    world.later(60)
    assert begin(world) is None
    assert plan(world, "weekly", hash="h2") is None
    with pytest.raises(NotFoundError), world.store.write() as connection:
        scheduling.unschedule(connection, "other", world.now)


@pytest.mark.parametrize("state", [IssueState.SENDING, IssueState.PAUSED, IssueState.SENT])
def test_what_has_begun_is_no_draft_and_is_not_scheduled(world: World, state: IssueState) -> None:
    world.add("weekly", "ada")
    world.freeze("weekly")
    if state is not IssueState.SENDING:
        with world.store.write() as connection:
            issues.set_state(connection, "issue", state, NOW)
    with pytest.raises(ConflictError, match="cannot become draft"), world.store.write() as connection:
        scheduling.unschedule(connection, "issue", world.now)
    with pytest.raises(ConflictError, match=f"is {state.value} already and cannot be scheduled"):
        plan(world, "weekly", hash="h2")
    assert stored(world).state is state


def test_a_scheduled_issue_is_not_frozen_by_a_plain_send(world: World) -> None:
    world.add("weekly", "ada")
    plan(world, "weekly")
    with pytest.raises(ConflictError, match='issue "issue" is scheduled') as caught:
        world.freeze("weekly")
    assert "mailer cancel issue" in str(caught.value.hint)


def test_its_articles_count_as_sent_from_the_schedule_on(world: World) -> None:
    world.add("weekly", "ada")
    plan(world, "weekly", article_keys=("a",))
    with world.store.read() as connection:
        assert articles.sent_to(connection, ["weekly"]) == {"a": "issue"}


def test_several_begin_it_at_once_and_one_does(world: World, url: str) -> None:
    world.add("weekly", *(f"p{number}" for number in range(50)))
    plan(world, "weekly", batch_size=7)
    world.later(60)
    barrier = threading.Barrier(4)
    answers: list[ledger.FrozenCounts | None] = []

    def one() -> None:
        store = open_store(url, busy_timeout=20)
        barrier.wait()
        with store.derive() as connection:
            answers.append(scheduling.start(connection, "issue", world.now, Terms()))
        store.close()

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer is not None for answer in answers) == [False, False, False, True]
    assert world.figures().recipients == 50
    assert history(world) == [IssueChange.SCHEDULED, IssueChange.STARTED]


def test_alerts_first_and_then_the_oldest(world: World) -> None:
    world.add("weekly", "ada")
    for number, (name, kind) in enumerate([("b1", "bulletin"), ("b2", "bulletin"), ("a1", "alert"), ("a2", "alert")]):
        plan(world, "weekly", name=name, kind=IssueKind(kind), when=Schedule(NOW + number * timedelta(minutes=1)))
    world.later(60)
    assert due(world) == ["a1", "a2", "b1", "b2"]
    for name in ("b2", "a2", "b1", "a1"):
        begin(world, name)
        world.later()
    assert ready(world) == ["a2", "a1", "b2", "b1"]


def test_what_is_to_be_done_and_when(world: World) -> None:
    world.add("weekly", "ada", "ben")

    def next_moment() -> datetime | None:
        with world.store.read() as connection:
            return scheduling.next_moment(connection)

    assert next_moment() is None
    plan(world, "weekly", batch_size=1)
    assert next_moment() == NOW + HOUR
    world.later(60)
    begin(world)
    first, second = world.claimed(lease=30), world.claimed(lease=60)
    assert (ready(world), next_moment()) == ([], first.lease_until)
    assert world.begin(second)
    world.now = first.lease_until
    assert ready(world) == ["issue"]
    with world.store.write() as connection:
        issues.pause(connection, "issue", "a test", world.now)
    assert (ready(world), next_moment()) == ([], None)


def test_since_when_nobody_saw_to_it(world: World) -> None:
    world.add("weekly", "ada", "ben", "cleo")
    plan(world, "weekly", batch_size=1)
    world.later(60)
    begin(world)
    begun = world.now

    def left_since() -> datetime | None:
        with world.store.read() as connection:
            return scheduling.left_since(connection, stored(world).id, world.now)

    world.later(60)
    assert left_since() == begun
    world.submit()
    worked = world.now
    world.later(60)
    assert left_since() == worked
    with world.store.write() as connection:
        issues.pause(connection, "issue", "a test", world.now)
        issues.resume(connection, "issue", world.later())
    said = world.now
    world.later(60)
    assert left_since() == said, "who lets it go on knows how late it is"
    world.claimed(lease=30)
    claimed = world.now
    world.submit()
    world.later(60)
    assert left_since() == claimed, "what a dead owner holds waits as well"
    world.sweep()
    world.submit()
    assert left_since() is None


def test_who_lets_it_go_on_after_its_last_moment_lifts_that(world: World) -> None:
    world.add("weekly", "ada")
    plan(world, "weekly", when=Schedule(NOW, NOW + HOUR))
    begin(world)
    for now, last in ((NOW, NOW + HOUR), (NOW + 2 * HOUR, None)):
        with world.store.write() as connection:
            issues.pause(connection, "issue", "a test", now)
            issues.resume(connection, "issue", now)
        assert stored(world).not_after == last


# --- readers' clocks --------------------------------------------------------------------------------------------------

VALUES = st.sampled_from(ZONES) | st.sampled_from(
    ["europe/oslo", "EUROPE/OSLO", "", "CEST-ish", 2, True, None, ["Europe/Oslo"], {"a": "UTC"}, "Oslo", "Å/B", " UTC"]
)
PERSON = st.dictionaries(st.sampled_from(["timezone", "time_zone", "tz", "zone"]), VALUES, max_size=3)
WALLS = st.datetimes(datetime(2026, 11, 23), datetime(2027, 12, 31)) | st.sampled_from(  # noqa: DTZ001 - on any clock
    [datetime(2027, 3, 28, 2, 30), datetime(2027, 10, 31, 2, 30), datetime(2027, 4, 4, 2, 0)]  # noqa: DTZ001
)


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.tuples(PERSON, st.booleans(), st.booleans()), min_size=1, max_size=10), WALLS, st.sampled_from(ZONES)
)
def test_each_readers_batch_is_due_when_it_is_that_time_there(
    world: World, crowd: list[tuple[dict[str, Any], bool, bool]], wall: datetime, fallback: str
) -> None:
    wall = wall.replace(second=0, microsecond=0)
    moment = NOW - timedelta(days=1)
    try:
        with world.store.write() as connection:
            alone = World(_Nested(world.store, connection), moment)  # type: ignore[arg-type]
            expected = _crowd(alone, crowd, wall, fallback)
            plan(alone, "first", "second", batch_size=2, when=Schedule(moment, None, wall.isoformat()))
            counts = begin(alone, zone=fallback)
            assert counts is not None
            assert counts.recipients == len(expected)
            query = (
                sa.select(people.c.email, batches.c.due_at)
                .join_from(deliveries, people, people.c.id == deliveries.c.subscriber_id)
                .join(batches, batches.c.id == deliveries.c.batch_id)
            )
            rows = connection.execute(query).all()
            assert len(rows) == len(expected), "nobody twice"
            assert {row.email: row.due_at for row in rows} == expected
            order = sa.select(batches.c.due_at).order_by(batches.c.number)
            due_at = list(connection.execute(order).scalars())
            assert due_at == sorted(due_at)
            assert connection.execute(_sizes()).scalar_one() <= 2
            _check_numbers(connection, [person for person, *_ in crowd])
            raise _UndoError
    except _UndoError:
        pass


class _UndoError(Exception):
    pass


class _Nested:
    """A store whose transactions are all part of one, which is undone."""

    def __init__(self, store: Store, connection: sa.Connection) -> None:
        self.write = self.read = self.derive = lambda: _Held(connection)


class _Held:
    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection

    def __enter__(self) -> sa.Connection:
        return self.connection

    def __exit__(self, *_: object) -> None:
        return


def _crowd(
    world: World, crowd: list[tuple[dict[str, Any], bool, bool]], wall: datetime, fallback: str
) -> Mapping[str, datetime]:
    """Puts people on two lists, everybody on one at least; when each one's mail is due."""
    expected = {}
    for name in ("first", "second"):
        world.upsert(name, [])
    for number, (attributes, first, second) in enumerate(crowd):
        row = NewSubscriber(address(f"p{number}"), attributes, CONFIRMED)
        for name, there in (("first", first or not second), ("second", second)):
            if there:
                world.upsert(name, [row])
        expected[row.address.email] = local_instant(wall, zone_of(attributes, KNOWN) or fallback)
    return expected


def _sizes() -> sa.Select[Any]:
    sizes = sa.select(sa.func.count().label("size")).select_from(deliveries).group_by(deliveries.c.batch_id).subquery()
    return sa.select(sa.func.max(sizes.c.size))


def _check_numbers(connection: sa.Connection, crowd: list[dict[str, Any]]) -> None:
    """How many there are in each zone, before anything is frozen."""
    found = scheduling.zones_of_lists(connection, ["first", "second"])
    zones = [zone_of(attributes, KNOWN) for attributes in crowd]
    assert found == {zone: zones.count(zone) for zone in zones}


def test_all_zones_are_38_moments(world: World) -> None:
    """And in each of them it is nine in the morning, in summer and in winter."""
    rows = [NewSubscriber(address(f"p{at}"), {"timezone": zone}, CONFIRMED) for at, zone in enumerate(ZONES)]
    world.upsert("weekly", rows)
    plan(world, "weekly", when=Schedule(NOW, None, "2026-11-25T09:00"))
    counts = begin(world)
    assert counts is not None
    assert counts.recipients == len(ZONES)
    with world.store.read() as connection:
        assert count(connection, batches) == 38
        query = (
            sa.select(people.c.attributes, batches.c.due_at)
            .join_from(deliveries, people, people.c.id == deliveries.c.subscriber_id)
            .join(batches, batches.c.id == deliveries.c.batch_id)
        )
        for attributes, due_at in connection.execute(query):
            shown = due_at.astimezone(ZoneInfo(attributes["timezone"]))
            assert shown.isoformat()[:16] == "2026-11-25T09:00"


def test_batches_wait_for_their_moment(world: World) -> None:
    world.add("weekly", "ada", timezone="Asia/Tokyo")
    world.add("weekly", "ben", timezone="Europe/Oslo")
    world.add("weekly", "cleo")
    world.now = datetime(2026, 11, 24, 23, 55, tzinfo=UTC)
    plan(world, "weekly", when=Schedule(world.now, None, "2026-11-25T09:00"))
    begin(world, zone="America/New_York")
    for moment, name in (("00:00", "ada"), ("08:00", "ben"), ("14:00", "cleo")):
        hour, minute = map(int, moment.split(":"))
        world.now = datetime(2026, 11, 25, hour, minute, tzinfo=UTC) - timedelta(seconds=1)
        assert (world.claim(), ready(world)) == (None, [])
        world.later(1 / 60)
        assert ready(world) == ["issue"]
        batch = world.claimed()
        assert names(batch) == [name]
        assert world.begin(batch)
        world.record(batch, receipts(batch, Outcome.ACCEPTED))
    assert world.finish()


def test_people_on_both_databases_have_the_same_zones(world: World, another: Callable[[], Store]) -> None:
    with another().read() as connection:
        assert readerzones.used(connection, [1]) == {}
    world.add("weekly", "ada", timezone="asia/tokyo", tz="UTC")
    world.add("weekly", "ben", tz="Europe/Oslo")
    with world.store.read() as connection:
        used = readerzones.used(connection, [world.lists.get("weekly", 1)])
    assert used == {"timezone": {"asia/tokyo"}, "tz": {"europe/oslo", "utc"}}
    assert readerzones.names(used) == {"Asia/Tokyo", "Europe/Oslo", "UTC"}


@SERVERS_ONLY
def test_others_are_paused_while_one_chooses_its_audience(world: World) -> None:
    """It takes a minute for a million people, and a pause has to stop calls within a second."""
    world.add("weekly", "ada")
    for name in ("one", "two"):
        plan(world, "weekly", name=name, when=Schedule(world.now))
    begin(world, "one")
    with world.store.derive() as connection:
        assert scheduling.start(connection, "two", world.now, Terms()) is not None
        with world.store.write() as other:
            other.execute(sa.text("SET LOCAL lock_timeout = '5s'"))
            issues.pause(other, "one", "", world.now)
    assert (stored(world, "one").state, stored(world, "two").state) == (IssueState.PAUSED, IssueState.SENDING)
