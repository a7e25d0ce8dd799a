"""One mail to the bounce address -> what it is. Standards first, guesses last; what stays open is for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from mailer.bounces.facts import Action, Fate, Reading, What
from mailer.bounces.feedback import feedback
from mailer.bounces.guess import guessed, text, words
from mailer.bounces.naming import named
from mailer.bounces.opened import LONGEST, Mail, TooComplex, header, opened
from mailer.bounces.replies import automatic, receipt, says_so
from mailer.bounces.report import fates, status_part

LONGEST_SHOWN: Final = 4000


def read(data: bytes, recipients: Sequence[str] = ()) -> Reading:
    """What this mail is. `recipients`: whom it was delivered to, where the mail server says it.

    Never raises: whatever cannot be read is unknown.
    """
    data = data[:LONGEST]
    try:
        mail = opened(data)
        found = _what(mail, data)
    except TooComplex:
        return Reading(What.UNKNOWN, "too many parts")
    return replace(
        found,
        named=named(mail, data, recipients),
        at=moment(mail),
        id=header(mail, "Message-ID").strip("<> ")[:255],
        sender=header(mail, "From")[:200],
        subject=header(mail, "Subject")[:200],
        text=text(mail)[:LONGEST_SHOWN],
    )


def _what(mail: Mail, data: bytes) -> Reading:
    status = status_part(mail)
    if status is not None and (reported := fates(status)):
        return _reported(mail, reported)
    told = feedback(mail)
    if told:
        return Reading(*told, standard=True)
    if receipt(mail):
        return Reading(What.RECEIPT, "a receipt: what a mail program did with a mail", standard=True)
    if says_so(mail) and not header(mail, "X-Failed-Recipients"):
        return Reading(What.AUTO_REPLY, "an automatic reply")
    guess = guessed(data)
    if guess:
        return Reading(What.REPORT, "a bounce of no standard form", tuple(guess))
    if status is not None:
        return Reading(What.UNKNOWN, "a delivery report that names nobody")
    if automatic(mail) and not _from_server(mail):
        return Reading(What.AUTO_REPLY, "an automatic reply")
    return Reading(What.UNKNOWN, "no form of bounce that is known")


def _reported(mail: Mail, reported: Sequence[Fate]) -> Reading:
    if all(fate.action is Action.PASSED for fate in reported):
        return Reading(What.NOTHING, "a report that the mail was passed on", tuple(reported), standard=True)
    if any(not fate.text for fate in reported):
        # The number stands in the words for people, where a server says nothing to machines.
        said = words(mail)
        reported = [fate if fate.text else replace(fate, text=said) for fate in reported]
    return Reading(What.REPORT, "a delivery report", tuple(reported), standard=True)


def _from_server(mail: Mail) -> bool:
    sender = header(mail, "From").lower()
    return "mailer-daemon" in sender or "postmaster" in sender or header(mail, "Return-Path") == "<>"


def moment(mail: Mail) -> datetime | None:
    """When it came: by the server that took it in, else by its own date."""
    stamps = (header(mail, "Received").rpartition(";")[2], header(mail, "Date"))
    return next((at for stamp in stamps if (at := _time(stamp))), None)


def _time(stamp: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(stamp.strip())
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
