"""Unsubscribing by signed links: one person's no, or those of everybody who says it at the same moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mailer.errors import LinkError, StoreBusyError
from mailer.model import How
from mailer.render.links import Purpose, Signer
from mailer.services.program import Program
from mailer.services.signers import signer
from mailer.store import leaving
from mailer.store.leaving import Place
from mailer.store.subscriptions import Origin


class Result(StrEnum):
    """`already`: it was so before, and nothing was written. `gone`: the link names nobody any more.
    `left` and `suppressed`: an old link was refused."""

    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"
    ALREADY = "already"
    GONE = "gone"
    LEFT = "left"
    SUPPRESSED = "suppressed"


REFUSALS = {
    Result.LEFT: "they unsubscribed after this mail was written, and an old link does not undo that",
    Result.SUPPRESSED: "the address is suppressed, and a link does not undo that",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a link did, and to which list."""

    list_name: str
    result: Result

    @property
    def refusal(self) -> str:
        """Why nothing was done; empty when it was, or had been before."""
        return REFUSALS.get(self.result, "")


@dataclass(frozen=True, slots=True)
class No:
    """A link to unsubscribe that was used, and what is written down of it."""

    token: str
    how: How
    words: str = ""
    evidence: Mapping[str, Any] | None = None


def unsubscribe_by_token(
    program: Program, token: str, how: How, words: str = "", evidence: Mapping[str, Any] | None = None
) -> Answer:
    """End a subscription. The same answer however often, also for who is no longer known: a no is never refused.

    LinkError for anything that is not our own token for unsubscribing.
    """
    (answer,) = unsubscribe_together(program, [No(token, how, words, evidence)])
    if isinstance(answer, LinkError):
        raise answer
    assert answer is not None, "whoever is patient gets an answer"
    return answer


def unsubscribe_together(
    program: Program, nos: Sequence[No], *, patient: bool = True
) -> list[Answer | LinkError | None]:
    """The same for several in one transaction: each one's own answer, or why its link is none, in their order.

    Unless `patient`, nobody waits for a person whom another transaction holds, as an import does for minutes: None for
    them, who are to be asked for alone.
    """
    reader = signer(program)
    read = [_place(reader, no.token) for no in nos]
    wanted: dict[Place, No] = {}
    for place, no in zip(read, nos, strict=True):
        if isinstance(place, Place):
            wanted.setdefault(place, no)
    results = _results(program, wanted, patient=patient) if wanted else {}
    answers: list[Answer | LinkError | None] = []
    for place in read:
        if isinstance(place, LinkError):
            answers.append(place)
            continue
        result = results[place]
        answers.append(Answer(place.list_name, result) if result else None)
        if result is Result.UNSUBSCRIBED:  # whoever said it twice at once has left before the second
            results[place] = Result.ALREADY
    return answers


def _place(reader: Signer, token: str) -> Place | LinkError:
    try:
        return Place(*reader.read(token, Purpose.UNSUBSCRIBE))
    except LinkError as error:
        return error


def _results(program: Program, wanted: Mapping[Place, No], *, patient: bool) -> dict[Place, Result | None]:
    """Who has left already is told from what is read alone: nobody waits for a lock to hear it again."""
    with program.store.read() as connection:
        done = leaving.settled(connection, wanted)
    results: dict[Place, Result | None] = {
        place: Result.ALREADY if known else Result.GONE for place, known in done.items()
    }
    if rest := {place: no for place, no in wanted.items() if place not in done}:
        results |= _ended(program, rest, patient=patient)
    return results


def _ended(program: Program, wanted: Mapping[Place, No], *, patient: bool) -> dict[Place, Result | None]:
    try:
        return _written(program, wanted, patient=patient)
    except StoreBusyError:
        # What another transaction has to do with one of them is no reason to refuse the others. A file has one
        # writer at a time: there it is the same for all, and each would wait for as long again.
        if len(wanted) == 1 or program.store.is_file:
            raise
    results: dict[Place, Result | None] = {}
    for place, no in wanted.items():
        results |= _written(program, {place: no}, patient=patient)
    return results


def _written(program: Program, wanted: Mapping[Place, No], *, patient: bool) -> dict[Place, Result | None]:
    origins = {place: Origin(no.how, no.words, evidence=no.evidence) for place, no in wanted.items()}
    with program.store.write() as connection:
        ended = leaving.leave(connection, origins, program.now(), patient=patient)
    # Who was there a moment ago is held, or was forgotten since: whoever asks for them alone finds out.
    of = {True: Result.UNSUBSCRIBED, False: Result.ALREADY, None: Result.GONE if patient else None}
    return {place: of[ended.get(place)] for place in wanted}
