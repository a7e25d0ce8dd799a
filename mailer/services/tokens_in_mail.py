"""Which mail of ours a mail names, by tokens that we made: the bounce address, or the Message-ID."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from mailer.bounces.facts import Named, Reading
from mailer.render.bounces import BounceAddresses
from mailer.render.mailbox import ascii_address
from mailer.services.program import Program
from mailer.services.references import CONFIRMATION, delivery_of, is_genuine, key_of, reference
from mailer.store import issues as stored_issues
from mailer.store import returned
from mailer.store.returned import Mailed

LARGEST = (1 << 63) - 1
"""What a database can be asked for."""


@dataclass(frozen=True, slots=True)
class Ours:
    """A mail that we wrote, for certain. `mailed` is None where the database has nothing of it."""

    reference: str
    mailed: Mailed | None = None


class Telling:
    """Tells which mails of ours are named. Keys of issues are looked up once."""

    def __init__(self, program: Program) -> None:
        self.keys = program.workspace.secret_keys(program.environ)
        address = program.settings.provider.bounces
        self.addresses = BounceAddresses(self.keys, ascii_address(address, "bounces")) if address else None
        self.issue_keys: dict[str, bytes] = {}

    def whose(self, connection: Connection, readings: Sequence[Reading]) -> list[Ours | None]:
        """For each the mail that it names, and None where it names none that is ours."""
        by_address = [self.numbers(reading.named) for reading in readings]
        references = [[_reference(text) for text in reading.named.message_ids] for reading in readings]
        wanted = {number for numbers in by_address for number in numbers}
        wanted |= {number for each in references for text in each if (number := delivery_of(text))}
        mailed = returned.of_issues(connection, wanted)
        ids = {text for reading in readings for text in reading.named.message_ids if _is_ask(text)}
        asks = returned.of_asks(connection, ids) if ids else {}
        return [
            self.first(connection, numbers, reading.named, (mailed, asks))
            for numbers, reading in zip(by_address, readings, strict=True)
        ]

    def numbers(self, named: Named) -> list[int]:
        """The deliveries whose bounce addresses stand there."""
        if self.addresses is None:
            return []
        found = (self.addresses.delivery(address) for address in named.addresses)
        return [number for number in found if number is not None and 0 < number <= LARGEST]

    def first(
        self,
        connection: Connection,
        numbers: Sequence[int],
        named: Named,
        known: tuple[Mapping[int, Mailed], Mapping[str, Mailed]],
    ) -> Ours | None:
        """The first that is certain; one that the database does not have only where there is no other."""
        mailed, asks = known
        for number in numbers:
            if found := mailed.get(number):
                return Ours(reference(self.key(connection, found.issue), found.issue, number), found)
        for text in named.message_ids:
            own = _reference(text)
            if text in asks:
                return Ours(own, asks[text])
            found = mailed.get(delivery_of(own) or 0)
            if found and is_genuine(own, self.key(connection, found.issue), found.issue, delivery_of(own) or 0):
                return Ours(own, found)
        return Ours("") if numbers else None

    def key(self, connection: Connection, issue: str) -> bytes:
        if issue not in self.issue_keys:
            row = stored_issues.get(connection, issue)
            self.issue_keys[issue] = key_of(row.snapshot if row else {}, self.keys)
        return self.issue_keys[issue]


def _reference(message_id: str) -> str:
    return message_id.partition("@")[0]


def _is_ask(message_id: str) -> bool:
    return CONFIRMATION.fullmatch(_reference(message_id)) is not None
