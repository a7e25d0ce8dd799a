"""Both carriers, for tests that hold of either; each test of the engine on PostgreSQL has a database of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from mailer.engine.carrier import Carrier
from mailer.engine.local import LocalCarrier
from mailer.engine.procrastinate import ProcrastinateCarrier
from mailer.engine.tables import address_of, connect, make_tables
from tests import postgres
from tests.engine.desks import PULSE


@pytest.fixture(scope="session")
def engine_server() -> postgres.Server:
    return postgres.shared()


@pytest.fixture
def fresh_database(engine_server: postgres.Server) -> Iterator[str]:
    """One without the engine's tables."""
    made = engine_server.create()
    yield made
    engine_server.drop(made)


@pytest.fixture(scope="session")
def engine_database(engine_server: postgres.Server) -> Iterator[str]:
    made = engine_server.create()
    with connect(address_of(made)) as connection:
        make_tables(connection)
    yield made
    engine_server.drop(made)


@pytest.fixture
def database(engine_database: str) -> str:
    """One with the engine's tables, and nothing in them."""
    with connect(address_of(engine_database)) as connection:
        connection.execute("TRUNCATE procrastinate_jobs, procrastinate_workers, procrastinate_periodic_defers CASCADE")
    return engine_database


@pytest.fixture(params=["local", "procrastinate"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def carrier(engine: str, request: pytest.FixtureRequest) -> Carrier:
    if engine == "local":
        return LocalCarrier(PULSE)
    return ProcrastinateCarrier(request.getfixturevalue("database"), "worker", PULSE)


@pytest.fixture
def host(database: str) -> Callable[[str], ProcrastinateCarrier]:
    """Makes the carrier of one more host on the same database."""
    return lambda name: ProcrastinateCarrier(database, name, PULSE)
