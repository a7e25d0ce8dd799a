"""What the holder of a signed link may do: confirm a subscription, and end one. The same for a page, a mail and a
command; a link that is only opened does nothing, because scanners open everything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from mailer.errors import LinkError
from mailer.model import How, SubscriptionState
from mailer.render.links import LinkTarget, Purpose
from mailer.services.confirmation_mail import MARK
from mailer.services.leaving import Answer as Answer
from mailer.services.leaving import Result as Result
from mailer.services.leaving import unsubscribe_by_token as unsubscribe_by_token
from mailer.services.program import Program
from mailer.services.signers import signer
from mailer.store import confirmations, subscribers, subscriptions
from mailer.store.confirmations import Confirmation, language_of
from mailer.store.subscriptions import Origin, Standing

LAST_WORD = 512
# The shortest: version, key, purpose, a name of one letter, an id and the tag, in base64url.
TOKEN = re.compile(r"[A-Za-z0-9_-]{40,}")
"""Characters of what was pasted that are looked at."""


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

    Only pending becomes confirmed: who left or is suppressed stays so, but that somebody who left and asked again
    afterwards may come back, by a mail that was written then. LinkError for anything that is not our own token
    for confirming and for somebody who was forgotten, in the same words for every cause.
    """
    target, mail = _mail_of(signer(program).read(token, Purpose.CONFIRM))
    with program.store.write() as connection:
        who = subscriptions.standing(connection, target.list_name, target.subscriber_id)
        if who is None:
            raise LinkError(NOT_VALID, hint=WHOLE)
        asked = _asked(connection, who, mail)
        if refused := _refused(connection, who, asked):
            return Answer(target.list_name, refused)
        consent = asked.consent_id if asked else None
        origin = Origin(how, words, consent_id=consent, evidence={**_proof(asked), **(evidence or {})})
        subscriptions.move(connection, who, SubscriptionState.CONFIRMED, origin, program.now())
    return Answer(target.list_name, Result.CONFIRMED)


@dataclass(frozen=True, slots=True)
class Leaf:
    """What a link is about, for the page that it opens. `language`: the person's own, empty where it is not known.

    `subscriber_id` is empty for somebody who is no longer known.
    """

    list_name: str
    title: str
    consent: str
    language: str
    subscriber_id: str


def read_link(program: Program, token: str, purpose: Purpose) -> Leaf:
    """What a link to confirm or to unsubscribe is about. Changes nothing. LinkError as the button behind it would say,
    except that whoever presses it may be refused."""
    target, mail = _mail_of(signer(program).read(token, purpose))
    with program.store.read() as connection:
        person = subscribers.by_id(connection, target.subscriber_id)
        text = confirmations.text_shown(connection, mail) if mail is not None else None
    if person is None and purpose is Purpose.CONFIRM:
        raise LinkError(NOT_VALID, hint=WHOLE)
    definition = program.lists.get(target.list_name)
    return Leaf(
        target.list_name,
        definition.title if definition else target.list_name,
        (text if mail is not None else definition.consent if definition else "") or "",
        language_of(person.attributes) if person else "",
        person.id if person else "",
    )


def is_preview(program: Program, token: str) -> bool:
    """Whether a link comes from a preview or a test mail, where links are good for nothing."""
    try:
        signer(program).read(token, Purpose.PREVIEW)
    except LinkError:
        return False
    return True


def page_of(program: Program, purpose: Purpose, list_name: str, subscriber_id: str) -> str:
    """The token for another page of a person who has just shown that the address is theirs."""
    return signer(program).token(purpose, list_name, subscriber_id)


NOT_VALID = "this link is not valid"
WHOLE = "Copy the whole link, or the whole subject of the mail."


def _mail_of(target: LinkTarget) -> tuple[LinkTarget, int | None]:
    """Whom a token names, and which mail it stood in. One without a mail is for a form that needs none."""
    person, mark, number = target.subscriber_id.partition(MARK)
    if not mark:
        return target, None
    if not (number.isascii() and number.isdecimal()):
        raise LinkError(NOT_VALID, hint=WHOLE)
    return LinkTarget(target.list_name, person), int(number)


def _refused(connection: Connection, who: Standing, asked: Confirmation | None) -> Result | None:
    if who.state is SubscriptionState.UNSUBSCRIBED and not _came_back(connection, who, asked):
        return Result.LEFT
    if who.suppressed:
        return Result.SUPPRESSED
    return Result.ALREADY if who.state is SubscriptionState.CONFIRMED else None


def _came_back(connection: Connection, who: Standing, asked: Confirmation | None) -> bool:
    return asked is not None and asked.message_id in subscriptions.may_come_back_by(connection, who.list_id, who.number)


def _asked(connection: Connection, who: Standing, mail: int | None) -> Confirmation | None:
    asked = confirmations.of_subscription(connection, who.list_id, who.number, mail)
    if asked is None and mail is not None:
        raise LinkError(NOT_VALID, hint=WHOLE)
    return asked


def _proof(asked: Confirmation | None) -> dict[str, Any]:
    if asked is None:
        return {}
    return {"message_id": asked.message_id, "asked_at": asked.asked_at.isoformat(timespec="seconds")}
