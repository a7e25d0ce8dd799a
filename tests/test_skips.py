"""Where the tests are a gate, a test that is left out for want of something fails (tests/conftest.py)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """
import pytest

@pytest.mark.skipif(True, reason="chromium is not installed")
def test_by_mark() -> None: ...

def test_inside() -> None:
    pytest.skip("the data is not here")

@pytest.mark.skipif(True, reason="modes are POSIX")
def test_of_another_system() -> None: ...

@pytest.mark.xfail(reason="known")
def test_that_is_known_to_fail() -> None:
    assert False

def test_that_passes() -> None: ...
"""
WHOLE_MODULE = 'import pytest\n\npytest.importorskip("a_module_that_nobody_has")\n'


@pytest.mark.parametrize(
    ("ci", "outcome", "code"),
    [
        ("", "1 passed, 4 skipped, 1 xfailed", 0),
        ("false", "1 passed, 4 skipped, 1 xfailed", 0),
        ("true", "1 failed, 1 passed, 1 skipped, 1 xfailed, 2 errors", 1),
        ("1", "1 failed, 1 passed, 1 skipped, 1 xfailed, 2 errors", 1),
    ],
)
def test_what_is_skipped(tmp_path: Path, ci: str, outcome: str, code: int) -> None:
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_some.py").write_text(SUITE, encoding="utf-8")
    (tmp_path / "test_module.py").write_text(WHOLE_MODULE, encoding="utf-8")
    # A run of its own, so that its failures are not this run's.
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", str(tmp_path),
         f"--rootdir={tmp_path}", "--continue-on-collection-errors"],
        env={**os.environ, "CI": ci},
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1].startswith(outcome), done.stdout
    assert done.returncode == code
