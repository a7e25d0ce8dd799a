"""`mailer preview`: an issue as its readers get it, as files or as a page that follows its files."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailer.cli import output
from mailer.cli.compose import relative
from mailer.cli.issue import IssueArgument, bare
from mailer.cli.options import JsonOption
from mailer.cli.screenshots import BrowserOption, OfflineOption, ReaderOption, Wanted, refuse_mixture, take
from mailer.cli.session import open_mailer, workspace_of

if TYPE_CHECKING:
    from socket import socket

    from mailer.services.preview import Preview
    from mailer.services.previewing.session import Session
    from mailer.workspace import Workspace

APPLICATION = "mailer.web.previewing.site"
HOST = "127.0.0.1"

STOP_SECONDS = 2
"""What is in hand may take so long after it was asked to stop."""


def preview(
    context: typer.Context,
    issue: IssueArgument,
    email: Annotated[
        str,
        typer.Option(
            "--as", metavar="EMAIL", help="As this subscriber sees it; - reads the address from standard input."
        ),
    ] = "",
    folder: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where to write. Default: preview/ in the workspace.")
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Show it on a page of this machine that follows every change.")
    ] = False,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="The port of --serve; 0 for any that is free.")
    ] = 0,
    show: Annotated[
        bool | None,
        typer.Option("--open/--no-open", help="Open the browser. Default: only --serve does, at a terminal."),
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option("--screenshots", metavar="DIR", help="Write a PNG of every view into this folder.")
    ] = None,
    readers: ReaderOption = None,
    browser: BrowserOption = "",
    offline: OfflineOption = False,
    as_json: JsonOption = False,
) -> None:
    """Look at an issue as its readers get it: as files, as pictures, or on a page that follows what you write.

    It is written for a made-up reader unless one is named. The links do nothing.
    """
    from mailer.cli.arguments import address_text

    address = address_text(email) if email else ""
    wanted = Wanted(pictures, tuple(readers or ()), browser, offline)
    refuse_mixture(wanted, other="--serve" if serve else "--out" if folder else "")
    if pictures:
        index = take(workspace_of(context), bare(issue), address, wanted, as_json=as_json)
        if show:
            typer.launch(index.as_uri())
        return
    if serve:
        refuse_folder(folder)
        show = sys.stdout.isatty() if show is None else show
        workspace, name = workspace_of(context), bare(issue)
        with ExitStack() as until_ended:
            leading = workspace.inside("preview") / f".{name}.html" if show else None
            serve_preview(workspace, name, address, port, Telling(until_ended, leading, as_json=as_json))
        return
    from mailer.services.preview import preview_issue

    with open_mailer(context) as mailer:
        written = preview_issue(mailer, bare(issue), email=address, folder=folder)
    output.result(written, as_json, lambda: show_preview(written))
    if show:
        typer.launch(written.html.as_uri())


def refuse_folder(folder: Path | None) -> None:
    from mailer.errors import UsageError

    if folder is not None:
        raise UsageError("--serve writes no files, so --out does not go with it", hint="leave one of them out")


def show_preview(written: Preview) -> None:
    output.fields(
        {
            "reader": written.reader,
            "subject": written.subject,
            "preheader": written.preheader,
            "html": relative(written.html),
            "text": relative(written.text),
            "message": relative(written.message),
            "approvals": written.approvals.lines if written.approvals else [],
        }
    )


class Telling:
    """Says where the page is, once it is there, and opens it by the file `leading` unless that is None."""

    def __init__(self, until_ended: ExitStack, leading: Path | None, *, as_json: bool) -> None:
        self._until_ended = until_ended
        self._leading = leading
        self._as_json = as_json

    def __call__(self, url: str) -> None:
        output.result({"url": url}, self._as_json, lambda: output.lines([f"{url}"]))
        output.note("it follows the issue, templates, lists and settings; end with Ctrl-C")
        if self._leading:
            from mailer.cli.opening import opened

            self._until_ended.enter_context(opened(url, self._leading))


def serve_preview(workspace: Workspace, name: str, email: str, port: int, tell: Callable[[str], None]) -> None:
    """Serve the page until a signal comes. The database is only read, but for the names of new lists."""
    from secrets import token_urlsafe

    from mailer.app import open_mailer as opened
    from mailer.cli.serve import listen
    from mailer.services.previewing.session import Session

    session = Session(partial(opened, workspace, os.environ), name, email)
    with closing(session), listen(HOST, port) as listening:
        workspace.issue_text(name)
        token = token_urlsafe(18)
        run(session, workspace, token, listening, tell)


def run(session: Session, workspace: Workspace, token: str, listening: socket, tell: Callable[[str], None]) -> None:
    from uvicorn import Config, Server

    from mailer.cli.serve import run_server

    chosen = listening.getsockname()[1]

    def stopping() -> bool:
        return server.should_exit

    app = import_module(APPLICATION).make_app(session, workspace, token, chosen, stopping)
    server = Server(Config(app, **options()))
    run_server(server, listening, lambda: tell(f"http://{HOST}:{chosen}/{token}/"))


def options() -> dict[str, Any]:
    """How uvicorn is run: nothing of a request is written down, as an address has the token in it."""
    return {
        "http": "h11",
        "ws": "none",
        "loop": "asyncio",
        "lifespan": "on",
        "log_config": None,
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
        "timeout_graceful_shutdown": STOP_SECONDS,
    }
