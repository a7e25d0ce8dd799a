"""Which start of the machine it is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mailer.services.sending import boot


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells")
def test_it_is_the_same_until_the_machine_starts_again() -> None:
    assert boot.boot_id() == boot.boot_id()
    assert len(boot.boot_id()) == 36


def test_where_nothing_tells_it_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boot, "LINUX", tmp_path / "missing")
    assert boot.boot_id() == ""


def test_a_text_that_is_none_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "boot_id").write_bytes(b"\xff\xfe")
    monkeypatch.setattr(boot, "LINUX", tmp_path / "boot_id")
    assert boot.boot_id() == ""
