"""What comes out of a subscriber file: people, and rows that are not taken."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from mailer.audience.address import Address
from mailer.model import Attributes


class RowState(StrEnum):
    """What the file itself says of a person; it may lower what an import would make of her, never raise it.

    `mailable`: the other program would have mailed her. `not_mailable`: it would not, for a reason that is no
    unsubscription and no fault of the address; she is not taken in.
    """

    MAILABLE = "mailable"
    PENDING = "pending"
    UNSUBSCRIBED = "unsubscribed"
    SUPPRESSED_BOUNCED = "suppressed_bounced"
    SUPPRESSED_COMPLAINED = "suppressed_complained"
    SUPPRESSED_OTHER = "suppressed_other"
    NOT_MAILABLE = "not_mailable"


class Row(NamedTuple):
    """One person. A tuple, because a million are made.

    `attributes`: text, from JSON any JSON; empty cells are left out, an apostrophe that kept a spreadsheet from
    running the cell is taken away, and tags are not in it. `state`: None where the file says nothing. `part`: the
    file inside a ZIP, the sheet of several, else empty. `said`: the file's words for the state, such as "cleaned".
    """

    line: int
    address: Address
    attributes: Attributes
    tags: tuple[str, ...] = ()
    state: RowState | None = None
    part: str = ""
    said: str = ""


class RejectedRow(NamedTuple):
    """A row that is not taken. The reason repeats nothing of it; `cells` are for the person who gave the file."""

    line: int
    reason: str
    cells: tuple[str, ...] = ()
    part: str = ""
