"""What a worker says: one line for everything that begins, ends or waits for a person. No line names a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from mailer.services.program import Program
from mailer.services.sending.results import SendResult


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the log: begun, finished, paused, cancelled, waits, job, error, database. It names no person."""

    at: datetime
    what: str
    issue: str
    detail: str


Say = Callable[[Happening], None]


class Log:
    """Says things, from any thread. `attention`: something waits for a person."""

    def __init__(self, program: Program, say: Say) -> None:
        self.program = program
        self.attention = False
        self._say = say
        self._saying = Lock()
        self._told: dict[tuple[str, str], str] = {}

    def say(self, what: str, issue: str, detail: str) -> None:
        with self._saying:
            self._say(Happening(self.program.now(), what, issue, detail))

    def once(self, what: str, issue: str, detail: str) -> None:
        """What does not change is not said every minute."""
        with self._saying:
            if self._told.get((what, issue)) == detail:
                return
            self._told[what, issue] = detail
        self.say(what, issue, detail)

    def error(self, issue: str, detail: str) -> None:
        self.attention = True
        self.once("error", issue, detail)

    def paused(self, name: str, reason: str) -> None:
        self.attention = True
        self.say("paused", name, f"{reason}; mailer resume {name} sends it, mailer cancel {name} drops it")

    def over(self, name: str) -> None:
        """Nothing more is said of an issue: what was need not be known."""
        with self._saying:
            for key in [key for key in self._told if key[1] == name]:
                del self._told[key]


def figures(done: SendResult) -> str:
    """How an issue ended, in numbers."""
    counts = {state.value: number for state, number in done.figures.deliveries.items()}
    words = [f"{counts.pop('accepted'):,} accepted", f"{done.twice:,} twice", f"{counts.pop('doubtful'):,} in doubt"]
    return ", ".join([*words, *(f"{number:,} {state}" for state, number in counts.items() if number)])
