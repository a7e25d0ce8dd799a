"""An empty store at the newest version, for every test a new one, on every kind of database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailer.store.database import Store, open_store
from tests import migrated, postgres
from tests.store.world import World

KINDS = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def server() -> postgres.Server:
    """One server for the tests of this process."""
    return postgres.shared()


@pytest.fixture(scope="session")
def shelf(server: postgres.Server) -> postgres.Shelf:
    """Migrated databases on the server, used again: making one takes ten times as long as emptying it."""
    return postgres.Shelf(server, migrated.name())


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated database of its own."""
    if kind == "sqlite":
        (tmp_path / "mailer.db").write_bytes(migrated.file())
        yield f"sqlite:///{tmp_path}/mailer.db"
        return
    shelf: postgres.Shelf = request.getfixturevalue("shelf")
    made = shelf.take()
    yield made
    shelf.put_back(made)


@pytest.fixture
def empty_url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables."""
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path}/mailer.db"
        return
    server: postgres.Server = request.getfixturevalue("server")
    made = server.create()
    yield made
    server.drop(made)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = open_store(url, busy_timeout=5)
    yield store
    store.close()


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


@pytest.fixture
def another(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Makes more stores of the same kind, for what goes from one to another."""
    made: list[tuple[Store, str]] = []

    def make() -> Store:
        if kind == "sqlite":
            path = tmp_path / f"another{len(made)}.db"
            path.write_bytes(migrated.file())
            url = f"sqlite:///{path}"
        else:
            url = request.getfixturevalue("server").create(migrated.name())
        made.append((open_store(url, busy_timeout=5), url))
        return made[-1][0]

    yield make
    for store, url in made:
        store.close()
        if kind == "postgresql":
            request.getfixturevalue("server").drop(url)
