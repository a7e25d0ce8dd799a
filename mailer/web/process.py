"""One process of `mailer serve`: the workspace is opened, and what surfaces leave to be done is done beside them."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from multiprocessing.connection import wait
from pathlib import Path
from threading import Thread

from fastapi import FastAPI

from mailer.app import Mailer, open_mailer
from mailer.errors import MailerError
from mailer.services.serving import Background
from mailer.web.site import make_app
from mailer.workspace import Workspace

log = logging.getLogger("mailer.web")

FOLDER = "MAILER_WORKSPACE"

NOT_STARTED = 3
"""The exit code after which whoever started this process does not try again."""


def make() -> FastAPI:
    """The application over the workspace that MAILER_WORKSPACE names; it is closed when it stops serving."""
    program = _opened()
    background = Background(program, tell)

    @contextmanager
    def during() -> Iterator[None]:
        with program, background:
            yield

    end_with_parent()
    return make_app(program, background.wake, during)


def tell(what: str, detail: str) -> None:
    """Say what happened beside the requests."""
    log.info(what, extra={"told": {"detail": detail}})


def _opened() -> Mailer:
    try:
        program = open_mailer(Workspace(Path(os.environ[FOLDER])), os.environ)
        _ = program.store, program.lists
    except MailerError as error:
        if parent_process() is None:
            raise
        tell("failed", error.message.splitlines()[0])
        sys.exit(NOT_STARTED)
    return program


def end_with_parent() -> None:
    """One of several processes ends in good order when the one that started them was killed."""
    if (parent := parent_process()) is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=watch, name="parent", daemon=True).start()
