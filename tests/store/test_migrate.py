"""Migrations: the same tables as the program's, data kept, a copy first, newer and foreign databases refused."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from mailer.errors import StoreError, StoreVersionError
from mailer.store import migrate, subscribers, subscriptions, suppressions, tables
from mailer.store.database import Store, open_store
from mailer.store.tables import metadata
from tests.store.world import FILES_ONLY, SERVERS_ONLY, World, key

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"


def upgrade():
    op.add_column("subscribers", sa.Column("language", sa.Text()))
    # A rebuilt table: the old one is dropped while rows refer to it.
    with op.batch_alter_table("lists") as lists:
        lists.alter_column("title", new_column_name="heading", existing_type=sa.Text(), nullable=True)
"""


@pytest.fixture
def empty(empty_url: str, tmp_path: Path) -> Iterator[Store]:
    store = open_store(empty_url, backup_dir=tmp_path / "backups")
    yield store
    store.close()


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """The program's migrations and one more."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrate.SCRIPTS, folder)
    text = NEXT.format(head=migrate.REVISIONS[-1])
    (folder / "versions" / "9999_next.py").write_text(text, encoding="utf-8")
    return folder


def test_migrations_make_the_tables_of_the_program(store: Store) -> None:
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_comparison_sees_a_difference(store: Store) -> None:
    with store.write() as connection:
        connection.exec_driver_sql("DROP INDEX ix_deliveries_batch_id")
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert [found[0] for found in compare_metadata(context, metadata)] == ["add_index"]


def test_the_known_revisions_are_those_of_the_scripts() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.SCRIPTS))
    walked = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(walked)) == migrate.REVISIONS


def test_a_new_database_is_made_without_a_copy(empty: Store, tmp_path: Path) -> None:
    assert migrate.upgrade(empty) == migrate.Upgrade(None, migrate.REVISIONS[-1], None)
    assert migrate.upgrade(empty) is None
    assert not (tmp_path / "backups").exists()


@FILES_ONLY
def test_an_upgrade_keeps_the_rows_and_a_copy(world: World, scripts: Path, tmp_path: Path) -> None:
    world.add("weekly", "ada", "ben", first_name="x")
    world.freeze("weekly")
    world.submit()
    store = Store(world.store.engine, world.store.name, tmp_path / "backups")
    before = dump(tmp_path / "mailer.db")
    done = migrate._upgrade(store, scripts, (*migrate.REVISIONS, "9999"))
    assert done is not None
    assert (done.before, done.after) == (migrate.REVISIONS[-1], "9999")
    assert done.backup is not None
    assert done.backup.parent == tmp_path / "backups"
    assert dump(done.backup) == before
    with store.read() as connection:
        found = subscribers.get(connection, key("ada"))
        assert found is not None
        assert found.attributes == {"first_name": "x"}
        assert connection.execute(sa.text("SELECT heading FROM lists")).scalar() == "Weekly"
        assert connection.execute(sa.text("SELECT count(*) FROM subscriptions")).scalar() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    assert world.figures().recipients == 2
    with pytest.raises(StoreVersionError, match=r"mailer\.db: written by a newer version .*9999") as caught:
        migrate.upgrade(store)
    assert "\n" not in caught.value.message
    assert caught.value.hint


@FILES_ONLY
def test_an_upgrade_that_fails_changes_nothing(world: World, scripts: Path, tmp_path: Path) -> None:
    world.add("weekly", "ada")
    script = scripts / "versions" / "9999_next.py"
    script.write_text(script.read_text(encoding="utf-8") + "    op.drop_table('lists')\n", encoding="utf-8")
    before = dump(tmp_path / "mailer.db")
    with pytest.raises(StoreError, match="would break a reference in table subscription"):
        migrate._upgrade(world.store, scripts, (*migrate.REVISIONS, "9999"))
    assert dump(tmp_path / "mailer.db") == before


@SERVERS_ONLY
def test_a_server_takes_a_failed_upgrade_back(world: World, scripts: Path) -> None:
    world.add("weekly", "ada", first_name="x")
    script = scripts / "versions" / "9999_next.py"
    good = script.read_text(encoding="utf-8")
    script.write_text(good + "    op.drop_table('lists')\n", encoding="utf-8")
    with pytest.raises(StoreError, match="DependentObjectsStillExist"):
        migrate._upgrade(world.store, scripts, (*migrate.REVISIONS, "9999"))
    with world.store.read() as connection:
        assert migrate.revision(connection, "name") == migrate.REVISIONS[-1]
        assert "language" not in {column["name"] for column in sa.inspect(connection).get_columns("subscribers")}
    script.write_text(good, encoding="utf-8")
    done = migrate._upgrade(world.store, scripts, (*migrate.REVISIONS, "9999"))
    assert done == migrate.Upgrade(migrate.REVISIONS[-1], "9999", None)
    with world.store.read() as connection:
        found = subscribers.get(connection, key("ada"))
        assert found is not None
        assert found.attributes == {"first_name": "x"}


OLD = """
INSERT INTO lists (name, title) VALUES ('weekly', 'Weekly');
INSERT INTO subscribers (public_id, email, email_key, ascii_email, attributes, created_at, updated_at)
    VALUES ('aaaa', 'Ada@Example.org', 'ada@example.org', 'Ada@Example.org', '{"city":"Oslo"}', 5, 6);
INSERT INTO subscriptions (list_id, subscriber_id, state, created_at, updated_at) VALUES (1, 1, 'confirmed', 5, 6);
INSERT INTO subscription_events (list_id, subscriber_id, state, source, at)
    VALUES (1, 1, 'pending', 'import of people.csv', 5), (1, 1, 'confirmed', 'added: by phone', 6);
INSERT INTO suppressions (email_key, reason, created_at) VALUES ('a@example.org', 'bounced', 7), ('b@e.org', 'rude', 8);
INSERT INTO issues (name, kind, subject, state, hash, snapshot, batch_size, frozen_at, updated_at)
    VALUES ('one', 'bulletin', 'Rivers', 'sent', 'h', '{}', 10, 5, 6);
"""


def test_the_first_version_s_rows_are_carried_over(empty: Store) -> None:
    with empty.change_schema() as connection:
        migrate._run(connection, migrate.SCRIPTS, "0001")
    with empty.write() as connection:
        for statement in OLD.strip().split(";\n"):
            connection.exec_driver_sql(statement.rstrip(";"))
    done = migrate.upgrade(empty)
    assert done is not None
    assert (done.before, done.after) == ("0001", migrate.REVISIONS[-1])
    with empty.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        person = connection.execute(sa.select(tables.subscribers)).one()
        assert (person.domain, person.forgotten_at, person.attributes) == ("example.org", None, {"city": "Oslo"})
        log = subscriptions.history(connection, "ada@example.org")
        assert [(event.how, event.source) for event in log] == [
            ("import", "import of people.csv"),
            ("command", "added: by phone"),
        ]
        banned = [(one.value, one.reason, one.note, one.list_id) for one in suppressions.every(connection)]
        assert banned == [("a@example.org", "bounced", "", 0), ("b@e.org", "manual", "rude", 0)]
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.suppression_events)).scalar() == 2
        assert connection.execute(sa.select(tables.issues.c.segment)).scalar() == ""
    assert World(empty).add("weekly", "new").new == 1, "numbers go on after those that were carried over"


def test_another_program_s_database_is_left_alone(empty: Store) -> None:
    with empty.write() as connection:
        connection.exec_driver_sql("CREATE TABLE posts (id INTEGER)")
    with pytest.raises(StoreError, match="belongs to another program"):
        migrate.upgrade(empty)


def test_two_processes_upgrade_at_once(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from mailer.store import migrate\n"
        "from mailer.store.database import open_store\n"
        "print(migrate.upgrade(open_store(sys.argv[1])) is not None)\n"
    )
    url = f"sqlite:///{tmp_path}/mailer.db"
    runs = [
        subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = [run.communicate(timeout=60) for run in runs]
    assert [error for _, error in answers] == ["", ""]
    assert sorted(answer.strip() for answer, _ in answers) == ["False", "True"]


def test_alembic_is_not_imported_for_a_database_at_the_head(url: str) -> None:
    code = (
        "import sys\n"
        "from mailer.store import migrate\n"
        "from mailer.store.database import open_store\n"
        "assert migrate.upgrade(open_store(sys.argv[1])) is None\n"
        "print([name for name in sys.modules if name.partition('.')[0] in ('alembic', 'mako')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_upgrading_says_nothing_by_itself(
    empty: Store, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        migrate.upgrade(empty)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def dump(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()
