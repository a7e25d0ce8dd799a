"""`mailer preview --screenshots`: pictures of an issue in a folder."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailer.cli import output
from mailer.cli.compose import relative
from mailer.cli.signals import stop_on_signal
from mailer.wording import counted

if TYPE_CHECKING:
    from mailer.services.previewing.screenshots import Pictures
    from mailer.workspace import Workspace

INTERRUPTED = 130

ReaderOption = Annotated[
    list[str] | None,
    typer.Option(
        "--reader",
        metavar="WHO",
        help="With --screenshots, in every view: made-up, nothing-known, long-name, arabic, japanese, markup, awkward "
        "(subscribers whose mails are likely to look odd) or all. Several times for several.",
    ),
]
BrowserOption = Annotated[
    str,
    typer.Option(
        "--browser", metavar="PATH", help="The Chromium, Chrome or Edge of --screenshots. Default: one that is found."
    ),
]
OfflineOption = Annotated[bool, typer.Option("--offline", help="With --screenshots: load no images.")]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options say of pictures."""

    folder: Path | None
    readers: tuple[str, ...] = ()
    browser: str = ""
    offline: bool = False


def refuse_mixture(wanted: Wanted, other: str) -> None:
    """`other`: the option that asks for something else than pictures, if there is one."""
    from mailer.errors import UsageError

    if wanted.folder is not None and other:
        raise UsageError(f"{other} does not go with --screenshots", hint="leave one of them out")
    given = {"--reader": wanted.readers, "--browser": wanted.browser, "--offline": wanted.offline}
    alone = [name for name, value in given.items() if value]
    if wanted.folder is None and alone:
        raise UsageError(f"{alone[0]} is about pictures", hint="add --screenshots DIR")


def take(workspace: Workspace, name: str, email: str, wanted: Wanted, *, as_json: bool) -> Path:
    """Take them, and tell of them; the index. A signal ends it after the picture in hand, with exit code 130."""
    from mailer.app import open_mailer as opened
    from mailer.services.previewing.screenshots import Order, Telling, take_screenshots
    from mailer.services.previewing.session import Session

    assert wanted.folder is not None
    workspace.issue_text(name)
    order = Order(wanted.folder, wanted.readers, wanted.browser, wanted.offline)
    session = Session(partial(opened, workspace, os.environ), name, email)
    with closing(session), stop_on_signal(tell_stopping) as stop:
        try:
            taken = take_screenshots(session, order, os.environ, Telling(tell, output.warn, stop))
        finally:
            output.overwrite("")
    output.result(taken, as_json, lambda: show_taken(taken))
    if taken.stopped:
        output.note(f"stopped after {taken.views} of {taken.total} views; what was taken is there")
        raise typer.Exit(INTERRUPTED)
    return taken.index


def tell(done: int, total: int, what: str) -> None:
    output.overwrite(f"{done} of {total}: {what}")


def tell_stopping() -> None:
    output.note("stopping after this picture; once more stops at once")


def show_taken(taken: Pictures) -> None:
    readers = counted(len({each.reader for each in taken.pictures}), "reader")
    output.fields(
        {
            "pictures": f"{counted(len(taken.pictures), 'picture')} of {readers}",
            "folder": relative(taken.folder),
            "index": relative(taken.index),
        }
    )
