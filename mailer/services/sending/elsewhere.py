"""Two commands that send one issue: one works, the other says so.

Which of them is alive shows in what it holds: an owner at work takes batches, begins and ends them, a dead one's stay
as they are until its lease ends. So a sender that finds another's batches looks for a while, and either leaves the
issue to it or takes over.
"""

from __future__ import annotations

from mailer.store.senders import Held


class Elsewhere:
    """What one sender has seen of the others."""

    def __init__(self) -> None:
        self._seen: Held | None = None

    def alive(self, held: Held) -> str:
        """An owner who moved since the last look; empty when none did."""
        seen, self._seen = self._seen, held
        if seen is None:
            return ""
        return next((owner for owner, theirs in held.items() if theirs - seen.get(owner, frozenset())), "")


def who(owner: str) -> str:
    """The owner of a batch for people: its machine and process."""
    host, _, process = owner.rpartition("-")[0].rpartition("-")
    return f"{host}, process {process}" if host and process.isdigit() else owner
