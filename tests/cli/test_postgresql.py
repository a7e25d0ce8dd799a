"""The commands over a database on a server: the main job, and what is said when something is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import postgres
from tests.cli.conftest import Program, rss

PEOPLE = b"email,city\nada@example.org,Oslo\nben@example.org,Bergen\n"
ISSUE = """---
kind: alert
subject: Now
lists: [members]
---

Dear {{ subscriber.first_name | default("friend") }}, come to the river.
"""


@pytest.fixture
def on_server(fresh: Program, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    server = postgres.shared()
    url = server.create()
    monkeypatch.setenv("DATABASE_URL", url)
    yield fresh
    server.drop(url)


def test_an_issue_is_sent_once(on_server: Program) -> None:
    file = on_server.write("people.csv", PEOPLE)
    on_server.write("issues/now.md", ISSUE)
    on_server.write("feed.xml", rss("Rivers"))
    assert on_server.done("subscribers", "import", str(file), "--list", "members", "--json").json["new"] == 2
    on_server.done("subscribers", "unsubscribe", "ben@example.org", "--list", "members")
    assert on_server.done("plan", "now", "--json").json["recipients"] == 1
    assert on_server.done("send", "now", "--yes", "--json").json["deliveries"]["accepted"] == 1
    again = on_server.done("send", "now", "--yes", "--json").json
    assert again["deliveries"]["accepted"] == 1, "the same one mail, not a second"
    assert len(list((on_server.root / "outbox").rglob("*.eml"))) == 1
    assert not (on_server.root / "mailer.db").exists()


def test_the_database_commands(on_server: Program) -> None:
    before = on_server.done("db", "status", "--json").json
    assert (before["state"], before["version"]) == ("missing", None)
    on_server.done("db", "upgrade")
    after = on_server.done("db", "status", "--json").json
    assert after["state"] == "current"
    assert after["bytes"] > 1_000_000
    assert after["place"].startswith("postgresql://")
    run = on_server("db", "backup")
    assert (run.code, "pg_dump" in run.err) == (1, True)


def test_an_empty_database_in_the_place_of_the_known_one_is_noticed(
    on_server: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_server.done("lists", "list")
    server = postgres.shared()
    other = server.create()
    monkeypatch.setenv("DATABASE_URL", other)
    run = on_server("lists", "list")
    assert run.code == 1
    assert "is empty; this workspace had one" in run.err
    on_server.done("db", "upgrade")
    on_server.done("lists", "list")
    server.drop(other)


def test_a_password_is_never_shown(on_server: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://mailer:hunter2@localhost:1/mailer")
    for words in (("db", "status"), ("lists", "list"), ("config", "show")):
        run = on_server(*words)
        assert "hunter2" not in run.out + run.err
    assert "cannot be reached" in on_server("lists", "list").err
