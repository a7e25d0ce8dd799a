"""`mailer preview`: what is refused before anything is served or pictured. Page and pictures are in tests/web."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.campaign import ISSUE, write_issue


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ((ISSUE, "--out", "there"), 2, "--out does not go with it"),
        (("no-such-issue",), 1, 'unknown issue "no-such-issue"'),
        (("../mailer",), 1, 'unknown issue "mailer"'),
        ((ISSUE, "--as", "nobody@example.org"), 1, "that address is on none of the issue's lists"),
        ((ISSUE, "--as", "no address"), 2, "that is no e-mail address"),
        ((ISSUE, "--port", "70000"), 2, "less than or equal to 65535"),
    ],
)
def test_what_cannot_be_shown_is_said_at_once(mailer: Any, words: tuple[str, ...], code: int, says: str) -> None:
    write_issue(mailer)
    run = mailer("preview", *words, "--serve", "--no-open")
    assert run.code == code
    assert says in run.err
    assert "nobody@" not in run.err
    assert run.out == ""


def test_a_port_that_another_program_has_is_refused(mailer: Any) -> None:
    write_issue(mailer)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = mailer("preview", ISSUE, "--serve", "--no-open", "--port", str(port))
    assert run.code == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in run.err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--screenshots", "there", "--serve"), 2, "--serve does not go with --screenshots"),
        (("--screenshots", "there", "--out", "here"), 2, "--out does not go with --screenshots"),
        (("--reader", "arabic"), 2, "--reader is about pictures"),
        (("--serve", "--browser", "chromium"), 2, "--browser is about pictures"),
        (("--offline",), 2, "--offline is about pictures"),
        (("--screenshots", "there", "--browser", "/no/such/program"), 2, "--browser: there is no such program"),
        (("--screenshots", "there", "--as", "nobody@example.org"), 1, "that address is on none of the issue's lists"),
    ],
)
def test_pictures_that_cannot_be_taken_are_refused(mailer: Any, words: tuple[str, ...], code: int, says: str) -> None:
    write_issue(mailer)
    run = mailer("preview", ISSUE, *words)
    assert (run.code, run.out) == (code, "")
    assert says in run.err
    assert "nobody@" not in run.err
    assert not Path("there").exists()


def test_without_playwright_it_says_what_to_install(
    mailer: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_issue(mailer)
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    run = mailer("preview", ISSUE, "--screenshots", str(tmp_path / "there"), "--browser", sys.executable)
    assert run.code == 1
    assert "pictures need playwright, which is not installed" in run.err
    assert "hint: pip install 'campaign-mailer[screenshots]'" in run.err
    assert not (tmp_path / "there").exists()


def test_without_a_browser_it_says_what_to_install(mailer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write_issue(mailer)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("mailer.services.previewing.browsers.runs", lambda place: False)
    run = mailer("preview", ISSUE, "--screenshots", "there")
    assert run.code == 1
    assert "pictures need Chromium, Chrome or Edge, and none is found here" in run.err
    assert "--browser PATH or MAILER_BROWSER" in run.err
