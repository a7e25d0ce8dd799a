"""Header lines as RFC 5322 and RFC 2047 want them: folded at 76 columns, encoded only where ASCII does not do.

The email package is not used: it encodes what it cannot fold, which turns a long List-Unsubscribe into noise.
"""

from __future__ import annotations

import re
import string
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence

from mailer.errors import MessageError

WIDTH = 76
# RFC 5322, 2.1.1. What cannot be folded must still stay below it.
HARD_LIMIT = 998
# An encoded word may have 75 characters, 12 of them frame; with 52 it also fits beside every header name used here.
WORD_ROOM = 52

# C0, DEL, C1, the line and paragraph separators, and halves of surrogate pairs, which no encoding can write.
FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
SPACES = re.compile(" {2,}")
ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")

# The characters RFC 2047, 5(3) allows unencoded in a phrase; they do in every other place as well.
_Q_SAFE = frozenset((string.ascii_letters + string.digits + "!*+-/").encode("ascii"))
_Q_CODE = tuple("_" if octet == 0x20 else chr(octet) if octet in _Q_SAFE else f"={octet:02X}" for octet in range(256))


def clean(field: str, text: str) -> str:
    """The text without spaces at its ends or doubled. Control characters are refused: they begin new headers."""
    if text.isprintable() and "  " not in text:  # nothing forbidden is printable
        return text.strip(" ")
    if FORBIDDEN.search(text):
        raise MessageError(field, "holds a line break or another control character")
    return SPACES.sub(" ", text).strip(" ")


def all_clean(field: str, texts: Sequence[str]) -> list[str]:
    """As `clean`, for many."""
    if "".join(texts).isprintable() and "  " not in "\0".join(texts):
        return [text.strip(" ") for text in texts]
    return [clean(field, text) for text in texts]


def text_header(field: str, text: str) -> str:
    """An unstructured header such as Subject, with its CRLF."""
    text = clean(field, text)
    if text.isascii() and "=?" not in text:
        if len(field) + 2 + len(text) <= WIDTH:
            return f"{field}: {text}\r\n"
        words = text.split(" ")
        if max(map(len, words)) + len(field) + 2 <= WIDTH:
            return fold(field, words)
    return fold(field, encoded_words(text))


def phrase_header(field: str, phrase: str, bracketed: str) -> str:
    """A header of the form `phrase <something>`: a mailbox or a List-ID. `bracketed` is ASCII and checked already."""
    tokens = phrase_tokens(clean(field, phrase))
    return fold(field, (*tokens, f"<{bracketed}>"))


def phrase_tokens(phrase: str) -> tuple[str, ...]:
    """The words of a display name: bare where they may be, quoted where that is enough, encoded otherwise."""
    if phrase.isascii() and "=?" not in phrase:
        if len(phrase) <= WORD_ROOM and ATOMS.fullmatch(phrase):
            return (phrase,)
        quoted = phrase.replace("\\", "\\\\").replace('"', '\\"')
        if len(quoted) <= WORD_ROOM:
            return (f'"{quoted}"',) if quoted else ()
    return tuple(encoded_words(phrase))


def fold(field: str, tokens: Iterable[str]) -> str:
    """The header with line breaks between tokens only, never inside one."""
    lines = []
    line = f"{field}:"
    alone = True
    for token in tokens:
        if not alone and len(line) + 1 + len(token) > WIDTH:
            lines.append(line)
            line = ""
        line = f"{line} {token}"
        alone = False
    lines.append(line)
    if max(map(len, lines)) > HARD_LIMIT:
        raise MessageError(field, f"has a part of more than {HARD_LIMIT} characters that cannot be folded")
    return "\r\n".join(lines) + "\r\n"


def encoded_words(text: str) -> Iterator[str]:
    """RFC 2047 encoded words, each whole in its characters, in the shorter of the two encodings."""
    octets = text.encode("utf-8")
    q_form = _q_encode(octets)
    if len(q_form) <= 4 * len(octets) / 3:
        if len(q_form) <= WORD_ROOM:
            yield f"=?utf-8?q?{q_form}?="
            return
        for chunk in _chunks(text, WORD_ROOM, lambda character: len(_q_encode(character.encode("utf-8")))):
            yield f"=?utf-8?q?{_q_encode(chunk.encode('utf-8'))}?="
    else:
        for chunk in _chunks(text, WORD_ROOM // 4 * 3, lambda character: len(character.encode("utf-8"))):
            yield f"=?utf-8?b?{b64encode(chunk.encode('utf-8')).decode('ascii')}?="


def _q_encode(octets: bytes) -> str:
    return "".join([_Q_CODE[octet] for octet in octets])


def _chunks(text: str, room: int, cost: Callable[[str], int]) -> Iterator[str]:
    start = used = 0
    for index, character in enumerate(text):
        size = cost(character)
        if used + size > room:
            yield text[start:index]
            start, used = index, 0
        used += size
    yield text[start:]
