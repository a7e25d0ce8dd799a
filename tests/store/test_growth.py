"""How a list grew: any history ends at the number who are confirmed, and every number is a count of its entries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from mailer.model import How, MailingList, SubscriptionState
from mailer.reports.calendar import Step
from mailer.reports.growth import FORGOTTEN, Movement, grow
from mailer.store import growth, lists
from mailer.store import subscriptions as stored
from mailer.store.subscribers import new_public_id
from mailer.store.subscriptions import Origin
from mailer.store.tables import subscribers, subscription_events, subscriptions
from tests.store.world import CONFIRMED, NOW, PENDING, UNSUBSCRIBED, World, key
from tests.thoroughness import examples

TODAY = NOW.date()
# A history is a sequence of (person, state or forgotten, hours later, list, how).
NAMES = ("ada", "ben", "cleo", "dan")
MOVES = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.sampled_from((CONFIRMED, PENDING, UNSUBSCRIBED, None)),
        st.integers(-50, 900),
        st.sampled_from(("weekly", "alerts")),
        st.sampled_from(list(How)),
    ),
    max_size=30,
)


def movements(world: World, name: str = "weekly") -> list[Movement]:
    with world.store.read() as connection:
        return growth.movements(connection, name)


def confirmed(world: World, name: str = "weekly") -> int:
    with world.store.read() as connection:
        return lists.counts(connection, name)[CONFIRMED]


def log(world: World, list_name: str, name: str, state: SubscriptionState, how: How = How.LINK) -> None:
    with world.store.write() as connection:
        write(connection, world.now, list_name, name, state, how)


def write(connection: Connection, now: datetime, list_name: str, name: str, state: SubscriptionState, how: How) -> None:
    """One entry as the consent log gets it, whatever the state was before: the log may hold one state twice."""
    list_id = lists.ensure(connection, MailingList(list_name, list_name.title()))
    times = {"created_at": now, "updated_at": now}
    person = sa.select(subscribers.c.id).where(subscribers.c.email_key == key(name))
    number = connection.execute(person).scalar()
    if number is None:
        known = {"email": key(name), "email_key": key(name), "attributes": {}, "domain": "example.org"}
        connection.execute(sa.insert(subscribers).values(**known, **times, public_id=new_public_id()))
        number = connection.execute(person).scalar_one()
    place = {"list_id": list_id, "subscriber_id": number}
    changed = connection.execute(sa.update(subscriptions).filter_by(**place).values(state=state))
    if not changed.rowcount:
        connection.execute(sa.insert(subscriptions).values(**place, **times, state=state))
    stored.write_event(connection, place, state, Origin(how), now)


def forget(connection: Connection, now: datetime, name: str) -> None:
    """What forgetting leaves: the log, and a person without address and subscriptions."""
    row = connection.execute(sa.select(subscribers.c.id).where(subscribers.c.email_key == key(name))).scalar()
    if row is not None:
        gone = {"email": "", "email_key": f"forgotten {row}", "forgotten_at": now}
        connection.execute(sa.update(subscribers).where(subscribers.c.id == row).values(**gone))
        connection.execute(sa.delete(subscriptions).where(subscriptions.c.subscriber_id == row))


def replay(world: World, history: Sequence[tuple[str, SubscriptionState | None, int, str, How]]) -> None:
    """Nothing but this history, in one transaction."""
    now = NOW - timedelta(days=900)
    with world.store.write() as connection:
        for table in (subscription_events, subscriptions, subscribers):
            connection.execute(sa.delete(table))
        for name, state, hours, list_name, how in history:
            now += timedelta(hours=hours)
            if state is None:
                forget(connection, now, name)
            else:
                write(connection, now, list_name, name, state, how)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=MOVES, step=st.sampled_from(Step), back=st.integers(0, 400))
def test_any_history_ends_at_the_number_who_are_confirmed(
    world: World, history: Sequence[tuple[str, SubscriptionState | None, int, str, How]], step: Step, back: int
) -> None:
    replay(world, history)
    for list_name in ("weekly", "alerts"):
        found = movements(world, list_name)
        series = grow(found, TODAY, TODAY - timedelta(days=back), step)
        assert series.confirmed == confirmed(world, list_name)
        assert series.points[-1].confirmed == series.confirmed
        assert series.before + sum(point.net for point in series.points) == series.confirmed
        assert sum(series.joined_by.values()) == series.joined
        assert sum(series.left_by.values()) == series.left


def test_who_joined_and_left_by_what_and_when(world: World) -> None:
    log(world, "weekly", "ada", PENDING, How.FORM)
    world.now += timedelta(days=1)
    log(world, "weekly", "ada", CONFIRMED, How.CONFIRM_LINK)
    log(world, "weekly", "ben", CONFIRMED, How.IMPORT)
    log(world, "weekly", "ben", CONFIRMED, How.IMPORT)
    log(world, "weekly", "cleo", PENDING, How.FORM)
    log(world, "weekly", "cleo", UNSUBSCRIBED, How.LINK)
    world.now += timedelta(days=1)
    log(world, "weekly", "ada", UNSUBSCRIBED, How.ONE_CLICK)
    log(world, "weekly", "ada", CONFIRMED, How.FORM)
    log(world, "weekly", "ben", PENDING, How.COMMAND)
    first, second = TODAY + timedelta(days=1), TODAY + timedelta(days=2)
    assert movements(world) == [
        Movement(first, "confirm_link", joined=1),
        Movement(first, "import", joined=1),
        Movement(second, "command", left=1),
        Movement(second, "form", joined=1),
        Movement(second, "one_click", left=1),
    ]


def test_the_forgotten_leave_on_the_day_they_are_forgotten_unless_they_had_left(world: World) -> None:
    for name in ("ada", "ben", "cleo"):
        log(world, "weekly", name, CONFIRMED, How.IMPORT)
    log(world, "weekly", "ben", UNSUBSCRIBED)
    log(world, "weekly", "dan", PENDING)
    log(world, "alerts", "cleo", CONFIRMED)
    world.now += timedelta(days=3)
    with world.store.write() as connection:
        forget(connection, world.now, "ada")
        forget(connection, world.now, "ben")
        forget(connection, world.now, "dan")
    assert movements(world)[-1] == Movement(TODAY + timedelta(days=3), FORGOTTEN, left=1)
    assert Counter(move.how for move in movements(world, "alerts")) == {"link": 1}
    assert confirmed(world) == 1


@pytest.mark.parametrize("hour, day", [(0, TODAY), (23, TODAY), (24, TODAY + timedelta(days=1))])
def test_a_day_begins_at_midnight_in_utc(world: World, hour: int, day: date) -> None:
    world.now = NOW.replace(hour=0) + timedelta(hours=hour)
    log(world, "weekly", "ada", CONFIRMED)
    assert [move.day for move in movements(world)] == [day]


def test_a_list_that_nobody_was_ever_on(world: World) -> None:
    assert movements(world, "none") == []
