"""The only place that prints. Results go to standard output, progress and warnings to standard error.

Titles, names and file contents come from strangers: every line of text loses control characters and escape
sequences before it is printed, whether it goes to a terminal or into a file that is looked at in one later.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TextIO

from mailer.cli.text import Table, clean, cut, render_table, shown
from mailer.errors import MailerError, NeedsAttention

BOLD, DIM, RED, GREEN, YELLOW, CYAN = "1", "2", "31", "32", "33", "36"


def prepare() -> None:
    """A title that the terminal's encoding cannot show is escaped instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="backslashreplace")


def flush() -> None:
    print(end="", flush=True)


def is_broken() -> bool:
    """Whether nothing more can be written to standard output, as on a full disk."""
    try:
        print(flush=True)
    except OSError:
        return True
    return False


def abandon() -> None:
    """The reader of our output is gone: what is still buffered goes nowhere instead of raising at exit."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return


def coloured(stream: TextIO) -> bool:
    """Whether colours may be used: only at a terminal, and never against https://no-color.org."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, code: str, stream: TextIO) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if coloured(stream) else text


def lines(texts: Iterable[str]) -> None:
    """Prints each text as one line of the result."""
    for text in texts:
        print(clean(text))


def table(content: Table) -> None:
    """Prints rows in aligned columns; at a terminal they are cut to its width, in a pipe they are whole."""
    width = terminal_width() if sys.stdout.isatty() else None
    for number, line in enumerate(render_table(content, width)):
        print(paint(line, BOLD, sys.stdout) if number == 0 else line)


def drawing(texts: Iterable[str]) -> None:
    """Prints lines that the program drew itself, with their colours; never a text from outside."""
    for text in texts:
        print(text)


def can_show(letters: str) -> bool:
    """Whether standard output has these letters in its encoding."""
    try:
        letters.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def terminal_width() -> int:
    from shutil import get_terminal_size

    return get_terminal_size().columns


def data(value: Any) -> None:
    """Prints one value as JSON."""
    from mailer.cli.jsontext import dumps

    print(dumps(value))


def data_line(value: Any) -> None:
    """Prints one value as JSON in a line of its own, at once: one of many that come as time goes on."""
    from mailer.cli.jsontext import dumps

    print(dumps(value, indent=None), flush=True)


def data_stream(values: Iterable[Any]) -> None:
    """Prints a JSON array, one element a line as it comes, so that a million of them need no memory."""
    from mailer.cli.jsontext import dumps

    separator = "[\n"
    for value in values:
        print(separator, dumps(value, indent=None), sep="", end="")
        separator = ",\n"
    print("[]" if separator == "[\n" else "\n]")


def result(value: Any, as_json: bool, show: Callable[[], None]) -> None:
    """Prints `value` as JSON where that is wanted, else calls `show`, which prints the same data for people."""
    if as_json:
        data(value)
    else:
        show()


def raw(text: str) -> None:
    """Prints text that another program will read, such as CSV; only a terminal gets it cleaned."""
    if sys.stdout.isatty():
        lines(text.splitlines())
    else:
        sys.stdout.write(text)


def interactive() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def plain(text: str) -> str:
    """Text from outside as it may stand in a prompt."""
    return clean(text)


_following = False
"""Whether the last thing at the terminal is a line that is written over, and not ended."""


def _tell(*parts: str, end: str = "\n") -> None:
    """Prints on standard error.

    Where that cannot be written, as on a full disk, nothing is left to tell it on, and the work must not depend on it.
    """
    with suppress(OSError):
        print(*parts, end=end, file=sys.stderr, flush=True)


def note(text: str) -> None:
    """Tells what is going on, on standard error."""
    overwrite("")
    _tell(clean(text))


def progress(text: str) -> None:
    """Tells a person who waits what is going on; a log does not need it."""
    if sys.stderr.isatty():
        note(text)


def watched() -> bool:
    """Whether a person sees what is going on."""
    return sys.stderr.isatty()


def overwrite(text: str) -> None:
    """Shows a text in place of the last one, at a terminal only; an empty one clears it."""
    global _following
    if sys.stderr.isatty() and (text or _following):
        _tell(f"\r{clean(text)}\x1b[K", end="")
        _following = bool(text)


def redraw(texts: Sequence[str], over: int) -> int:
    """Shows lines in place of the last `over` ones, each cut to the terminal's width; how many there are now."""
    width = terminal_width()
    up = f"\x1b[{over}A" if over else ""
    body = "".join(f"\r{cut(clean(text), width - 1)}\x1b[K\n" for text in texts)
    print(f"{up}\r{body}\x1b[J", end="", flush=True)
    return len(texts)


def at_terminal() -> bool:
    """Whether the result is looked at as it is printed."""
    return sys.stdout.isatty()


def warn(text: str) -> None:
    overwrite("")
    _tell(paint("warning:", YELLOW, sys.stderr), clean(text))


def failure(error: MailerError) -> None:
    """Prints the error in one line (one a mistake, where a file has several) and what to do next."""
    attention = isinstance(error, NeedsAttention)
    label = paint("attention:", YELLOW, sys.stderr) if attention else paint("error:", RED, sys.stderr)
    first, *more = error.message.splitlines() or [""]
    _tell(label, clean(first))
    for text in more:
        _tell(clean(text))
    if error.hint:
        _tell(paint("hint:", DIM, sys.stderr), clean(error.hint))


def traceback(error: BaseException) -> None:
    from traceback import format_exception

    _tell("".join(format_exception(error)))


def standard_input(limit: int) -> bytes:
    """What stands on standard input, at most `limit` bytes of it."""
    return sys.stdin.buffer.read(limit)


def columns(headers: Sequence[str], rows: Iterable[Sequence[Any]], right: Sequence[str] = ()) -> None:
    """Prints a table; the columns named in `right` are aligned to the right."""
    table(Table(tuple(headers), rows, frozenset(right)))


def fields(values: Mapping[str, Any]) -> None:
    """Prints what is known of one thing, a line a field."""
    known = {name: text for name, value in values.items() if (text := shown(value))}
    width = max((len(name) for name in known), default=0)
    for name, text in known.items():
        print(f"{paint(name.ljust(width), BOLD, sys.stdout)}  {text}")
