"""The words of an expression, before Python's grammar sees them.

Everything that is no word of a segment is refused here, where its place is known and its near relative can be named;
what is left, Python's parser reads. A time such as `90d` is no Python, so a name as long as itself takes its place.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

from mailer.audience.segment.nodes import Number, Span
from mailer.errors import SegmentError
from mailer.wording import quoted

LONGEST = 4000
DEEPEST = 40
DECIMALS = 4

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<text>"(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*')
    |(?P<number>[0-9][\w.]*)
    |(?P<name>[^\W\d]\w*)
    |(?P<sign>==|!=|<=|>=|[<>()\[\],.-])""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|.)")
_NUMBER = re.compile(rf"(0|[1-9][0-9]{{0,13}})(?:\.([0-9]{{1,{DECIMALS}}}))?")
_SPAN = re.compile(r"([0-9]{1,5})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 7 * 24}
_LONGEST_SPAN = timedelta(days=36525)
_OURS = frozenset({"and", "or", "not", "in", "True", "False", "None"})
_SIGNS = {
    "=": "one = does not compare: write ==",
    "&": "write and",
    "|": "write or",
    "!": "write not, or != between two values",
    '"': "a quotation mark is opened here and not closed",
    "'": "a quotation mark is opened here and not closed",
    "#": "comments have no place in a segment",
} | dict.fromkeys("“”„‟«»‘’‚‹›`´", 'texts stand between straight quotation marks: "Oslo"')


@dataclass(frozen=True, slots=True)
class Word:
    """`kind` is text, number, name or sign."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Source:
    """An expression whose words are known. `python` is as long as `text`; `values` are its numbers and times."""

    text: str
    python: str
    values: dict[int, Number | Span]

    def wrong(self, position: int, message: str, *, hint: str | None = None) -> NoReturn:
        raise SegmentError(message, text=self.text, position=position, hint=hint)


def read_words(text: str) -> Source:
    """The words of an expression; SegmentError for the first that cannot be one."""
    blank = Source(text, "", {})
    if len(text) > LONGEST:
        blank.wrong(LONGEST, f"longer than {LONGEST} characters", hint="Tag these people, and ask for the tag.")
    words = _words(blank)
    if not words:
        blank.wrong(0, "the expression is empty", hint='Such as: city == "Oslo"')
    _check_neighbours(blank, words)
    _check_brackets(blank, words)
    python = [" "] * len(text)
    values: dict[int, Number | Span] = {}
    for word in words:
        shown = word.text
        if word.kind == "number":
            values[word.start] = value = _value(blank, word)
            shown = "_" * len(shown) if isinstance(value, Span) else shown
        python[word.start : word.end] = shown
    return Source(text, "".join(python), values)


def _words(source: Source) -> list[Word]:
    found: list[Word] = []
    at = 0
    while at < len(source.text):
        match = _TOKEN.match(source.text, at)
        if match is None or match.lastgroup is None:
            _refuse(source, at)
        if match.lastgroup != "space":
            word = Word(match.lastgroup, match[0], at)
            _CHECKS[word.kind](source, word)
            found.append(word)
        at = match.end()
    return found


def _refuse(source: Source, at: int) -> NoReturn:
    letter = source.text[at]
    if not letter.isprintable():
        source.wrong(at, f"the character U+{ord(letter):04X} has no place in a segment")
    source.wrong(at, _SIGNS.get(letter) or f"{letter} has no place in a segment")


def _check_text(source: Source, word: Word) -> None:
    for place, letter in enumerate(word.text):
        if letter < " " or "\ud800" <= letter <= "\udfff" or letter == "\x7f":
            source.wrong(word.start + place, f"the character U+{ord(letter):04X} has no place in a text")
    for escape in _ESCAPE.finditer(word.text):
        code = escape[1] or escape[2] or escape[3]
        if code is None and escape[0][1] not in "\"'\\nrt":
            source.wrong(word.start + escape.start(), "a backslash in a text is written twice: \\\\")
        if code and not _is_letter(int(code, 16)):
            source.wrong(word.start + escape.start(), f"the character U+{int(code, 16):04X} has no place in a text")


def _is_letter(code: int) -> bool:
    """What JSON and both databases can hold."""
    return 0 < code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF


def _check_name(source: Source, word: Word) -> None:
    name = word.text
    if name.lower() in ("and", "or", "not", "in") and not name.islower():
        source.wrong(word.start, f"write {name.lower()} in small letters")
    if keyword.iskeyword(name) and name not in _OURS:
        hint = "To compare, write ==." if name == "is" else None
        source.wrong(word.start, f"{quoted(name)} is a name only as attributes[{quoted(name)}]", hint=hint)
    if name.startswith("_"):
        source.wrong(word.start, f"a name that begins with _ is written attributes[{quoted(name)}]")


def _check_number(source: Source, word: Word) -> None:
    _value(source, word)


def _check_sign(source: Source, word: Word) -> None:
    """Every sign that the pattern knows may stand somewhere."""


_CHECKS = {"text": _check_text, "name": _check_name, "number": _check_number, "sign": _check_sign}


def _value(source: Source, word: Word) -> Number | Span:
    """The number in ten-thousandths, or the time."""
    if match := _SPAN.fullmatch(word.text):
        span = timedelta(hours=int(match[1]) * _HOURS[match[2]])
        if span > _LONGEST_SPAN:
            source.wrong(word.start, "a time is at most a hundred years, 36525d")
        return Span(span)
    if match := _NUMBER.fullmatch(word.text):
        return Number(int(match[1]) * 10**DECIMALS + int((match[2] or "").ljust(DECIMALS, "0")))
    source.wrong(word.start, _no_number(word.text))


def _no_number(text: str) -> str:
    shown = quoted(text, 20)
    if re.fullmatch(r"0[0-9]+", text):
        return f"a text of digits stands between quotation marks: {shown}"
    if re.fullmatch(r"[0-9]+(m|min|mo|mon|months?|y|yr|years?)", text):
        return f"{shown}: a time is in hours, days or weeks, such as 180d"
    if re.fullmatch(r"[0-9]+[A-Za-z]+", text):
        return f"{shown}: a time is such as 12h, 90d or 2w"
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return f"a number has at most 14 digits, and {DECIMALS} decimals"
    return f"{shown} is no number; a text stands between quotation marks"


def _check_neighbours(source: Source, words: Sequence[Word]) -> None:
    for word, following in zip(words, [*words[1:], None], strict=True):
        if following is None:
            continue
        if following.kind == "text" and word.kind == "text":
            source.wrong(following.start, "between two texts something is missing: a comma, and, or")
        if following.kind == "text" and word.end == following.start and word.kind == "name":
            source.wrong(word.start, "a letter stands directly before a quotation mark")
        if word.text == "<" and following.text == ">":
            source.wrong(word.start, "write != for what is not equal")
        if word.text == following.text == "not":
            source.wrong(following.start, "not is there twice")
        if word.text == "-" and following.kind != "number":
            source.wrong(word.start, "- stands only before a number or a time, such as -90d")


def _check_brackets(source: Source, words: Sequence[Word]) -> None:
    opened: list[Word] = []
    for word in words:
        if word.kind != "sign":
            continue
        if word.text in "([":
            opened.append(word)
            if len(opened) > DEEPEST:
                source.wrong(word.start, f"more than {DEEPEST} brackets stand within one another")
        elif word.text in ")]" and (not opened or opened.pop().text + word.text not in ("()", "[]")):
            source.wrong(word.start, f"this {word.text} closes nothing")
    if opened:
        source.wrong(opened[-1].start, f"this {opened[-1].text} is not closed")
