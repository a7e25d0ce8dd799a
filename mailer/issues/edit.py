"""Changes to an issue file that leave every other byte of it alone: comments, quotes, blank lines, line ends.

Each function takes the text of the file and gives the new one. ValueError is a caller's mistake; IssueFileError
says that the file cannot be read, or not be changed in that way.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mailer.errors import IssueFileError, Mistake
from mailer.issues.file import FIELDS
from mailer.issues.frontmatter import FrontMatter, is_nothing, line_at, read_front_matter
from mailer.issues.items import arrange, field_end
from mailer.issues.scalar import flow_list, scalar
from mailer.model import ArticleChoice

_LISTS = ("lists", "tags")
_HEADER_COMMENT = re.compile(r"[|>][-+0-9]*([ \t]+#[^\r\n]*)")
_NEWLINE = re.compile(r"\r\n|\r|\n")


def set_field(text: str, field: str, value: str | Sequence[str], path: str = "issue") -> str:
    """The text with this value in `field`, which is added below the others where it is missing."""
    if field not in FIELDS or field == "articles":
        raise ValueError(f"{field} is not a field to set")
    if isinstance(value, str) == (field in _LISTS):
        raise ValueError(f"{field} takes {'a list' if field in _LISTS else 'text'}")
    front = read_front_matter(text, path)
    pair = front.find(field)
    if pair is None:
        return _added(front, field, _written(value))
    _, node = pair
    if isinstance(node, SequenceNode) and not isinstance(value, str) and node.value:
        return _rearranged(front, node, value)
    return _replaced(front, pair, value)


def article_keys(text: str, path: str = "issue") -> tuple[str, ...]:
    """The keys of the articles in their order, as they are written."""
    node = _articles(read_front_matter(text, path), path)
    return tuple(_key_of(item) for item in node.value) if node else ()


def reorder_articles(text: str, keys: Sequence[str], path: str = "issue") -> str:
    """The same articles in the order of `keys`, each with its comments; those not in `keys` follow as they stood."""
    front = read_front_matter(text, path)
    node = _articles(front, path)
    present = [_key_of(item) for item in node.value] if node else []
    if missing := [key for key in keys if key not in present]:
        raise ValueError(f"no article {missing[0]} in this issue")
    order = dict.fromkeys([*(present.index(key) for key in keys), *range(len(present))])
    return arrange(front, node, list(order)) if node else text


def add_article(text: str, choice: ArticleChoice, comment: str = "", path: str = "issue") -> str:
    """One more article, last. `comment` tells the editor what the key stands for."""
    front = read_front_matter(text, path)
    node = _articles(front, path)
    if node is not None and node.value:
        if choice.key in [_key_of(item) for item in node.value]:
            raise ValueError(f"the article {choice.key} is in this issue already")
        block = not node.flow_style
        return arrange(front, node, [*range(len(node.value)), article_source(choice, comment, block=block)])
    source = article_source(choice, comment, block=True)
    pair = front.find("articles")
    if pair is None:
        return _added(front, "articles", "", f"  - {source}")
    return _first_item(front, pair, source)


def remove_article(text: str, key: str, path: str = "issue") -> str:
    """The issue without this article and the comments that belong to it."""
    front = read_front_matter(text, path)
    node = _articles(front, path)
    present = [_key_of(item) for item in node.value] if node else []
    if node is None or key not in present:
        raise ValueError(f"no article {key} in this issue")
    return arrange(front, node, [number for number, other in enumerate(present) if other != key])


def article_source(choice: ArticleChoice, comment: str = "", *, block: bool = True) -> str:
    """An article as YAML, without the dash; on one line, since it may stand in a list on one line."""
    words = {name: text for name, text in (("title", choice.title), ("excerpt", choice.excerpt)) if text}
    if words or block:
        pairs = [f"key: {scalar(choice.key)}", *(f"{name}: {scalar(text)}" for name, text in words.items())]
        source = f"{{{', '.join(pairs)}}}" if words else pairs[0]
    else:
        source = scalar(choice.key)
    return f"{source}   # {one_line(comment)}" if comment and block else source


def one_line(comment: str) -> str:
    """Words that can stand in a comment: one line, nothing invisible."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in comment).split())


def _written(value: str | Sequence[str]) -> str:
    return scalar(value) if isinstance(value, str) else flow_list(list(value))


def _span(front: FrontMatter, pair: tuple[Node, Node]) -> tuple[int, int]:
    key, value = pair
    return front.after_colon(key) if is_nothing(value) else front.at(value), field_end(front, pair)


def _replaced(front: FrontMatter, pair: tuple[Node, Node], value: str | Sequence[str]) -> str:
    node = pair[1]
    start, end = _span(front, pair)
    style = node.style if isinstance(node, ScalarNode) and node.style in ("'", '"') else None
    new = scalar(value, style) if isinstance(value, str) else _written(value)
    if isinstance(node, ScalarNode) and (header := _HEADER_COMMENT.match(front.text, start)):
        new += header[1]
    if front.text[start - 1] == ":":
        new = " " + new
    elif front.text[start - 1] in "\r\n":
        new = "  " + new  # below its name a value stands indented
    return front.text[:start] + new + front.text[end:]


def _rearranged(front: FrontMatter, node: SequenceNode, values: Sequence[str]) -> str:
    present = [str(item.value) if isinstance(item, ScalarNode) else "" for item in node.value]
    wanted: list[int | str] = [present.index(value) if value in present else scalar(value) for value in values]
    return arrange(front, node, wanted)


def _added(front: FrontMatter, field: str, value: str, *below: str) -> str:
    """A new field directly above the closing fence, indented like the others."""
    opening = _NEWLINE.search(front.text)
    newline = opening[0] if opening else "\n"
    indent = " " * int(front.fields[0][0].start_mark.column) if front.fields else ""
    first = f"{field}: {value}".rstrip()
    lines = "".join(f"{indent}{line}{newline}" for line in (first, *below))
    return front.text[: front.end] + lines + front.text[front.end :]


def _first_item(front: FrontMatter, pair: tuple[Node, Node], source: str) -> str:
    """Into an empty list, `articles:` or `articles: []`."""
    start, end = _span(front, pair)
    line_end = _NEWLINE.search(front.text, end)
    newline, at = (line_end[0], line_end.start()) if line_end else ("\n", len(front.text))
    head = front.text[:start].rstrip(" ") if end > start else front.text[:start]
    item = f"{' ' * int(pair[0].start_mark.column)}  - {source}"
    return f"{head}{front.text[end:at]}{newline}{item}{front.text[at:]}"


def _articles(front: FrontMatter, path: str) -> SequenceNode | None:
    pair = front.find("articles")
    if pair is None or (isinstance(pair[1], ScalarNode) and not pair[1].value):
        return None
    if not isinstance(pair[1], SequenceNode):
        raise _unreadable(front, pair[1], path)
    for item in pair[1].value:
        if not _key_of(item):
            raise _unreadable(front, item, path)
    return pair[1]


def _key_of(item: Node) -> str:
    if isinstance(item, MappingNode):
        item = next((value for key, value in item.value if key.value == "key"), item)
    return str(item.value) if isinstance(item, ScalarNode) else ""


def _unreadable(front: FrontMatter, node: Node, path: str) -> IssueFileError:
    line = line_at(front.text, front.at(node))
    return IssueFileError(path, [Mistake(line, "articles is not a list of keys, so it cannot be changed")])
