"""The calls that are left until SendGrid's limit is renewed, as its answers say. Shared by threads."""

from __future__ import annotations

import time
from collections.abc import Mapping
from threading import Lock

from mailer.providers.sendgrid.reply import pause

LEFT = "x-ratelimit-remaining"


class Quota:
    """Knows when the next call makes sense: one more after the last that is left would be refused."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._renewed = 0.0

    def heard(self, headers: Mapping[str, str]) -> None:
        """The headers of an answer."""
        seconds = pause(headers, time.time()) if headers.get(LEFT, "").strip() == "0" else None
        if seconds is not None:
            with self._lock:
                self._renewed = max(self._renewed, time.monotonic() + seconds)

    def wait(self) -> float:
        """Seconds until the next call; 0 is at once."""
        with self._lock:
            return max(0.0, self._renewed - time.monotonic())
