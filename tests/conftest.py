"""Settings for every test, and no test that is silently left out where the tests are a gate."""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Mapping
from typing import TypeVar

import pytest
from hypothesis import settings

# A deadline measures the machine that the tests run on, not the program.
settings.register_profile("mailer", deadline=None)
settings.load_profile("mailer")

# Not for want of anything: what the test is about does not exist there. `CI=true` lets no other reason pass.
REASONS_THAT_HOLD = re.compile(
    r"it does not promise to"  # a provider is not asked to keep what its capabilities do not say
    r"|(modes|links).*POSIX"  # file modes and links on a system that has others
)

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


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
