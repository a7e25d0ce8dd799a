"""The slots of a part that are more than a plain field, compiled by Jinja2 to one code object.

What only asks for certain fields has one text for all who have the same values there, such as a city, so the texts are
kept. Lines of that code are numbers of places in the author's files, so that whatever goes wrong for a recipient is
reported where it was written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeGuard, cast

from jinja2 import Template, nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.parser import Parser

from mailer.errors import TemplateError
from mailer.render.environment import Fields, TemplateEnvironment
from mailer.render.fields import SEPARATOR, Asked, FieldColumns, Values
from mailer.render.flat import Choice, Place, Print, Repeat, Segment, sources
from mailer.render.lift import RECIPIENT_FUNCTIONS, RECIPIENT_NAMES

MAX_TEXT = 5_000_000
"""Characters that the compiled slots of one recipient may have which ask for the same fields."""

MOST_KEPT = 4096
MOST_KEPT_TEXT = 4_000_000
"""So many texts are kept, and so many characters of them."""

BY_CHANCE = frozenset({"random"})
"""Filters whose result is another one each time."""

NO_VALUE = "has no value for this recipient"


def is_recipient(node: nodes.Node) -> TypeGuard[nodes.Name]:
    return isinstance(node, nodes.Name) and node.name in RECIPIENT_NAMES


def by_item(tree: nodes.Node) -> nodes.Node:
    """`subscriber.city` as `subscriber["city"]`: the same for `Fields`, without asking for an attribute first."""
    if isinstance(tree, nodes.Getattr) and is_recipient(tree.node):
        return nodes.Getitem(tree.node, nodes.Const(tree.attr), "load", lineno=tree.lineno)
    for name, value in tree.iter_fields():
        if isinstance(value, list):
            setattr(tree, name, [by_item(item) if isinstance(item, nodes.Node) else item for item in value])
        elif isinstance(value, nodes.Node):
            setattr(tree, name, by_item(value))
    return tree


def parse_expression(environment: TemplateEnvironment, source: str) -> nodes.Expr:
    output = Parser(environment, f"{{{{ {source} }}}}").parse().body[0]
    assert isinstance(output, nodes.Output)
    return output.nodes[0]


def asked_by(environment: TemplateEnvironment, segment: Segment) -> frozenset[Asked] | None:
    """The fields that a segment's text depends on. None when it depends on all of them, or on chance."""
    asked: set[Asked] = set()
    for source in filter(None, sources([segment])):
        tree = nodes.Output([parse_expression(environment, source)])
        fields = list(fields_in(tree))
        named = sum(is_recipient(name) for name in tree.find_all(nodes.Name))
        if named != len(fields) or any(each.name in BY_CHANCE for each in tree.find_all(nodes.Filter)):
            return None
        asked |= set(fields)
    return frozenset(asked)


def fields_in(tree: nodes.Node) -> Iterator[Asked]:
    """Every field of the recipient that a tree names, as often as it does."""
    for attribute in tree.find_all(nodes.Getattr):
        if is_recipient(attribute.node):
            yield attribute.node.name, attribute.attr
    for item in tree.find_all(nodes.Getitem):
        if is_recipient(item.node) and isinstance(item.arg, nodes.Const) and isinstance(item.arg.value, str):
            yield item.node.name, item.arg.value


class SlotCode:
    """The texts of several slots for one recipient. May be shared by threads.

    `asked`: the fields that they depend on, if that is known.
    """

    def __init__(
        self,
        environment: TemplateEnvironment,
        segments: Sequence[Segment],
        values: Values,
        asked: frozenset[Asked] | None = None,
    ) -> None:
        self.environment = environment
        self.asked = None if asked is None else sorted(asked)
        # Links are everybody's own.
        self.keeps = asked is not None and all(root == "subscriber" for root, _ in asked)
        self.kept: dict[Any, list[str]] = {}
        self.kept_text = 0
        self.places: list[Place] = []
        self.count = len(segments)
        self.names = {name: environment.globals[name] for name in RECIPIENT_FUNCTIONS} | dict(values)
        body: list[nodes.Node] = []
        for segment in segments:
            body += [self.statement(segment), nodes.Output([nodes.TemplateData(SEPARATOR)], lineno=len(self.places))]
        tree = by_item(nodes.Template(body, lineno=1))
        assert isinstance(tree, nodes.Template)
        tree.set_environment(environment)
        try:
            self.template = Template.from_code(environment, environment.compile(tree), {})
        except TemplateSyntaxError as error:
            raise self.error(str(error.message), error.lineno) from error

    def texts(self, subscriber: Values, links: Values) -> list[str]:
        """The text of each slot, in order. Raises TemplateError with file and line."""
        # All names in one dictionary, handed over as it is: the usual way copies a chain of globals, 8 us a time.
        names = {**self.names, "subscriber": Fields("subscriber", subscriber), "links": Fields("links", links)}
        try:
            pieces, size = [], 0
            for piece in self.template.root_render_func(self.template.new_context(names, shared=True)):
                pieces.append(piece)
                size += len(piece)
                if size > MAX_TEXT:
                    raise OverflowError(f"more than {MAX_TEXT} characters for one recipient")
        except Exception as error:  # expressions are a language: any of its errors may come
            raise self.error(str(error) or type(error).__name__, self.line_of(error)) from error
        texts = "".join(pieces).split(SEPARATOR)
        if len(texts) != self.count + 1:
            raise self.error("recipient data holds a NUL character", 1)
        return texts[:-1]

    def columns(self, people: FieldColumns) -> list[tuple[str, ...]]:
        """The texts of several recipients: a column for each slot."""
        if self.asked is None:
            rows = [self.texts(subscriber, links) for subscriber, links in people.each()]
        else:
            values = [people.field(asked) for asked in self.asked]
            keys = list(zip(*values, strict=True)) if values else [()] * len(people)
            rows = self.rows(keys, plain=all(map(people.plain, self.asked)))
        return list(zip(*rows, strict=True))

    def rows(self, keys: Sequence[tuple[Any, ...]], *, plain: bool) -> list[list[str]]:
        """The texts for each of these values of the fields `asked`. `plain`: they are text, or there is none."""
        if not self.keeps:
            return [self.of(key) for key in keys]
        # 1, 1.0 and true are equal and are printed differently; and a list is no key.
        names: Sequence[Any] = keys if plain else list(map(repr, keys))
        rows = list(map(self.kept.get, names))
        if None in rows:
            rows = [
                texts or self.kept.get(name) or self.keep(name, self.of(key))
                for texts, name, key in zip(rows, names, keys, strict=True)
            ]
        return cast(list[list[str]], rows)

    def of(self, key: tuple[Any, ...]) -> list[str]:
        """The texts for these values of the fields `asked`."""
        known: dict[str, dict[str, Any]] = {"subscriber": {}, "links": {}}
        for (root, name), value in zip(self.asked or (), key, strict=True):
            if value is not None:
                known[root][name] = value
        return self.texts(known["subscriber"], known["links"])

    def keep(self, name: Any, texts: list[str]) -> list[str]:
        self.kept_text += sum(map(len, texts))
        if len(self.kept) >= MOST_KEPT or self.kept_text > MOST_KEPT_TEXT:
            self.kept, self.kept_text = {}, 0
        self.kept[name] = texts
        return texts

    def line_of(self, error: BaseException) -> int:
        line, step = 1, error.__traceback__
        while step is not None:
            if step.tb_frame.f_code.co_filename == "<template>":
                line = self.template.get_corresponding_lineno(step.tb_lineno)
            step = step.tb_next
        return line

    def error(self, message: str, line: int) -> TemplateError:
        place = self.places[min(max(line, 1), len(self.places)) - 1]
        hint = default_hint(message.partition("'")[2].partition("'")[0]) if NO_VALUE in message else None
        return TemplateError(message, name=place.template, line=place.line, hint=hint)

    def numbered(self, place: Place) -> int:
        self.places.append(place)
        return len(self.places)

    def statement(self, segment: Segment) -> nodes.Node:
        match segment:
            case str():
                return nodes.Output([nodes.TemplateData(segment)], lineno=max(len(self.places), 1))
            case Print(source, place):
                number = self.numbered(place)
                return nodes.Output([self.expression(source, number)], lineno=number)
            case Choice():
                return self.choice(segment)
            case Repeat():
                return self.loop(segment)

    def statements(self, segments: Sequence[Segment]) -> list[nodes.Node]:
        return [self.statement(segment) for segment in segments]

    def choice(self, segment: Choice) -> nodes.If:
        number = self.numbered(segment.place)
        tests = [self.expression(test, number) for test, _ in segment.branches]
        bodies = [self.statements(body) for _, body in segment.branches]
        others = [nodes.If(test, body, [], [], lineno=number) for test, body in zip(tests[1:], bodies[1:], strict=True)]
        return nodes.If(tests[0], bodies[0], others, self.statements(segment.otherwise), lineno=number)

    def loop(self, segment: Repeat) -> nodes.For:
        number = self.numbered(segment.place)
        test = f" if {segment.test}" if segment.test else ""
        source = f"{{% for {segment.target} in {segment.iterable}{test} %}}{{% endfor %}}"
        loop = Parser(self.environment, source).parse().body[0]
        assert isinstance(loop, nodes.For)
        loop.set_lineno(number, override=True)
        loop.body, loop.else_ = self.statements(segment.body), self.statements(segment.otherwise)
        return loop

    def expression(self, source: str, number: int) -> nodes.Expr:
        expression = parse_expression(self.environment, source)
        expression.set_lineno(number, override=True)
        return expression


def default_hint(field: str) -> str:
    return f'give a default: {{{{ {field} | default("…") }}}}'
