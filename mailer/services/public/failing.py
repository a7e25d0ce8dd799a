"""Tokens that are not good, counted by the network they come from: whoever tries many is not answered for a while.

Nobody finds a token of 256 bits by trying. This keeps a program that lost its token, or somebody who tries, from
making work; a good token is never counted, and is answered from that network too.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hmac import digest
from typing import Final

from mailer.services.program import Program
from mailer.services.public.limits import network_of
from mailer.services.tokens import aside
from mailer.store import attempts

MOST: Final = 30
SPAN: Final = timedelta(minutes=10)


class Failing:
    """What one network tried in this span of time. Which network is kept as a keyed hash."""

    def __init__(self, program: Program, address: str) -> None:
        self._program = program
        self._now = program.now()
        self._until = _end(self._now)
        key = program.workspace.secret_keys(program.environ)[0]
        self._bucket = digest(key, b"mailer bad tokens\0" + network_of(address).encode(), "sha256").hex()

    def too_often(self) -> bool:
        """Whether it tried as often as is put up with."""
        with self._program.store.read() as connection:
            return attempts.number(connection, self._bucket, self._until) >= MOST

    def note(self) -> None:
        """Count one more."""
        with aside() as free:
            if free:
                with self._program.store.write() as connection:
                    attempts.count(connection, self._bucket, self._until)

    def seconds_left(self) -> int:
        """After how long it may try again."""
        return max(1, int((self._until - self._now).total_seconds()))


def _end(now: datetime) -> datetime:
    beginning = datetime(1970, 1, 1, tzinfo=UTC)
    return beginning + ((now - beginning) // SPAN + 1) * SPAN
