"""Which carrier the program makes, and what it says when it cannot."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mailer.app import Mailer, open_mailer
from mailer.engine import make_carrier
from mailer.engine.local import LocalCarrier
from mailer.engine.procrastinate import ProcrastinateCarrier
from mailer.errors import ConfigError, StoreError
from mailer.workspace import Workspace
from tests.engine.desks import Desk, batch, until, working

PROCRASTINATE = '[work]\nengine = "procrastinate"\n'


def program(tmp_path: Path, url: str, settings: str) -> Mailer:
    workspace = Workspace(tmp_path)
    workspace.settings_file.write_text(settings, encoding="utf-8")
    return open_mailer(workspace, {"DATABASE_URL": url})


def test_local_is_what_nobody_has_to_choose(tmp_path: Path, database: str) -> None:
    with program(tmp_path, f"sqlite:///{tmp_path}/mailer.db", "") as opened:
        assert isinstance(opened.make_carrier("one"), LocalCarrier)
    with program(tmp_path, database, "") as opened:
        assert isinstance(opened.make_carrier("one"), LocalCarrier)


def test_a_file_cannot_be_shared_by_hosts(tmp_path: Path) -> None:
    with (
        program(tmp_path, f"sqlite:///{tmp_path}/mailer.db", PROCRASTINATE) as opened,
        pytest.raises(ConfigError, match=r"needs PostgreSQL, and the database is the file mailer.db") as caught,
    ):
        opened.make_carrier("one")
    assert "mailer db move" in str(caught.value.hint)


def test_the_engine_finds_the_server_that_the_store_is_on(tmp_path: Path, database: str) -> None:
    desk = Desk()
    with program(tmp_path, database, PROCRASTINATE) as opened:
        carrier = opened.make_carrier("one")
        assert isinstance(carrier, ProcrastinateCarrier)
        with working(carrier, desk):
            carrier.feed([batch(1)])
            until(lambda: desk.carried)


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "mailer.engine.procrastinate")
    monkeypatch.setitem(sys.modules, "procrastinate", None)
    with pytest.raises(ConfigError, match="not installed") as caught:
        make_carrier("procrastinate", "", "one")
    assert caught.value.hint == "pip install 'campaign-mailer[cluster]'"


def test_a_server_that_is_not_there_is_one_line_without_its_password() -> None:
    carrier = make_carrier("procrastinate", "host=127.0.0.1 port=1 user=me password=secret dbname=news", "one")
    uses: list[Callable[[], None]] = [lambda: carrier.feed([batch(1)]), lambda: carrier.run(Desk(), 1, lambda: True)]
    for use in uses:
        with pytest.raises(StoreError, match="cannot be reached") as caught:
            use()
        assert "secret" not in f"{caught.value} {caught.value.hint}"
        assert caught.value.__cause__ is None
