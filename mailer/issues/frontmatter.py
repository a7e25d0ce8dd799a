"""The part between the `---` lines as YAML nodes, which know where they stand.

Nodes instead of values: `language: no` stays text, every key has its line, and a change can be spliced into the text
so that every other byte of the file stays.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from mailer.errors import IssueFileError, Mistake

MARK = "\ufeff"
# The front matter of a real issue is some hundred bytes; the parser's work grows with it.
LONGEST = 256 * 1024

_LINE_END = re.compile(r"\r\n|\r|\n")
_FENCE = re.compile(r"---[ \t]*(\r\n|\r|\n|\Z)")
_CLOSING = re.compile(r"(?:\A|(?<=[\r\n]))---[ \t]*(\r\n|\r|\n|\Z)")
# YAML's own set of what may not stand in a text, and U+0085, U+2028, U+2029, which it takes for line ends.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """Where the front matter stands in `text`: `start` to `end` (the closing fence), and what is in it.

    Positions of nodes count from `start`; `at` and `until` turn them into positions in the text.
    """

    text: str
    start: int
    end: int
    body_start: int
    fields: tuple[tuple[ScalarNode, Node], ...]

    @property
    def body(self) -> str:
        return self.text[self.body_start :]

    def at(self, node: Node) -> int:
        return self.start + int(node.start_mark.index)

    def line(self, node: Node) -> int:
        index = self.at(node)
        # What is empty stands, for the parser, only where the next thing begins.
        return line_at(self.text, len(self.text[:index].rstrip()) if is_nothing(node) else index)

    def after_colon(self, key: Node) -> int:
        """Where the value of a field is to be written when nothing is there."""
        return self.text.index(":", self.start + int(key.end_mark.index)) + 1

    def find(self, field: str) -> tuple[ScalarNode, Node] | None:
        return next(((key, value) for key, value in self.fields if key.value == field), None)


def is_nothing(node: Node) -> bool:
    """A value of which not a letter is written."""
    return bool(node.start_mark.index == node.end_mark.index)


def line_at(text: str, index: int) -> int:
    """The line of a position, counted from 1, as editors count."""
    return bisect.bisect_right([end.end() for end in _LINE_END.finditer(text)], index) + 1


def read_front_matter(text: str, path: str) -> FrontMatter:
    """The front matter; IssueFileError when it cannot be read at all."""
    start, end, body_start = _fences(text, path)
    source = text[start:end]
    if forbidden := list(_forbidden(text, start, end)):
        raise IssueFileError(path, forbidden)
    root = _compose(source, text, start, path)
    fields = _fields(root, text, start, path)
    return FrontMatter(text, start, end, body_start, fields)


def _fences(text: str, path: str) -> tuple[int, int, int]:
    opening = _FENCE.match(text, len(MARK) if text.startswith(MARK) else 0)
    if opening is None:
        mistake = Mistake(1, "an issue file begins with a line --- and its fields, as kind: bulletin, one a line")
        raise IssueFileError(path, [mistake])
    closing = _CLOSING.search(text, opening.end())
    if closing is None:
        raise IssueFileError(path, [Mistake(1, "the fields are not closed: a second line --- is missing below them")])
    if closing.start() - opening.end() > LONGEST:
        raise IssueFileError(path, [Mistake(1, f"the fields are longer than {LONGEST // 1024} KB")])
    return opening.end(), closing.start(), closing.end()


def _forbidden(text: str, start: int, end: int) -> Iterator[Mistake]:
    for found in _FORBIDDEN.finditer(text, start, end):
        message = f"the character U+{ord(found[0]):04X} must not stand here"
        yield Mistake(line_at(text, found.start()), message)


_NOTICED_LATE = {
    "could not find expected ':'": "this is no field: a field is a name, a colon, a space and a value",
    "unexpected end of stream": "a quotation mark is opened here and not closed",
    "expected ',' or": "a bracket is opened here and not closed",
}


def _compose(source: str, text: str, start: int, path: str) -> Node | None:
    if source.startswith("%"):
        raise IssueFileError(path, [Mistake(line_at(text, start), "YAML directives (%...) are not used here")])
    try:
        node: Node | None = YAML(typ="safe", pure=True).compose(source)
    except MarkedYAMLError as error:
        # Some mistakes are noticed only further down; their context is where they were made.
        late = any(sign in str(error.problem) for sign in _NOTICED_LATE)
        mark = (error.context_mark if late else None) or error.problem_mark or error.context_mark
        index = start + (int(mark.index) if mark else 0)
        raise IssueFileError(path, [Mistake(line_at(text, index), _problem(error))]) from None
    except (YAMLError, RecursionError):
        raise IssueFileError(path, [Mistake(line_at(text, start), "this is not YAML")]) from None
    return node


def _problem(error: MarkedYAMLError) -> str:
    problem = str(error.problem or error.context or "")
    if "'\\t'" in problem:
        return "a tab stands where only spaces may: indent with spaces"
    if "mapping values are not allowed" in problem:
        return "a second colon: put the text between quotation marks"
    late = next((message for sign, message in _NOTICED_LATE.items() if sign in problem), None)
    return late or f"this is not YAML: {problem}"


def _fields(root: Node | None, text: str, start: int, path: str) -> tuple[tuple[ScalarNode, Node], ...]:
    if root is None:
        return ()
    if not isinstance(root, MappingNode) or root.flow_style:
        line = line_at(text, start + int(root.start_mark.index))
        raise IssueFileError(path, [Mistake(line, "fields stand one on a line, as kind: bulletin")])
    wrong = [key for key, _ in root.value if not isinstance(key, ScalarNode)]
    if wrong:
        line = line_at(text, start + int(wrong[0].start_mark.index))
        raise IssueFileError(path, [Mistake(line, "the name of a field is one word")])
    return tuple(root.value)
