"""The getter against real servers on 127.0.0.1, which answer whatever bytes a test gives them."""

from __future__ import annotations

import gzip
import socket
import ssl
import time
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailer import __version__
from mailer.errors import FetchError
from mailer.fetch import Fetched, FetchPolicy, fetch
from mailer.model import SourceState
from tests.site import Reply, Site, certificate_for, drip, endless, reply

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FEED = b'<rss version="2.0"><channel><title>River news</title></channel></rss>'
HOUSE = FetchPolicy(allow_private=True, total_seconds=5, step_seconds=2)


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site()
    yield server
    server.close()


def get(url: str, policy: FetchPolicy = HOUSE, state: SourceState | None = None) -> Fetched:
    return fetch(url, policy=policy, state=state or SourceState(), now=NOW)


def test_a_new_source_with_its_validators(site: Site) -> None:
    site.replies["/feed?tag=a"] = reply(
        FEED,
        "Content-Type: application/rss+xml; charset=utf-8",
        'ETag: W/"a-1"',
        "Last-Modified: Sun, 1 Nov 2026 08:00:00 GMT",
    )
    fetched = get(f"{site.url}/feed?tag=a")
    assert (fetched.status, fetched.body) == ("new", FEED)
    assert fetched.content_type == "application/rss+xml; charset=utf-8"
    assert fetched.final_url == f"{site.url}/feed?tag=a"
    # The server's own spelling of the day, which a date library would write as "01 Nov".
    assert fetched.state == SourceState('W/"a-1"', "Sun, 1 Nov 2026 08:00:00 GMT", fetched_at=NOW)
    assert site.header("Host") == f"127.0.0.1:{site.port}"
    assert f"campaign-mailer/{__version__}" in (site.header("User-Agent") or "")


def test_an_unchanged_source_is_asked_with_the_validators_as_they_came(site: Site) -> None:
    site.replies["/"] = reply(status="304 Not Modified")
    before = SourceState('W/"a-1"', "Sun, 1 Nov 2026 08:00:00 GMT", not_before=NOW - timedelta(hours=1))
    fetched = get(site.url, state=before)
    assert (fetched.status, fetched.body) == ("unchanged", b"")
    assert fetched.state == SourceState(before.etag, before.last_modified, fetched_at=NOW)
    assert site.header("If-None-Match") == 'W/"a-1"'
    assert site.header("If-Modified-Since") == "Sun, 1 Nov 2026 08:00:00 GMT"


@pytest.mark.parametrize("etag", ['"a"\r\nX-Evil: 1', '"' + "x" * 3000 + '"', '"\u2028"'])
def test_a_validator_that_is_no_header_is_not_sent(site: Site, etag: str) -> None:
    site.replies["/"] = reply(FEED)
    assert get(site.url, state=SourceState(etag)).status == "new"
    assert site.header("If-None-Match") is None
    assert site.header("X-Evil") is None


def test_a_304_nobody_asked_for_is_an_error(site: Site) -> None:
    site.replies["/"] = reply(status="304 Not Modified")
    with pytest.raises(FetchError, match="304"):
        get(site.url)


def test_a_source_that_is_gone(site: Site) -> None:
    site.replies["/"] = reply(status="410 Gone")
    fetched = get(site.url, state=SourceState('"a"'))
    assert (fetched.status, fetched.state.gone, fetched.state.etag) == ("gone", True, '"a"')


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [
        ("429 Too Many Requests", "Retry-After: 120", 120.0),
        ("503 Service Unavailable", "Retry-After: Sun, 22 Nov 2026 12:10:00 GMT", 600.0),
        ("503 Service Unavailable", "Retry-After: Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("429 Too Many Requests", "Retry-After: soon", None),
        ("429 Too Many Requests", "Retry-After: -5", None),
        ("429 Too Many Requests", "X-None: 1", None),
        ("404 Not Found", "Retry-After: 120", None),
    ],
)
def test_when_to_ask_again(site: Site, status: str, header: str, seconds: float | None) -> None:
    site.replies["/"] = reply(b"no", header, status=status)
    with pytest.raises(FetchError, match=status[:3]) as caught:
        get(site.url)
    assert caught.value.status == int(status[:3])
    assert caught.value.retry_after == seconds


def test_redirects_are_followed_to_a_relative_and_an_absolute_place(site: Site) -> None:
    site.replies["/a"] = reply(b"", "Location: b?x=1", status="301 Moved")
    site.replies["/b?x=1"] = reply(b"", f"Location: {site.url}/c", status="307 Temporary")
    site.replies["/c"] = reply(FEED)
    fetched = get(f"{site.url}/a")
    assert (fetched.body, fetched.final_url) == (FEED, f"{site.url}/c")


def test_a_redirect_loop_ends(site: Site) -> None:
    site.replies["/"] = reply(b"", "Location: /", status="302 Found")
    with pytest.raises(FetchError, match="more than 5 redirects"):
        get(site.url)
    assert len(site.requests) == 6


@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("http://10.0.0.1/", "private or reserved"),
        ("http://169.254.169.254/latest/meta-data/", "private or reserved"),
        ("http://[::ffff:127.0.0.1]/", "private or reserved"),
        ("http://0x7f000001/", "disguise"),
        ("http://a@127.0.0.1/", "user name"),
        ("file:///etc/passwd", "only http and https"),
        ("gopher://127.0.0.1:25/_HELO", "only http and https"),
        ("http://[::1", "no web address"),
        ("http://localhost/", "private or reserved"),
    ],
)
def test_a_redirect_is_checked_like_the_first_link(site: Site, location: str, says: str) -> None:
    site.replies["/"] = reply(b"", f"Location: {location}", status="302 Found")
    with pytest.raises(FetchError, match=says):
        get(site.url)


def test_a_redirect_without_a_place(site: Site) -> None:
    site.replies["/"] = reply(status="302 Found")
    with pytest.raises(FetchError, match="leads nowhere"):
        get(site.url)


def test_the_name_is_asked_for_once_and_the_checked_address_is_used(site: Site) -> None:
    answers = [["127.0.0.1"], ["10.0.0.1"]]
    asked: list[str] = []

    def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return answers[len(asked) - 1]

    site.replies["/"] = reply(FEED)
    policy = FetchPolicy(allow_private=True, resolve=rebinding)
    assert get(f"http://news.example:{site.port}/", policy).body == FEED
    assert asked == ["news.example"]
    assert site.header("Host") == f"news.example:{site.port}"


def test_a_name_that_points_into_the_own_network_is_never_asked(site: Site) -> None:
    policy = FetchPolicy(resolve=lambda host, port: ["127.0.0.1"])
    with pytest.raises(FetchError, match="private or reserved"):
        get(f"http://news.example:{site.port}/", policy)
    assert site.requests == []


def test_the_next_address_is_tried_when_the_first_refuses(site: Site) -> None:
    site.replies["/"] = reply(FEED)
    policy = FetchPolicy(allow_private=True, resolve=lambda host, port: ["127.0.0.2", "127.0.0.1"])
    assert get(f"http://news.example:{site.port}/", policy).body == FEED


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(FetchError, match="the connection failed"):
        get(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP"])
def test_a_packed_body(site: Site, coding: str) -> None:
    packed = gzip.compress(FEED[:30]) + gzip.compress(FEED[30:]) + b"\x00" * 20
    site.replies["/"] = reply(packed, f"Content-Encoding: {coding}")
    assert get(site.url).body == FEED


def test_a_chunked_body(site: Site) -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (FEED[:20], FEED[20:])) + b"0\r\n\r\n"
    site.replies["/"] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    assert get(site.url).body == FEED


def gzip_bomb(size: int) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    zeros = b"\x00" * 1_000_000
    first, again = (packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + again * (size // len(zeros) - 1)  # it is never read to its end


@pytest.mark.parametrize(
    "answer",
    [
        reply(gzip_bomb(200_000_000), "Content-Encoding: gzip"),
        endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n"),
        endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
        b"HTTP/1.1 200 OK\r\nContent-Length: 6000000\r\n\r\n",
    ],
    ids=["gzip-bomb", "endless-chunks", "endless-stream", "declared"],
)
def test_a_body_that_is_too_large(site: Site, answer: Reply) -> None:
    site.replies["/"] = answer
    started = time.monotonic()
    with pytest.raises(FetchError, match="sends more than 5 MB"):
        get(site.url)
    assert time.monotonic() - started < 4


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (reply(b"not gzip at all", "Content-Encoding: gzip"), "the connection failed"),
        (reply(gzip.compress(FEED)[:-12], "Content-Encoding: gzip"), "breaks off"),
        (reply(FEED, "Content-Encoding: br"), "not asked for"),
        (reply(FEED, "Content-Encoding: gzip, gzip"), "not asked for"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nshort", "the connection failed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "the connection failed"),
        (b"SSH-2.0-OpenSSH\r\n", "the connection failed"),
        (b"", "the connection failed"),
        (b"HTTP/1.1 200 OK\r\n" + b"X-A: 1\r\n" * 500 + b"\r\n", "the connection failed"),
        (b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 100_000 + b"\r\n\r\n", "the connection failed"),
    ],
)
def test_a_broken_answer_is_one_line(site: Site, answer: bytes, says: str) -> None:
    site.replies["/"] = answer
    with pytest.raises(FetchError, match=says) as caught:
        get(site.url)
    assert "\n" not in str(caught.value)
    assert "object at 0x" not in str(caught.value)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX-A: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
    ids=["status", "header", "body", "body-without-length"],
)
def test_a_server_that_drips_is_cut_off_at_the_deadline(site: Site, head: bytes) -> None:
    site.replies["/"] = drip(head)
    started = time.monotonic()
    with pytest.raises(FetchError, match="did not answer in time"):
        get(site.url, FetchPolicy(allow_private=True, total_seconds=0.5, step_seconds=2))
    assert time.monotonic() - started < 2


def test_a_server_that_says_nothing_is_left_after_one_step(site: Site) -> None:
    site.replies["/"] = lambda connection: time.sleep(3)
    started = time.monotonic()
    with pytest.raises(FetchError, match="did not answer in time"):
        get(site.url, FetchPolicy(allow_private=True, total_seconds=10, step_seconds=0.2))
    assert time.monotonic() - started < 2


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate_for("news.example", tmp_path_factory.mktemp("tls"))


@pytest.fixture
def secure(certificate: tuple[Path, Path]) -> Iterator[tuple[Site, ssl.SSLContext, list[str | None]]]:
    asked: list[str | None] = []
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(*certificate)
    server_side.sni_callback = lambda wire, name, context: asked.append(name)
    server = Site(server_side)
    yield server, ssl.create_default_context(cafile=str(certificate[0])), asked
    server.close()


def trusting(tls: ssl.SSLContext | None, seconds: float = 5) -> FetchPolicy:
    return FetchPolicy(allow_private=True, tls=tls, resolve=lambda host, port: ["127.0.0.1"], total_seconds=seconds)


def test_the_certificate_and_sni_are_about_the_name_not_the_address(
    secure: tuple[Site, ssl.SSLContext, list[str | None]],
) -> None:
    site, tls, asked = secure
    site.replies["/"] = reply(FEED)
    assert get(f"https://news.example:{site.port}/", trusting(tls)).body == FEED
    assert asked == ["news.example"]
    assert site.header("Host") == f"news.example:{site.port}"
    assert get(f"https://127.0.0.1:{site.port}/", trusting(tls)).body == FEED


@pytest.mark.parametrize("host", ["other.example", "news.example"])
def test_a_certificate_for_another_name_or_from_nobody_is_refused(
    secure: tuple[Site, ssl.SSLContext, list[str | None]], host: str
) -> None:
    site, tls, _ = secure
    with pytest.raises(FetchError, match="secure connection failed"):
        get(f"https://{host}:{site.port}/", trusting(tls if host == "other.example" else None))
    assert site.requests == []


def test_https_is_not_left_for_http(secure: tuple[Site, ssl.SSLContext, list[str | None]]) -> None:
    site, tls, _ = secure
    site.replies["/"] = reply(b"", "Location: http://news.example/", status="301 Moved")
    with pytest.raises(FetchError, match="from https to http"):
        get(f"https://news.example:{site.port}/", trusting(tls))


def test_a_secure_server_that_drips_is_cut_off_too(
    secure: tuple[Site, ssl.SSLContext, list[str | None]],
) -> None:
    site, tls, _ = secure
    site.replies["/"] = drip(b"HTTP/1.1 200 OK\r\n\r\n")
    started = time.monotonic()
    with pytest.raises(FetchError, match="did not answer in time"):
        get(f"https://news.example:{site.port}/", trusting(tls, 0.6))
    assert time.monotonic() - started < 2


def test_a_handshake_that_never_comes_ends_in_time(site: Site) -> None:
    started = time.monotonic()
    with pytest.raises(FetchError):
        get(site.url.replace("http:", "https:"), FetchPolicy(allow_private=True, total_seconds=0.4))
    assert time.monotonic() - started < 2
