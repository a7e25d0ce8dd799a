"""The deliveries of an issue, one row a mail, read as they are consumed: a million of them need no memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from mailer.audience.suppressing import parse_value
from mailer.errors import NotFoundError, UsageError
from mailer.services.program import Program
from mailer.services.spreadsheet import csv_line, safe_address, safe_text
from mailer.services.status import found
from mailer.store import listing
from mailer.store.issues import StoredIssue
from mailer.store.listing import DeliveryRow, Wanted

FORGOTTEN = "(forgotten)"
"""Stands for the address of somebody who was forgotten: nothing says any more whose mail it was."""

COLUMNS = ("email", "state", "batch", "at", "due_at", "detail", "provider_id", "delivery")


def pruned(issue: StoredIssue) -> NotFoundError:
    """What there is to say of the single mails of an issue that was pruned."""
    return NotFoundError(
        f"the deliveries of {issue.name} were pruned on {issue.pruned_at:%Y-%m-%d}: only their numbers are known",
        hint=f"mailer status {issue.name} shows those",
    )


@contextmanager
def deliveries(program: Program, name: str, wanted: Wanted) -> Iterator[Iterator[DeliveryRow]]:
    """The rows, while the context lasts: all of one moment. NotFoundError when there are none, or none any more."""
    with program.store.read() as connection:
        issue = found(program, connection, name)
        if issue.pruned_at is not None:
            raise pruned(issue)
        yield listing.deliveries_of(connection, issue.id, wanted)


def domain_named(text: str) -> str:
    """A domain as it is stored. UsageError for what is none."""
    try:
        return parse_value(f"@{text.strip().lstrip('@')}").removeprefix("@")
    except ValueError as error:
        raise UsageError(
            f"--domain: {error}", hint="a domain is what stands behind the @, such as example.org"
        ) from None


def csv_lines(rows: Iterable[DeliveryRow]) -> Iterator[str]:
    """The rows as CSV that a spreadsheet opens without running it."""
    yield csv_line(COLUMNS)
    for row in rows:
        times = (moment.isoformat().replace("+00:00", "Z") if moment else "" for moment in (row.at, row.due_at))
        texts = (safe_text(row.detail), safe_text(row.provider_id))
        address = FORGOTTEN if row.email is None else safe_address(row.email)
        yield csv_line((address, row.state.value, str(row.batch), *times, *texts, str(row.id)))
