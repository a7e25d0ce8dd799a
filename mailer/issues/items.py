"""Rearranging the items of a YAML list in its text.

In a list of lines, an item is its lines together with the comments that belong to it: those directly above it, those
beside it, and those below it that are indented deeper than its dash. Blank lines, and comments parted from an item by
a blank line, keep their place in the list.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mailer.issues.frontmatter import FrontMatter, is_nothing

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_BREAKS = "\r\n"


def value_end(front: FrontMatter, node: Node) -> int:
    """Where a value really ends. The parser's own mark of a list or block text lies behind the comments below it."""
    start, end = front.at(node), front.start + int(node.end_mark.index)
    if isinstance(node, ScalarNode):
        written_until = len(front.text[:end].rstrip(" \t\r\n"))
        return written_until if node.style in ("|", ">") or start == end else end
    if not isinstance(node, SequenceNode | MappingNode) or node.flow_style or not node.value:
        return end
    return field_end(front, node.value[-1]) if isinstance(node, MappingNode) else value_end(front, node.value[-1])


def field_end(front: FrontMatter, pair: tuple[Node, Node]) -> int:
    """Where the value of a field really ends; an empty one after its colon."""
    return front.after_colon(pair[0]) if is_nothing(pair[1]) else value_end(front, pair[1])


def arrange(front: FrontMatter, node: SequenceNode, wanted: Sequence[int | str]) -> str:
    """The text with these items in `node`: a number stands for the item there now, text for a new one as YAML."""
    return _flow(front, node, wanted) if node.flow_style else _block(front, node, wanted)


def _flow(front: FrontMatter, node: SequenceNode, wanted: Sequence[int | str]) -> str:
    """Words change places; commas, spaces and line ends between them stay."""
    text = front.text
    places = [(front.at(item), value_end(front, item)) for item in node.value]
    sources = [text[slice(*places[item])] if isinstance(item, int) else item for item in wanted]
    start, end = front.at(node), value_end(front, node)
    if not sources or not places:
        return f"{text[:start]}[{', '.join(sources)}]{text[end:]}"
    kept = min(len(places), len(sources))
    parts = [text[: places[0][0]]]
    for number in range(kept):
        parts.append(sources[number])
        if number + 1 < kept:
            parts.append(text[places[number][1] : places[number + 1][0]])
    parts += [f", {source}" for source in sources[kept:]]
    return "".join(parts) + text[places[-1][1] :]


@dataclass(slots=True)
class _Item:
    """`gap` are the lines above that stay in their place in the list."""

    gap: list[str]
    lines: list[str]


def _block(front: FrontMatter, node: SequenceNode, wanted: Sequence[int | str]) -> str:
    dash = int(node.start_mark.column)
    start = _first_line(front.text, front.at(node))
    items, end = _items(front, node, start, dash)
    last = items[-1].lines[-1]
    newline = last[len(last.rstrip(_BREAKS)) :]
    new: list[str] = []
    for place, item in enumerate(wanted):
        new += items[place].gap if place < len(items) else []
        new += items[item].lines if isinstance(item, int) else [f"{' ' * dash}- {item}{newline}"]
    for unused in items[len(wanted) :]:
        new += unused.gap if any(map(str.strip, unused.gap)) else []
    return front.text[:start] + "".join(new) + front.text[end:]


def _items(front: FrontMatter, node: SequenceNode, start: int, dash: int) -> tuple[list[_Item], int]:
    """The items with their lines from `start` on, and where the last one ends."""
    items: list[_Item] = []
    at = start
    for child in node.value:
        above = _lines_above(front, at, dash)
        body = _lines_of(front, child, at + sum(map(len, above)), dash)
        gap, own = _split(above)
        items.append(_Item(gap, own + body))
        at += sum(map(len, above + body))
    return items, at


def _first_line(text: str, at: int) -> int:
    """Where the first item's lines begin: those of its dash and of the comments directly above."""
    start = _line_start(text, at)
    while start and (above := _line_start(text, start - 1)) < start and _is_comment(text[above:start]):
        start = above
    return start


def _line_start(text: str, at: int) -> int:
    # The line feed of a CRLF before `at` belongs to the line above.
    end = at - 1 if text[at - 1 : at + 1] == "\r\n" else at
    return max(text.rfind("\n", 0, end), text.rfind("\r", 0, end)) + 1


def _is_comment(line: str) -> bool:
    return line.lstrip(" ").startswith("#")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _lines_above(front: FrontMatter, at: int, dash: int) -> list[str]:
    """The lines before the next one with a dash of this list."""
    lines: list[str] = []
    while at < front.end:
        line = _line(front.text, at)
        if line.lstrip(" ").startswith("-") and _indent(line) == dash:
            break
        lines.append(line)
        at += len(line)
    return lines


def _lines_of(front: FrontMatter, child: Node, at: int, dash: int) -> list[str]:
    """The child's lines, and comments below that are indented deeper than the dash."""
    lines: list[str] = []
    end = value_end(front, child)
    while at < end or not lines:
        lines.append(_line(front.text, at))
        at += len(lines[-1])
    while _is_comment(line := _line(front.text, at)) and _indent(line) > dash:
        lines.append(line)
        at += len(line)
    return lines


def _split(lines: list[str]) -> tuple[list[str], list[str]]:
    """Those that keep their place, and the comments directly above the item."""
    cut = len(lines)
    while cut and _is_comment(lines[cut - 1]):
        cut -= 1
    return lines[:cut], lines[cut:]


def _line(text: str, at: int) -> str:
    found = _LINE.match(text, at)
    return found[0] if found else ""
