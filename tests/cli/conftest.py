"""A workspace of its own for every test, and the program run over it."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mailer.cli import main
from tests import migrated

SETTINGS = """
[organisation]
name = "Rivers United"
postal_address = "1 Quay Street, Oslo"
contact = "office@example.org"

[from.office]
name = "Rivers United"
email = "news@example.org"

[tags.aliases]
cleanrivers = ["river-cleanup"]
"""

WEEKLY = """
title = "Weekly bulletin"
description = "Every Sunday."
opt_in = "double"
"""

MEMBERS = """
title = "Members"
opt_in = "single"
"""


@dataclass(frozen=True)
class Run:
    """What one command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Program:
    """Runs commands over one workspace."""

    root: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *words: str, stdin: bytes | None = None) -> Run:
        if stdin is not None:
            self.monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        self.capsys.readouterr()
        code = main(["--workspace", str(self.root), *words])
        captured = self.capsys.readouterr()
        return Run(code, captured.out, captured.err)

    def done(self, *words: str, stdin: bytes | None = None) -> Run:
        """Runs a command that must succeed."""
        run = self(*words, stdin=stdin)
        assert run.code == 0, run.err
        return run

    def write(self, path: str, text: str | bytes) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode() if isinstance(text, str) else text)
        return target

    def add_settings(self, text: str) -> None:
        with (self.root / "mailer.toml").open("a", encoding="utf-8") as file:
            file.write(text)


@pytest.fixture
def fresh(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    """A workspace in which no command has run yet."""
    for name in ("MAILER_WORKSPACE", "MAILER_DEBUG", "DATABASE_URL", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    program = Program(tmp_path / "workspace", capsys, monkeypatch)
    program.write("mailer.toml", SETTINGS)
    program.write("subscribers/weekly.toml", WEEKLY)
    program.write("subscribers/members.toml", MEMBERS)
    return program


@pytest.fixture
def mailer(fresh: Program) -> Program:
    """With its database there already."""
    fresh.write("mailer.db", migrated.file()).chmod(0o600)  # as the program itself makes it
    return fresh


@dataclass
class Site:
    """A web server whose answers a test decides; it keeps the headers of every request."""

    url: str
    answers: dict[str, tuple[int, Mapping[str, str], bytes]] = field(default_factory=dict)
    requests: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)
    may_answer: threading.Event = field(default_factory=threading.Event)

    def answer(self, path: str, status: int, body: bytes | str = b"", **headers: str) -> None:
        body = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers[path] = (status, named, body)


def handler_of(site: Callable[[], Site]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site().requests.append((self.path, dict(self.headers)))
            site().asked.set()
            site().may_answer.wait(60)
            status, headers, body = site().answers.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Keeps the test's output clean."""

    return Handler


@pytest.fixture
def site() -> Iterator[Site]:
    held: list[Site] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(lambda: held[0]))
    held.append(Site(f"http://127.0.0.1:{server.server_port}"))
    held[0].may_answer.set()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield held[0]
    held[0].may_answer.set()
    server.shutdown()
    server.server_close()
    thread.join()


def rss(*titles: str, tag: str = "Clean Rivers") -> str:
    """A feed with one entry a title, newest first."""
    items = "".join(
        f"<item><title>{title}</title><link>https://site.example/{number}</link>"
        f"<guid isPermaLink='false'>{title}</guid><description>About {title}.</description>"
        f"<category>{tag}</category><pubDate>Sun, {22 - number} Nov 2026 0{9 - number}:00:00 GMT</pubDate></item>"
        for number, title in enumerate(titles)
    )
    return f"<rss version='2.0'><channel><title>Site</title><link>https://site.example/</link>{items}</channel></rss>"


@pytest.fixture
def feed() -> Callable[..., str]:
    return rss
