"""`mailer db move`: the whole workspace in another database, and what may be done with the old one then."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from mailer.app import open_mailer
from mailer.errors import ConflictError, MailerError, StoreError
from mailer.model import JobKind, JobState
from mailer.services.binding import check_bound
from mailer.services.sending.freezing import freeze_issue, plan_send
from mailer.services.sending.results import SendOptions
from mailer.services.sending.sender import send_frozen
from mailer.store import bindings
from mailer.store import moving as rows
from mailer.store.bindings import MOVED
from mailer.store.database import insert_row, open_store
from mailer.store.tables import jobs, workers
from mailer.workspace import Workspace
from tests import migrated, postgres
from tests.acceptance.commands import environment
from tests.cli.campaign import ISSUE, add_people, addressees, crowd, write_issue
from tests.cli.conftest import Program

OUTBOX = "\n[provider]\nname = 'outbox'\nbatch_size = 2\nconnections = 1\n"
OLD = "sqlite:///mailer.db"
PEOPLE = 20


@pytest.fixture
def server() -> Iterator[str]:
    """A database on a server with tables and without rows."""
    url = postgres.shared().create(migrated.name())
    yield url
    postgres.shared().drop(url)


@pytest.fixture
def bare() -> Iterator[str]:
    """A database on a server with nothing in it."""
    url = postgres.shared().create()
    yield url
    postgres.shared().drop(url)


@pytest.fixture(autouse=True)
def new_file(mailer: Program) -> None:
    """A file with tables and without rows."""
    mailer.write("new.db", migrated.file())


@pytest.fixture
def issue(mailer: Program) -> Program:
    """An issue for twenty people, frozen in ten batches; nothing has left."""
    mailer.add_settings(OUTBOX)
    add_people(mailer, "members", *crowd(PEOPLE))
    write_issue(mailer)
    with open_mailer(Workspace(mailer.root), {}) as program:
        freeze_issue(program, plan_send(program, ISSUE)[0])
    return mailer


@pytest.fixture
def paused(issue: Program) -> Program:
    """The same after a batch or two, and at rest. Slow enough that whoever looks comes before the last one."""
    with open_mailer(Workspace(issue.root), {}) as program:
        send_frozen(program, ISSUE, SendOptions(stop=lambda: bool(addressees(issue)), per_minute=120))
    assert 0 < len(addressees(issue)) < PEOPLE
    issue.done("pause", ISSUE)
    return issue


def use(mailer: Program, url: str) -> None:
    """What the person does after a move."""
    mailer.monkeypatch.setenv("DATABASE_URL", url)


def refused(mailer: Program, url: str, *, code: int = 1) -> str:
    """A move that must end with one line and a hint, and leave the old database in use."""
    run = mailer("db", "move", "--to", url)
    assert run.code == code, run.err
    assert len(run.err.strip().splitlines()) == 2
    return run.err


def test_an_issue_that_was_half_sent_goes_on_after_the_move_and_back(paused: Program, bare: str) -> None:
    server = bare
    before = len(addressees(paused))
    moved = paused.done("db", "move", "--to", server, "--json").json
    assert (moved["begun"], moved["dry_run"]) == (0, False)
    assert {table["name"]: table["rows"] for table in moved["tables"]}["deliveries"] == PEOPLE
    assert "DATABASE_URL" in moved["next"][0]
    for words in (
        ("resume", ISSUE),
        ("send", ISSUE, "--yes"),
        ("subscribers", "add", "a@b.example", "--list", "weekly"),
    ):
        run = paused(*words)
        assert (run.code, "moved" in run.err) == (1, True), run.err
    assert len(addressees(paused)) == before
    use(paused, server)
    paused.done("resume", ISSUE)
    paused.done("send", ISSUE, "--yes")
    assert addressees(paused) == sorted(row.partition(",")[0] for row in crowd(PEOPLE)), "everybody once"
    back = "sqlite:///back.db"
    paused.done("db", "move", "--to", back)
    use(paused, back)
    told = paused.done("status", ISSUE, "--json").json
    assert told["deliveries"]["accepted"] == PEOPLE
    paused.done("subscribers", "add", "new@example.org", "--list", "weekly")


def test_the_old_database_says_where_everything_is(mailer: Program, server: str) -> None:
    mailer.done("db", "move", "--to", server)
    words = mailer.done("db", "status", "--json").json["sends_from"]
    assert "was moved" in words
    assert postgres.name_of(server) in words
    with (
        open_mailer(Workspace(mailer.root), {}) as program,
        pytest.raises(ConflictError, match="was moved") as caught,
    ):
        check_bound(program)
    assert caught.value.hint is not None
    assert "DATABASE_URL" in caught.value.hint
    use(mailer, server)
    assert str(mailer.root) in mailer.done("db", "status", "--json").json["sends_from"]
    assert "is in use" in refused(mailer, server, code=2)


def test_a_program_that_had_the_old_one_open_writes_nothing_more(issue: Program, server: str) -> None:
    """It looked whether it may send before the move, and goes on after it."""
    with open_mailer(Workspace(issue.root), {}) as stale:
        check_bound(stale)
        issue.done("pause", ISSUE)
        issue.done("db", "move", "--to", server)
        with pytest.raises(MailerError, match="moved"):
            send_frozen(stale, ISSUE)
        with pytest.raises(StoreError, match="was moved"), stale.store.write() as connection:
            connection.exec_driver_sql("UPDATE issues SET state = 'sending'")
    assert addressees(issue) == []


def test_the_old_one_can_be_taken_back(paused: Program, server: str) -> None:
    paused.done("db", "move", "--to", server)
    run = paused("db", "bind")
    assert (run.code, "--yes" in run.err) == (2, True)
    paused.done("db", "bind", "--yes", "--keep")
    paused.done("resume", ISSUE)
    paused.done("send", ISSUE, "--yes")
    assert len(addressees(paused)) == PEOPLE


def test_a_dry_run_changes_nothing(paused: Program, bare: str) -> None:
    told = paused.done("db", "move", "--to", "sqlite:///not-there.db", "--dry-run", "--json").json
    assert not [step for step in told["next"] if "--keep" in step], "a file has no other hosts"
    assert told["dry_run"] is True
    assert {table["name"]: table["rows"] for table in told["tables"]}["subscribers"] == PEOPLE
    assert not (paused.root / "not-there.db").exists()
    run = paused.done("db", "move", "--to", bare, "--dry-run")
    assert "would move" in run.err
    with closing(psycopg.connect(bare)) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
    paused.done("resume", ISSUE)


def test_what_is_in_use_is_not_moved(issue: Program) -> None:
    for words in ((), ("--dry-run",)):
        run = issue("db", "move", "--to", "sqlite:///new.db", *words)
        assert (run.code, f"{ISSUE} is being sent" in run.err, f"mailer pause {ISSUE}" in run.err) == (1, True, True)
    issue.done("pause", ISSUE)
    now = datetime.now(UTC)
    with open_mailer(Workspace(issue.root), {}) as program, program.store.write() as connection:
        times = dict.fromkeys(("created_at", "updated_at", "due_at"), now)
        values = {"kind": JobKind.SYNC, "arguments": {}, "state": JobState.RUNNING, "attempts": 1, "detail": ""}
        until = now + timedelta(minutes=1)
        job = insert_row(connection, jobs, {**values, **times, "owner": "one", "lease_until": until})
    assert "a job: sync" in refused(issue, "sqlite:///new.db")
    worker = {"host": "thames", "process": 1, "engine": "local", "version": "1", "threads": 1, "busy": 0, "issues": []}
    counts = dict.fromkeys(("batches", "mails", "batches_a_minute", "mails_a_minute"), 0)
    with open_mailer(Workspace(issue.root), {}) as program, program.store.write() as connection:
        connection.execute(sa.update(jobs).where(jobs.c.id == job).values(lease_until=now))
        seen = {"name": "thames-1", "started_at": now, "seen_at": now, "stopping": False}
        connection.execute(sa.insert(workers).values({**worker, **counts, **seen, "provider": "outbox", "key": ""}))
    assert "mailer work runs on thames" in refused(issue, "sqlite:///new.db")
    with open_mailer(Workspace(issue.root), {}) as program, program.store.write() as connection:
        connection.execute(sa.update(workers).values(ended_at=now))
    with closing(sqlite3.connect(issue.root / "new.db")) as file:
        assert file.execute("SELECT count(*) FROM bindings").fetchone() == (0,), "nothing was begun"
    issue.done("db", "move", "--to", "sqlite:///new.db")


def test_other_rows_are_never_mixed_with(mailer: Program, tmp_path: Path, bare: str) -> None:
    other = Program(tmp_path / "other", mailer.capsys, mailer.monkeypatch)
    other.write("mailer.toml", (mailer.root / "mailer.toml").read_text())
    other.write("subscribers/members.toml", 'title = "Members"\nopt_in = "single"\n')
    add_people(other, "members", *crowd(1))
    used = f"sqlite:///{other.root}/mailer.db"
    assert "is not empty: it has rows in lists" in refused(mailer, used)
    with closing(psycopg.connect(bare, autocommit=True)) as connection:
        connection.execute("CREATE TABLE guests (name text)")
    assert "belongs to another program" in refused(mailer, bare)
    # Begun from here, and from there.
    begun_by(other, "sqlite:///half.db")
    assert "is being filled from" in refused(mailer, f"sqlite:///{other.root}/half.db")
    mailer.done("db", "move", "--to", "sqlite:///new.db")
    assert "moved there already" in refused(mailer, "sqlite:///new.db")
    assert "was moved on" in refused(mailer, "sqlite:///newer.db")


def begun_by(mailer: Program, url: str) -> None:
    """A move that dies before the first row arrives."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "carry", die)
        assert mailer("db", "move", "--to", url).code == 130


def die(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_a_database_that_has_not_arrived_is_not_used(mailer: Program) -> None:
    begun_by(mailer, "sqlite:///half.db")
    mailer.done("subscribers", "add", "ada@example.org", "--list", "weekly")
    use(mailer, "sqlite:///half.db")
    for words in (("lists", "list"), ("articles", "list"), ("db", "bind", "--yes")):
        run = mailer(*words)
        assert (run.code, "still being filled from" in run.err) == (1, True), run.err
    use(mailer, OLD)
    mailer.done("db", "move", "--to", "sqlite:///half.db")
    use(mailer, "sqlite:///half.db")
    assert "ada@example.org" in mailer.done("subscribers", "list", "--list", "weekly").out


def test_killed_between_the_two_last_steps_it_is_finished_by_the_next_try(paused: Program, server: str) -> None:
    """The old one is shut, the new one not bound yet: neither sends."""
    bind = bindings.bind

    def killed(connection: Any, place: Any, *, keep: bool) -> Any:
        bind(connection, place, keep=keep)
        if place.identity.startswith(MOVED):
            connection.commit()
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bindings, "bind", killed)
        assert paused("db", "move", "--to", server).code == 130
    for url in (OLD, server):
        use(paused, url)
        run = paused("resume", ISSUE)
        assert (run.code, "moved" in run.err or "being filled" in run.err) == (1, True), run.err
    use(paused, OLD)
    assert paused.done("db", "move", "--to", server, "--dry-run", "--json").json["begun"] > 0
    assert "was moved on" in refused(paused, "sqlite:///elsewhere.db")
    again = paused.done("db", "move", "--to", server, "--json").json
    assert again["begun"] == again["rows"]
    use(paused, server)
    paused.done("resume", ISSUE)
    paused.done("send", ISSUE, "--yes")
    assert len(addressees(paused)) == PEOPLE


def test_a_difference_leaves_the_old_one_in_use(paused: Program) -> None:
    carry = rows.carry

    def carried_badly(source: Any, target: Any, told: Any) -> Any:
        tallies = carry(source, target, told)
        with target.write() as connection:
            connection.exec_driver_sql("UPDATE deliveries SET state = 'accepted'")
        return tallies

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "carry", carried_badly)
        assert "deliveries: the rows that arrived are not those that left" in refused(paused, "sqlite:///new.db")
    paused.done("subscribers", "add", "ada@example.org", "--list", "members")
    again = paused.done("db", "move", "--to", "sqlite:///new.db", "--json").json
    assert again["begun"] > 0
    use(paused, "sqlite:///new.db")
    assert paused.done("status", ISSUE, "--json").json["deliveries"]["accepted"] == len(addressees(paused))


def test_a_copy_is_not_moved(mailer: Program, tmp_path: Path) -> None:
    mailer.done("subscribers", "add", "ada@example.org", "--list", "weekly")
    copy = replace(mailer, root=tmp_path / "staging")
    shutil.copytree(mailer.root, copy.root)
    assert "a copy is not moved" in refused(copy, "sqlite:///new.db")


def test_a_password_is_not_taken_from_the_command_line_nor_shown(
    mailer: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "postgresql://mailer:hunter2@localhost:1/mailer"
    for url in (secret, "postgresql://localhost:1/mailer?password=hunter2"):
        told = refused(mailer, url, code=2)
        assert "MAILER_MOVE_TO" in told
        assert "hunter2" not in told
    monkeypatch.setenv("MAILER_MOVE_TO", secret)
    run = mailer("db", "move")
    assert (run.code, "cannot be reached" in run.err, "hunter2" in run.err) == (1, True, False)
    monkeypatch.delenv("MAILER_MOVE_TO")
    run = mailer("db", "move", "--to", "-", stdin=secret.encode())
    assert (run.code, "cannot be reached" in run.err, "hunter2" in run.err) == (1, True, False)
    assert mailer("db", "move").code == 2
    mailer.done("subscribers", "add", "ada@example.org", "--list", "weekly")


def test_what_a_server_cannot_keep_is_told_before_anything_is_moved(paused: Program, bare: str) -> None:
    with closing(sqlite3.connect(paused.root / "mailer.db")) as file, file:
        file.execute("UPDATE deliveries SET detail = 'a' || char(0) WHERE id < 3")
    assert "2 of deliveries.detail" in refused(paused, bare)
    with closing(psycopg.connect(bare)) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


KILLED = """
import os, sys
from mailer.cli import main
from mailer.store import moving

moving.ROWS, put, portions = 50, moving._put, iter(range(99))

def put_or_die(*args):
    put(*args)
    if next(portions) == 45:
        os.kill(os.getpid(), 9)

moving._put = put_or_die
main(sys.argv[1:])
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_killed_in_the_middle_it_goes_on_where_it_stopped(mailer: Program, server: str, kind: str) -> None:
    """A real process, ended by SIGKILL when some people have arrived and others have not."""
    people = 1000
    add_people(mailer, "members", *(f"p{number}@example.org,Ann,Oslo" for number in range(people)))
    url = server if kind == "postgresql" else f"sqlite:///{mailer.root}/new.db"
    words = ["--workspace", str(mailer.root), "db", "move", "--to", url]
    killed = subprocess.run([sys.executable, "-c", KILLED, *words], env=environment(), check=False)
    assert killed.returncode == -signal.SIGKILL
    there = sum(rows_in(url, table) for table in ("subscribers", "subscriptions", "subscription_events"))
    assert people < there < 3 * people
    mailer.done("subscribers", "add", "late@example.org", "--list", "members")
    again = mailer.done("db", "move", "--to", url, "--json").json
    assert again["begun"] >= there
    use(mailer, url)
    assert rows_in(url, "subscriptions") == people + 1
    assert "late@example.org" in mailer.done("subscribers", "list", "--list", "members").out


def rows_in(url: str, table: str) -> int:
    with closing(open_store(url)) as store, store.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(sa.table(table))).scalar_one())
