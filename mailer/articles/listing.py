"""A plain listing: title, blank line, excerpt, newest first, as one pastes a tag archive into a text file.

    The footbridge opens in May
    url: https://example.org/footbridge
    tags: Clean Rivers, bridges

    After two winters of detours the footbridge is back.

The lines `url: date: tags: image: author:` are optional. Between articles stands a blank line; where an excerpt
has several paragraphs or an article has none, `---` (or two blank lines) stands between all of them.
What can be read in two ways is refused with its line, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches

from mailer.articles.clean import plain_text, safe_url
from mailer.articles.dates import parse_date
from mailer.articles.entry import Entry, article_of, placed
from mailer.articles.images import Image
from mailer.articles.source import Parsed, SourceSpec, short_of
from mailer.errors import Mistake, ParseError
from mailer.model import Article

FIELDS = ("url", "date", "tags", "image", "author")
_FIELD = re.compile(r"([A-Za-z]{2,20}):(?:\s+(.*))?$")
_RULE = re.compile(r"-{3,}$")
# Not str.splitlines(), which counts lines that no editor shows.
_NEWLINE = re.compile(r"\r\n|\r|\n")
_MAX_SHOWN = 5
_MAX_EXCERPT = 2_000
_HINT = "put a line --- between the articles where the order of title and excerpt is not plain"

_Lines = tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class _Block:
    """One article's paragraphs. `sure`: a line --- stands around it, so that it may have no excerpt."""

    paragraphs: tuple[_Lines, ...]
    sure: bool

    @property
    def line(self) -> int:
        return self.paragraphs[0][0][0]


def parse(data: bytes, *, source: SourceSpec, now: datetime, content_type: str = "") -> Parsed:
    """The articles of a listing in its order. Raises ParseError that names every doubtful line."""
    lines = _NEWLINE.split(_decoded(data, source))
    mistakes: list[Mistake] = []
    warnings: list[str] = []
    articles: dict[str, Article] = {}
    for block in _blocks(lines, mistakes):
        entry = _entry(block, source, mistakes)
        if entry is None:
            continue
        article = article_of(entry, source=source, now=now, position=len(articles), warnings=warnings)
        if article is None:
            continue
        if article.key in articles:
            warnings.append(f"{source.name}: line {block.line}: the same article as further up, left out")
            continue
        # Here the excerpt is what somebody wrote for the purpose, so it stays whole.
        articles[article.key] = replace(article, excerpt=entry.summary)
    if mistakes:
        raise _refusal(source, mistakes)
    if not articles:
        raise ParseError(f"{source.name}: the listing holds no article", hint="title, blank line, excerpt")
    return Parsed(placed(list(articles.values())), short_of(warnings))


def _decoded(data: bytes, source: SourceSpec) -> str:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding).replace("\x00", "")
    except UnicodeDecodeError as exc:
        line = data[: exc.start].count(b"\n") + 1
        raise ParseError(f"{source.name}: line {line}: this is not UTF-8 text", hint="save the file as UTF-8") from exc


def _blocks(lines: Sequence[str], mistakes: list[Mistake]) -> list[_Block]:
    groups, ruled, gaps = _grouped(lines)
    if ruled or gaps:
        blocks = [_Block(tuple(group), ruled) for group in groups]
        return [block for block in blocks if _is_one_article(block, mistakes)]
    paragraphs = groups[0] if groups else []
    if len(paragraphs) % 2:
        mistakes.append(Mistake(paragraphs[-1][0][0], "an odd number of paragraphs: a title or an excerpt is missing"))
    return [_Block(tuple(paragraphs[at : at + 2]), False) for at in range(0, len(paragraphs) - 1, 2)]


def _grouped(lines: Iterable[str]) -> tuple[list[list[_Lines]], bool, bool]:
    """Paragraphs, grouped where --- or two blank lines stand between them, and which of both there were."""
    groups: list[list[_Lines]] = [[]]
    paragraph: list[tuple[int, str]] = []
    ruled = gaps = False
    blank = 0
    for number, raw in [*enumerate(lines, 1), (0, "---end")]:
        line = raw.strip()
        rule = bool(_RULE.match(line))
        if paragraph and (not line or rule or not number):
            groups[-1].append(tuple(paragraph))
            paragraph = []
        blank = 0 if line else blank + 1
        if groups[-1] and (rule or blank == 2):
            groups.append([])
            gaps = gaps or not rule
        ruled = ruled or rule
        if line and not rule and number:
            paragraph.append((number, line))
    filled = [group for group in groups if group]
    return filled, ruled, gaps and len(filled) > 1


def _is_one_article(block: _Block, mistakes: list[Mistake]) -> bool:
    count = len(block.paragraphs)
    if count > 3:
        mistakes.append(Mistake(block.line, f"{count} paragraphs: one article or several?"))
    elif count == 1 and not block.sure and len(block.paragraphs[0]) == 1:
        mistakes.append(Mistake(block.line, "alone between blank lines: a title without excerpt, or the reverse?"))
    else:
        return True
    return False


def _entry(block: _Block, source: SourceSpec, mistakes: list[Mistake]) -> Entry | None:
    (number, title), *below = block.paragraphs[0]
    if (match := _FIELD.match(title)) and match[1].lower() in FIELDS:
        mistakes.append(Mistake(number, f"{match[1]}: belongs under a title, and there is none above it"))
        return None
    fields = _fields(below, mistakes)
    mistakes += [
        Mistake(paragraph[0][0], f"{match[1]}: belongs directly under the title, not after a blank line")
        for paragraph in block.paragraphs[1:]
        if (match := _FIELD.match(paragraph[0][1])) and match[1].lower() in FIELDS
    ]
    _check(fields, source, mistakes)
    values = {name: value for name, (_, value) in fields.items()}
    text = plain_text(" ".join(line for paragraph in block.paragraphs[1:] for _, line in paragraph))
    return Entry(
        title=title,
        summary=text[:_MAX_EXCERPT],
        link=values.get("url"),
        author=values.get("author"),
        dates=(values["date"],) if "date" in values else (),
        tags=tuple(values.get("tags", "").split(",")),
        images=(Image(values["image"]),) if "image" in values else (),
    )


def _fields(lines: Sequence[tuple[int, str]], mistakes: list[Mistake]) -> dict[str, tuple[int, str]]:
    fields: dict[str, tuple[int, str]] = {}
    for number, line in lines:
        match = _FIELD.match(line)
        name = match[1].lower() if match else ""
        if not match:
            mistakes.append(Mistake(number, "a title is one line, and a blank line follows it"))
        elif name not in FIELDS:
            near = get_close_matches(name, FIELDS, 1)
            advice = f"did you mean {near[0]}:?" if near else f"known are {', '.join(FIELDS)}"
            mistakes.append(Mistake(number, f"{name}: is not known under a title; {advice}"))
        elif name in fields:
            mistakes.append(Mistake(number, f"{name}: stands here twice"))
        else:
            fields[name] = (number, (match[2] or "").strip())
    return fields


def _check(fields: dict[str, tuple[int, str]], source: SourceSpec, mistakes: list[Mistake]) -> None:
    """A person wrote these lines and is there to put them right, so that nothing is dropped quietly."""
    for name, (number, value) in fields.items():
        if name in ("url", "image") and safe_url(value, source.url) is None:
            mistakes.append(Mistake(number, f"{name}: is not a web address (https://…)"))
        elif name == "date" and parse_date(value, source.zone) is None:
            mistakes.append(
                Mistake(number, "date: cannot be read with certainty; write 2026-11-22 or 2026-11-22 18:30")
            )


def _refusal(source: SourceSpec, mistakes: Sequence[Mistake]) -> ParseError:
    ordered = sorted(mistakes, key=lambda mistake: mistake.line)
    shown = "; ".join(f"line {mistake.line}: {mistake.message}" for mistake in ordered[:_MAX_SHOWN])
    more = f"; and {len(ordered) - _MAX_SHOWN} more" if len(ordered) > _MAX_SHOWN else ""
    return ParseError(f"{source.name}: {shown}{more}", hint=_HINT)
