"""What the holder of a signed link may do: confirm a subscription, and end one. The same for a page, a mail and a
command; a link that is only opened does nothing, because scanners open everything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy.engine import Connection

from mailer.errors import LinkError
from mailer.model import How, SubscriptionState
from mailer.render.links import LinkTarget, Purpose, Signer
from mailer.services.confirmation_mail import MARK
from mailer.services.program import Program
from mailer.store import confirmations, subscriptions
from mailer.store.confirmations import Confirmation
from mailer.store.subscriptions import Origin, Standing

LAST_WORD = 512
# The shortest: version, key, purpose, a name of one letter, an id and the tag, in base64url.
TOKEN = re.compile(r"[A-Za-z0-9_-]{40,}")
"""Characters of what was pasted that are looked at."""


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


def token_in(text: str) -> str:
    """The token in what a person pastes: itself, a whole link, or the subject of a mail such as `confirm TOKEN`."""
    words = text[-LAST_WORD:].replace("%20", " ").split()
    ends = [word.rpartition("/")[2] for word in words]
    # Mail servers add words of their own to a subject, such as [EXTERNAL]: no other word is as long as a token.
    return next((word for word in reversed(ends) if TOKEN.fullmatch(word)), ends[-1] if ends else "")


def confirm(
    program: Program, token: str, how: How, words: str = "", evidence: Mapping[str, Any] | None = None
) -> Answer:
    """Make a pending subscription a confirmed one; the mail whose link it is becomes the proof.

    Only pending becomes confirmed: who left or is suppressed stays so. LinkError for anything that is not our own token
    for confirming and for somebody who was forgotten, in the same words for every cause.
    """
    target, mail = _mail_of(_signer(program).read(token, Purpose.CONFIRM))
    with program.store.write() as connection:
        who = subscriptions.standing(connection, target.list_name, target.subscriber_id)
        if who is None:
            raise LinkError(NOT_VALID, hint=WHOLE)
        if refused := _refused(who):
            return Answer(target.list_name, refused)
        asked = _asked(connection, who, mail)
        consent = asked.consent_id if asked else None
        origin = Origin(how, words, consent_id=consent, evidence={**_proof(asked), **(evidence or {})})
        subscriptions.move(connection, who, SubscriptionState.CONFIRMED, origin, program.now())
    return Answer(target.list_name, Result.CONFIRMED)


def unsubscribe_by_token(
    program: Program, token: str, how: How, words: str = "", evidence: Mapping[str, Any] | None = None
) -> Answer:
    """End a subscription. The same answer however often, also for who is no longer known: a no is never refused.

    LinkError for anything that is not our own token for unsubscribing.
    """
    target = _signer(program).read(token, Purpose.UNSUBSCRIBE)
    with program.store.write() as connection:
        who = subscriptions.standing(connection, target.list_name, target.subscriber_id)
        if who is None:
            return Answer(target.list_name, Result.GONE)
        if who.state is SubscriptionState.UNSUBSCRIBED:
            return Answer(target.list_name, Result.ALREADY)
        origin = Origin(how, words, evidence=evidence)
        subscriptions.move(connection, who, SubscriptionState.UNSUBSCRIBED, origin, program.now())
    return Answer(target.list_name, Result.UNSUBSCRIBED)


NOT_VALID = "this link is not valid"
WHOLE = "Copy the whole link, or the whole subject of the mail."


def _signer(program: Program) -> Signer:
    return Signer(program.workspace.secret_keys(program.environ))


def _mail_of(target: LinkTarget) -> tuple[LinkTarget, int | None]:
    """Whom a token names, and which mail it stood in. One without a mail is for a form that needs none."""
    person, mark, number = target.subscriber_id.partition(MARK)
    if not mark:
        return target, None
    if not (number.isascii() and number.isdecimal()):
        raise LinkError(NOT_VALID, hint=WHOLE)
    return LinkTarget(target.list_name, person), int(number)


def _refused(who: Standing) -> Result | None:
    if who.state is SubscriptionState.UNSUBSCRIBED:
        return Result.LEFT
    if who.suppressed:
        return Result.SUPPRESSED
    return Result.ALREADY if who.state is SubscriptionState.CONFIRMED else None


def _asked(connection: Connection, who: Standing, mail: int | None) -> Confirmation | None:
    asked = confirmations.of_subscription(connection, who.list_id, who.number, mail)
    if asked is None and mail is not None:
        raise LinkError(NOT_VALID, hint=WHOLE)
    return asked


def _proof(asked: Confirmation | None) -> dict[str, Any]:
    if asked is None:
        return {}
    return {"message_id": asked.message_id, "asked_at": asked.asked_at.isoformat(timespec="seconds")}
