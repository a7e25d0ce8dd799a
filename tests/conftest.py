"""Settings for every test, and no test that is silently left out where the tests are a gate."""

from __future__ import annotations

import gc
import os
import re
import tempfile
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings

from tests import kept
from tests.thoroughness import examples

# A deadline measures the machine that the tests run on, not the program.
settings.register_profile("mailer", deadline=None, max_examples=examples(100))
settings.load_profile("mailer")

kept.keep()

# Not for want of anything: what the test is about does not exist there. `CI=true` lets no other reason pass.
REASONS_THAT_HOLD = re.compile(
    r"(modes|links).*POSIX"  # file modes and links on a system that has others
    r"|network namespaces are root's|root may make no network namespaces"  # a right of the machine, and no tool
)

# A worker gets a part of the list at the start, and takes from the others when it has done that: what takes long comes
# first, so that nobody is left with it at the end.
LONG_ONES = Path(__file__).parent / "acceptance"

# Files of tests go where they need no disk, if there is room: a commit waits for the disk, which takes longer than
# all else that it does, and nothing here has to survive a power cut.
MEMORY = Path("/dev/shm")  # noqa: S108
ROOM = 2 * 1024**3

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def pytest_configure() -> None:
    if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and has_room():
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


def has_room() -> bool:
    """Also for programs: containers often let nothing in memory be run."""
    found = os.statvfs(MEMORY)
    return found.f_bavail * found.f_frsize >= ROOM and not found.f_flag & os.ST_NOEXEC


def skips_are_failures(environ: Mapping[str, str]) -> bool:
    """Whether this run decides something: a skipped test would count as one that passed."""
    return environ.get("CI", "").lower() in ("1", "true")


def unwanted(report: pytest.TestReport | pytest.CollectReport) -> str | None:
    """Why a skip must not be; None when its reason holds, or nothing was skipped."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return None
    reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    return None if REASONS_THAT_HOLD.match(reason) else f"skipped in CI, where everything is there: {reason}"


def judged(report: Report) -> Report:
    if skips_are_failures(os.environ) and (fault := unwanted(report)):
        report.outcome = "failed"
        report.longrepr = fault
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return judged((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return judged((yield))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """After they were put into an order by chance, which is kept otherwise."""
    long = {path: LONG_ONES in path.parents for path in {item.path for item in items}}
    items.sort(key=lambda item: not long[item.path])


def pytest_collection_finish() -> None:
    """What was collected stays until the end: looking through all of it for garbage again and again takes a tenth."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
