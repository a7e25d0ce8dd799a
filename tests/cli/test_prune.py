"""`mailer db prune`: what would go, what went, and what the other commands say afterwards."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cli.campaign import ISSUE, add_people, write_issue

SETTINGS = "\n[provider]\nname = 'outbox'\n\n[work]\nkeep_deliveries_days = 30\n"


@pytest.fixture
def sent(mailer: Any) -> Any:
    """Two people got an issue, forty days ago."""
    mailer.add_settings(SETTINGS)
    add_people(mailer, "members", "ann@example.org,Ann,Oslo", "bo@example.org,Bo,Oslo")
    write_issue(mailer)
    mailer.done("send", ISSUE, "--yes")
    then = int((datetime.now(UTC) - timedelta(days=40)).timestamp() * 1e6)
    with closing(sqlite3.connect(mailer.root / "mailer.db")) as connection, connection:
        connection.execute("UPDATE issues SET finished_at = ?, updated_at = ?, started_at = ?", (then, then, then))
    return mailer


def figures(mailer: Any) -> tuple[Any, Any]:
    shown = mailer.done("status", ISSUE, "--json").json
    return mailer.done("issues", "list", "--json").json, shown


def test_figures_stay_and_rows_go(sent: Any) -> None:
    before = figures(sent)
    planned = sent.done("db", "prune", "--dry-run")
    assert planned.out.startswith(f"{ISSUE}: 2 rows would be deleted, its deliveries and what was reported of them;")
    assert len(sent.done("deliveries", "list", ISSUE, "--json").json) == 2
    done = sent.done("db", "prune", "--json").json
    assert [(each["name"], each["rows"], each["left_alone"]) for each in done["issues"]] == [(ISSUE, 2, "")]
    assert figures(sent) == before
    assert sent.done("db", "prune").out == "nothing is old enough\n"
    refused = sent("deliveries", "list", ISSUE)
    assert refused.code == 1
    assert f"the deliveries of {ISSUE} were pruned on " in refused.err
    assert "were pruned on" in sent("explain", "ann@example.org", ISSUE).out
    assert sent("send", ISSUE, "--yes").code in (0, 1)
    assert figures(sent) == before


def test_nothing_goes_unless_the_settings_say_so(mailer: Any) -> None:
    told = mailer.done("db", "prune").out
    assert told == "everything is kept: keep_deliveries_days and keep_events_days under [work] are 0\n"


def test_it_is_a_command_of_the_database(mailer: Any) -> None:
    assert {"prune", "status", "backup"} <= set(mailer.done("db", "--help").out.split())
