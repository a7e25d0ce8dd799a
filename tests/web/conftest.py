"""A workspace with lists, its database of either kind, and the application over it, asked as a browser would."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from mailer.app import open_mailer
from mailer.web.site import make_app
from mailer.workspace import Workspace
from tests.store.conftest import kind as kind
from tests.store.conftest import server as server
from tests.store.conftest import shelf as shelf
from tests.store.conftest import url as url
from tests.web.house import BASE, House, furnish


@pytest.fixture
def house(url: str, tmp_path: Path) -> Iterator[House]:
    """A workspace over an empty database."""
    folder = tmp_path / "workspace"
    furnish(folder)
    found = House(folder)
    with open_mailer(Workspace(folder), {"DATABASE_URL": url}, now=lambda: found.moment) as program:
        found.program = program
        yield found


@pytest.fixture
def client(house: House) -> Iterator[TestClient]:
    """Somebody's browser, or program, somewhere on the internet. It follows no redirect by itself."""
    app = make_app(house.program, house.wake)
    with TestClient(app, base_url=BASE, follow_redirects=False, client=("203.0.113.7", 50000)) as found:
        yield found
