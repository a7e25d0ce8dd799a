"""Looking whether something is at an address, against real servers on 127.0.0.1."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mailer import __version__
from mailer.errors import FetchError
from mailer.fetch import FetchPolicy, Seen, ask_here, probe
from mailer.fetch.prober import BEGINNING
from mailer.model import Trouble
from tests.site import Site, certificate_for, drip, endless, reply, tls_sides

HOUSE = FetchPolicy(allow_private=True, total_seconds=5, step_seconds=2)
PAGE = reply(b"<h1>Rivers</h1>", "Content-Type: text/html; charset=utf-8")


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site()
    yield server
    server.close()


def trouble(url: str, policy: FetchPolicy = HOUSE) -> str:
    with pytest.raises(FetchError) as caught:
        probe(url, policy=policy)
    return caught.value.trouble


def to(place: str, status: str = "302 Found") -> bytes:
    return reply(b"", f"Location: {place}", status=status)


def test_a_page_is_asked_for_by_its_head_alone(site: Site) -> None:
    site.replies["/a"] = PAGE
    assert probe(f"{site.url}/a", policy=HOUSE) == Seen(200, f"{site.url}/a", False, "text/html", 15)
    assert site.lines == ["HEAD /a"]
    assert f"campaign-mailer/{__version__}" in (site.header("User-Agent") or "")
    assert site.header("Accept-Encoding") == "identity"


@pytest.mark.parametrize("status", ["404 Not Found", "405 Not Allowed", "403 Forbidden", "501 Unknown", "500 Broken"])
def test_who_does_not_answer_to_head_is_asked_as_a_reader_would(site: Site, status: str) -> None:
    site.replies |= {"HEAD /a": reply(status=status), "GET /a": PAGE}
    assert probe(f"{site.url}/a", policy=HOUSE).status == 200
    assert site.lines == ["HEAD /a", "GET /a"]


def test_who_hangs_up_on_head_is_asked_as_a_reader_would(site: Site) -> None:
    site.replies |= {"HEAD /a": b"", "GET /a": PAGE}
    assert probe(f"{site.url}/a", policy=HOUSE).status == 200
    assert site.lines == ["HEAD /a", "GET /a"]


@pytest.mark.parametrize("status", ["429 Too Many", "503 Not Now"])
def test_who_asks_for_patience_is_not_asked_twice(site: Site, status: str) -> None:
    site.replies["/a"] = reply(b"", "Retry-After: 60", status=status)
    assert probe(f"{site.url}/a", policy=HOUSE).status == int(status[:3])
    assert site.lines == ["HEAD /a"]


def test_what_is_gone_is_gone_both_ways(site: Site) -> None:
    site.replies["/a"] = reply(b"no", status="410 Gone")
    assert probe(f"{site.url}/a", policy=HOUSE).status == 410
    assert site.lines == ["HEAD /a", "GET /a"]


def test_of_an_image_the_beginning_is_read(site: Site) -> None:
    site.replies["/a"] = reply(b"x" * 300_000, "Content-Type: IMAGE/Png")
    seen = probe(f"{site.url}/a", policy=HOUSE)
    assert (seen.content_type, seen.octets, len(seen.beginning)) == ("image/png", 300_000, BEGINNING)
    assert site.lines == ["HEAD /a", "GET /a"]


def test_an_image_without_an_end_ends(site: Site) -> None:
    site.replies["/a"] = endless(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n", b"x" * 65_536)
    seen = probe(f"{site.url}/a", policy=HOUSE)
    assert (seen.octets, len(seen.beginning)) == (0, BEGINNING)


def test_an_image_of_unknown_size_is_as_large_as_what_came(site: Site) -> None:
    chunks = b"5\r\n12345\r\n5\r\n12345\r\n0\r\n\r\n"
    site.replies["/a"] = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    seen = probe(f"{site.url}/a", policy=HOUSE)
    assert (seen.octets, seen.beginning) == (10, b"1234512345")


@pytest.mark.parametrize(
    ("first", "second", "moved"),
    [
        ("301 Moved", "308 Moved", True),
        ("301 Moved", "302 Found", False),
        ("307 For Now", "301 Moved", False),
        ("303 See There", "303 See There", False),
    ],
)
def test_a_page_has_moved_when_every_redirect_is_for_good(site: Site, first: str, second: str, moved: bool) -> None:
    site.replies |= {"/a": to("/b", first), "/b": to(f"{site.url}/c", second), "/c": PAGE}
    seen = probe(f"{site.url}/a", policy=HOUSE)
    assert (seen.final_url, seen.moved) == (f"{site.url}/c", moved)
    assert site.lines == ["HEAD /a", "HEAD /b", "HEAD /c"]


@pytest.mark.parametrize(("head", "get", "moved"), [("301", "301", True), ("302", "301", False), ("301", "302", False)])
def test_a_redirect_that_only_readers_get_counts_as_well(site: Site, head: str, get: str, moved: bool) -> None:
    site.replies |= {"/a": to("/b", f"{head} X"), "HEAD /b": reply(status="405 No"), "/b": to("/c", f"{get} X")}
    site.replies["/c"] = PAGE
    seen = probe(f"{site.url}/a", policy=HOUSE)
    assert (seen.final_url, seen.status, seen.moved) == (f"{site.url}/c", 200, moved)


def test_a_redirect_that_leads_nowhere_is_what_was_answered(site: Site) -> None:
    site.replies["/a"] = reply(status="302 Found")
    assert probe(f"{site.url}/a", policy=HOUSE).status == 302


def test_a_type_is_words_and_nothing_else(site: Site) -> None:
    site.replies["/a"] = reply(b"", "Content-Type: text/\x00\xe9html" + "x" * 200)
    assert probe(f"{site.url}/a", policy=HOUSE).content_type == "text/html" + "x" * 89


def test_a_size_that_nobody_can_have_is_cut(site: Site) -> None:
    site.replies["/a"] = b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n"
    assert probe(f"{site.url}/a", policy=HOUSE).octets == 10**15 - 1


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("http://10.0.0.1/", Trouble.PRIVATE),
        ("http://localhost/", Trouble.PRIVATE),
        ("http://0x7f000001/", Trouble.PRIVATE),
        ("http://169.254.169.254/latest/meta-data/", Trouble.PRIVATE),
        ("ftp://files.example/", Trouble.ADDRESS),
        ("http://a@files.example/", Trouble.ADDRESS),
        ("http://[::1", Trouble.ADDRESS),
        ("/", Trouble.LOOP),
    ],
)
def test_a_redirect_that_is_not_followed(site: Site, place: str, kind: Trouble) -> None:
    site.replies["/"] = to(place)
    assert trouble(site.url) == kind
    assert site.lines == ["HEAD /"] * (6 if kind is Trouble.LOOP else 1)


def test_a_private_host_is_never_asked(site: Site) -> None:
    assert trouble(site.url, replace(HOUSE, allow_private=False)) == Trouble.PRIVATE
    named = replace(HOUSE, allow_private=False, resolve=lambda host, port: ["127.0.0.1"])
    assert trouble(f"http://news.example:{site.port}/", named) == Trouble.PRIVATE
    assert site.requests == []


def unknown(host: str, port: int) -> list[str]:
    raise OSError("no such name")


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("mailto:a@files.example", Trouble.ADDRESS),
        ("http://files.example:0/", Trouble.ADDRESS),
        ("http://-.example/", Trouble.ADDRESS),
        ("http://nowhere.example/", Trouble.NAME),
    ],
)
def test_an_address_that_leads_nowhere(url: str, kind: Trouble) -> None:
    assert trouble(url, replace(HOUSE, resolve=unknown)) == kind


def test_a_name_without_an_address() -> None:
    assert trouble("http://nowhere.example/", replace(HOUSE, resolve=lambda host, port: [])) == Trouble.NAME


def test_who_is_too_slow(site: Site) -> None:
    site.replies["/"] = lambda connection: time.sleep(1)
    assert trouble(site.url, replace(HOUSE, step_seconds=0.1)) == Trouble.TIME
    site.replies["/"] = drip(b"HTTP/1.1 200 OK\r\nX-A: ")
    assert trouble(site.url, replace(HOUSE, total_seconds=0.2)) == Trouble.TIME


def test_who_does_not_speak_http(site: Site) -> None:
    site.replies["/"] = b"SSH-2.0-OpenSSH\r\n"
    assert trouble(site.url) == Trouble.CONNECTION


def test_a_certificate_that_nobody_trusts_or_that_is_for_another_name(tmp_path: Path) -> None:
    server, client = tls_sides(*certificate_for("news.example", tmp_path))
    site = Site(server)
    site.replies["/"] = PAGE
    policy = replace(HOUSE, resolve=lambda host, port: ["127.0.0.1"])
    assert probe(f"https://news.example:{site.port}/", policy=replace(policy, tls=client)).status == 200
    assert trouble(f"https://other.example:{site.port}/", replace(policy, tls=client)) == Trouble.TLS
    assert trouble(f"https://news.example:{site.port}/", policy) == Trouble.TLS
    site.replies["/"] = to("http://news.example/")
    assert trouble(f"https://news.example:{site.port}/", replace(policy, tls=client)) == Trouble.INSECURE
    site.close()


def test_a_form_is_posted_to_one_place_and_no_further(site: Site) -> None:
    site.replies |= {"POST /u": reply(b"done"), "GET /u": to("/elsewhere")}
    posted = ask_here(f"{site.url}/u", policy=HOUSE, body=b"a=b")
    assert (posted.status, posted.beginning) == (200, b"done")
    assert site.requests[0].endswith("\r\n\r\na=b")
    assert site.header("Content-Type") == "application/x-www-form-urlencoded"
    assert site.header("Content-Length") == "3"
    assert ask_here(f"{site.url}/u", policy=HOUSE).status == 302
    assert site.lines == ["POST /u", "GET /u"]
