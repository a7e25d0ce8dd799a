"""Bounces of no standard form: whom they are about, by flufl.bounce, and what was said, by their words."""

from __future__ import annotations

import re
from typing import Final

from mailer.bounces.facts import Action, Fate
from mailer.bounces.opened import LONGEST_TEXT, Mail, header, opened, outside, text_of

LONGEST_GUESSED: Final = 128 << 10
"""So much of a mail is guessed about."""

LONGEST_LINE: Final = 1000
"""RFC 5322 has 998. In longer ones the patterns look for a long time."""

MOST_SAID: Final = 600

# What begins the copy of our own mail, whose articles may well be about unknown addresses.
_COPY = re.compile(
    r"^[ \t>*-]*(?:-{2,}.{0,60}\b(?:copy of|original|returned|unsent|undelivered|your) (?:message|mail|the)\b.*"
    r"|(?:a )?copy of (?:your|the) (?:original )?message\b.*|(?:the )?(?:original|returned|your) message (?:follows|was|is)\b.*"
    r"|-{3,}.{0,40}\bbelow this line\b.*|(?:return-path|received|message-id|mime-version): .*)$",
    re.IGNORECASE | re.MULTILINE,
)
# A number of RFC 5321 and what was said with it.
_SAID = re.compile(r"(?<![\d.:-])[45]\d\d(?:[ -](?:#?[245]\.\d{1,3}\.\d{1,3}\b|<|[A-Za-z\"'(\[*])| ?\([^)\n]{3})")
_STATUS = re.compile(r"(?<![\d.])[45]\.\d{1,3}\.\d{1,3}(?![\d.])")


def guessed(data: bytes) -> list[Fate]:
    """What became of a mail, by somebody's own words for it; nothing where they are not known."""
    mail = opened(_tame(data))
    temporary, final = _addresses(mail)
    failed = tuple(
        address.strip().lower() for address in header(mail, "X-Failed-Recipients").split(",") if "@" in address
    )
    final = tuple(dict.fromkeys((*failed, *final)))
    chosen = [(address, Action.FAILED) for address in final] or [(each, Action.DELAYED) for each in temporary]
    if not chosen:
        return []
    text = words(mail)
    status = found[0] if (found := _STATUS.search(text)) else ""
    return [Fate((address,), action, status, text) for address, action in chosen[:20]]


def words(mail: Mail) -> str:
    """What the server says for people, from the number on that another server gave it, without our mail's copy."""
    text = next((each for part in outside(mail) if (each := _readable(part))), "")
    copy = _COPY.search(text)
    # The first line of all may be one of those.
    own = text[: copy.start()] if copy and copy.start() > 40 else text
    found = _SAID.search(own)
    return " ".join(own[found.start() if found else 0 :][:MOST_SAID].split())


def _readable(part: Mail) -> str:
    return text_of(part)[:LONGEST_TEXT].strip() if part.get_content_maintype() == "text" else ""


def _tame(data: bytes) -> bytes:
    lines = data[:LONGEST_GUESSED].replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return b"\n".join([line[:LONGEST_LINE] for line in lines])


def _addresses(mail: Mail) -> tuple[tuple[str, ...], tuple[str, ...]]:
    from flufl.bounce import all_failures  # it brings an object system along

    try:
        temporary, final = all_failures(mail)
    except Exception:  # its detectors take a mail's shape for granted; one that has another is no bounce they know
        return (), ()
    return _text(temporary), _text(final)


def _text(addresses: frozenset[bytes]) -> tuple[str, ...]:
    return tuple(sorted(address.decode("utf-8", "replace").strip().lower() for address in addresses))
