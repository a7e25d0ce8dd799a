"""A doubt: a mail whose fate is unknown, and what a person may say of it."""

from __future__ import annotations

from enum import StrEnum


class Word(StrEnum):
    """`sent`: they got it, and it is over. `resend`: hand it over again, though some may get a second copy."""

    SENT = "sent"
    RESEND = "resend"


TAKEN_AS_SENT = "taken as sent"
"""What the ledger says, at its beginning, of a mail of which nobody knows more than a person's word."""
