"""The command line. `main` is the only place where an error becomes a line and an exit code.

Exit codes: 0 done, 1 an error of ours, 2 wrong usage, 3 done but something waits for a person, 130 interrupted.
Results go to standard output, everything else to standard error. `MAILER_DEBUG=1` shows the traceback of known
errors as well.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from mailer.cli import output
from mailer.cli.commands import build_app
from mailer.errors import MailerError

INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it

NEW_OBJECTS = 10_000
"""So many are made before rubbish is looked for. What is imported stays, and Python looks through it after each 700."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    gc.set_threshold(NEW_OBJECTS)
    output.prepare()
    try:
        code = run(words)
        output.flush()
    except BrokenPipeError:
        output.abandon()
        return 1
    except OSError as error:
        if not output.is_broken():
            raise
        output.abandon()
        output.failure(MailerError(f"the output cannot be written: {error.strerror}"))
        return 1
    return code


def run(words: Sequence[str]) -> int:
    completing = "_MAILER_COMPLETE" in os.environ
    try:
        build_app(None if completing else words)(args=words, prog_name="mailer")
    except MailerError as error:
        if os.environ.get("MAILER_DEBUG", "") not in ("", "0"):
            output.traceback(error)
        output.failure(error)
        return error.exit_code
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        if code == INTERRUPTED:
            output.note("interrupted")
        return code
    return 0
