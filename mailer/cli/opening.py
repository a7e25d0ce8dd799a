"""The browser is led to an address that nobody else is to know.

What a program is started with can be read in the list of processes by everybody on the machine, a file of one's own
cannot. So the browser is given a file that leads on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path

import typer

from mailer.workspace.writing import PRIVATE, make_folder, write_new


@contextmanager
def opened(url: str, leading: Path) -> Iterator[None]:
    """The browser at `url`, by the file `leading`, which is gone afterwards."""
    make_folder(leading.parent, 0o700)
    leading.unlink(missing_ok=True)
    write_new(leading, page(url), PRIVATE)
    try:
        typer.launch(leading.as_uri())
        yield
    finally:
        leading.unlink(missing_ok=True)


def page(url: str) -> str:
    there = escape(url)
    return (
        f'<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
        f'<meta http-equiv="refresh" content="0;url={there}"><title>Preview</title><a href="{there}">Preview</a>\n'
    )
