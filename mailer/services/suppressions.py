"""Who must not be mailed: adding, lifting, looking, and files of many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.engine import Connection

from mailer.audience.rows import RejectedRow
from mailer.audience.suppressing import HASH, parse_value, values_of
from mailer.audience.suppressionfile import NamedRow, read_suppressions, reason_in_name
from mailer.errors import NeedsAttention, NotFoundError, UsageError
from mailer.model import SuppressionReason
from mailer.services.forgetting import recogniser
from mailer.services.program import Program
from mailer.services.recognising import Recogniser
from mailer.services.spreadsheet import csv_line, safe_address, safe_text
from mailer.store import lists as stored_lists
from mailer.store import suppressions as stored
from mailer.store.suppressions import EVERY_LIST
from mailer.store.suppressions import Suppression as Suppression
from mailer.wording import counted, quoted, unknown

MAX_BYTES = 1 << 28
COLUMNS = ("email", "reason", "list", "created", "note")
NOTE_LETTERS = (3, 500)


def value_of(text: str) -> str:
    """The address, "@domain" or hash that somebody wrote; a UsageError that does not repeat it."""
    try:
        return parse_value(text)
    except ValueError as error:
        raise UsageError(
            f"that is no address and no domain: {error}", hint="ada@example.org, or @example.org for a whole domain"
        ) from None


def reason_named(word: str | None) -> SuppressionReason | None:
    """The reason of that name. Only forgetting somebody makes them forgotten."""
    allowed = [reason.value for reason in SuppressionReason if reason is not SuppressionReason.FORGOTTEN]
    if word is not None and word not in allowed:
        raise UsageError(unknown("reason", word, allowed))
    return SuppressionReason(word) if word else None


def any_reason(word: str | None) -> SuppressionReason | None:
    """The reason of that name, to look for."""
    return SuppressionReason.FORGOTTEN if word == SuppressionReason.FORGOTTEN else reason_named(word)


def checked_note(words: str) -> str:
    least, most = NOTE_LETTERS
    if not least <= len(words.strip()) <= most:
        raise UsageError(f"--note says in {least} to {most} letters why")
    return words.strip()


@dataclass(frozen=True, slots=True)
class Entry:
    """A suppression as people see it. `list_name` None: every list."""

    value: str
    reason: SuppressionReason
    list_name: str | None
    created_at: datetime | None
    note: str


@dataclass(frozen=True, slots=True)
class Event:
    """A suppression that was added or lifted."""

    at: datetime
    added: bool
    value: str
    reason: SuppressionReason
    list_name: str | None
    note: str


def on(list_name: str | None) -> str:
    return list_name or "every list"


@dataclass(frozen=True, slots=True)
class Added:
    """`new` is false where it was suppressed already. `people`: confirmed ones who are not mailed because of it.

    `here`: people who are still here though hashes say that they were forgotten.
    """

    domain: str | None
    list_name: str | None
    new: bool
    people: int
    dry_run: bool
    here: int = 0

    def summary(self) -> str:
        """What happened, without an address."""
        what = f"everybody at {self.domain}" if self.domain else "the address"
        if not self.new:
            return f"{what} was suppressed on {on(self.list_name)} already"
        done = "would be suppressed" if self.dry_run else "is suppressed"
        concerned = counted(self.people, "confirmed subscriber")
        return f"{what} {done} on {on(self.list_name)}: that concerns {concerned}"


def add(program: Program, entry: Suppression, list_name: str | None, *, dry_run: bool = False) -> Added:
    """Suppress a value on a list, or on every one. UsageError for a hash that nobody could be recognised by."""
    if is_hash(entry.value):
        entry = of_forgotten(program, entry)
    with program.store.write() as connection:
        number = list_number(program, connection, list_name)
        wanted = replace(entry, list_id=number)
        there = bool(stored.forgotten(connection, [entry.value])) or any(
            one.list_id == number for one in stored.entries(connection, [entry.value])
        )
        people = stored.reach(connection, entry.value, number)
        here = 0
        if not dry_run:
            stored.add(connection, wanted, program.now())
            here = stored.suppress_forgotten(connection, program.now()) if is_hash(entry.value) else 0
    domain = entry.value if entry.value.startswith("@") else None
    return Added(domain, list_name, not there, people, dry_run, here)


def of_forgotten(program: Program, entry: Suppression) -> Suppression:
    """The entry of a hash, whatever reason was told: hashes are looked for only where anybody was forgotten."""
    if not recogniser(program).knows(entry.value):
        raise UsageError("that hash was made with a key that this workspace does not have: it would keep nobody out")
    return replace(entry, reason=SuppressionReason.FORGOTTEN)


def list_number(program: Program, connection: Connection, list_name: str | None) -> int:
    return EVERY_LIST if list_name is None else stored_lists.ensure(connection, program.list_named(list_name))


@dataclass(frozen=True, slots=True)
class Removed:
    """`lifted`: how many entries; `left`: entries that still keep the address out, on any list."""

    list_name: str | None
    lifted: int
    left: tuple[Entry, ...]
    dry_run: bool

    def summary(self) -> list[str]:
        """What happened, without an address."""
        done = "would be lifted" if self.dry_run else "lifted"
        lines = [f"{done} on {on(self.list_name)}; subscriptions are as they were"]
        for entry in self.left:
            what = f"the domain {entry.value}" if entry.value.startswith("@") else "the address"
            lines.append(f"still suppressed on {on(entry.list_name)}: {what}, {entry.reason.value}")
        return lines


def remove(program: Program, value: str, list_name: str | None, note: str, *, dry_run: bool = False) -> Removed:
    """Lift the entry of a value on a list, or that on every one. NotFoundError when there is none."""
    with program.store.write() as connection:
        number = list_number(program, connection, list_name)
        entries = known_entries(program, connection, value)
        lifted = [one for one in entries if one.list_id == number and (one.value == value or is_hash(one.value))]
        left = named(connection, [one for one in entries if one not in lifted])
        if not lifted:
            raise NotFoundError(f"there is no entry of it for {on(list_name)}", hint=where_it_is(left))
        if not dry_run:
            for one in lifted:
                stored.remove(connection, one.value, number, note, program.now())
    return Removed(list_name, len(lifted), tuple(left), dry_run)


def where_it_is(left: Sequence[Entry]) -> str:
    if not left:
        return "Check the spelling. Entries: mailer suppressions list"
    first = min(left, key=lambda entry: entry.value.startswith("@"))
    if first.value.startswith("@"):
        where = f"{first.value} --list {first.list_name}" if first.list_name else first.value
        return f"It is suppressed by its domain: mailer suppressions remove {where} --note WHY"
    return f"It is suppressed on {on(first.list_name)}" + (f": --list {first.list_name}" if first.list_name else "")


def is_hash(value: str) -> bool:
    return value.startswith(HASH)


def known_values(program: Program, value: str) -> tuple[str, ...]:
    """Every value that keeps the same address out: itself, its domain, its hashes."""
    if value.startswith("@") or is_hash(value):
        return (value,)
    return (*values_of(value), *recogniser(program)(value))


def known_entries(program: Program, connection: Connection, value: str) -> list[Suppression]:
    return stored.entries(connection, known_values(program, value))


@dataclass(frozen=True, slots=True)
class Shown:
    """What is known of one value: the entries that keep it out, and what ever was added or lifted."""

    entries: tuple[Entry, ...]
    history: tuple[Event, ...]
    people: int


def show(program: Program, value: str) -> Shown:
    """The entries that concern an address or a domain, with their history."""
    with program.store.read() as connection:
        entries = known_entries(program, connection, value)
        events = stored.history(connection, known_values(program, value))
        names = names_of(connection, [*(one.list_id for one in entries), *(one.list_id for one in events)])
        history = [Event(one.at, one.added, one.value, one.reason, names.get(one.list_id), one.note) for one in events]
        return Shown(tuple(named(connection, entries)), tuple(history), stored.reach(connection, value))


def named(connection: Connection, entries: Sequence[Suppression]) -> list[Entry]:
    names = names_of(connection, [one.list_id for one in entries])
    return [entry_of(one, names) for one in entries]


def names_of(connection: Connection, numbers: Sequence[int]) -> dict[int, str]:
    return stored_lists.names(connection, set(numbers))


def entry_of(one: Suppression, names: Mapping[int, str]) -> Entry:
    return Entry(one.value, one.reason, names.get(one.list_id), one.created_at, one.note)


def listing(program: Program, list_name: str | None = None, reason: SuppressionReason | None = None) -> Iterator[Entry]:
    """The entries in order of their values, one after the other: all, or those for one list or of one reason."""
    if list_name is not None:
        program.list_named(list_name)
    with program.store.read() as connection:
        number = None if list_name is None else stored_lists.number(connection, list_name)
        if list_name is not None and number is None:
            return
        names = {known: name for name in program.lists if (known := stored_lists.number(connection, name)) is not None}
        for one in stored.every(connection, number, reason):
            if one.list_id != EVERY_LIST and one.list_id not in names:
                names |= names_of(connection, [one.list_id])
            yield entry_of(one, names)


def csv_lines(entries: Iterator[Entry]) -> Iterator[str]:
    """The entries as CSV that a spreadsheet opens safely and `suppressions import` reads back unchanged."""
    yield csv_line(COLUMNS)
    for one in entries:
        created = one.created_at.isoformat() if one.created_at else ""
        yield csv_line([safe_address(one.value), one.reason.value, one.list_name or "", created, safe_text(one.note)])


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """`list_name`: for rows that name no list; `reason`: for rows that say none. `file_name` may tell a reason."""

    list_name: str | None = None
    reason: SuppressionReason | None = None
    encoding: str | None = None
    file_name: str = ""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did. `there`: rows that were suppressed already; `foreign`: hashes made with unknown keys.

    `here`: people who are still here though hashes say that they were forgotten.
    """

    new: int
    there: int
    reasons: Mapping[SuppressionReason, int]
    rejected: tuple[RejectedRow, ...]
    foreign: int
    dry_run: bool
    here: int = 0

    def summary(self) -> list[str]:
        """The figures as sentences."""
        done = "would be added" if self.dry_run else "added"
        lines = [f"{self.new} {done}, {self.there} there already, {len(self.rejected)} refused"]
        reasons = ", ".join(f"{number} {reason.value}" for reason, number in self.reasons.items())
        return [*lines, f"reasons: {reasons}"] if reasons else lines

    def raise_for_rejected(self) -> None:
        """NeedsAttention when rows were refused."""
        if self.rejected:
            raise NeedsAttention(
                f"{counted(len(self.rejected), 'row')} refused, all others are in"
                if not self.dry_run
                else f"{counted(len(self.rejected), 'row')} would be refused",
                hint="Correct those rows and import the file again; what is in stays as it is.",
            )


class _DryRun(Exception):
    """Ends the transaction of a dry run."""


def import_file(program: Program, data: bytes, options: ImportOptions) -> Imported:
    """Suppress everybody in a file. Nothing is ever lifted; the same file again changes nothing."""
    if options.list_name is not None:
        program.list_named(options.list_name)
    reading = Reading(program, options)
    rows = read_suppressions(data, options.encoding)
    new = here = 0
    with suppress(_DryRun), program.store.write() as connection:
        new = stored.add_all(connection, reading.entries(connection, rows), program.now())
        here = stored.suppress_forgotten(connection, program.now()) if reading.hashes else 0
        if options.dry_run:
            raise _DryRun
    reasons = dict(reading.reasons.most_common())
    there = sum(reasons.values()) - new
    return Imported(new, there, reasons, tuple(reading.rejected), reading.foreign, options.dry_run, here)


class Reading:
    """Makes entries of rows, and remembers what became of them."""

    def __init__(self, program: Program, options: ImportOptions) -> None:
        self.lists = program.lists
        self.options = options
        self.now = program.now()
        self.recogniser: Recogniser = recogniser(program)
        self.reason = options.reason or reason_in_name(options.file_name) or SuppressionReason.MANUAL
        self.numbers: dict[str, int] = {}
        self.rejected: list[RejectedRow] = []
        self.reasons: Counter[SuppressionReason] = Counter()
        self.hashes = self.foreign = 0

    def entries(self, connection: Connection, rows: Iterator[NamedRow | RejectedRow]) -> Iterator[Suppression]:
        """An entry for each good row; the others are put aside."""
        for row in rows:
            if isinstance(row, RejectedRow):
                self.rejected.append(row)
            elif (number := self.number(connection, row.list_name or self.options.list_name or "")) is None:
                self.rejected.append(RejectedRow(row.line, f"there is no list {quoted(row.list_name)}"))
            else:
                yield self.entry(row, number)

    def number(self, connection: Connection, name: str) -> int | None:
        """The list's number; None for a list that the workspace does not define."""
        if not name:
            return EVERY_LIST
        if name not in self.numbers and name in self.lists:
            self.numbers[name] = stored_lists.ensure(connection, self.lists[name])
        return self.numbers.get(name)

    def entry(self, row: NamedRow, number: int) -> Suppression:
        reason = row.reason or self.reason
        self.reasons[reason] += 1
        self.hashes += is_hash(row.value)
        self.foreign += is_hash(row.value) and not self.recogniser.knows(row.value)
        created = min(row.created_at, self.now) if row.created_at else None
        return Suppression(row.value, reason, row.note, number, created)
