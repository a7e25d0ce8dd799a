"""Opening, locking, failing: one clear line each, and never a person's data in it."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, timedelta, timezone
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.schema import CreateTable

from mailer.errors import StoreBusyError, StoreError
from mailer.model import SourceState, SuppressionReason
from mailer.store import postgresql, sources, suppressions
from mailer.store.columns import EPOCH, UtcDateTime
from mailer.store.database import Store, hold, open_store, server_address
from mailer.store.suppressions import Suppression
from mailer.store.tables import lists, metadata, subscriptions
from mailer.store.tables import suppressions as table
from tests import migrated, postgres
from tests.store.world import FILES_ONLY, NOW, SERVERS_ONLY, World, count

PACKAGE = Path(__file__).parents[2] / "mailer" / "store"


@FILES_ONLY
def test_durability_is_full_and_readers_do_not_wait(store: Store) -> None:
    with store.read() as connection:
        pragma = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragma == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}


def test_an_exception_rolls_back(store: Store) -> None:
    with pytest.raises(KeyError), store.write() as connection:
        suppressions.add(connection, Suppression("a@example.org", SuppressionReason.BOUNCED), NOW)
        raise KeyError("stop")
    with store.read() as connection:
        assert count(connection, table) == 0


def test_the_body_s_own_errors_are_not_the_database_s(store: Store) -> None:
    with pytest.raises(FileNotFoundError), store.write():
        raise FileNotFoundError("a template")


def test_reading_cannot_write(store: Store) -> None:
    with pytest.raises(StoreError, match="read-only"), store.read() as connection:
        suppressions.add(connection, Suppression("a@example.org", SuppressionReason.BOUNCED), NOW)
    with store.write() as connection:
        assert suppressions.add(connection, Suppression("a@example.org", SuppressionReason.BOUNCED), NOW), (
            "the connection writes again"
        )


def test_a_reader_sees_one_moment_beside_a_writer(store: Store) -> None:
    with store.read() as reading:
        assert count(reading, table) == 0
        with store.write() as writing:
            suppressions.add(writing, Suppression("a@example.org", SuppressionReason.BOUNCED), NOW)
        assert count(reading, table) == 0
    with store.read() as reading:
        assert count(reading, table) == 1


@FILES_ONLY
def test_a_locked_database_is_said_to_be_busy(url: str) -> None:
    store = open_store(url, busy_timeout=0.05)
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        busy = pytest.raises(StoreBusyError, match=r"^mailer\.db: another process holds the database$")
        with busy as caught, store.write():
            raise AssertionError("not reached")
        assert "run this one again" in str(caught.value.hint)
        with store.read() as connection:
            assert count(connection, table) == 0
    finally:
        other.rollback()
        other.close()
        store.close()


def test_a_writer_waits_for_the_one_before(store: Store) -> None:
    inside, go = threading.Event(), threading.Event()

    def first() -> None:
        with store.write() as connection:
            suppressions.add(connection, Suppression("a@example.org"), NOW)
            inside.set()
            go.wait(5)

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(5)
    threading.Timer(0.1, go.set).start()
    with store.write() as connection:
        assert not suppressions.add(connection, Suppression("a@example.org"), NOW), "it sees what the first committed"
    thread.join()


def test_errors_carry_no_data(store: Store) -> None:
    with pytest.raises(StoreError) as caught, store.write() as connection:
        row = {"value": "secret@example.org", "list_id": 0, "reason": "manual", "note": "", "created_at": NOW}
        connection.execute(sa.insert(table), [row] * 2)
    assert re.search("UNIQUE constraint failed|changed the same thing", caught.value.message)
    assert "\n" not in caught.value.message
    assert "secret" not in str(caught.value)
    assert "secret" not in str(caught.value.__cause__)


def test_foreign_keys_hold(store: Store) -> None:
    with pytest.raises(StoreError, match=r"(?i)foreign key"), store.write() as connection:
        connection.execute(
            sa.insert(metadata.tables["issue_articles"]).values(issue_id=99, position=0, article_key="a")
        )


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("not a url", "not a URL"),
        ("mysql://host/db", "mysql is not supported"),
    ],
)
def test_urls_that_cannot_be(url: str, words: str) -> None:
    with pytest.raises(StoreError, match=words):
        open_store(url)


def test_a_missing_folder_is_named_as_the_cause(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"mailer\.db: cannot be opened: No such file or directory"):
        open_store(f"sqlite:///{tmp_path}/missing/mailer.db")


def test_something_else_than_a_database(tmp_path: Path) -> None:
    (tmp_path / "mailer.db").write_bytes(b"Dear members,\n" * 100)
    store = open_store(f"sqlite:///{tmp_path}/mailer.db")
    with pytest.raises(StoreError, match=r"^mailer\.db: is not a database$"), store.read():
        pass
    store.close()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_the_file_and_its_journal_are_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "mailer.db"
    store = open_store(f"sqlite:///{path}")
    with store.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a)")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    copy = store.backup(tmp_path / "copy.db")
    store.close()
    assert modes == {"mailer.db": 0o600, "mailer.db-wal": 0o600, "mailer.db-shm": 0o600}
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that another user can reach: pytest's own are closed to them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
@pytest.mark.parametrize("existing", [False, True])
def test_a_read_only_folder(public_folder: Path, tmp_path: Path, existing: bool) -> None:
    database = public_folder / "mailer.db"
    if existing:
        database.write_bytes(migrated.file())
        database.chmod(0o444)
    public_folder.chmod(0o555)
    # Modes do not bind root, so the program becomes nobody there, once everything it needs is imported.
    code = (
        "import os, sys\n"
        "from mailer.errors import StoreError\n"
        "from mailer.store.database import open_store\n"
        "open_store(sys.argv[2]).close()\n"
        "if os.getuid() == 0:\n"
        "    os.setuid(65534)\n"
        "try:\n"
        "    with open_store(sys.argv[1]).write() as connection:\n"
        "        connection.exec_driver_sql('CREATE TABLE t (a)')\n"
        "except StoreError as error:\n"
        "    print(error.message)\n"
    )
    urls = [f"sqlite:///{database}", f"sqlite:///{tmp_path}/other.db"]
    done = subprocess.run([sys.executable, "-c", code, *urls], capture_output=True, text=True, check=False)
    assert (done.stdout.count("\n"), done.stderr) == (1, "")
    assert done.stdout.startswith("mailer.db: cannot be ")
    assert sorted(file.name for file in public_folder.iterdir()) == (["mailer.db"] if existing else [])


@given(st.integers(-62_000_000_000, 253_000_000_000), st.integers(0, 999_999), st.integers(-14, 14))
def test_times_come_back_as_the_same_moment_and_sort_as_times(seconds: int, micros: int, hours: int) -> None:
    column, dialect = UtcDateTime(), sa.make_url("sqlite://").get_dialect()()
    value = EPOCH + timedelta(seconds=seconds, microseconds=micros)
    value = value.astimezone(timezone(timedelta(hours=hours)))
    stored = column.process_bind_param(value, dialect)
    assert stored is not None
    back = column.process_result_value(stored, dialect)
    assert back == value
    assert back is not None
    assert back.tzinfo is UTC
    assert column.process_bind_param(value + timedelta(microseconds=1), dialect) == stored + 1


def test_a_time_without_zone_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="without a zone"), store.write() as connection:
        suppressions.add(connection, Suppression("a@example.org", SuppressionReason.BOUNCED), NOW.replace(tzinfo=None))


def test_text_of_every_script_comes_back(world: World) -> None:
    world.add("weekly", "ada", city="Þórshöfn", 名="村上", emoji="🌊", nested={"a": [1, None, True]})
    world.freeze("weekly")
    assert world.claimed().recipients[0].attributes == {
        "city": "Þórshöfn", "名": "村上", "emoji": "🌊", "nested": {"a": [1, None, True]},
    }  # fmt: skip


def test_only_a_few_modules_speak_a_dialect() -> None:
    words = ("PRAGMA", "exec_driver_sql", "sqlite3", "sqlalchemy.dialects", "psycopg", "sa.text(")
    speaking = {
        path.name for path in PACKAGE.glob("*.py") if any(word in path.read_text(encoding="utf-8") for word in words)
    }
    assert speaking == {
        "bulk_events.py", "bulk_postgresql.py", "bulk_sqlite.py", "columns.py", "database.py", "dialect.py",
        "jots_postgresql.py", "jots_sqlite.py", "moving_postgresql.py", "moving_sqlite.py",
        "picking.py", "postgresql.py", "soundness.py", "sqlite.py",
    }  # fmt: skip


POSTGRESQL = sa.make_url("postgresql://").get_dialect()()


def test_every_table_can_be_made_on_postgresql() -> None:
    made = {one.name: str(CreateTable(one).compile(dialect=POSTGRESQL)) for one in metadata.sorted_tables}
    assert len(made) == len(metadata.tables)
    assert "id BIGSERIAL NOT NULL" in made["deliveries"]
    assert "updated_at BIGINT NOT NULL" in made["deliveries"]


def test_every_constraint_has_a_name() -> None:
    for one in metadata.sorted_tables:
        sql = str(CreateTable(one).compile(dialect=POSTGRESQL))
        for constraint in one.constraints:
            assert f"CONSTRAINT {constraint.name} " in sql


def test_source_state_comes_back_exactly(store: Store) -> None:
    state = SourceState('W/"x"', "Sun, 22 Nov 2026 09:00:00 GMT", NOW, NOW + timedelta(hours=1), True)
    with store.write() as connection:
        assert sources.state(connection, "site") == SourceState()
        sources.save_state(connection, "site", state, "the server said 410")
        sources.save_state(connection, "other", SourceState(), None)
        assert sources.errors(connection) == {"site": "the server said 410"}
        sources.save_state(connection, "site", SourceState(etag="y"), None)
        assert sources.state(connection, "site") == SourceState(etag="y")
        assert sources.errors(connection) == {}


@SERVERS_ONLY
@pytest.mark.parametrize(
    ("change", "words", "hint"),
    [
        ({"database": "nothing_there"}, r"nothing_there: cannot be opened: there is no database of that", "createdb"),
        ({"host": "/nowhere"}, r"mailer_\d+: the server cannot be reached, or the connection broke", "DATABASE_URL"),
    ],
)  # fmt: skip
def test_a_server_that_is_not_there_is_one_line(url: str, change: dict[str, str], words: str, hint: str) -> None:
    wrong = sa.make_url(url)
    wrong = wrong.set(database=change["database"]) if "database" in change else wrong.update_query_dict(change)
    store = open_store(wrong.render_as_string(hide_password=False))
    with pytest.raises(StoreError, match=words) as caught, store.read():
        raise AssertionError("not reached")
    assert "\n" not in caught.value.message
    assert hint in str(caught.value.hint)
    store.close()


@SERVERS_ONLY
def test_a_connection_that_was_cut_is_replaced(url: str, server: postgres.Server) -> None:
    store = open_store(url)
    with store.read() as connection:
        assert count(connection, table) == 0
    server.cut(url)
    with store.write() as connection:
        assert suppressions.add(connection, Suppression("a@example.org"), NOW)
    store.close()


@SERVERS_ONLY
def test_a_connection_that_breaks_in_the_middle_loses_nothing_silently(url: str, server: postgres.Server) -> None:
    store = open_store(url)
    with pytest.raises(StoreError, match=r"shutting down|cannot be reached") as caught, store.write() as connection:
        suppressions.add(connection, Suppression("a@example.org"), NOW)
        server.cut(url)
        count(connection, table)
    assert "a@example" not in str(caught.value)
    with store.read() as connection:
        assert count(connection, table) == 0
    store.close()


def test_a_table_that_is_held_waits_for_its_holder(store: Store) -> None:
    """Others may read it, and write when the holder has finished."""
    inside, written = threading.Event(), threading.Event()

    def other() -> None:
        inside.wait(5)
        with store.write() as connection:
            suppressions.add(connection, Suppression("a@example.org"), NOW)
        written.set()

    thread = threading.Thread(target=other)
    thread.start()
    with store.write() as connection:
        hold(connection, table)
        inside.set()
        assert not written.wait(0.3), "it has to wait"
        with store.read() as reading:
            assert count(reading, table) == 0
        assert count(connection, table) == 0
    assert written.wait(10)
    thread.join()


def test_a_copy_is_made_of_files_only(store: Store, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    if store.is_file:
        assert store.backup(target).stat().st_size > 0
        assert store.size() == (tmp_path / "mailer.db").stat().st_size
    else:
        with pytest.raises(StoreError, match="made there"):
            store.backup(target)
        assert not target.exists()
        assert store.size() > 1_000_000, "an empty database of PostgreSQL has several megabytes"


def test_references_are_verified_again_after_rows_were_derived(store: Store) -> None:
    wrong = sa.insert(subscriptions).values(list_id=1, subscriber_id=1, state="pending", created_at=NOW, updated_at=NOW)
    with store.derive() as connection:
        assert connection.execute(sa.select(lists)).all() == []
    with pytest.raises(StoreError), store.write() as connection:
        connection.execute(wrong)


def test_too_many_at_once_are_told_in_one_line(store: Store) -> None:
    """The engine gives so many connections and no more; who waits for one too long hears why."""
    pool = store.engine.pool
    assert isinstance(pool, sa.QueuePool)
    pool._timeout = 0.05
    with ExitStack() as held:
        for _ in range(pool.size() + pool._max_overflow):
            held.enter_context(store.read())
        with pytest.raises(StoreBusyError, match="waits for a connection"), store.read():
            pass


@pytest.mark.parametrize("kind", ["postgresql"])
def test_to_a_server_it_makes_as_many_connections_as_the_setting_says(url: str) -> None:
    store = open_store(url, pool=2)
    pool = store.engine.pool
    assert isinstance(pool, sa.QueuePool)
    pool._timeout = 0.05
    with store.read(), store.read(), pytest.raises(StoreBusyError), store.read():
        pass
    store.close()


@SERVERS_ONLY
def test_a_user_who_may_not_is_told_what_to_grant(url: str) -> None:
    error = postgresql.explained(psycopg.errors.InsufficientPrivilege("secret row"), "news")
    assert (error.message, error.hint) == (
        "news: permission denied for this user",
        "The easiest is that this user owns the database: ALTER DATABASE name OWNER TO user",
    )


@SERVERS_ONLY
def test_the_driver_that_is_not_installed_is_one_line(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "psycopg"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(StoreError, match="needs its driver") as caught:
        server_address(url)
    assert "pip install" in str(caught.value.hint)
