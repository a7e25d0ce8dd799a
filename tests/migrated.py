"""Empty databases at the newest version, made once for all tests of a process: migrating takes longer than most."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from mailer.store import migrate
from mailer.store.database import open_store
from tests import postgres


@cache
def file() -> bytes:
    """What stands in the file of one of SQLite."""
    with tempfile.TemporaryDirectory(prefix="mailer-migrated-") as folder:
        store = open_store(f"sqlite:///{folder}/mailer.db")
        migrate.upgrade(store)
        copy = store.backup(Path(folder, "copy.db"))
        store.close()
        return copy.read_bytes()


@cache
def name() -> str:
    """The name of one on the server that tests share, to be copied."""
    url = postgres.shared().create()
    store = open_store(url)
    migrate.upgrade(store)
    store.close()
    return postgres.name_of(url)
