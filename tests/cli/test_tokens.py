"""`mailer tokens`: a token is shown once, and what is kept of it is of use to nobody."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

TOKEN = re.compile(r"mailer_[A-Za-z0-9_-]{43}")


def made(mailer: Any, name: str = "website", *words: str) -> str:
    token: str = mailer.done("tokens", "create", name, "--scope", "lists:read", "--json", *words).json["token"]
    return token


def test_a_token_is_shown_once(mailer: Any) -> None:
    run = mailer.done("tokens", "create", "website", "--scope", "lists:read", "--scope", "subscribers:write")
    (token,) = TOKEN.findall(run.out)
    assert "not shown again" in run.err and token not in run.err
    later = [mailer("tokens", "list"), mailer("tokens", "list", "--json"), mailer("tokens", "revoke", "website")]
    shown = "".join(run.out + run.err for run in later)
    assert token not in shown and token.removeprefix("mailer_") not in shown


def test_the_database_does_not_hold_it(mailer: Any) -> None:
    """Attack test 46: whoever reads the database can ask for nothing."""
    token = made(mailer)
    files = [path for path in mailer.root.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in files)
    assert not [path for path in files if token.removeprefix("mailer_").encode() in path.read_bytes()]


def test_the_listing_says_what_each_may_do(mailer: Any) -> None:
    made(mailer, "first")
    made(mailer, "second", "--expires", "90d")
    rows = mailer.done("tokens", "list", "--json").json
    assert [row["name"] for row in rows] == ["second", "first"], "newest first"
    assert rows[0]["scopes"] == ["lists:read"] and rows[0]["state"] == "good" and rows[0]["used_at"] is None
    until = datetime.fromisoformat(rows[0]["expires_at"])
    assert timedelta(days=89) < until - datetime.now(UTC) <= timedelta(days=90)
    assert rows[1]["expires_at"] is None
    assert "LAST USED" in mailer.done("tokens", "list").out


def test_revoking_is_for_good(mailer: Any) -> None:
    made(mailer)
    dry = mailer.done("tokens", "revoke", "website", "--dry-run")
    assert "would be revoked" in dry.out
    assert mailer.done("tokens", "list", "--json").json[0]["state"] == "good"
    mailer.done("tokens", "revoke", "website")
    again = mailer.done("tokens", "revoke", "website", "--json").json["token"]
    assert again["state"] == "revoked" and again["revoked_at"]
    used = mailer("tokens", "create", "website", "--scope", "lists:read")
    assert (used.code, "another name" in used.err) == (1, True)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["create", "website"], 2, "--scope"),
        (["create", "website", "--scope", "subscribers:wirte"], 2, 'did you mean "subscribers:write"?'),
        (["create", "A b", "--scope", "lists:read"], 2, "no name for a token"),
        (["create", "website", "--scope", "lists:read", "--expires", "2020-01-01 09:00"], 2, "still to come"),
        (["create", "website", "--scope", "lists:read", "--expires", "soon"], 2, "not a time"),
        (["revoke", "nothing"], 1, "unknown token"),
    ],
)
def test_what_cannot_be_is_told(mailer: Any, words: list[str], code: int, said: str) -> None:
    run = mailer("tokens", *words)
    assert run.code == code and said in run.err, run.err


def test_without_tokens_the_listing_says_what_to_do(mailer: Any) -> None:
    assert "mailer tokens create" in mailer.done("tokens", "list").out
