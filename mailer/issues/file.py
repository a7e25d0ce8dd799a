"""An issue file -> `Issue`. Every mistake is collected, with its line and what is allowed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mailer.articles.select import parse_since
from mailer.audience.segment.reading import parse
from mailer.errors import IssueFileError, MailerError, Mistake, SegmentError
from mailer.issues.frontmatter import FrontMatter, line_at, read_front_matter
from mailer.model import ArticleChoice, Issue, IssueKind
from mailer.wording import quoted, unknown

LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
TEMPLATE = re.compile(r"\w[\w-]{0,63}")
KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")

# U+202A..E, U+2066..9 and the three marks turn the direction of what stands after them in an inbox.
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NULL = "tag:yaml.org,2002:null"
_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ["str", "int", "float", "bool", "null", "timestamp"])
_ALWAYS = datetime.max.replace(tzinfo=UTC)


def parse_issue(text: str, path: str) -> Issue:
    """Read an issue file. `path` names it in messages, and the issue after its last part."""
    front = read_front_matter(text, path)
    reading = _Reading(front)
    values = {key.value: reading.field(key, value) for key, value in front.fields if reading.is_known(key)}
    for field, advice in _REQUIRED.items():
        if field not in values:
            reading.mistakes.append(Mistake(1, f"{field} is missing: {advice}"))
    reading.check_body()
    if reading.mistakes:
        raise IssueFileError(path, reading.mistakes)
    present = {_ATTRIBUTES.get(field, field): value for field, value in values.items() if value is not None}
    body_line = line_at(text, front.body_start)
    return Issue(name=issue_name_of(path), body=front.body, body_line=body_line, **present)


def issue_name_of(path: str) -> str:
    """`issues/2026-11-22-rivers.md` is the issue 2026-11-22-rivers."""
    return re.split(r"[/\\]", path)[-1].removesuffix(".md")


class WrongValueError(Exception):
    """What is wrong with a value, and the node it is."""

    def __init__(self, node: Node, message: str) -> None:
        super().__init__(message)
        self.node = node


class _Reading:
    """Reads the fields of one file and keeps its mistakes."""

    def __init__(self, front: FrontMatter) -> None:
        self.front = front
        self.mistakes: list[Mistake] = []
        self._seen: dict[str, int] = {}

    def report(self, node: Node, message: str) -> None:
        self.mistakes.append(Mistake(self.front.line(node), message))

    def is_known(self, key: ScalarNode) -> bool:
        """Whether to read this field; if not, why not is noted."""
        name, line = str(key.value), self.front.line(key)
        if name not in FIELDS:
            self.report(key, unknown("field", name, FIELDS))
            return False
        if name in self._seen:
            self.report(key, f"{name} is there twice, also on line {self._seen[name]}")
            return False
        self._seen[name] = line
        return True

    def field(self, key: ScalarNode, value: Node) -> Any:
        try:
            return FIELDS[key.value](value, self)
        except WrongValueError as error:
            # An empty value stands after its colon, where the next line may begin: the key's line is clearer.
            at = key if _is_empty(error.node) else error.node
            self.report(at, f"{key.value} {error}")
            return None

    def check_body(self) -> None:
        index = self.front.body.find("\0")
        if index >= 0:
            line = line_at(self.front.text, self.front.body_start + index)
            self.mistakes.append(Mistake(line, "the character U+0000 must not stand here"))


def _is_empty(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.tag == _NULL


def _text(node: Node) -> str:
    """The text as it is written; `no`, 2026 and 1e5 are text here. Empty where nothing is written."""
    if not isinstance(node, ScalarNode):
        raise WrongValueError(node, "must be one text, not a list or fields")
    if node.anchor is not None or str(node.tag) not in _PLAIN_TAGS:
        raise WrongValueError(node, "must be plain text: YAML anchors (&, *) and tags (!) are not used here")
    return "" if _is_empty(node) else str(node.value).strip()


def _line(node: Node, _: _Reading) -> str:
    value = _text(node)
    for letter in value:
        if letter in _DIRECTION:
            raise WrongValueError(node, f"must not hold the invisible direction mark U+{ord(letter):04X}")
        if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp"):
            raise WrongValueError(node, f"must be one line; it holds the character U+{ord(letter):04X}")
    return value


def _subject(node: Node, reading: _Reading) -> str:
    value = _line(node, reading)
    if not value:
        raise WrongValueError(node, "must not be empty: it is what readers see in their inbox")
    return value


def _kind(node: Node, _: _Reading) -> IssueKind:
    value = _text(node)
    if value not in list(IssueKind):
        raise WrongValueError(node, f"is wrong: {unknown('kind', value, IssueKind)}")
    return IssueKind(value)


def _matching(pattern: re.Pattern[str], advice: str) -> Callable[[Node, _Reading], str | None]:
    def read(node: Node, _: _Reading) -> str | None:
        value = _text(node)
        if value and not pattern.fullmatch(value):
            raise WrongValueError(node, f"{advice}, not {quoted(value)}")
        return value or None

    return read


def _since(node: Node, _: _Reading) -> str:
    value = _text(node)
    try:
        if value:
            parse_since(value, _ALWAYS)
    except MailerError:
        raise WrongValueError(node, f"must be 7d, 24h, 2w or a date as 2026-11-01, not {quoted(value)}") from None
    return value


def _segment(node: Node, _: _Reading) -> str:
    """An expression, or the name of a segment in the files of the issue's lists."""
    value = _text(node)
    if not value or NAME.fullmatch(value):
        return value
    try:
        parse(value)
    except SegmentError as error:
        raise WrongValueError(node, f"is wrong at {error.where}: {error.problem}") from None
    return value


def _switch(node: Node, _: _Reading) -> bool | None:
    value = _text(node)
    if value not in ("", "true", "false"):
        raise WrongValueError(node, f"must be true or false, not {quoted(value)}")
    return value == "true" if value else None


def _items(node: Node) -> Iterator[Node]:
    """The items of a list; one text alone is a list of one."""
    if isinstance(node, SequenceNode) and node.anchor is None:
        yield from node.value
    elif isinstance(node, ScalarNode):
        if not _is_empty(node):
            yield node
    else:
        raise WrongValueError(node, "must be a list, as [one, two]")


def _names(node: Node, reading: _Reading) -> tuple[str, ...]:
    read = _matching(NAME, "must name lists in small letters, digits, - and _")
    names = [read(item, reading) or "" for item in _items(node)]
    if not names or "" in names:
        raise WrongValueError(node, "must name at least one list of subscribers/")
    if len(set(names)) < len(names):
        raise WrongValueError(node, "names a list twice")
    return tuple(names)


def _tags(node: Node, reading: _Reading) -> tuple[str, ...]:
    return tuple(filter(None, (_line(item, reading) for item in _items(node))))


def _articles(node: Node, reading: _Reading) -> tuple[ArticleChoice, ...]:
    """All of them; a mistake in one does not hide the next one's."""
    if isinstance(node, ScalarNode) and not _is_empty(node):
        raise WrongValueError(node, "must be a list: a line - KEY for each article")
    choices: list[ArticleChoice] = []
    for item in _items(node):
        try:
            choice = _choice(item, reading)
            if choice.key in {other.key for other in choices}:
                raise WrongValueError(item, f"{choice.key} is listed twice")
            choices.append(choice)
        except WrongValueError as error:
            reading.report(error.node, f"articles: {error}")
    return tuple(choices)


def _choice(node: Node, reading: _Reading) -> ArticleChoice:
    if isinstance(node, ScalarNode):
        return ArticleChoice(article_key(node))
    if not isinstance(node, MappingNode) or node.anchor is not None:
        raise WrongValueError(node, "an article is its key, or the fields key, title and excerpt")
    values: dict[str, str] = {}
    for key, value in node.value:
        name = str(key.value) if isinstance(key, ScalarNode) else ""
        if name not in _ARTICLE_FIELDS:
            raise WrongValueError(key, unknown("field", name, _ARTICLE_FIELDS))
        if name in values:
            raise WrongValueError(key, f"{name} is there twice")
        values[name] = _ARTICLE_FIELDS[name](value, reading)
    if "key" not in values:
        raise WrongValueError(node, "key is missing, the key that mailer articles list shows")
    return ArticleChoice(values["key"], values.get("title") or None, values.get("excerpt") or None)


def article_key(node: Node, _: _Reading | None = None) -> str:
    """The key of an article, or its beginning."""
    value = _text(node)
    if not KEY.fullmatch(value):
        raise WrongValueError(
            node, f"an article is named by its key, as mailer articles list shows it, not {quoted(value)}"
        )
    return value


def _paragraphs(node: Node, _: _Reading) -> str:
    value = _text(node)
    if "\0" in value:
        raise WrongValueError(node, "the character U+0000 must not stand here")
    return value


_ARTICLE_FIELDS: dict[str, Callable[[Node, _Reading], str]] = {
    "key": article_key,
    "title": _line,
    "excerpt": _paragraphs,
}
FIELDS: dict[str, Callable[[Node, _Reading], Any]] = {
    "kind": _kind,
    "subject": _subject,
    "preheader": _line,
    "template": _matching(TEMPLATE, "must be the name of a template, without folder and ending"),
    "from": _matching(NAME, "must be the NAME of a [from.NAME] in mailer.toml"),
    "lists": _names,
    "segment": _segment,
    "language": _matching(LANGUAGE, 'must be a language tag such as "en" or "pt-BR"'),
    "tags": _tags,
    "since": _since,
    "archive": _switch,
    "articles": _articles,
}
_REQUIRED = {
    "kind": "kind: bulletin or kind: alert",
    "subject": "what readers see in their inbox",
    "lists": "who receives it, as lists: [weekly]",
}
_ATTRIBUTES = {"from": "sender"}
