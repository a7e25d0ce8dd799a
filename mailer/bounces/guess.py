"""Bounces of no standard form: whom they are about, by flufl.bounce, and what was said, by their words."""

from __future__ import annotations

import logging
import re
from typing import Final

from mailer.bounces.facts import Action, Fate
from mailer.bounces.opened import LONGEST_TEXT, Mail, header, opened, outside, returned, text_of

LONGEST_GUESSED: Final = 128 << 10
"""So much of a mail is guessed about."""

LONGEST_LINE: Final = 1000
"""RFC 5322 has 998. In longer ones the patterns look for a long time."""

MOST_SAID: Final = 600

# What begins the copy of our own mail, whose articles may well be about unknown addresses.
_COPY = re.compile(
    r"^[ \t>*-]*(?:-{2,}.{0,60}\b(?:copy of|original|returned|unsent|undelivered|your) (?:message|mail|the)\b.*"
    r"|(?:a )?copy of (?:your|the) (?:original )?message\b.*"
    r"|(?:the )?(?:original|returned|your) message (?:follows|was|is)\b.*"
    r"|-{3,}.{0,40}\bbelow this line\b.*|(?:return-path|received|message-id|mime-version): .*)$",
    re.IGNORECASE | re.MULTILINE,
)
# A number of RFC 5321 and what was said with it.
_SAID = re.compile(r"(?<![\d.:-])[45]\d\d(?:[ -](?:#?[245]\.\d{1,3}\.\d{1,3}\b|<|[A-Za-z\"'(\[*])| ?\([^)\n]{3})")
_UNDELIVERED = re.compile(
    r"(?:could ?not|cannot|can't|was not|unable to|not) be(?:en)? delivered|undeliver(?:able|ed)"
    r"|delivery (?:has )?fail(?:ure|ed)|failure notice|returned mail|returning message to sender|mail error",
    re.IGNORECASE,
)
_STATUS = re.compile(r"(?<![\d.])[45]\.\d{1,3}\.\d{1,3}(?![\d.])")


def guessed(data: bytes) -> list[Fate]:
    """What became of a mail, by somebody's own words for it; nothing where they are not known."""
    mail = opened(_tame(data))
    temporary, final = _addresses(mail)
    named = (address.strip().lower() for address in header(mail, "X-Failed-Recipients").split(","))
    final = tuple(dict.fromkeys((*(address for address in named if "@" in address), *final)))
    chosen = [(address, Action.FAILED) for address in final] or [(each, Action.DELAYED) for each in temporary]
    if not chosen and not _says_undelivered(mail):
        return []
    said = words(mail)
    status = found[0] if (found := _STATUS.search(said)) else ""
    return [Fate((address,), action, status, said) for address, action in chosen[:20]] or [
        Fate((), Action.FAILED, status, said)
    ]


def _says_undelivered(mail: Mail) -> bool:
    """Whether a server says that a mail could not be delivered, though not to whom: that our token tells."""
    from_server = header(mail, "From").partition("<")[2] in ("", ">") or next(returned(mail), None) is not None
    return from_server and _UNDELIVERED.search(f"{header(mail, 'Subject')}\n{text(mail)[:MOST_SAID]}") is not None


def words(mail: Mail) -> str:
    """What the server says for people, from the number on that another server gave it, without our mail's copy."""
    said = text(mail)
    copy = _COPY.search(said)
    # The first line of all may be one of those.
    own = said[: copy.start()] if copy and copy.start() > 40 else said
    found = _SAID.search(own)
    return " ".join(own[found.start() if found else 0 :][:MOST_SAID].split())


def text(mail: Mail) -> str:
    """The first part of it that is text, as it is."""
    return next((each for part in outside(mail) if (each := _readable(part))), "")


def _readable(part: Mail) -> str:
    return text_of(part)[:LONGEST_TEXT].strip() if part.get_content_maintype() == "text" else ""


def _tame(data: bytes) -> bytes:
    lines = data[:LONGEST_GUESSED].replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return b"\n".join([line[:LONGEST_LINE] for line in lines])


def _addresses(mail: Mail) -> tuple[tuple[str, ...], tuple[str, ...]]:
    from flufl.bounce import all_failures  # it brings an object system along

    # It writes down what it stumbles over, with its lines, and those are about people.
    logging.getLogger("flufl.bounce").disabled = True
    try:
        temporary, final = all_failures(mail)
    except Exception:  # its detectors take a mail's shape for granted; one that has another is no bounce they know
        return (), ()
    return _text(temporary), _text(final)


def _text(addresses: frozenset[bytes]) -> tuple[str, ...]:
    return tuple(sorted(address.decode("utf-8", "replace").strip().lower() for address in addresses))
