"""Which domains are left alone for a while because their server asked for it. The others are mailed on."""

from __future__ import annotations

from dataclasses import dataclass

FIRST = 60.0
LONGEST = 1800.0
PATIENCE = 3
"""After so many mails in a row that a domain put off, the next ones wait without being tried."""


@dataclass(slots=True)
class _Domain:
    put_off: int = 0
    pauses: int = 0
    until: float = 0.0


class Pauses:
    """`now` is a monotonic clock's reading in seconds. Lanes share it: at worst one tries a mail that could wait."""

    def __init__(self) -> None:
        self._domains: dict[str, _Domain] = {}
        self.any_took = False
        """Whether any mail was ever taken, whatever its domain."""

    def left(self, domain: str, now: float) -> float:
        """Seconds until this domain may be tried again; 0 is at once."""
        if not self._domains:
            return 0.0
        found = self._domains.get(domain.lower())
        return max(0.0, found.until - now) if found else 0.0

    def put_off(self, domain: str, now: float, named: float | None = None) -> float:
        """The domain said "later": how many seconds that mail should wait."""
        entry = self._domains.setdefault(domain.lower(), _Domain())
        entry.put_off += 1
        pause = named if named is not None else min(FIRST * 2 ** min(entry.pauses, 6), LONGEST)
        if entry.put_off >= PATIENCE:
            entry.put_off = 0
            entry.pauses += 1
            entry.until = now + pause
        return pause

    def took(self, domain: str) -> None:
        """The domain took a mail: its count begins anew."""
        self.any_took = True
        if self._domains:
            self._domains.pop(domain.lower(), None)
