"""What the stand-in for SendGrid keeps until later, and may drop: batch ids and scheduled sends.

By the documentation: a batch is dropped only if that was asked for ten minutes before its time, no more than ten at
one time; a second word on the same batch must be a PATCH; taking the word back lets the mails leave after all.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

LEAD = 600
MOST = 10
FARTHEST = 72 * 3600


@dataclass(frozen=True)
class Said:
    """An answer of these addresses."""

    status: int
    body: Any = None


@dataclass
class Kept:
    """By batch id: the mails with the time they leave at; and which were told to be dropped or paused, and when.

    `plan`: callables that answer the next calls instead; they get what would have been done, to do it or not.
    `refuses`: what to answer instead to a call of that method and path, if anything.
    """

    now: Callable[[], float] = time.time
    made: list[str] = field(default_factory=list)
    mails: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    words: dict[str, tuple[str, float]] = field(default_factory=dict)
    plan: deque[Callable[[Callable[[], Said]], Said | None]] = field(default_factory=deque)
    refuses: Callable[[str, str], Said | None] = lambda method, path: None
    clock: bool = False

    def handles(self, path: str) -> bool:
        return path == "/v3/mail/batch" or path.startswith("/v3/user/scheduled_sends")

    def keep(self, body: Any, mails: list[Any]) -> None:
        self.mails.setdefault(body["batch_id"], []).extend((body["send_at"], mail) for mail in mails)

    def faults(self, body: Any) -> list[tuple[str, str, bool]]:
        """What Mail Send refuses about its part of a request."""
        at, number = body.get("send_at"), body.get("batch_id")
        return [
            ("send_at", "an integer", at is not None and type(at) is not int),
            ("send_at", "72 hours ahead", type(at) is int and at > self.now() + FARTHEST),
            ("batch_id", "not a valid batch id", number is not None and number not in self.made),
        ]

    def dropped(self, number: str) -> bool:
        """Whether that will be heeded: told in time, and not taken back."""
        word, told_at = self.words.get(number, ("", 0))
        leaves = min((at for at, _ in self.mails.get(number, ())), default=told_at + 2 * LEAD)
        return word == "cancel" and told_at <= leaves - LEAD

    def left(self) -> list[Any]:
        """The mails that leave, once all times have come."""
        return [mail for number, kept in self.mails.items() if not self.dropped(number) for _, mail in kept]

    def answer(self, method: str, path: str, body: bytes) -> Said | None:
        """The answer to a call; None: the connection is cut."""

        def do() -> Said:
            return self.deserved(method, path.removeprefix("/v3"), json.loads(body) if body else None)

        if (refusal := self.refuses(method, path)) is not None:
            return refusal
        return self.plan.popleft()(do) if self.plan else do()

    def deserved(self, method: str, path: str, body: Any) -> Said:
        number = path.removeprefix("/user/scheduled_sends").strip("/")
        if path == "/mail/batch":
            self.made.append(f"Hold{len(self.made)}-of_{id(self) % 10_000}")
            return Said(201, {"batch_id": self.made[-1]})
        known = {"batch_id": number, "status": self.words[number][0]} if number in self.words else None
        match method, bool(number):
            case "POST", False:
                return self.told(body["batch_id"], body["status"])
            case "GET", False:
                return Said(200, [{"batch_id": each, "status": word} for each, (word, _) in self.words.items()])
            case _, True if known is None:
                return wrong(404, "not found")
            case "GET", True:
                return Said(200, [known])
            case "PATCH", True:
                self.words[number] = (body["status"], self.now())
                return Said(204)
            case "DELETE", True:
                del self.words[number]
                return Said(204)
        return wrong(405, "no such call")

    def told(self, number: str, word: str) -> Said:
        if number in self.words:
            return wrong(400, "a status is set already: use PATCH")
        if number not in self.made:
            return wrong(400, "invalid batch id")
        if len(self.words) >= MOST:
            return wrong(400, "the maximum number of cancellations and pauses is reached")
        self.words[number] = (word, self.now())
        return Said(201, {"batch_id": number, "status": word})


def wrong(status: int, message: str) -> Said:
    return Said(status, {"errors": [{"field": None, "message": message}]})
