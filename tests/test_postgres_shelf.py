"""Databases on the shelf are used again only while their tables are what they were."""

from __future__ import annotations

import psycopg
import pytest

from tests import postgres
from tests.store.conftest import server as server
from tests.store.conftest import shelf as shelf

CHANGES = (
    "ALTER TABLE lists RENAME COLUMN title TO heading",
    "ALTER TABLE lists ADD COLUMN colour text",
    "ALTER TABLE lists ALTER COLUMN title DROP NOT NULL",
    "CREATE TABLE more (id int)",
    "DROP TABLE spent",
    "CREATE SCHEMA more",
)


@pytest.mark.parametrize("change", CHANGES)
def test_one_that_was_changed_is_not_used_again(shelf: postgres.Shelf, change: str) -> None:
    url = shelf.take()
    with psycopg.connect(url) as connection:
        connection.execute(change.encode())
    shelf.put_back(url)
    assert url not in shelf.free


def test_one_with_rows_and_temporary_tables_is_emptied_and_used_again(shelf: postgres.Shelf) -> None:
    url = shelf.take()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TEMPORARY TABLE own (id int)")
        connection.execute("INSERT INTO lists (name, title) VALUES ('weekly', 'Weekly')")
    shelf.put_back(url)
    assert url in shelf.free
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM lists").fetchone() == (0,)
