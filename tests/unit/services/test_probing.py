"""Asking many links at once, over real servers and a real store."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.checks.facts import Probe
from mailer.config import Settings
from mailer.fetch import FetchPolicy
from mailer.model import Trouble
from mailer.services.checking import probing
from mailer.services.checking.kept import known_links, wanted_of
from mailer.services.checking.probing import dimensions, probe_links
from mailer.services.program import Program
from mailer.store.database import Store, open_store
from mailer.store.migrate import upgrade
from tests.site import Site, reply

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
HOUSE = FetchPolicy(allow_private=True, total_seconds=5, step_seconds=2)
PAGE = reply(b"<h1>Rivers</h1>", "Content-Type: text/html")
PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480) + b"\x08\x02\x00\x00\x00"


@dataclass
class Asker:
    """A program with a clock that may be moved, and what it was told."""

    store: Store
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.told: list[str] = []

    @property
    def program(self) -> Program:
        return cast(Program, SimpleNamespace(store=self.store, now=lambda: self.now, settings=Settings()))

    def ask(self, *urls: str, policy: FetchPolicy = HOUSE) -> dict[str, Probe]:
        return probe_links(self.program, urls, self.told.append, policy=policy)

    def known(self, *urls: str) -> dict[str, Probe]:
        return known_links(self.program, urls)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("template") / "mailer.db"
    opened = open_store(f"sqlite:///{path}")
    upgrade(opened)
    copy = opened.backup(path.with_name("copy.db"))
    opened.close()
    return copy.read_bytes()


@pytest.fixture
def asker(template: bytes, tmp_path: Path) -> Iterator[Asker]:
    (tmp_path / "mailer.db").write_bytes(template)
    store = open_store(f"sqlite:///{tmp_path}/mailer.db")
    yield Asker(store)
    store.close()


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site()
    yield server
    server.close()


def test_answers_are_kept_and_not_asked_for_again_while_they_are_believed(asker: Asker, site: Site) -> None:
    site.replies["/a"] = PAGE
    url = f"{site.url}/a"
    assert asker.known(url) == {}
    assert asker.ask(url) == {url: Probe(url, NOW, 200, "", url, "text/html", 15)}
    asker.now += timedelta(hours=24)
    assert asker.ask(url)[url].at == NOW
    assert asker.known(url)[url].at == NOW
    assert len(site.requests) == 1
    asker.now += timedelta(seconds=1)
    assert asker.known(url) == {}
    assert asker.ask(url)[url].at == asker.now
    assert len(site.requests) == 2


def test_what_was_not_there_is_asked_again_each_time(asker: Asker, site: Site) -> None:
    url = f"{site.url}/a"
    site.replies["/a"] = reply(status="404 Gone")
    assert asker.ask(url)[url].status == 404
    assert asker.known(url)[url].status == 404
    site.replies["/a"] = PAGE
    assert asker.ask(url)[url].status == 200
    assert asker.known(url)[url].status == 200


def test_a_page_is_asked_once_whatever_place_on_it_is_meant(asker: Asker, site: Site) -> None:
    site.replies["/a"] = PAGE
    first, second = f"{site.url}/a#one", f"{site.url}/a#two"
    found = asker.ask(first, second, first)
    assert found[first] == found[second]
    assert found[first].url == f"{site.url}/a"
    assert site.lines == ["HEAD /a"]
    assert set(asker.known(first)) == {first, f"{site.url}/a"}


def test_what_is_not_encrypted_is_tried_encrypted_as_well() -> None:
    assert wanted_of(["http://a.example/#b", "https://c.example/", "http://d.example:81/"]) == (
        "http://a.example/",
        "https://c.example/",
        "http://d.example:81/",
        "https://a.example/",
    )


def test_how_far_it_is_is_told(asker: Asker, site: Site) -> None:
    site.replies |= {f"/{number}": PAGE for number in range(3)}
    asker.ask(*(f"{site.url}/{number}" for number in range(3)))
    assert asker.told == ["1 of 3 links", "2 of 3 links", "3 of 3 links"]


def test_a_host_is_asked_by_two_at_once_and_no_more(asker: Asker, site: Site) -> None:
    busy, most, lock, pair = 0, 0, threading.Lock(), threading.Barrier(2)

    def answer(connection: object) -> None:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        # Two are there together, or nobody would go on; a third that came with them would be seen in `most`.
        pair.wait(5)
        with lock:
            busy -= 1
        connection.sendall(PAGE)  # type: ignore[attr-defined]

    site.replies |= {f"/{number}": answer for number in range(8)}
    found = asker.ask(*(f"{site.url}/{number}" for number in range(8)))
    assert [each.status for each in found.values()] == [200] * 8
    assert most == 2


def test_hosts_do_not_wait_for_one_another(asker: Asker) -> None:
    sites = [Site() for _ in range(3)]
    together = threading.Barrier(3)

    def answer(connection: object) -> None:
        together.wait(5)
        connection.sendall(PAGE)  # type: ignore[attr-defined]

    for each in sites:
        each.replies["/"] = answer
    names = [f"http://{name}.example:{each.port}/" for name, each in zip("abc", sites, strict=True)]
    found = asker.ask(*names, policy=replace(HOUSE, resolve=lambda host, port: ["127.0.0.1"]))
    assert [found[name].status for name in names] == [200] * 3
    for each in sites:
        each.close()


def test_who_asks_for_patience_gets_it_and_the_rest_is_said_to_be_unknown(asker: Asker, site: Site) -> None:
    site.replies |= {f"/{number}": reply(status="429 Too Many") for number in range(9)}
    urls = [f"{site.url}/{number}" for number in range(9)]
    found = asker.ask(*urls)
    asked = [url for url in urls if found[url].status == 429]
    assert 1 <= len(asked) <= 2
    assert len(site.requests) == len(asked)
    assert {found[url].problem for url in urls if url not in asked} == {Trouble.UNASKED}
    assert set(asker.known(*urls)) == set(asked)


def test_a_name_that_nobody_knows_is_asked_for_once_or_twice(asker: Asker) -> None:
    asked: list[str] = []

    def unknown(host: str, port: int) -> list[str]:
        asked.append(host)
        raise OSError("no such name")

    urls = [f"http://nowhere.example:81/{number}" for number in range(9)]
    found = asker.ask(*urls, policy=replace(HOUSE, resolve=unknown))
    assert {found[url].problem for url in urls} == {Trouble.NAME}
    assert len(asked) <= 2


def test_when_the_time_is_over_the_rest_is_not_looked_at(
    asker: Asker, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    # The time begins, the first answer is waited for, and then it is over.
    moments = iter([0.0, 0.0, 1000.0])
    monkeypatch.setattr(probing, "monotonic", lambda: next(moments))

    def slow_answer(connection: object) -> None:
        gate.wait(5)

    site.replies |= {"/quick": PAGE, "/slow": slow_answer}
    quick, slow = f"{site.url}/quick", f"{site.url}/slow"
    found = asker.ask(quick, slow)
    gate.set()
    assert (found[quick].status, found[slow].problem) == (200, Trouble.UNASKED)
    assert set(asker.known(quick, slow)) == {quick}


def test_a_host_that_was_too_slow_once_is_not_waited_for_again(asker: Asker, site: Site) -> None:
    site.replies |= {f"/{number}": lambda connection: time.sleep(0.5) for number in range(6)}
    urls = [f"{site.url}/{number}" for number in range(6)]
    found = asker.ask(*urls, policy=replace(HOUSE, step_seconds=0.1))
    troubles = [found[url].problem for url in urls]
    assert troubles.count(Trouble.TIME) <= 2
    assert set(troubles) == {Trouble.TIME, Trouble.UNASKED}


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://127.0.0.1:9/", Trouble.PRIVATE),
        ("http://[::1", Trouble.ADDRESS),
        ("https://a@site.example/", Trouble.ADDRESS),
        ("http://site.example/\x00", Trouble.ADDRESS),
        ("http://site.example/\ud800", Trouble.ADDRESS),
    ],
)
def test_what_is_never_asked_is_said_and_breaks_nothing(asker: Asker, url: str, problem: str) -> None:
    assert asker.ask(url, policy=replace(HOUSE, allow_private=False))[url].problem == problem
    assert asker.ask(url, policy=replace(HOUSE, allow_private=False))[url].problem == problem


def test_a_fault_of_the_program_is_no_broken_link(asker: Asker, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(url: str, *, policy: FetchPolicy) -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(probing, "probe", faulty)
    with pytest.raises(ZeroDivisionError):
        asker.ask(f"{site.url}/a")
    assert asker.known(f"{site.url}/a") == {}


def test_the_pixels_of_an_image_are_kept(asker: Asker, site: Site) -> None:
    site.replies |= {"/a": reply(PNG, "Content-Type: image/png"), "/b": reply(b"GIF", "Content-Type: image/gif")}
    site.replies["/c"] = reply(PNG, "Content-Type: image/png", status="404 Gone")
    found = asker.ask(*(f"{site.url}/{name}" for name in "abc"))
    sizes = {url[-1]: (each.width, each.height, each.octets) for url, each in found.items()}
    assert sizes == {"a": (640, 480, len(PNG)), "b": (0, 0, 3), "c": (0, 0, len(PNG))}


def test_a_drawing_has_no_pixels() -> None:
    assert dimensions(b'  <svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>') == (0, 0)
    assert dimensions(b"") == (0, 0)


@given(
    st.sampled_from(
        [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF1234WEBP", b"II*\x00", b"MM\x00*", b""]
    ),
    st.binary(max_size=300),
)
def test_whatever_comes_for_an_image_has_a_size_or_none(magic: bytes, rest: bytes) -> None:
    width, height = dimensions(magic + rest)
    assert (width > 0) == (height > 0)
    assert width >= 0
