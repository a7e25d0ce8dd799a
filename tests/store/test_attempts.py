"""Counting what is tried: right for any number of processes, within spans that move, and gone when its time is over."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.services.public import stamps
from mailer.store import attempts
from mailer.store.database import Store
from mailer.store.tables import attempts as counts
from mailer.store.tables import spent
from tests.store.world import NOW
from tests.thoroughness import examples

DAY = timedelta(days=1)
KEY = b"k" * 32


def admitted(store: Store, now: datetime, most: int = 2) -> bool:
    with store.write() as connection:
        return attempts.admit(connection, "ann", now, DAY, most) is not None


def test_everybody_who_counts_at_once_is_counted(store: Store) -> None:
    def one(_: int) -> int:
        with store.write() as connection:
            return attempts.count(connection, "list", NOW)

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(one, range(24))) == list(range(1, 25))


def test_no_more_are_admitted_at_once_than_one_after_the_other(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: admitted(store, NOW, 3), range(24))) == 3


def test_what_is_refused_does_not_count(store: Store) -> None:
    assert [admitted(store, NOW + timedelta(hours=hour)) for hour in range(5)] == [True, True, False, False, False]
    assert not admitted(store, NOW + DAY)
    # The first two are over, one an hour after the other; the tries in between kept nobody out.
    assert admitted(store, NOW + timedelta(hours=25))
    assert admitted(store, NOW + timedelta(hours=26))
    assert not admitted(store, NOW + timedelta(hours=27))


def test_what_did_not_happen_is_taken_back(store: Store) -> None:
    with store.write() as connection:
        mark = attempts.admit(connection, "ann", NOW, DAY, 1)
        assert mark is not None
        assert attempts.number(connection, "ann", mark) == 1
        attempts.take_back(connection, "ann", mark)
        attempts.take_back(connection, "ann", mark)
        assert attempts.number(connection, "ann", mark) == 0
    assert admitted(store, NOW, 1)


def test_a_thing_is_used_up_once(store: Store) -> None:
    def use(_: int) -> bool:
        with store.write() as connection:
            return attempts.spend(connection, "stamp", NOW)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(use, range(16))) == 1


def test_what_is_over_is_deleted_and_nothing_else(store: Store) -> None:
    with store.write() as connection:
        for hour in range(6):
            attempts.count(connection, "list", NOW + timedelta(hours=hour))
            attempts.spend(connection, f"stamp {hour}", NOW + timedelta(hours=hour))
        assert attempts.forget_old(connection, NOW + timedelta(hours=3), 2) == 4
        assert attempts.forget_old(connection, NOW + timedelta(hours=3), 100) == 2
        assert [
            connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() for table in (counts, spent)
        ] == [3, 3]


@settings(max_examples=examples(400), deadline=None)
@given(st.text(max_size=60) | st.text("ABCDEFabcdef0189-_=", min_size=44, max_size=44))
def test_nothing_that_somebody_writes_is_a_stamp(text: str) -> None:
    assert stamps.shown_at([KEY], "weekly", text) is None
    assert not stamps.solved("stamp", text, bits=256)


@settings(max_examples=examples(400), deadline=None)
@given(st.timedeltas(-DAY * 3650, DAY * 3650), st.text(max_size=20), st.integers(0, 43), st.text(max_size=1))
def test_a_stamp_says_when_its_form_was_shown_and_no_letter_of_it_may_change(
    after: timedelta, form: str, place: int, letter: str
) -> None:
    now = NOW + after
    stamp = stamps.make([KEY], form, now)
    assert len(stamp) == stamps.LENGTH
    assert stamps.shown_at([KEY], form, stamp) == now
    assert stamps.shown_at([KEY], form + "x", stamp) is None
    changed = stamp[:place] + letter + stamp[place + 1 :]
    assert changed == stamp or stamps.shown_at([KEY], form, changed) is None
