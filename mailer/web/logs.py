"""What `mailer serve` writes: a line for each thing that happened, none with anybody's data.

An exception is its kind and the places it passed in this program. What it says is left out: that may hold a row of
somebody's. The same goes for what libraries say.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from traceback import extract_tb
from typing import Any, Final

OURS: Final = ("mailer", "uvicorn")
"""Whose words are known to name nobody."""

DEEPEST: Final = 6


class Lines(logging.Formatter):
    """One line for each record: an object, or words for people."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        told = told_of(record)
        if self._as_json:
            return json.dumps(told)
        at, what, *words = told.values()
        return " ".join((f"{str(at)[:19].replace('T', ' ')} UTC", str(what), *map(str, words)))


def told_of(record: logging.LogRecord) -> dict[str, Any]:
    """What a record says, in order: when, what, and its details."""
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    told: dict[str, Any] = {"at": at}
    if record.name.startswith("mailer"):
        told |= {"what": record.msg, **getattr(record, "told", {})}
    elif record.name.startswith(OURS):
        told |= {"what": "server", "detail": record.getMessage().splitlines()[0]}
    else:
        told |= {"what": "library", "detail": f"{record.name}: {record.levelname.lower()}"}
    if record.exc_info and record.exc_info[1]:
        told |= {"fault": type(record.exc_info[1]).__name__, "where": where(record.exc_info[1])}
    return told


def where(error: BaseException) -> str:
    """The last places that it passed, the innermost first."""
    steps = [
        f"{step.filename.rpartition('site-packages/')[2]}:{step.lineno}" for step in extract_tb(error.__traceback__)
    ]
    return " < ".join(step.rpartition("/mailer/")[2] for step in reversed(steps[-DEEPEST:]))


def config(*, as_json: bool) -> dict[str, Any]:
    """For `logging.config.dictConfig`, in each process."""
    quiet = {"level": "WARNING"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": "mailer.web.logs.Lines", "as_json": as_json}},
        "handlers": {"out": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "lines"}},
        "root": {"handlers": ["out"], "level": "WARNING"},
        "loggers": {"mailer": {"level": "INFO"}, "uvicorn": quiet, "uvicorn.error": quiet, "uvicorn.access": quiet},
    }
