"""Whole mails from parts that were encoded beforehand: what is the same for everyone is written once.

A mail is one join of constant bytes and fresh values. The email package, which takes milliseconds to lay out what
never changes, only reads the result back in the tests.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from mailer.errors import MessageError
from mailer.render.headers import HARD_LIMIT, WIDTH, phrase_header, text_header
from mailer.render.mailbox import ascii_address, utf8_address
from mailer.render.quoted import PartShape, QuotedRuns, fill

__all__ = [
    "MessageAddress",
    "MessageHeaders",
    "MessageSkeleton",
    "PartShape",
    "PersonalValues",
    "constant_headers",
    "unsubscribe_headers",
]

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# RFC 3986 without the comma, at which simple readers of List-Unsubscribe split, and without spaces, "<" and ">".
_URI_REST = r"[A-Za-z0-9._~:/?#@!$&'()*+;=%\[\]-]+\Z"
WEB_URI = re.compile("https?://" + _URI_REST)
MAILTO_URI = re.compile("mailto:" + _URI_REST)
WEB_OR_MAILTO_URI = re.compile("(?:https?://|mailto:)" + _URI_REST)
PLAIN_NAME = re.compile(r"[A-Za-z0-9'-]+(?: [A-Za-z0-9'-]+)*\Z")
ID_LEFT = re.compile(r"[A-Za-z0-9_-]+(?:[.][A-Za-z0-9_-]+)*\Z")
LIST_ID = re.compile(r"(?=.{3,255}\Z)[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+\Z")
# Up to three identifiers, then the sender's own of 5 to 15 characters (Gmail's feedback loop).
FEEDBACK_ID = re.compile(r"(?:[A-Za-z0-9._-]*:){0,3}[A-Za-z0-9._-]{5,15}\Z")
BOUNDARY = re.compile(r"[A-Za-z0-9'()+_,./:?-]{1,68}\Z")


@dataclass(frozen=True, slots=True)
class MessageHeaders:
    """What every mail of an issue to one list has in common. An empty field writes no header.

    `automatic`: written by the program because of what somebody did, so that no machine answers it (RFC 3834).
    """

    from_email: str
    from_name: str = ""
    reply_to: str = ""
    list_id: str = ""
    list_title: str = ""
    list_help: str = ""
    list_owner: str = ""
    feedback_id: str = ""
    bulk: bool = True
    automatic: bool = False


class PersonalValues(NamedTuple):
    """One recipient's values for each part, escaped for that part."""

    subject: Sequence[str]
    text: Sequence[str]
    html: Sequence[str]


class MessageAddress(NamedTuple):
    """Where one mail goes. `message_id` is the part before the @; the part after it is the domain of From.

    `leaving`: the lines of `unsubscribe_headers`, if they were made for many; else they are made of the two links.
    `utf8`: the local part may have letters beyond ASCII, as whoever takes the mail offers SMTPUTF8 (RFC 6532).
    """

    to_email: str
    message_id: str
    unsubscribe_url: str = ""
    to_name: str = ""
    unsubscribe_mailto: str = ""
    utf8: bool = False
    leaving: str = ""


class MessageSkeleton:
    """A multipart/alternative mail with everything in place but the personal values."""

    __slots__ = ("_domain", "_html", "_static_subject", "_subject", "_text")

    def __init__(
        self, text: PartShape, html: PartShape, subject: PartShape, headers: MessageHeaders, boundary: str
    ) -> None:
        if not BOUNDARY.match(boundary):
            raise ValueError("a boundary has 1 to 68 of the characters RFC 2046 allows")
        # "=_" cannot occur in quoted-printable, so no text can imitate the boundary (RFC 2045, 6.7).
        line = b"--=_" + boundary.encode("ascii")
        top = constant_headers(headers) + f'Content-Type: multipart/alternative;\r\n boundary="=_{boundary}"\r\n\r\n'
        self._text = QuotedRuns(text, "text", before=top.encode("ascii") + line + _part_head("plain"))
        self._html = QuotedRuns(html, "html", b"\r\n" + line + _part_head("html"), b"\r\n" + line + b"--\r\n")
        self._subject = subject
        self._static_subject = "" if subject.slots else text_header("Subject", subject.constants[0])
        self._domain = ascii_address(headers.from_email, "From").rpartition("@")[2]

    def message(self, values: PersonalValues, address: MessageAddress, date: datetime) -> bytes:
        """One recipient's mail, complete, with CRLF line ends."""
        if not ID_LEFT.match(address.message_id):
            raise MessageError("Message-ID", "its left part has a character other than letters, digits, . _ and -")
        subject = self._static_subject or text_header("Subject", fill(self._subject, values.subject))
        head = (
            f"Date: {_date(date)}\r\n"
            f"{_to_header(address)}"
            f"{subject}"
            f"Message-ID: <{address.message_id}@{self._domain}>\r\n"
            f"{address.leaving or unsubscribe_headers(address.unsubscribe_url, address.unsubscribe_mailto)}"
        )
        pieces = [head.encode("utf-8" if address.utf8 else "ascii")]
        pieces += self._text.pieces(values.text)
        pieces += self._html.pieces(values.html)
        return b"".join(pieces)


def _part_head(subtype: str) -> bytes:
    return (
        f"\r\nContent-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    ).encode("ascii")


def constant_headers(headers: MessageHeaders) -> str:
    """The header lines that all mails have in common."""
    lines = [phrase_header("From", headers.from_name, ascii_address(headers.from_email, "From"))]
    if headers.reply_to:
        lines.append(f"Reply-To: {ascii_address(headers.reply_to, 'Reply-To')}\r\n")
    if headers.list_id:
        _demand(LIST_ID.match(headers.list_id), "List-ID", "its id part is not ASCII words joined by dots")
        lines.append(phrase_header("List-ID", headers.list_title, headers.list_id))
    if headers.list_help:
        lines.append(f"List-Help: <{_uri(headers.list_help, 'List-Help', WEB_OR_MAILTO_URI)}>\r\n")
    if headers.list_owner:
        lines.append(f"List-Owner: <{_uri(headers.list_owner, 'List-Owner', MAILTO_URI)}>\r\n")
    if headers.feedback_id:
        _demand(FEEDBACK_ID.match(headers.feedback_id), "Feedback-ID", "is not of the form a:b:c:sender")
        lines.append(f"Feedback-ID: {headers.feedback_id}\r\n")
    if headers.bulk:
        # Never standardised, but it keeps old responders from answering a newsletter with a holiday notice.
        lines.append("Precedence: bulk\r\n")
    if headers.automatic:
        # The second one is what Exchange listens to.
        lines.append("Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: OOF, AutoReply\r\n")
    lines.append("MIME-Version: 1.0\r\n")
    return "".join(lines)


def _to_header(address: MessageAddress) -> str:
    email = (utf8_address if address.utf8 else ascii_address)(address.to_email, "To")
    name = address.to_name
    if not name:
        return f"To: {email}\r\n"
    # What most names are, at a tenth of the time.
    if len(name) + len(email) <= WIDTH - len("To:  <>") and PLAIN_NAME.match(name):
        return f"To: {name} <{email}>\r\n"
    return phrase_header("To", name, email)


def unsubscribe_headers(url: str, mailto: str) -> str:
    """List-Unsubscribe with its URIs whole, and the one-click promise (RFC 8058), which only https can keep."""
    field = "List-Unsubscribe"
    uris = [f"<{_uri(url, field, WEB_URI)}>"] if url else []
    if mailto:
        uris.append(f"<{_uri(mailto, field, MAILTO_URI)}>")
    if not uris:
        return ""
    line = "List-Unsubscribe: " + ", ".join(uris)
    if len(line) > WIDTH:
        line = "List-Unsubscribe: " + ",\r\n ".join(uris)
    one_click = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" if url.startswith("https://") else ""
    return f"{line}\r\n{one_click}"


def _uri(uri: str, field: str, form: re.Pattern[str]) -> str:
    _demand(form.match(uri), field, "is not a plain web or mailto link")
    _demand(len(uri) < HARD_LIMIT - 32, field, "is too long for one line, and a link cannot be folded")
    return uri


def _demand(condition: object, field: str, message: str) -> None:
    if not condition:
        raise MessageError(field, message)


@lru_cache(maxsize=64)
def _date(date: datetime) -> str:
    if date.tzinfo is None:
        raise ValueError("a mail's date needs its time zone")
    utc = date.astimezone(UTC)
    day, month = DAYS[utc.weekday()], MONTHS[utc.month - 1]
    return f"{day}, {utc.day:02d} {month} {utc.year:04d} {utc:%H:%M:%S} +0000"
