"""The seam between the program and an engine: two functions, and what they call.

What is to be done is in the database, and is decided there: a ticket that comes twice, late, or never is harmless,
because whoever has it asks the database first, and what waits is fed again. So an engine keeps no promise of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol


class TicketKind(StrEnum):
    """What a ticket's number is of: a batch to hand over, a scheduled issue to begin, a job."""

    BATCH = "batch"
    ISSUE = "issue"
    JOB = "job"


class Ticket(NamedTuple):
    """One piece of work, by its number. The higher `urgency` goes first."""

    kind: TicketKind
    id: int
    urgency: int = 0


class Duties(Protocol):
    """What a carrier calls. Neither raises: what goes wrong is told by whoever does the work."""

    def carry(self, ticket: Ticket) -> None:
        """See to one ticket, in any of the carrier's threads."""

    def pulse(self) -> None:
        """Look what is to be done and feed it: about every second, by one process of all that share the carrier."""


class Carrier(Protocol):
    """Brings tickets to those who see to them."""

    def feed(self, tickets: Sequence[Ticket]) -> None:
        """Have these carried as well, the most urgent first, otherwise in their order. What waits already stays."""

    def run(self, duties: Duties, threads: int, stop: Callable[[], bool]) -> None:
        """Carry with so many threads until `stop`, then finish what is in hand.

        StoreError: the engine's database went away. What was carried is finished as far as it can be; run again.
        """
