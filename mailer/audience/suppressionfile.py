"""A file of suppressions (CSV) -> its entries: our own exports, those of mail providers, a plain column of addresses.

Columns are known by their titles: the address or domain, and where there are any the reason, the list, the time and a
note. A reason that is none of our words, such as a server's answer to a mail, becomes the note.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain, islice

from mailer.audience.cells import original_text
from mailer.audience.columns import folded, is_email_header
from mailer.audience.encoding import find_encoding
from mailer.audience.kinds import Kind, kind_of
from mailer.audience.records import Lines, Record, read_records, text_blocks
from mailer.audience.rows import RejectedRow
from mailer.audience.sources import PIECE, Plain
from mailer.audience.suppressing import HASH, parse_value
from mailer.errors import ImportFileError
from mailer.model import SuppressionReason

DELIMITERS = (",", ";", "\t", "|")
LONGEST_NOTE = 500
_SAMPLE = 20

_VALUES = frozenset({"value", "address", "domain", "recipient", "suppression"})
_TITLES = {
    "reason": frozenset({"reason", "type", "cause"}),
    "list_name": frozenset({"list", "listname"}),
    "created_at": frozenset({"created", "createdat", "date", "time", "timestamp", "added", "unsubtime", "cleantime"}),
    "note": frozenset({"note", "notes", "comment"}),
}
# What other programs call it.
_WORDS = {
    "bounce": SuppressionReason.BOUNCED,
    "bounces": SuppressionReason.BOUNCED,
    "hardbounce": SuppressionReason.BOUNCED,
    "cleaned": SuppressionReason.BOUNCED,
    "complaint": SuppressionReason.COMPLAINED,
    "spam": SuppressionReason.COMPLAINED,
    "spamreport": SuppressionReason.COMPLAINED,
    "abuse": SuppressionReason.COMPLAINED,
    "unsubscribe": SuppressionReason.UNSUBSCRIBED,
    "optout": SuppressionReason.UNSUBSCRIBED,
    "invalidemail": SuppressionReason.INVALID,
    **{reason.value: reason for reason in SuppressionReason if reason is not SuppressionReason.FORGOTTEN},
}
# Parts of file names, as in suppression_bounces.csv, spam_reports.csv and cleaned_members_export.csv.
_FILES = {
    "bounce": SuppressionReason.BOUNCED,
    "cleaned": SuppressionReason.BOUNCED,
    "spam": SuppressionReason.COMPLAINED,
    "complain": SuppressionReason.COMPLAINED,
    "invalid": SuppressionReason.INVALID,
    "unsubscribe": SuppressionReason.UNSUBSCRIBED,
}


@dataclass(frozen=True, slots=True)
class NamedRow:
    """What one row names. `reason` None: the row says nothing of it; `list_name` empty: every list."""

    line: int
    value: str
    reason: SuppressionReason | None = None
    list_name: str = ""
    created_at: datetime | None = None
    note: str = ""


def reason_in_name(name: str) -> SuppressionReason | None:
    """What a provider's export says by its file name."""
    return next((reason for part, reason in _FILES.items() if part in name.casefold()), None)


def read_suppressions(data: bytes, encoding: str | None = None) -> Iterator[NamedRow | RejectedRow]:
    """The entries in order, and the rows that are none. ImportFileError when the file as a whole is none."""
    if kind_of(data[:PIECE], len(data)) not in (Kind.TEXT, Kind.JSON):
        raise ImportFileError(
            "suppressions are read from a CSV file, and this is a workbook or packed",
            hint="Save the workbook as CSV (UTF-8), or unpack the file, and import that.",
        )
    codec = find_encoding(Plain(data), encoding).codec
    delimiter = max(DELIMITERS, key=lambda mark: _columns(list(islice(_records(data, codec, mark), _SAMPLE))))
    records = _records(data, codec, delimiter)
    first = next(records, None)
    if first is None:
        raise ImportFileError("the file holds no rows")
    places = _places(first.cells)
    if "value" in places:
        return (_named(record, places) for record in records)
    at = next((at for at, cell in enumerate(first.cells) if _is_value(cell)), None)
    if at is not None:
        return (_named(record, {"value": at}) for record in chain([first], records))
    raise ImportFileError(
        "no column holds addresses or domains", hint="Title the column email, or write one address a line."
    )


def _records(data: bytes, codec: str, delimiter: str) -> Iterator[Record]:
    records = read_records(Lines(text_blocks(Plain(data), codec)), delimiter)
    return (record for record in records if record.fault or "".join(record.cells).strip())


def _columns(sample: Sequence[Record]) -> tuple[bool, int]:
    """How much a delimiter makes a table of the file's beginning."""
    if not sample:
        return False, 0
    width = len(sample[0].cells)
    return "value" in _places(sample[0].cells), width if all(len(one.cells) <= width for one in sample) else 0


def _places(titles: Sequence[str]) -> dict[str, int]:
    places: dict[str, int] = {}
    for at, title in enumerate(titles):
        name = folded(title)
        if is_email_header(title) or name in _VALUES:
            places.setdefault("value", at)
        for field, known in _TITLES.items():
            if name in known:
                places.setdefault(field, at)
    return places


def _is_value(cell: str) -> bool:
    try:
        parse_value(original_text(cell.strip()))
    except ValueError:
        return False
    return True


def _named(record: Record, places: dict[str, int]) -> NamedRow | RejectedRow:
    if record.fault:
        return RejectedRow(record.line, record.fault)
    cells = {name: record.cells[at].strip() for name, at in places.items() if at < len(record.cells)}
    try:
        value = parse_value(original_text(cells.get("value", "")))
    except ValueError as error:
        return RejectedRow(record.line, str(error), tuple(record.cells))
    said = original_text(cells.get("reason", ""))
    reason = SuppressionReason.FORGOTTEN if value.startswith(HASH) else _reason(said)
    note = original_text(cells.get("note", "")) or ("" if reason else said)
    return NamedRow(
        record.line,
        value,
        reason,
        original_text(cells.get("list_name", "")),
        _time(cells.get("created_at", "")),
        _one_line(note),
    )


@lru_cache(maxsize=1024)
def _reason(said: str) -> SuppressionReason | None:
    return _WORDS.get(folded(said))


def _one_line(note: str) -> str:
    if not note.isprintable():
        note = "".join(letter for letter in note if letter.isprintable() or letter.isspace())
    return " ".join(note.split())[:LONGEST_NOTE]


def _time(cell: str) -> datetime | None:
    """Seconds or milliseconds since 1970, or ISO 8601, where UTC is meant when no zone is named; None else."""
    try:
        if cell.isdecimal():
            seconds = int(cell)
            return datetime.fromtimestamp(seconds / 1000 if seconds > 10**11 else seconds, UTC)
        found = datetime.fromisoformat(cell.replace(" UTC", "Z"))
    except (ValueError, OverflowError, OSError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
