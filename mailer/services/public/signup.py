"""A form that somebody sent. Nobody is looked up: what it says is left for whoever carries jobs, and so the answer is
the same, in the same time, for an address that is known, unknown, suppressed or forgotten."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from mailer.audience.address import Address, parse_address
from mailer.audience.definition import LANGUAGE
from mailer.model import JobKind, MailingList
from mailer.services.program import Program
from mailer.services.public import stamps
from mailer.services.public.limits import Limits
from mailer.store import attempts, consents, jobs

LONGEST_VALUE: Final = 200
LONGEST_LANGUAGE: Final = 35


class Problem(StrEnum):
    """Why a form is shown again. `again`: its stamp is missing, used or old; `early`: no person is so quick."""

    ADDRESS = "address"
    AGREE = "agree"
    AGAIN = "again"
    EARLY = "early"
    WORK = "work"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Form:
    """What was sent. `agreed` is the version of the consent text beside the box that was ticked; `trap` is what nobody
    fills in who sees the page; `client` the internet address, of which only a keyed hash of its network is kept."""

    email: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    language: str = ""
    agreed: str = ""
    stamp: str = ""
    work: str = ""
    trap: str = ""
    client: str = ""


def new_stamp(program: Program, definition: MailingList) -> str:
    """The stamp for a form of the list that is shown now."""
    return stamps.make(_keys(program), definition.name, program.now())


def consent_version(definition: MailingList) -> str:
    """The version of what people agree to; empty where there is nothing to agree to."""
    return consents.version_of(definition.consent) if definition.consent.strip() else ""


def send_in(program: Program, definition: MailingList, form: Form) -> Problem | None:
    """Leave the sign-up to be carried out; what is wrong with the form otherwise. None is also what a machine gets that
    filled in the trap, though nothing was left."""
    if form.trap:
        return None
    try:
        address = parse_address(form.email)
    except ValueError:
        return Problem.ADDRESS
    return _problem(program, definition, form) or _leave(program, definition, form, address)


def _problem(program: Program, definition: MailingList, form: Form) -> Problem | None:
    """What can be seen without the database."""
    if form.agreed != consent_version(definition):
        return Problem.AGREE
    shown, now = stamps.shown_at(_keys(program), definition.name, form.stamp), program.now()
    if shown is None or not timedelta(0) <= now - shown <= stamps.LIFE:
        return Problem.AGAIN
    web = program.settings.web
    if now - shown < timedelta(seconds=web.form_seconds):
        return Problem.EARLY
    if web.proof_of_work and not stamps.solved(form.stamp, form.work):
        return Problem.WORK
    return None


def _leave(program: Program, definition: MailingList, form: Form, address: Address) -> Problem | None:
    """One transaction: the limits, the stamp, and the job."""
    said = json.dumps(said_in(definition, form, address)).encode()
    keys, now = _keys(program), program.now()
    limits = Limits(program.settings.web, keys)
    with program.store.write() as connection:
        if not limits.admits_form(connection, form.client, definition.name, now):
            return Problem.BUSY
        first = attempts.spend(connection, *_mark(keys, form.stamp, now))
        # With the same address again: the button was pressed twice, or the page loaded anew, and it is taken already.
        new = attempts.spend(connection, *_mark(keys, f"{form.stamp}\0{address.key}", now))
        if first:
            jobs.add(connection, JobKind.SIGNUP, {"list": definition.name}, now, body=[said])
    return Problem.AGAIN if new and not first else None


def said_in(definition: MailingList, form: Form, address: Address) -> dict[str, Any]:
    """What is carried out: an address, and of the fields those that the list asks for."""
    values = {name: one_line(form.values.get(name, "")) for name in definition.fields}
    language = form.language if len(form.language) <= LONGEST_LANGUAGE and LANGUAGE.fullmatch(form.language) else ""
    told = {name: value for name, value in {**values, "language": language}.items() if value}
    return {"email": address.email, "values": told, "agreed": form.agreed}


def one_line(text: str) -> str:
    """A field as people fill it in: one line, without control characters, and not a book."""
    return " ".join("".join(each if each.isprintable() else " " for each in text[: 4 * LONGEST_VALUE]).split())[
        :LONGEST_VALUE
    ]


def _mark(keys: Sequence[bytes], text: str, now: datetime) -> tuple[str, datetime]:
    """Under what name a stamp is used up, and for how long that is remembered: longer than it could be used."""
    return hmac.digest(keys[0], b"mailer spent v1\0" + text.encode(), "sha256").hex(), now + 2 * stamps.LIFE


def _keys(program: Program) -> tuple[bytes, ...]:
    return program.workspace.secret_keys(program.environ)
