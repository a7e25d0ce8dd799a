"""An empty store at the newest version, for every test a new one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailer.store import migrate
from mailer.store.database import Store, open_store
from tests.store.world import World


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database, copied for each test: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("template") / "mailer.db"
    store = open_store(f"sqlite:///{path}")
    migrate.upgrade(store)
    copy = store.backup(path.with_name("copy.db"))
    store.close()
    return copy


@pytest.fixture(params=["sqlite"])
def url(request: pytest.FixtureRequest, template: Path, tmp_path: Path) -> str:
    """A database of its own. Another kind of database is another parameter here."""
    assert request.param == "sqlite"
    path = tmp_path / "mailer.db"
    path.write_bytes(template.read_bytes())
    return f"sqlite:///{path}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = open_store(url, busy_timeout=5)
    yield store
    store.close()


@pytest.fixture
def world(store: Store) -> World:
    return World(store)
