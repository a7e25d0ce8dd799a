"""The doctor's rounds, the public pages over TLS, and what waits, each with what is wrong with it."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mailer.app import Mailer, open_mailer
from mailer.checks.domain.verdict import State, Verdict, fine
from mailer.errors import ConfigError, ProviderError
from mailer.fetch import FetchPolicy
from mailer.services.doctoring.domains import permit_of
from mailer.services.doctoring.rounds import Examination, advice_of, go_round
from mailer.services.doctoring.waiting import examine_queue, judge_reports
from mailer.services.doctoring.website import examine_clock, examine_site
from mailer.workspace import Workspace
from tests.site import certificate_for

NOW = datetime.now(UTC)
HOST = "news.example"


def untold(done: int, all_of: int) -> None:
    """Nobody looks."""


def test_what_to_do_says_nothing_of_sending() -> None:
    error = ProviderError("no answer", hint="Nothing was sent. Look at the network, then send again.")
    assert advice_of(error) == "Look at the network."
    assert advice_of(ConfigError("wrong")) == ""


def test_what_breaks_or_is_late_hides_nothing_else() -> None:
    held, told = threading.Event(), []

    def breaks() -> list[Verdict]:
        raise RuntimeError("with somebody's address in it")

    def refuses() -> list[Verdict]:
        raise ConfigError("no such thing\nand more", hint="do this")

    def waits() -> list[Verdict]:
        held.wait(30)
        return [fine("late", "too late")]

    rounds = [
        Examination("late", waits), Examination("a", breaks), Examination("b", refuses),
        Examination("c", lambda: [fine("c", "well")]),
    ]  # fmt: skip
    found = go_round(rounds, 0.5, lambda done, all_of: told.append((done, all_of)))
    held.set()
    assert [(each.area, each.state, each.words) for each in found] == [
        ("late", State.UNKNOWN, "no answer within 0.5 seconds"),
        ("a", State.UNKNOWN, "this could not be looked at (RuntimeError)"),
        ("b", State.ERROR, "no such thing"),
        ("c", State.OK, "well"),
    ]
    assert found[2].advice == "do this"
    assert told == [(1, 4), (2, 4), (3, 4)]


@pytest.mark.parametrize(
    ("host", "permit"),
    [
        ("email-smtp.eu-west-1.amazonaws.com", "include:amazonses.com"),
        ("smtp.gmail.com", "include:_spf.google.com"),
        ("Smtp.Example.org.", "a:smtp.example.org"),
        ("notgmail.com", "a:notgmail.com"),
        ("192.0.2.1", ""),
        ("localhost", ""),
        ("", ""),
    ],
)
def test_the_mechanism_that_lets_a_server_send(host: str, permit: str) -> None:
    assert permit_of(host) == permit


@pytest.mark.parametrize(
    ("seconds", "state"), [(0, State.OK), (-58, State.OK), (63, State.WARNING), (-63, State.WARNING)]
)
def test_the_clock_is_held_beside_the_web_servers(seconds: int, state: State) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert [verdict.state for verdict in examine_clock(date, NOW.replace(microsecond=0))] == [state]


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_a_web_server_without_a_clock_shows_nothing(date: str) -> None:
    assert [verdict.state for verdict in examine_clock(date, NOW)] == [State.UNKNOWN]


class Pages:
    """What the stand-in for our own site answers, and what it was asked."""

    healthy: ClassVar[tuple[int, bytes]] = (200, b"ok\n")

    def __init__(self) -> None:
        self.health, self.shown, self.posted = self.healthy, 200, 200
        self.asked: list[tuple[str, str, bytes]] = []

    def handler(self) -> type[BaseHTTPRequestHandler]:
        pages = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer("GET", b"", *(pages.health if self.path == "/healthz" else (pages.shown, b"page")))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.answer("POST", body, pages.posted, b"done")

            def answer(self, method: str, body: bytes, status: int, data: bytes) -> None:
                pages.asked.append((method, self.path[:3], body))
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: Any) -> None:
                """Keeps the test's output clean."""

        return Handler


Opening = Callable[..., tuple[Mailer, FetchPolicy]]


@pytest.fixture
def pages() -> Pages:
    return Pages()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate_for(HOST, tmp_path_factory.mktemp("tls"))


@pytest.fixture
def opening(pages: Pages, certificate: tuple[Path, Path], tmp_path: Path) -> Iterator[Opening]:
    """Opens a workspace whose pages are served over TLS, and says how they are reached."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), pages.handler())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    made: list[Mailer] = []

    def opened(base_url: str = "", trusts: bool = True) -> tuple[Mailer, FetchPolicy]:
        url = base_url or f"https://{HOST}:{server.server_port}"
        (tmp_path / "mailer.toml").write_text(f'[web]\nbase_url = "{url}"\n[provider]\nname = "sendgrid"\n')
        made.append(open_mailer(Workspace(tmp_path), {"MAILER_SECRET_KEY": "k" * 64}))
        tls = ssl.create_default_context(cafile=str(certificate[0])) if trusts else None
        policy = FetchPolicy(allow_private=True, tls=tls, resolve=lambda host, port: ["127.0.0.1"], total_seconds=5)
        return made[-1], policy

    yield opened
    for each in made:
        each.close()
    server.shutdown()
    server.server_close()


def looked(opening: Opening, state: State, now: datetime = NOW, **how: Any) -> list[str]:
    program, policy = opening(**how)
    return [verdict.words for verdict in examine_site(program, policy, now) if verdict.state is state]


def test_pages_in_order_are_asked_as_mail_programs_ask(opening: Opening, pages: Pages) -> None:
    program, policy = opening()
    found = list(examine_site(program, policy, datetime.now(UTC)))  # a real server tells the time
    assert [(verdict.area, verdict.state) for verdict in found] == [
        ("web", State.OK), ("clock", State.OK), ("certificate", State.WARNING), ("one click", State.OK),
    ]  # fmt: skip
    assert pages.asked == [("GET", "/he", b""), ("GET", "/u/", b""), ("POST", "/u/", b"List-Unsubscribe=One-Click")]


@pytest.mark.parametrize(
    ("shown", "posted", "which"), [(302, 200, "the page"), (200, 303, "one click"), (200, 405, "one click")]
)
def test_the_way_out_must_answer_at_once(opening: Opening, pages: Pages, shown: int, posted: int, which: str) -> None:
    pages.shown, pages.posted = shown, posted
    status = shown if shown != 200 else posted
    assert looked(opening, State.ERROR) == [f"{which} of unsubscribing is answered with {status}, and must be 200"]


@pytest.mark.parametrize("health", [(404, b"no"), (200, b"<html>"), (301, b"")])
def test_what_answers_must_be_ours(opening: Opening, pages: Pages, health: tuple[int, bytes]) -> None:
    pages.health = health
    (words,) = looked(opening, State.ERROR)
    assert words.endswith(f"answers {health[0]} to /healthz, which is not mailer serve")


def test_a_certificate_that_nobody_trusts_is_an_error(opening: Opening) -> None:
    (words,) = looked(opening, State.ERROR, trusts=False)
    assert "secure connection failed" in words


def test_the_days_of_a_certificate_are_counted(opening: Opening, certificate: tuple[Path, Path]) -> None:
    from cryptography import x509

    until = x509.load_pem_x509_certificate(certificate[0].read_bytes()).not_valid_after_utc
    fortnight = until - timedelta(days=14, minutes=1)
    assert f"the certificate of {HOST} is good for 14 more days" in looked(opening, State.OK, fortnight)
    assert f"the certificate of {HOST} ends in 13 days" in looked(
        opening, State.WARNING, fortnight + timedelta(hours=1)
    )


def test_nobody_at_the_address_is_an_error(opening: Opening) -> None:
    found = looked(opening, State.ERROR, base_url="http://127.0.0.1:9")
    assert found[0] == "base_url has no https, which one click needs (RFC 8058)"
    assert "the connection failed" in found[1]


# What waits


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Mailer]:
    (tmp_path / "mailer.toml").write_text('[provider]\nname = "sendgrid"\n')
    program = open_mailer(Workspace(tmp_path), {})
    yield program
    program.close()


def test_a_database_that_is_not_there_is_not_made(house: Mailer) -> None:
    assert list(examine_queue(house)) == []
    assert not (house.workspace.root / "mailer.db").exists()


@pytest.mark.parametrize(
    ("sent", "heard", "state", "words"),
    [
        (None, None, State.UNKNOWN, "nothing was sent yet, so that nothing was reported"),
        (30, None, State.OK, None),
        (90, None, State.WARNING, "nothing was reported since mails were handed over 1 h 30 min ago"),
        (90, 120, State.WARNING, "nothing was reported since mails were handed over 1 h 30 min ago"),
        (90, 80, State.OK, "the last report came 1 h 20 min ago"),
        (30, 50, State.OK, "the last report came 50 min ago"),
    ],
)
def test_reports_that_do_not_come(sent: int | None, heard: int | None, state: State, words: str | None) -> None:
    def ago(minutes: int | None) -> datetime | None:
        return None if minutes is None else NOW - timedelta(minutes=minutes)

    found = judge_reports(ago(heard), ago(sent), NOW)
    assert [(verdict.state, verdict.words) for verdict in found] == ([(state, words)] if words else [])
