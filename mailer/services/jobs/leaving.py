"""Leaving work for the workers: what can be found wrong at once is, and then the bytes are in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mailer.errors import NotFoundError, UsageError
from mailer.model import JobKind
from mailer.services.imports import Options
from mailer.services.program import Program
from mailer.services.subscribers import Entry
from mailer.store import jobs as stored
from mailer.wording import unknown

REPORTING = ("sendgrid",)
"""The providers that report what became of mails."""


def leave_import(program: Program, entry: Entry, data: bytes, options: Options) -> int:
    """Leave the import of a file; the job's number. Raises what an import raises that cannot read the file."""
    from mailer.audience.reading import open_people

    open_people(data, options.file.name if options.file else "", options.told)
    return _left(program, JobKind.IMPORT, arguments(entry, options), [data])


def leave_post(program: Program, provider: str, body: bytes, *, asked: bool = False) -> int:
    """Leave what a provider reports, as it came; the job's number. When this returns it is stored.

    `asked`: by a person, who may want to know what came of it. Nobody asks after a post, and it goes when it is done.
    """
    if provider not in REPORTING:
        raise NotFoundError(unknown("provider that reports", provider, REPORTING))
    if body.lstrip()[:1] not in (b"", b"[", b"{"):
        raise UsageError(
            "that is no file of events", hint="It holds what SendGrid's event webhook posts: a JSON array, or lines."
        )
    return _left(program, JobKind.EVENTS, {"provider": provider, "asked": asked}, [body])


def arguments(entry: Entry, options: Options) -> dict[str, Any]:
    """Everything that was said of an import. Its list is read again where it is done; what people agreed to is not."""
    return {
        "list": entry.definition.name,
        "state": entry.state.value,
        "words": entry.origin.words,
        "consent_text": entry.definition.consent if entry.agreed_to_text else None,
        "update": options.update.value,
        "tags": list(options.tags),
        "again": options.again,
        "file": options.file.name if options.file else "",
        "told": asdict(options.told),
    }


def _left(program: Program, kind: JobKind, said: dict[str, Any], body: Sequence[bytes]) -> int:
    with program.store.write() as connection:
        number = stored.add(connection, kind, said, program.now(), body=body)
    assert number is not None, "a job without a key is always added"
    return number
