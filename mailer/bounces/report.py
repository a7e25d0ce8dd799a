"""Reports: RFC 3464, and RFC 6533 for addresses beyond ASCII. As servers write them, not only as they should."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from email.parser import HeaderParser
from typing import Final

from mailer.bounces.facts import Action, Fate
from mailer.bounces.opened import LONGEST_HEADER, Mail, outside, readable, text_of

REPORTS: Final = frozenset({"message/delivery-status", "message/global-delivery-status"})
MOST: Final = 100

_STATUS = re.compile(r"(?<![\d.])([245])\.\d{1,3}\.\d{1,3}(?![\d.])")
_WORDS: Mapping[str, Action] = {
    "failed": Action.FAILED,
    "failure": Action.FAILED,
    "expired": Action.FAILED,
    "delayed": Action.DELAYED,
    "delivered": Action.DELIVERED,
    "relayed": Action.PASSED,
    "expanded": Action.PASSED,
}
_RECIPIENT = ("final-recipient", "original-recipient")

Fields = dict[str, str]


def status_part(mail: Mail) -> Mail | None:
    """The part that says for machines what became of a mail."""
    return next((part for part in outside(mail) if part.get_content_type() in REPORTS), None)


def fates(part: Mail) -> list[Fate]:
    """What became of the mail, recipient by recipient."""
    return [fate for fields in _recipients(part) if (fate := _fate(fields))][:MOST]


def _recipients(part: Mail) -> Iterator[Fields]:
    """The fields of each recipient. Some servers write an empty line between those of one."""
    open_one: Fields = {}
    for fields in blocks(text_of(part)):
        begins = any(name in fields for name in _RECIPIENT)
        if begins and open_one:
            yield open_one
            open_one = {}
        if begins or open_one or "action" in fields or "status" in fields:
            open_one = {**open_one, **fields}
    if open_one:
        yield open_one


def blocks(text: str) -> Iterator[Fields]:
    """Groups of fields with an empty line between them; of a field that comes twice the first."""
    for block in re.split(r"\n[ \t]*\n", text.strip())[: 3 * MOST]:
        fields: Fields = {}
        for name, value in HeaderParser().parsestr(block.lstrip("\n")).items():
            fields.setdefault(name.lower().strip(), readable(str(value)))
        if fields:
            yield fields


def _fate(fields: Fields) -> Fate | None:
    status = fields.get("status", "")
    action = _action(fields.get("action", ""), status)
    if action is None:
        return None
    named = (address_of(fields.get(name, "")) for name in ("original-recipient", "final-recipient"))
    addresses = tuple(dict.fromkeys(address for address in named if address))
    found = _STATUS.search(status)
    return Fate(addresses, action, found[0] if found else "", said(fields))


def _action(word: str, status: str) -> Action | None:
    """What was done; where no word of the standard says it, what the status is one of."""
    known = _WORDS.get(word.partition("(")[0].strip().lower())
    if known is not None:
        return known
    digit = found[1] if (found := _STATUS.search(status)) else ""
    return {"5": Action.FAILED, "4": Action.DELAYED, "2": Action.DELIVERED}.get(digit)


def said(fields: Fields) -> str:
    """What the other server said, without the kind of it: `smtp; 550 no such user`."""
    text = fields.get("diagnostic-code") or fields.get("x-notes") or fields.get("x-supplementary-info") or ""
    kind, semicolon, rest = text.partition(";")
    # A comment in Status is all that some say.
    own = rest if semicolon and len(kind) <= 20 and " " not in kind.strip() else text
    comment = fields.get("status", "").partition("(")[2].rstrip(") ")
    return (own.strip() or comment.strip())[:LONGEST_HEADER]


def address_of(field: str) -> str:
    """The address in `rfc822; somebody@example.org`, in small letters."""
    _, semicolon, rest = field.partition(";")
    text = (rest if semicolon else field).strip().strip("<>").lower()
    return text if "@" in text and len(text) <= 320 else ""
