"""What a provider reports of a mail after it took it, in the program's words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mailer.model import Cause, EventKind, Reader


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one mail.

    `reference` is what we gave the mail along, and comes from outside: whether it is one of ours must be verified.
    `key` is the same whenever the same thing is reported. `detail` is for people and carries no address. `batch`: with
    which batch the mail was handed over; 0 where the provider does not tell. `cause`: whose fault it is, of what came
    back. `everywhere`: somebody unsubscribed from all that the provider carries for us. `reader`: who opened or
    clicked, as far as the provider tells.
    """

    reference: str
    kind: EventKind
    at: datetime
    key: str
    detail: str = ""
    batch: int = 0
    cause: Cause | None = None
    everywhere: bool = False
    reader: Reader = Reader.HUMAN

    @property
    def left(self) -> bool:
        """Whether it shows that the mail went on its way. One that was taken may still have been dropped."""
        return self.kind not in (EventKind.PROCESSED, EventKind.DROPPED)
