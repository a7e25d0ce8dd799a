"""Showing where in an expression a mistake stands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mailer.cli import output


@contextmanager
def pointing() -> Iterator[None]:
    """Shows the line with the mistake and a mark below it, before the error itself."""
    from mailer.errors import SegmentError

    try:
        yield
    except SegmentError as error:
        output.note(error.source_line)
        output.note(" " * (error.column - 1) + "^")
        raise
