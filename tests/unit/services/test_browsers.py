"""Where a Chromium is looked for."""

from __future__ import annotations

from pathlib import Path, PurePath

import pytest

from mailer.errors import ConfigError, MailerError, NotFoundError, UsageError
from mailer.services.previewing import browsers
from mailer.services.previewing.browsers import VARIABLE, find_browser, first_installed, usual_places


def program(folder: Path, name: str) -> str:
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def nothing_runs(place: PurePath) -> bool:
    return False


def test_who_is_named_comes_first_then_the_variable_then_what_is_installed(tmp_path: Path) -> None:
    named, other, installed = (program(tmp_path, name) for name in ("mine", "other", "chromium"))
    environ = {"PATH": str(tmp_path), VARIABLE: other}
    assert find_browser(named, environ) == named
    assert find_browser("mine", environ) == named
    assert find_browser("", environ) == other
    assert find_browser("", {"PATH": str(tmp_path)}) == installed


@pytest.mark.parametrize(
    ("named", "variable", "error", "says"),
    [
        ("/no/such/browser", "", UsageError, "--browser: there is no such program"),
        ("nosuch", "chromium", UsageError, "--browser: there is no such program"),
        ("", "/no/such/browser", ConfigError, "MAILER_BROWSER: there is no such program"),
        ("", "", NotFoundError, "pictures need Chromium, Chrome or Edge, and none is found here"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, variable: str, error: type[MailerError], says: str
) -> None:
    monkeypatch.setattr(browsers, "runs", nothing_runs)
    with pytest.raises(error) as caught:
        find_browser(named, {"PATH": str(tmp_path), VARIABLE: variable})
    assert caught.value.message == says
    assert caught.value.hint


def test_a_file_that_cannot_be_run_is_no_browser(tmp_path: Path) -> None:
    Path(program(tmp_path, "chromium")).chmod(0o644)
    with pytest.raises(UsageError):
        find_browser(str(tmp_path / "chromium"), {"PATH": ""})
    assert first_installed({"PATH": str(tmp_path)}, "linux", nothing_runs) is None
    assert not browsers.runs(tmp_path / "chromium")
    assert not browsers.runs(tmp_path)


@pytest.mark.parametrize("name", browsers.NAMES)
def test_each_name_is_found_on_the_path(tmp_path: Path, name: str) -> None:
    found = program(tmp_path, name)
    assert first_installed({"PATH": str(tmp_path)}, "linux", nothing_runs) == found


@pytest.mark.parametrize(
    ("platform", "environ", "place"),
    [
        ("darwin", {}, "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
        ("darwin", {"HOME": "/Users/a"}, "/Users/a/Applications/Chromium.app/Contents/MacOS/Chromium"),
        ("win32", {"PROGRAMFILES": r"C:\Programs"}, r"C:\Programs\Google\Chrome\Application\chrome.exe"),
        ("win32", {"PROGRAMFILES(X86)": r"C:\Old"}, r"C:\Old\Microsoft\Edge\Application\msedge.exe"),
        ("win32", {"LOCALAPPDATA": r"C:\Mine"}, r"C:\Mine\Chromium\Application\chrome.exe"),
        ("linux", {}, "/snap/bin/chromium"),
    ],
)
def test_each_platform_has_its_usual_places(platform: str, environ: dict[str, str], place: str) -> None:
    assert place in [str(each) for each in usual_places(environ, platform)]
    assert first_installed(environ, platform, lambda each: str(each) == place) == place


def test_a_place_of_nobody_is_not_looked_at() -> None:
    assert all(str(each).startswith("/Applications/") for each in usual_places({}, "darwin"))
    assert list(usual_places({}, "win32")) == []
