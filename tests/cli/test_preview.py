"""`mailer preview --serve`: what is refused before anything is served. The page itself is in tests/web."""

from __future__ import annotations

import socket
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
