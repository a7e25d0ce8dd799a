"""What the senders of one process have in common: the name of it, and whose turn it is to write."""

from __future__ import annotations

import itertools
import os
import platform
import secrets

from mailer.services.sending.transactions import Transactions
from mailer.store.database import Store

WORKER = "w"
"""Marks the claims of a `mailer work`, which shares an issue with others of its kind."""


def process_name() -> str:
    """A name for this process that nobody else ever has: host-process-token."""
    return f"{platform.node() or 'host'}-{os.getpid()}-{secrets.token_hex(4)}"


class Owners:
    """Names for claims: each has one of its own.

    Of a batch that was lost and claimed again by another of our threads, the first thread must not begin it, nor
    answer for it.
    """

    def __init__(self, process: str, mark: str = "") -> None:
        self.begins = f"{process}.{mark}"
        """How all of them begin."""
        self._claims = itertools.count(1)

    def another(self) -> str:
        return f"{self.begins}{next(self._claims)}"


class Shared:
    """Made once by whoever opens several senders."""

    def __init__(self, store: Store, process: str = "", mark: str = "") -> None:
        self.owners = Owners(process or process_name(), mark)
        self.turns = Transactions(store)
