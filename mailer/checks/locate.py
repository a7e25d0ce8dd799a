"""Where an author can mend a finding: the file and the line."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import unescape

from mailer.checks.finding import Finding, Part, Source

WORD = re.compile(r"\w+")
NAMED = re.compile(r"([\w./@-]+\.(?:md|mjml|jinja|toml)(?: \(\w+\))?):(\d+)\b")
OF_FIELD = re.compile(r"(.+) \((\w+)\)")
"""How a text is named that stands in a field of an issue's file; its lines are not those of the file."""
SECTION = re.compile(r"(\[[\w.]+\]) in mailer\.toml")

RUN = 4
"""So many words in a row are found again, where a text as a whole is not: a name may stand in its middle."""

CUT = "..."
FIELDS: Mapping[Part, tuple[str, ...]] = {
    Part.ISSUE: ("articles", "kind"),
    Part.SUBJECT: ("subject",),
    Part.PREHEADER: ("preheader", "subject"),
    Part.HEADERS: ("from", "lists"),
    Part.AUDIENCE: ("segment", "lists"),
}
"""The fields of an issue file that decide what is in a part, the nearest first."""


@dataclass(frozen=True)
class Written:
    """A text that somebody wrote, as `file`. Words are found in it whatever stands between them."""

    file: str
    text: str

    def line(self, excerpt: str) -> int:
        """The first line where all of the excerpt stands; 0 where it does not."""
        if wanted := words_of(excerpt):
            return self._line_of(wanted)
        plain = excerpt.strip()
        return self.text.count("\n", 0, self.text.index(plain)) + 1 if plain and plain in self.text else 0

    def address(self, url: str) -> int:
        """The line of an address that goes no further than this one."""
        found = re.search(rf"{re.escape(url.rstrip('/'))}/?(?![\w/?#&=%-]|\.\w)", self.text) if "://" in url else None
        return self.text.count("\n", 0, found.start()) + 1 if found else 0

    def near(self, excerpt: str) -> int:
        """The line of some of its words in a row."""
        wanted = words_of(excerpt)
        runs = (wanted[start : start + RUN] for start in range(len(wanted) - RUN + 1))
        return next(filter(None, map(self._line_of, runs)), 0)

    def _line_of(self, wanted: Sequence[str]) -> int:
        text, starts, lines = self._words
        at = text.find(f" {' '.join(wanted)} ")
        return lines[bisect_right(starts, at) - 1] if at >= 0 else 0

    @cached_property
    def _words(self) -> tuple[str, list[int], list[int]]:
        """All words with a blank between them, where each line's begin, and which line that is."""
        starts, lines, pieces, at = [], [], [], 0
        for number, line in enumerate(self.text.split("\n"), 1):
            if words := WORD.findall(unescape(line).casefold()):
                starts.append(at)
                lines.append(number)
                pieces += words
                at += sum(map(len, words)) + len(words)
        return f" {' '.join(pieces)} ", starts, lines


def words_of(excerpt: str) -> list[str]:
    """The words of an excerpt; one that was cut off has no last one, as that may be half of one."""
    words = WORD.findall(unescape(excerpt).casefold())
    return words[:-1] if excerpt.endswith(CUT) and len(words) > 1 else words


@dataclass(frozen=True, slots=True)
class Authored:
    """What an issue is made of. `fields` and `keys` are lines of the issue's file: those of its fields by their names,
    and of its articles by their keys. `articles` has what each says. `templates` and `settings` are the workspace's;
    `shipped` are texts that nobody changes, which only show that something was written.
    """

    issue: Written
    fields: Mapping[str, int] = field(default_factory=dict)
    keys: Mapping[str, int] = field(default_factory=dict)
    articles: Mapping[str, Written] = field(default_factory=dict)
    templates: Sequence[Written] = ()
    settings: Written | None = None
    shipped: Sequence[Written] = ()

    def wrote(self, excerpt: str) -> bool:
        """Whether this stands in what was written, so that repeating it tells nothing about a person."""
        settings = [self.settings] if self.settings else []
        every = (self.issue, *self.articles.values(), *self.templates, *settings, *self.shipped)
        return any(written.line(excerpt) for written in every)

    def words_at(self, source: Source) -> str:
        """What stands in a line that its author can change; nothing where there is none."""
        every = (self.issue, *self.templates, *([self.settings] if self.settings else []))
        lines = next((each.text.split("\n") for each in every if each.file == source.file), [])
        return lines[source.line - 1].strip() if 0 < source.line <= len(lines) else ""


def locate(finding: Finding, authored: Authored, said: Iterable[str] = ()) -> Source | None:
    """The line to look at. `said`: what the element at the finding's place says, where it is known."""
    if finding.source:
        return mendable(finding.source, authored)
    if found := NAMED.search(finding.message):
        return of_file(Source(found[1], int(found[2])), authored)
    place = finding.place
    if place is None:
        return None
    if place.part is Part.SETTINGS:
        return in_settings(finding, authored)
    if place.part in FIELDS:
        line = authored.keys.get(place.excerpt) or of_field(place.part, authored)
        return Source(authored.issue.file, line) if line else None
    texts = [text for text in (place.excerpt, *said) if text]
    return next(candidates(texts, authored), None)


def mendable(source: Source, authored: Authored) -> Source | None:
    """The same line, unless it is in a template that nobody here can change."""
    shipped = {written.file for written in authored.shipped}
    return None if source.file in shipped else of_file(source, authored)


def of_file(source: Source, authored: Authored) -> Source | None:
    """Where a text that has its own lines stands in the issue's file; every other line as it is."""
    found = OF_FIELD.fullmatch(source.file)
    if found is None:
        return source
    line = authored.fields.get(found[2])
    return Source(found[1], line) if line else None


def candidates(texts: Sequence[str], authored: Authored) -> Iterator[Source]:
    """Where these texts stand, the likeliest first: as a whole before in parts, the issue before its articles. The
    words of a site's address are also in that of each of its pages.
    """
    for look in (Written.address, Written.line):
        for text in texts:
            yield from standing(text, authored, look)
    for text in texts:
        for written in (authored.issue, *authored.templates):
            if line := written.near(text):
                yield Source(written.file, line)


def standing(text: str, authored: Authored, look: Callable[[Written, str], int]) -> Iterator[Source]:
    if line := look(authored.issue, text):
        yield Source(authored.issue.file, line)
    for key, article in authored.articles.items():
        if look(article, text) and key in authored.keys:
            yield Source(authored.issue.file, authored.keys[key])
    for written in (*authored.templates, *([authored.settings] if authored.settings else [])):
        if line := look(written, text):
            yield Source(written.file, line)


def of_field(part: Part, authored: Authored) -> int:
    return next((authored.fields[name] for name in FIELDS[part] if name in authored.fields), 0)


def in_settings(finding: Finding, authored: Authored) -> Source | None:
    """The table of the settings that the advice names; their first line where it is still to be written. `NAME` is
    that of any.
    """
    if authored.settings is None:
        return None
    section = SECTION.search(finding.advice)
    lines = enumerate(authored.settings.text.split("\n"), 1)
    line = next(
        (number for number, text in lines if section and text.strip().startswith(section[1].removesuffix("NAME]"))), 1
    )
    return Source(authored.settings.file, line)
