"""Tokens: what stands in a compiled text where recipient data will be.

A token is plain letters and digits, so that it passes MJML, HTML and Markdown in any position unchanged. It holds a
random part for each issue: text that looks like a token, in a name or an article, is text.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes

from mailer.errors import TemplateError
from mailer.render.defer import Site
from mailer.render.flat import Choice, Flat, Place, Print, Repeat, Segment
from mailer.render.lift import copied
from mailer.render.unparse import unparse

GLOBAL_PREFIX = "_g"


@dataclass(frozen=True, slots=True)
class Instance:
    """One evaluation of a site: the site and the encoded values it had then."""

    site: Site
    values: tuple[Any, ...]


class TokenBook:
    """The tokens of one part. `salt` is random text of lower-case letters and digits.

    The first `optional` tokens belong to texts, such as the preheader, that a template may leave out.
    `depth` counts the conditions and loops over recipient data that are open at this moment of rendering.
    """

    def __init__(self, salt: str) -> None:
        self.pattern = re.compile(f"zq{salt}x([0-9]+)qz")
        self.mark = f"zq{salt}x"
        self.instances: list[Instance] = []
        self.optional = 0
        self.depth = 0

    def token(self, site: Site, values: tuple[Any, ...]) -> str:
        """A new token. Each evaluation has its own, so that one which gets lost is missed."""
        self.depth += {"if": 1, "for": 1, "endif": -1, "endfor": -1}.get(site.kind, 0)
        self.instances.append(Instance(site, values))
        return f"{self.mark}{len(self.instances) - 1}qz"

    def site_of(self, token: str) -> Site | None:
        """The site of a token; none for text that only looks like one."""
        found = self.pattern.fullmatch(token)
        number = int(found[1]) if found else len(self.instances)
        return self.instances[number].site if number < len(self.instances) else None

    def refuse_lost(self, before: str, after: str, reason: str) -> None:
        """Raise TemplateError when a token of `before` is not in `after`, or stands there less often."""
        found = Counter(self.pattern.findall(after))
        for number, count in Counter(self.pattern.findall(before)).items():
            if found[number] < count and int(number) < len(self.instances):
                self.fail(self.instances[int(number)].site, reason)

    def refuse_unwritten(self, text: str, reason: str) -> None:
        """Raise TemplateError when a token was made but is not in `text`: something changed it."""
        found = set(self.pattern.findall(text))
        for number, instance in enumerate(self.instances):
            if number >= self.optional and str(number) not in found:
                self.fail(instance.site, reason)

    def fail(self, site: Site, reason: str) -> None:
        what = f"{{{{ {unparse(site.expression)} }}}}" if site.expression and site.kind == "print" else site.kind
        raise TemplateError(f"{what}: {reason}", name=site.template, line=site.line)


class FlatBuilder:
    """Text with tokens -> Flat. The tokens of an `if` or `for` must nest as they did in the template."""

    def __init__(self, book: TokenBook) -> None:
        self.book = book
        self.values: dict[str, Any] = {}
        self._names: dict[str, str] = {}

    def build(self, text: str, *, autoescape: bool) -> Flat:
        pieces = self.book.pattern.split(text)
        self.pieces: list[str | int] = [int(piece) if index % 2 else piece for index, piece in enumerate(pieces)]
        self.position = 0
        segments, end = self.run(frozenset())
        if end is not None:
            raise self.unbalanced(end)
        return Flat(segments, self.values, autoescape)

    def run(self, ends: frozenset[str]) -> tuple[tuple[Segment, ...], Instance | None]:
        """Segments up to a token of one of the kinds in `ends`, or to the end of the text."""
        segments: list[Segment] = []
        while self.position < len(self.pieces):
            piece = self.pieces[self.position]
            self.position += 1
            if isinstance(piece, str):
                if piece:
                    segments.append(piece)
                continue
            instance = self.book.instances[piece]
            if instance.site.kind in ends:
                return tuple(segments), instance
            segments.append(self.segment(instance))
        return tuple(segments), None

    def segment(self, instance: Instance) -> Segment:
        place = Place(instance.site.template, instance.site.line)
        match instance.site.kind:
            case "print":
                return Print(self.source(instance), place)
            case "if":
                return self.choice(instance, place)
            case "for":
                return self.repeat(instance, place)
        raise self.unbalanced(instance)

    def choice(self, start: Instance, place: Place) -> Choice:
        branches: list[tuple[str, tuple[Segment, ...]]] = []
        current: Instance | None = start
        while current is not None and current.site.kind in ("if", "elif"):
            test = self.source(current)
            body, current = self.run(frozenset({"elif", "else", "endif"}))
            branches.append((test, body))
        otherwise: tuple[Segment, ...] = ()
        if current is not None and current.site.kind == "else":
            otherwise, current = self.run(frozenset({"endif"}))
        if current is None:
            raise self.unbalanced(start)
        return Choice(tuple(branches), otherwise, place)

    def repeat(self, start: Instance, place: Place) -> Repeat:
        site = start.site
        body, current = self.run(frozenset({"forelse", "endfor"}))
        otherwise: tuple[Segment, ...] = ()
        if current is not None and current.site.kind == "forelse":
            otherwise, current = self.run(frozenset({"endfor"}))
        if current is None or site.target is None:
            raise self.unbalanced(start)
        test = unparse(site.test) if site.test is not None else None
        return Repeat(unparse(site.target), self.source(start), test, body, otherwise, place)

    def unbalanced(self, instance: Instance) -> TemplateError:
        return TemplateError(
            f"the '{instance.site.kind}' over recipient data is torn apart where it stands",
            name=instance.site.template,
            line=instance.site.line,
            hint="put it around whole tags, inside one <mj-text> or around whole sections",
        )

    def source(self, instance: Instance) -> str:
        """The expression with its values: short ones written into it, others by a name in `values`."""
        expression = copied(instance.site.expression)
        if expression is None:
            raise self.unbalanced(instance)
        replaced = {f"_v{index}": self.value(data) for index, data in enumerate(instance.values)}
        return unparse(substitute(expression, replaced))

    def value(self, data: Any) -> nodes.Expr:
        if data is None or isinstance(data, bool | int | str):
            return nodes.Const(data)
        name = self._names.setdefault(repr(data), f"{GLOBAL_PREFIX}{len(self._names)}")
        self.values[name] = data
        return nodes.Name(name, "load")


def substitute(node: nodes.Node, replaced: dict[str, nodes.Expr]) -> nodes.Node:
    if isinstance(node, nodes.Name):
        return replaced.get(node.name, node)
    for name, value in node.iter_fields():
        if isinstance(value, list):
            items = [substitute(item, replaced) if isinstance(item, nodes.Node) else item for item in value]
            setattr(node, name, items)
        elif isinstance(value, nodes.Node):
            setattr(node, name, substitute(value, replaced))
    return node
