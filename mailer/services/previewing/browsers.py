"""A Chromium that is installed: by its name, or where it usually is."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Final

from mailer.errors import ConfigError, NotFoundError, UsageError

VARIABLE: Final = "MAILER_BROWSER"

NAMES: Final = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
    "microsoft-edge",
)

MAC: Final = ("Google Chrome", "Chromium", "Microsoft Edge")

WINDOWS: Final = (
    r"Google\Chrome\Application\chrome.exe",
    r"Chromium\Application\chrome.exe",
    r"Microsoft\Edge\Application\msedge.exe",
)
WINDOWS_FOLDERS: Final = ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")

Runs = Callable[[PurePath], bool]


def find_browser(named: str, environ: Mapping[str, str]) -> str:
    """The program: `named` on the command line, else in the environment, else the first that is installed."""
    if named:
        found = _program(named, environ)
        if found is None:
            raise UsageError("--browser: there is no such program", hint="name Chromium, Chrome or Edge by its path")
        return found
    if environ.get(VARIABLE):
        found = _program(environ[VARIABLE], environ)
        if found is None:
            raise ConfigError(f"{VARIABLE}: there is no such program", hint="name Chromium, Chrome or Edge by its path")
        return found
    installed = first_installed(environ, sys.platform, runs)
    if installed is None:
        raise NotFoundError(
            "pictures need Chromium, Chrome or Edge, and none is found here",
            hint=f"install one (Debian: apt install chromium), or name it: --browser PATH or {VARIABLE}",
        )
    return installed


def first_installed(environ: Mapping[str, str], platform: str, runs: Runs) -> str | None:
    """The first that is on PATH, or else in one of the usual places of that platform."""
    path = environ.get("PATH", "")
    found = next(filter(None, (shutil.which(name, path=path) for name in NAMES)), None)
    return found or next((str(place) for place in usual_places(environ, platform) if runs(place)), None)


def usual_places(environ: Mapping[str, str], platform: str) -> Iterator[PurePath]:
    if platform == "darwin":
        for folder in ("/Applications", f"{environ['HOME']}/Applications" if environ.get("HOME") else ""):
            for name in MAC:
                if folder:
                    yield PurePosixPath(folder, f"{name}.app", "Contents", "MacOS", name)
    elif platform == "win32":
        for variable in WINDOWS_FOLDERS:
            for place in WINDOWS:
                if environ.get(variable):
                    yield PureWindowsPath(environ[variable], place)
    else:
        yield PurePosixPath("/snap/bin/chromium")


def runs(place: PurePath) -> bool:
    return Path(place).is_file() and os.access(place, os.X_OK)


def _program(named: str, environ: Mapping[str, str]) -> str | None:
    """A path, or a name on PATH."""
    return shutil.which(os.path.expanduser(named), path=environ.get("PATH", ""))
