"""Pictures of an issue in a folder, by a real Chromium: which, for whom, and whom they do not name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT
from typing import Any

import pytest

from mailer.app import open_mailer
from mailer.errors import MailerError, UsageError
from mailer.services.previewing.screenshots import Order, Pictures, Telling, take_screenshots
from mailer.services.previewing.session import Session
from mailer.services.previewing.shots import FRAMES
from mailer.workspace import Workspace
from tests import browser
from tests.acceptance.commands import command, environment
from tests.store.world import FILES_ONLY
from tests.web.house import House
from tests.web.issuing import write_issue
from tests.web.pixels import Pixels

pytestmark = FILES_ONLY

NAME = "2026-11-22-rivers"


@contextmanager
def session_of(house: House, url: str, email: str = "") -> Iterator[Session]:
    workspace = Workspace(house.folder)
    found = Session(lambda: open_mailer(workspace, {"DATABASE_URL": url}, now=lambda: house.moment), NAME, email)
    try:
        yield found
    finally:
        found.close()


def telling(told: list[str], stop_after: int = 999) -> Telling:
    return Telling(lambda done, total, what: told.append(what), told.append, lambda: len(told) >= stop_after)


def take(session: Session, folder: Path, *readers: str, stop_after: int = 999) -> Pictures:
    order = Order(folder, readers, browser.chromium(), offline=True)
    return take_screenshots(session, order, os.environ, telling([], stop_after))


def test_every_view_becomes_a_file_for_its_owner_alone(house: House, url: str, tmp_path: Path) -> None:
    write_issue(house, NAME, preheader="What we saw")
    folder = tmp_path / "new" / "pictures"
    folder.mkdir(parents=True)
    (folder / "made-up-text.png").write_text("older")
    (folder / "made-up-text.png").chmod(0o644)
    with session_of(house, url) as session:
        done = take(session, folder, "made-up")
    names = [f"made-up-{each.name}.png" for each in FRAMES]
    assert [each.file for each in done.pictures] == names
    assert sorted(each.name for each in folder.iterdir()) == sorted([*names, "index.html"])
    assert {each.stat().st_mode & 0o777 for each in folder.iterdir()} == {0o600}
    assert (done.total, done.views, done.stopped) == (13, 13, False)
    for each in done.pictures:
        scale = 2 if each.width == 375 else 1
        assert Pixels((folder / each.file).read_bytes()).size == (each.width * scale, each.height * scale)
    by_view = {each.view: each for each in done.pictures}
    assert (by_view["phone-dark"].scheme, by_view["phone-right-to-left"].direction) == ("dark", "rtl")
    assert (by_view["desktop-images-off"].images, by_view["phone-light"].width) == (False, 375)
    assert by_view["inbox-light"].height < 150
    assert all(f'src="{each}"' in done.index.read_text() for each in names)


def test_pictures_of_a_subscriber_are_not_called_by_name(house: House, url: str, tmp_path: Path) -> None:
    write_issue(house, NAME)
    house.join("annabel")
    with session_of(house, url) as session:
        awkward = take(session, tmp_path / "awkward", "awkward", stop_after=2)
    with session_of(house, url, "annabel@example.org") as session:
        alone = take(session, tmp_path / "alone", stop_after=2)
        with pytest.raises(UsageError, match="--reader does not go with it"):
            take(session, tmp_path / "alone", "made-up")
    assert [each.file for each in awkward.pictures] == [
        "subscriber-most-words-phone-light.png",
        "subscriber-most-words-phone-dark.png",
    ]
    assert alone.pictures[0].file == "subscriber-phone-light.png"
    for done in (awkward, alone):
        assert (tmp_path / done.folder).stat().st_mode & 0o777 == 0o700
        assert "annabel" not in repr(done) + done.index.read_text()


def test_stopped_it_keeps_what_was_finished(house: House, url: str, tmp_path: Path) -> None:
    write_issue(house, NAME)
    with session_of(house, url) as session:
        done = take(session, tmp_path / "pictures", stop_after=1)
    # Of one all 13 views, of five more the four that a reader changes.
    assert (done.stopped, done.views, done.total) == (True, 1, 33)
    assert sorted(each.name for each in done.folder.iterdir()) == ["index.html", "made-up-phone-light.png"]
    assert done.index.read_text().count("<img") == 1


@pytest.mark.parametrize(
    ("front", "readers", "says"),
    [
        ({"lists": ["nosuch"]}, (), "nosuch"),
        ({}, ("made_up",), 'unknown reader "made_up": did you mean "made-up"?'),
        ({}, ("awkward",), "nobody is on the issue's lists yet"),
    ],
)
def test_what_cannot_be_pictured_is_said_before_a_browser_starts(
    house: House, url: str, tmp_path: Path, front: dict[str, Any], readers: tuple[str, ...], says: str
) -> None:
    write_issue(house, NAME, **front)
    with session_of(house, url) as session, pytest.raises(MailerError) as caught:
        order = Order(tmp_path / "pictures", readers, sys.executable)
        take_screenshots(session, order, os.environ, telling([]))
    assert says in caught.value.message
    assert not (tmp_path / "pictures").exists()


def test_a_program_that_is_no_browser_is_told_in_one_line(house: House, url: str, tmp_path: Path) -> None:
    write_issue(house, NAME)
    order = Order(tmp_path / "pictures", browser=sys.executable)
    with session_of(house, url) as session, pytest.raises(MailerError) as caught:
        take_screenshots(session, order, os.environ, telling([]))
    assert caught.value.message.startswith("the browser does not start: ")
    assert "\n" not in caught.value.message


def test_interrupted_in_a_terminal_it_finishes_the_picture_in_hand(house: House, tmp_path: Path) -> None:
    write_issue(house, NAME)
    folder = tmp_path / "pictures"
    words = ("--workspace", str(house.folder), "preview", NAME, "--screenshots", str(folder), "--offline", "--json")
    process = subprocess.Popen(
        command(*words), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        first = folder / "made-up-phone-light.png"
        while process.poll() is None and not first.exists():
            threading.Event().wait(0.02)
        # As a terminal does: to the program and to everything that it started.
        os.killpg(process.pid, SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert "what was taken is there" in err
    told = json.loads(out)
    assert {each.name for each in folder.iterdir()} == {"index.html", *(each["file"] for each in told["pictures"])}
    assert 1 <= told["views"] < told["total"]
