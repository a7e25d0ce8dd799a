"""One message for many, for a provider that puts the personal texts in itself: tokens, and each person's texts.

Every personal place has a token of its own, in HTML (escaped) another one than in the text. Tokens are letters and
digits with a part that nobody can guess, so that no name or article contains one by chance or by malice; whoever has
data that does all the same gets a whole message instead.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import orjson

from mailer.errors import MessageError
from mailer.render.headers import all_clean, clean
from mailer.render.mime import MessageHeaders, constant_headers
from mailer.render.personal import PersonalPart
from mailer.render.quoted import fill_all

# The request has places of its own for these, or the provider writes them.
SET_ELSEWHERE = frozenset({"From", "Reply-To", "MIME-Version"})


class PartColumns(NamedTuple):
    """Many recipients' values for each part, escaped for that part: a column for each place of it."""

    subject: Sequence[Sequence[str]]
    text: Sequence[Sequence[str]]
    html: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class MergeText:
    """The parts of a message with tokens in them."""

    subject: str
    text: str
    html: str

    def with_values(self, values: Mapping[str, str]) -> MergeText:
        """The parts with these tokens replaced for good, all at once: a value that looks like a token stays."""
        if not values:
            return self
        tokens = re.compile("|".join(map(re.escape, values)))
        return MergeText(*(tokens.sub(lambda found: values[found[0]], part) for part in self.parts))

    @property
    def parts(self) -> tuple[str, str, str]:
        return self.subject, self.text, self.html


class MergeSkeleton:
    """The message that all recipients of an issue have in common. May be shared by threads."""

    def __init__(self, subject: PersonalPart, text: PersonalPart, html: PersonalPart, secret: bytes) -> None:
        self.mark = free_mark((subject, text, html), secret)
        self._subject = subject if subject.slots else None
        self._text = tuple(self.token("t", index) for index in range(len(text.distinct)))
        self._html = tuple(self.token("h", index) for index in range(len(html.distinct)))
        # A subject is tidied up as a whole, so a personal one is a single value.
        own = (self.token("s", 0),) if subject.slots else ()
        self.tokens = (*own, *self._text, *self._html)
        self.whole = MergeText(
            subject=own[0] if own else clean("Subject", subject.constants[0]),
            text=text.substituted(self._text.__getitem__),
            html=html.substituted(self._html.__getitem__),
        )
        # Halves of surrogate pairs, which no mail can have, are told at once.
        encoded({"subject": self.whole.subject, "text": self.whole.text, "html": self.whole.html})

    def token(self, part: str, index: int) -> str:
        return f"{self.mark}{part}{index}qz"

    def columns(self, texts: PartColumns, count: int) -> dict[str, Sequence[str]]:
        """A column of texts for every token, for so many recipients."""
        subject = [all_clean("Subject", fill_all(self._subject, texts.subject, count))] if self._subject else []
        return dict(zip(self.tokens, (*subject, *texts.text, *texts.html), strict=True))

    def peculiar(self, columns: Mapping[str, Sequence[str]], limit: int) -> list[int]:
        """The places of those who need something put in beforehand. MessageError for what no mail can have."""
        if not columns:
            return []
        # What is the same in HTML and text is the same list, and looked at once.
        distinct = {id(column): column for column in columns.values()}
        whole = "\0".join(chain.from_iterable(distinct.values()))
        # JSON may take six octets for a character, and the longest of each column are hardly one person's.
        longest = {key: 6 * max(map(len, column)) for key, column in distinct.items()}
        most = 2 + sum(longest[id(column)] + len(token) + 6 for token, column in columns.items())
        if most <= limit and self.mark not in whole:
            if not whole.isascii():
                encoded({"": whole})
            return []
        rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
        return [place for place, values in enumerate(rows) if self.divided(values, limit)[0]]

    def divided(self, values: dict[str, str], limit: int) -> tuple[dict[str, str], dict[str, str]]:
        """One recipient's values as (to be put in beforehand, left to the provider): all to the provider if they are
        no more than `limit` bytes together, else the largest beforehand until they are.

        Everything is put in beforehand for somebody whose data look like a token.
        """
        octets = encoded(values)
        if octets.count(self.mark.encode()) != len(values):
            return values, {}
        size = len(octets)
        if size <= limit:
            return {}, values
        left, before = dict(values), {}
        for token in sorted(values, key=lambda token: len(values[token]), reverse=True):
            if size <= limit:
                break
            before[token] = left.pop(token)
            size -= len(encoded({token: before[token]})) - 1  # without its braces, with its comma
        return before, left


def encoded(values: Mapping[str, str]) -> bytes:
    """As JSON, whose length is what a provider may count: never less than that of the texts."""
    try:
        return orjson.dumps(values)
    except orjson.JSONEncodeError:
        raise MessageError("mail", "holds half a surrogate pair, which is no character") from None


def free_mark(parts: tuple[PersonalPart, ...], secret: bytes) -> str:
    """What every token begins with: from the secret, and nowhere in the constant texts."""
    number = 0
    while True:
        mark = "zq" + hashlib.sha256(b"merge %d " % number + secret).hexdigest()[:10]
        if not any(mark in run for part in parts for run in part.constants):
            return mark
        number += 1


def common_headers(headers: MessageHeaders) -> dict[str, str]:
    """The header lines that all mails have in common, as a request wants them: each on one line, by its name."""
    return {name: text for name, text in by_name(constant_headers(headers)).items() if name not in SET_ELSEWHERE}


def by_name(lines: str) -> dict[str, str]:
    """Header lines by their names, each on one line."""
    unfolded = lines.replace("\r\n ", " ").split("\r\n")
    return {name: text for name, _, text in (line.partition(": ") for line in unfolded if line)}
