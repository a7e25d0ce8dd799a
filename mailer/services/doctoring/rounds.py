"""Many examinations at once, all of them within one time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final

from mailer.checks.domain.verdict import State, Verdict, unknown
from mailer.errors import MailerError

SECONDS: Final = 45.0
"""Whatever does not answer within this is not known."""

Tell = Callable[[int, int], None]
"""How many examinations are done, of how many."""


@dataclass(frozen=True, slots=True)
class Examination:
    """Something to look at. Its errors are verdicts as well."""

    area: str
    look: Callable[[], Iterable[Verdict]]


def go_round(examinations: Sequence[Examination], seconds: float, tell: Tell) -> list[Verdict]:
    """Everything that they found, in their order. Who is late is unknown, and not waited for."""
    done: queue.SimpleQueue[tuple[int, list[Verdict]]] = queue.SimpleQueue()
    for place, each in enumerate(examinations):
        threading.Thread(target=_look, args=(place, each, done), name=f"doctor {each.area}", daemon=True).start()
    found: dict[int, list[Verdict]] = {}
    until = monotonic() + seconds
    while len(found) < len(examinations):
        try:
            place, verdicts = done.get(timeout=max(until - monotonic(), 0.001))
        except queue.Empty:
            break
        found[place] = verdicts
        tell(len(found), len(examinations))
    return [
        verdict
        for place, each in enumerate(examinations)
        for verdict in found.get(place, [unknown(each.area, f"no answer within {seconds:g} seconds")])
    ]


def _look(place: int, each: Examination, done: queue.SimpleQueue[tuple[int, list[Verdict]]]) -> None:
    try:
        verdicts = list(each.look())
    except MailerError as error:
        verdicts = [failed(each.area, error)]
    except Exception as error:  # one examination that breaks must not hide what the others found
        verdicts = [unknown(each.area, f"this could not be looked at ({type(error).__name__})")]
    done.put((place, verdicts))


def failed(area: str, error: MailerError) -> Verdict:
    """An error as a verdict."""
    first = error.message.splitlines()[0] if error.message else type(error).__name__
    return Verdict(area, State.ERROR, first, advice_of(error))


def advice_of(error: MailerError) -> str:
    """What to do about an error; the doctor sends nothing, so that it need not be said."""
    return (error.hint or "").removeprefix("Nothing was sent. ").replace(", then send again", "")
