"""What links answered is kept, believed for a while, and forgotten."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa

from mailer.checks.facts import Probe
from mailer.store import probes
from mailer.store.database import Store
from mailer.store.tables import probes as table
from tests.store.world import NOW

HOUR = timedelta(hours=1)
PAGE = Probe(
    "https://site.example/a?b=c", NOW, 200, "moved for good", "https://site.example/ä", "image/png", 3 << 31, 600, 400
)


def keep(store: Store, *found: Probe) -> None:
    with store.write() as connection:
        probes.keep(connection, {each.url: each for each in found})


def known(store: Store, *urls: str, hours: float = 24) -> dict[str, Probe]:
    with store.read() as connection:
        return probes.known(connection, urls, NOW - timedelta(hours=hours))


def test_an_answer_comes_back_as_it_was(store: Store) -> None:
    keep(store, PAGE, Probe("http://b.example/", NOW, 0, "no answer in time"))
    assert known(store, PAGE.url, "https://site.example/a") == {PAGE.url: PAGE}
    assert known(store, "http://b.example/")["http://b.example/"].problem == "no answer in time"
    assert known(store) == {}


def test_a_new_answer_takes_the_place_of_the_old_one(store: Store) -> None:
    keep(store, PAGE)
    newer = Probe(PAGE.url, NOW + HOUR, 404)
    keep(store, newer)
    assert known(store, PAGE.url) == {PAGE.url: newer}


def test_an_answer_is_believed_from_that_moment_on(store: Store) -> None:
    keep(store, replace(PAGE, at=NOW - HOUR))
    assert PAGE.url in known(store, PAGE.url, hours=1)
    assert known(store, PAGE.url, hours=0.999) == {}


def test_more_addresses_than_one_question_has_room_for_and_longer_ones(store: Store) -> None:
    many = [Probe(f"https://site.example/{'x' * 3000}{number}", NOW, 200) for number in range(probes.CHUNK + 1)]
    keep(store, *many)
    assert len(known(store, *(each.url for each in many))) == probes.CHUNK + 1


def test_two_who_write_the_same_addresses_wait_for_each_other(store: Store) -> None:
    many = [Probe(f"https://site.example/{number}", NOW, 200) for number in range(50)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda order: keep(store, *many[::order]), (1, -1) * 4))
    assert len(known(store, *(each.url for each in many))) == 50


def test_what_is_old_is_deleted_by_portions_oldest_first(store: Store) -> None:
    keep(store, *(Probe(f"https://site.example/{hour}", NOW - hour * HOUR, 200) for hour in range(5)))
    with store.write() as connection:
        assert probes.forget_old(connection, NOW - HOUR, 2) == 2
    assert len(known(store, *(f"https://site.example/{hour}" for hour in range(3)))) == 3
    with store.write() as connection:
        assert probes.forget_old(connection, NOW - HOUR, 10) == 1
        assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 2
