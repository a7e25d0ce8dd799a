"""Every error a caller may meet, as one tree.

    MailerError
    ├── UsageError              the command line asks for something that cannot be (exit 2)
    ├── ConfigError             mailer.toml, the environment or a list definition is wrong
    ├── WorkspaceError          no workspace here, or a path that leaves it
    ├── NotFoundError           an issue, list, subscriber, article or template of that name is unknown
    ├── ConflictError           the thing exists already, or changed under us
    ├── SegmentError            an expression that chooses people is wrong, with the column
    ├── IssueFileError          an issue file has mistakes, each with its line
    ├── TemplateError           a template cannot be rendered; file and line
    ├── MessageError            a mail cannot be written: a header, address or text that no mail may carry
    ├── LinkError               a signed link is not one of ours, or is for something else
    ├── SourceError             an article source cannot be read
    │   ├── FetchError          the network part: refused address, time-out, size, status
    │   └── ParseError          the bytes are not what the source's kind says
    ├── ImportFileError         a subscriber file cannot be read at all (single rows are reported, not raised)
    │   └── NoAddressColumnError  somebody must say which of its columns holds the addresses
    ├── CheckError              the checks found something that must not be sent
    ├── StoreError              the database
    │   ├── StoreBusyError      another process holds it
    │   └── StoreVersionError   it was written by a newer program
    ├── ProviderError           a provider cannot be used at all (single mails are receipts, not errors)
    └── NeedsAttention          done, but something waits for a person (exit 3)

A message is one line: what, where, what to do next. `hint` is that last part, printed on a line of its own.
Foreign exceptions are translated once, where they enter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class MailerError(Exception):
    """Base of all errors that are shown to a person as one line instead of a traceback."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(MailerError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class ConfigError(MailerError):
    """mailer.toml, the environment or a list definition is wrong."""


class WorkspaceError(MailerError):
    """There is no workspace here, or a path leads out of it."""


class NotFoundError(MailerError):
    """Nothing of that name is known."""


class ConflictError(MailerError):
    """It exists already, or it changed since it was read."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a file that a person wrote. `line` counts from 1; 0 means the file as a whole."""

    line: int
    message: str


class IssueFileError(MailerError):
    """An issue file has mistakes; `mistakes` holds all of them, in order of their lines."""

    def __init__(self, path: Path | str, mistakes: Sequence[Mistake], *, hint: str | None = None) -> None:
        self.path = str(path)
        self.mistakes = tuple(sorted(mistakes, key=lambda mistake: mistake.line))
        places = (f"{self.path}:{mistake.line}: {mistake.message}" for mistake in self.mistakes)
        super().__init__("\n".join(places), hint=hint)


class SegmentError(MailerError):
    """A segment's expression is wrong. `text` is the expression, `position` where in it, from 0."""

    def __init__(self, message: str, *, text: str = "", position: int = 0, hint: str | None = None) -> None:
        before = text[:position]
        self.text = text
        self.position = position
        self.line = before.count("\n") + 1
        self.column = position - (before.rfind("\n") + 1) + 1
        self.problem = message
        self.source_line = (text.split("\n") or [""])[self.line - 1]
        self.where = f"line {self.line}, column {self.column}" if "\n" in text else f"column {self.column}"
        super().__init__(f"segment, {self.where}: {message}", hint=hint)


class TemplateError(MailerError):
    """A template cannot be rendered. `name` and `line` say where, as far as that is known."""

    def __init__(
        self, message: str, *, name: str | None = None, line: int | None = None, hint: str | None = None
    ) -> None:
        place = f"{name}:{line}: " if name and line else f"{name}: " if name else ""
        super().__init__(place + message, hint=hint)
        self.name = name
        self.line = line


class MessageError(MailerError):
    """A mail cannot be written. `field` is the header or part at fault; the value itself is never told."""

    def __init__(self, field: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(f"{field}: {message}", hint=hint)
        self.field = field


class LinkError(MailerError):
    """A signed link is not one of ours, or is for something else. One message for every cause."""


class SourceError(MailerError):
    """An article source cannot be read."""


class FetchError(SourceError):
    """Fetching failed. `retry_after` is in seconds where the server named a time; `trouble` is the kind of failure
    where no answer came, one of `model.Trouble`."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        trouble: str = "",
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.trouble = trouble
        self.retry_after = retry_after


class ParseError(SourceError):
    """The bytes are not what the kind of the source says."""


class ImportFileError(MailerError):
    """A subscriber file cannot be read at all."""


class NoAddressColumnError(ImportFileError):
    """No column is known to hold addresses. `titles` and the first `rows` are there to ask a person with."""

    def __init__(
        self, message: str, titles: Sequence[str] = (), rows: Sequence[Sequence[str]] = (), *, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.titles = tuple(titles)
        self.rows = tuple(tuple(row) for row in rows)


class CheckError(MailerError):
    """Preflight found something that must not be sent."""


class StoreError(MailerError):
    """The database cannot do what was asked."""


class StoreBusyError(StoreError):
    """Another process holds the database."""


class StoreVersionError(StoreError):
    """The database was written by a newer program."""


class ProviderError(MailerError):
    """A provider cannot be used at all."""


class NeedsAttention(MailerError):
    """The command did its work, but something waits for a person."""

    exit_code = 3
