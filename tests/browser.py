"""A real browser (Chromium, through Playwright), and axe-core, which finds what keeps people out of a page.

The browser is the one that the system has; axe-core comes from npm into `.cache/` of the tree, once, without running
any script of the package.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

VERSION = "4.14.1"
CACHE = Path(__file__).resolve().parent.parent / ".cache" / f"axe-core-{VERSION}"
NAMES = ("chromium", "chromium-browser", "google-chrome")
# Nothing from the network but what a test asks for.
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")


def chromium() -> str:
    """The program; the test is skipped where there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser without a window."""
    from playwright.sync_api import sync_playwright

    program = chromium()
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            yield opened
        finally:
            opened.close()


def axe() -> str:
    """The script, installed if need be."""
    script = CACHE / "node_modules" / "axe-core" / "axe.min.js"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes, one installation
        if not script.exists():
            if not shutil.which("npm"):
                pytest.skip("npm is not installed (Debian: apt-get install npm)")
            install = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(CACHE)]
            done = subprocess.run(
                [*install, f"axe-core@{VERSION}"], capture_output=True, text=True, cwd=CACHE, check=False
            )
            assert done.returncode == 0, f"npm could not install axe-core: exit code {done.returncode}"
    return script.read_text(encoding="utf-8")


def barriers(page: Page, script: str = "", only: Sequence[str] = ()) -> list[str]:
    """What axe-core finds wrong with the page that is shown, one line each; empty is good.

    `script`: axe-core, where the page does not have it yet; `only`: these rules and no other.
    """
    if script:
        page.evaluate(script)
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if only:
        options["runOnly"] = list(only)
    found: Mapping[str, Any] = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{fault['impact']} {fault['id']}: {fault['help']} at {node['target']}: {node.get('failureSummary', '')}"
        for fault in found["violations"]
        for node in fault["nodes"]
    ]
