"""One on a machine is enough."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mailer.services.program import Program
from mailer.workspace.signing import make_private


@contextmanager
def only_one(program: Program) -> Iterator[bool]:
    """Whether nobody else on this machine carries out what is due in this workspace; until the end nobody else does.

    For the quiet of a crontab whose runs overlap. That nothing is sent twice does not depend on it.
    """
    folder = program.workspace.private_dir
    make_private(folder)
    with (folder / "work.lock").open("a") as file:
        try:
            import fcntl
        except ImportError:  # Windows has no such lock
            yield True
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
