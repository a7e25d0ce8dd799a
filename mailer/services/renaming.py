"""Giving a person another address: "my new address is ...". State, history and what they got stay theirs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from mailer.audience.address import Address
from mailer.errors import ConflictError
from mailer.model import How, SuppressionReason
from mailer.services.people import nobody
from mailer.services.program import Program
from mailer.store import people, subscriptions, suppressions
from mailer.store.database import shut_door
from mailer.store.subscriptions import Origin
from mailer.store.suppressions import EVERY_LIST, Suppression

# What the entry for an old address says.
MOVED = "moved to another address"
# These are about the mailbox and stay behind with it; every other reason is about the person.
OF_THE_MAILBOX = frozenset({SuppressionReason.BOUNCED, SuppressionReason.INVALID})


@dataclass(frozen=True, slots=True)
class Renamed:
    """What it did. `moved`: it is another mailbox, not another spelling of the same."""

    lists: tuple[str, ...]
    moved: bool

    def summary(self) -> str:
        """What happened, as a sentence without addresses."""
        where = f" on {', '.join(self.lists)}" if self.lists else ""
        kept = "; no file brings the old one back" if self.moved else ""
        return f"the address was changed{where}{kept}"


def rename(program: Program, old: Address, new: Address, words: str) -> Renamed:
    """Carry it out. Refused when the new address is somebody's or must not be mailed, and for people who must not be.

    The old address is kept as that of a forgotten person is, as a keyed hash: an old file would else bring the person
    a second time, and in clear it would outlive her own erasure.
    """
    now = program.now()
    with program.store.write() as connection:
        # Who brings people in has looked for the old address already, and would make somebody else of it.
        shut_door(connection)
        if people.number_of_person(connection, old.key) is None:
            raise nobody()
        if moved := new.key != old.key:
            check_may_move(connection, old)
            check_free(connection, new, now)
        number, states = people.readdress(connection, old.key, new, now)
        origin = Origin(How.COMMAND, f"address changed: {words}")
        for list_id, _, state in states:
            subscriptions.write_event(connection, {"list_id": list_id, "subscriber_id": number}, state, origin, now)
        if moved:
            value = suppressions.hasher_of(connection)(old.key)[0]
            suppressions.add(connection, Suppression(value, SuppressionReason.FORGOTTEN, MOVED), now)
    return Renamed(tuple(name for _, name, _ in states), moved)


def check_may_move(connection: Connection, old: Address) -> None:
    """Somebody who complained must not be mailed under another address either."""
    for entry in suppressions.entries(connection, [old.key]):
        if entry.reason not in OF_THE_MAILBOX:
            raise ConflictError(
                f"that person must not be mailed ({entry.reason.value}), under no other address either",
                hint="If that was a mistake, lift it first: mailer suppressions remove --help",
            )


def check_free(connection: Connection, new: Address, now: datetime) -> None:
    """Nobody has the new address, and nothing keeps it from being mailed but that the person moved away from it."""
    if people.number_of_person(connection, new.key) is not None:
        raise ConflictError(
            "the new address is a subscriber's already",
            hint="Unsubscribe the old one instead: mailer subscribers unsubscribe EMAIL --list NAME",
        )
    for value in suppressions.hasher_of(connection)(new.key):
        if [entry.note for entry in suppressions.entries(connection, [value])] == [MOVED]:
            suppressions.remove(connection, value, EVERY_LIST, "moved back", now)
    named = suppressions.entries(connection, suppressions.values_of(new.key))
    if named or suppressions.among(connection, [new.key], EVERY_LIST):
        raise ConflictError(
            "the new address must not be mailed: it is suppressed, or its owner was forgotten",
            hint="If that was a mistake, lift it first: mailer suppressions remove --help",
        )
