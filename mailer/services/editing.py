"""Changing what is known of people: of one, of the addresses in a file, or of many on a list, in chunks.

Every change is an `Edit` that says the same whoever it is applied to and however often, so that a bulk edit that was
interrupted is simply run again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from mailer.audience.address import Address, parse_address
from mailer.audience.edits import Edit
from mailer.errors import NeedsAttention, UsageError
from mailer.services.people import nobody
from mailer.services.program import Program
from mailer.store import people
from mailer.store.people import KEYS, Touched, Which
from mailer.wording import counted

# So many people are changed in one transaction: others wait for it no longer than a moment.
CHUNK = 1000
MAX_FILE = 64 << 20

Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Edited:
    """What an edit did, or with `dry_run` would do. `unknown`: addresses of a file that nobody has."""

    people: int
    changed: int
    unknown: int = 0
    not_addresses: tuple[int, ...] = ()
    dry_run: bool = False

    def summary(self) -> str:
        """The figures as a sentence."""
        changed = counted(self.changed, "person", "people")
        same = f", {self.people - self.changed:,} unchanged" if self.people != self.changed else ""
        unknown = f"; {counted(self.unknown, 'address', 'addresses')} nobody here has" if self.unknown else ""
        return f"{changed} {'would be changed' if self.dry_run else 'changed'}{same}{unknown}"

    def as_done(self) -> Edited:
        """The same where there was nothing to change, so that it is as good as done."""
        return replace(self, dry_run=False)

    def raise_for_faults(self) -> None:
        """NeedsAttention when lines of the file held no address."""
        if self.not_addresses:
            lines = ", ".join(map(str, self.not_addresses[:10])) + (", ..." if self.not_addresses[10:] else "")
            word = "line" if len(self.not_addresses) == 1 else "lines"
            raise NeedsAttention(f"no address stands in {word} {lines} of the file; all others were looked at")


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of a file by their keys, each once, and the numbers of the lines that hold none."""

    keys: tuple[str, ...]
    faults: tuple[int, ...]


def edit_one(program: Program, address: Address, edit: Edit, *, dry_run: bool = False) -> Edited:
    """Change one person. NotFoundError when nobody has the address."""
    if dry_run:
        done = would_change(program, Addresses((address.key,), ()), edit)
    else:
        with program.store.write() as connection:
            touched = people.change_keys(connection, [address.key], edit.applied, program.now())
        done = Edited(touched.people, touched.changed)
    if not done.people:
        raise nobody()
    return replace(done, unknown=0)


def would_change(program: Program, whom: Which | Addresses, edit: Edit) -> Edited:
    """What the edit would do, found out by trying it on everybody."""
    number = changed = 0
    with program.store.read() as connection:
        if isinstance(whom, Which):
            found = people.attributes_of(connection, whom)
        else:
            found = (each for chunk in chunks(whom.keys) for each in people.attributes_with(connection, chunk))
        for attributes in found:
            number += 1
            changed += edit.applied(attributes) is not None
    return counted_up(whom, number, changed, dry_run=True)


def edit_many(program: Program, whom: Which | Addresses, edit: Edit, told: Told) -> Edited:
    """Change all of them, a chunk in a transaction. Who is killed in the middle runs the same again."""
    number = changed = 0
    steps = list_steps(program, whom, edit) if isinstance(whom, Which) else file_steps(program, whom, edit)
    for touched in steps:
        number, changed = number + touched.people, changed + touched.changed
        told(number)
    return counted_up(whom, number, changed)


def list_steps(program: Program, whom: Which, edit: Edit) -> Iterator[Touched]:
    after = 0
    now = program.now()
    while True:
        with program.store.write() as connection:
            touched = people.change_next(connection, whom, edit.applied, now, (after, CHUNK))
        if touched.last is None:
            return
        after = touched.last
        yield touched


def file_steps(program: Program, whom: Addresses, edit: Edit) -> Iterator[Touched]:
    now = program.now()
    for chunk in chunks(whom.keys):
        with program.store.write() as connection:
            touched = people.change_keys(connection, chunk, edit.applied, now)
        yield touched


def counted_up(whom: Which | Addresses, number: int, changed: int, *, dry_run: bool = False) -> Edited:
    if isinstance(whom, Which):
        return Edited(number, changed, dry_run=dry_run)
    return Edited(number, changed, len(whom.keys) - number, whom.faults, dry_run)


def chunks(keys: Collection[str]) -> Iterator[Sequence[str]]:
    remaining = iter(keys)
    while chunk := list(islice(remaining, KEYS)):
        yield chunk


def addresses_in(data: bytes) -> Addresses:
    """The addresses of a file with one on each line; empty lines are passed over."""
    hint = "One address on each line, as plain text."
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("the file of addresses is not UTF-8", hint=hint) from None
    keys: dict[str, None] = {}
    faults = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            keys[parse_address(line).key] = None
        except ValueError:
            faults.append(number)
    if not keys:
        raise UsageError("the file holds no address", hint=hint)
    return Addresses(tuple(keys), tuple(faults))
