"""The second moment: a `Flat` and one recipient -> text, in microseconds.

A part is constant runs with slots between them. Most slots are a plain field of the recipient, which is one look-up
and one escape; the rest is compiled by Jinja2 to a single code object for the whole part. The values of the slots are
also useful by themselves: a provider that substitutes takes the constants once and the values for each recipient, and
the MIME skeleton encodes the constants once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from jinja2 import Template, nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.parser import Parser
from markupsafe import escape

from mailer.errors import TemplateError
from mailer.render.environment import Fields, TemplateEnvironment
from mailer.render.flat import Choice, Flat, Place, Print, Repeat, Segment
from mailer.render.lift import RECIPIENT_FUNCTIONS, RECIPIENT_NAMES
from mailer.render.values import decode

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\ud800-\udfff]+")
"""What no mail may contain, whatever an import let in: control characters other than tab and newline, surrogates."""

LINE_BREAKS = re.compile(r"\s*[\x00-\x1f\x7f-\x9f\u2028\u2029]+\s*")

SEPARATOR = "\x00"
"""Parts the values of compiled slots; `clean` takes it out of all data."""

Values = Mapping[str, Any]


def clean(value: Any) -> Any:
    """Recipient data as it may stand in a mail."""
    if isinstance(value, str):
        return value if value.isprintable() else CONTROL.sub(" ", value)
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    return value


def clean_fields(values: Values) -> dict[str, Any]:
    """The fields that have a value. An empty one counts as missing, so that `default("friend")` works for it."""
    return {key: clean(value) for key, value in values.items() if value is not None and value != ""}


def one_line(text: str) -> str:
    """For headers: a line break in a name must not begin a header of its own."""
    return text if text.isprintable() else LINE_BREAKS.sub(" ", text)


def is_recipient(node: nodes.Node) -> TypeGuard[nodes.Name]:
    return isinstance(node, nodes.Name) and node.name in RECIPIENT_NAMES


def without_default(expression: nodes.Expr) -> tuple[nodes.Expr, Any]:
    """`field|default("text")` taken apart; an expression without a plain default as it is."""
    if isinstance(expression, nodes.Filter) and expression.name in ("default", "d") and expression.node is not None:
        given = [*expression.args, *(keyword.value for keyword in expression.kwargs)]
        plain = given and all(isinstance(value, nodes.Const) for value in given)
        if plain and isinstance(given[0], nodes.Const) and given[0].value is not None and not expression.kwargs:
            return expression.node, given[0].value
    return expression, None


def by_item(tree: nodes.Node) -> nodes.Node:
    """`subscriber.city` as `subscriber["city"]`: the same for `Fields`, without asking for an attribute first."""
    if isinstance(tree, nodes.Getattr) and is_recipient(tree.node):
        return nodes.Getitem(
            tree.node, nodes.Const(tree.attr), "load", lineno=tree.lineno, environment=tree.environment
        )
    for name, value in tree.iter_fields():
        if isinstance(value, list):
            setattr(tree, name, [by_item(item) if isinstance(item, nodes.Node) else item for item in value])
        elif isinstance(value, nodes.Node):
            setattr(tree, name, by_item(value))
    return tree


@dataclass(frozen=True, slots=True)
class Slot:
    """One distinct place for recipient data. `root` and `field` are set for a plain field.

    `default` is what stands there when the field has no value; None where there must be one.
    """

    segment: Print | Choice | Repeat
    root: str = ""
    field: str = ""
    default: Any = None

    @property
    def place(self) -> Place:
        return self.segment.place


class PersonalPart:
    """A compiled part, ready for any number of recipients and threads.

    `constants[0] + values[slots[0]] + constants[1] + ...` is the text for one recipient.
    """

    def __init__(self, flat: Flat, *, language: str = "en", header: bool = False) -> None:
        self.environment = TemplateEnvironment(autoescape=flat.autoescape, language=language)
        self.names = {name: self.environment.globals[name] for name in RECIPIENT_FUNCTIONS}
        self.names |= {name: decode(data) for name, data in flat.values.items()}
        self.finish: Callable[[str], str] | None = one_line if header else None
        constants, self.slots, self.distinct = self.split(flat.segments)
        self.constants = tuple(one_line(run) for run in constants) if header else constants
        self.escape: Callable[[Any], str] = escape if flat.autoescape else str
        self.plain = [(index, slot) for index, slot in enumerate(self.distinct) if slot.field]
        self.compiled = [(index, slot) for index, slot in enumerate(self.distinct) if not slot.field]
        self.template = self.compile_all() if self.compiled else None
        self.needs = frozenset((slot.root, slot.field) for _, slot in self.plain)

    def split(self, segments: Sequence[Segment]) -> tuple[tuple[str, ...], tuple[int, ...], list[Slot]]:
        """Constants, the slot index between each two of them, and the distinct slots."""
        constants, slots = [""], list[int]()
        distinct: dict[str, int] = {}
        found: list[Slot] = []
        for segment in segments:
            if isinstance(segment, str):
                constants[-1] += segment
                continue
            key = segment.expression if isinstance(segment, Print) else repr(segment)
            if key not in distinct:
                distinct[key] = len(found)
                found.append(self.slot(segment))
            slots.append(distinct[key])
            constants.append("")
        return tuple(constants), tuple(slots), found

    def slot(self, segment: Print | Choice | Repeat) -> Slot:
        if not isinstance(segment, Print):
            return Slot(segment)
        expression, default = without_default(self.expression(segment.expression))
        if isinstance(expression, nodes.Getattr) and is_recipient(expression.node):
            return Slot(segment, expression.node.name, expression.attr, default)
        return Slot(segment)

    def values(self, subscriber: Values, links: Values) -> list[str]:
        """The text of each distinct slot, escaped for the part. Raises TemplateError for a field without a value.

        Both mappings are as `clean_fields` gives them.
        """
        roots = {"subscriber": subscriber, "links": links}
        result = [""] * len(self.distinct)
        for index, slot in self.plain:
            value = roots[slot.root].get(slot.field, slot.default)
            if value is None:
                raise self.missing(slot)
            result[index] = self.escape(value)
        if self.template is not None:
            texts = self.evaluate(self.template, subscriber, links)
            for (index, _), text in zip(self.compiled, texts, strict=True):
                result[index] = text
        return [self.finish(value) for value in result] if self.finish else result

    def render(self, subscriber: Values, links: Values) -> str:
        """The whole text for one recipient."""
        return self.substituted(self.values(subscriber, links).__getitem__)

    def substituted(self, mark: Callable[[int], str]) -> str:
        """The text with `mark(n)` in the place of the n-th of `values`: for a provider that puts them in itself."""
        pieces = [""] * (2 * len(self.slots) + 1)
        pieces[::2] = self.constants
        pieces[1::2] = [mark(slot) for slot in self.slots]
        return "".join(pieces)

    def missing(self, slot: Slot) -> TemplateError:
        name = f"{slot.root}.{slot.field}"
        return TemplateError(
            f"{name!r} has no value for this recipient",
            name=slot.place.template,
            line=slot.place.line,
            hint=f'give a default: {{{{ {name} | default("…") }}}}',
        )

    # --- compiled slots ---------------------------------------------------------------------------------------------

    def evaluate(self, template: Template, subscriber: Values, links: Values) -> list[str]:
        try:
            text = self.run(template, subscriber, links)
        except Exception:
            raise self.explain(subscriber, links) from None
        return text.split(SEPARATOR)[:-1]

    def run(self, template: Template, subscriber: Values, links: Values) -> str:
        # All names in one dictionary, handed over as it is: the usual way copies a chain of globals, 8 us a time.
        names = {**self.names, "subscriber": Fields("subscriber", subscriber), "links": Fields("links", links)}
        return "".join(template.root_render_func(template.new_context(names, shared=True)))

    def explain(self, subscriber: Values, links: Values) -> TemplateError:
        """Which of the slots failed, found by running them one by one."""
        for _, slot in self.compiled:
            try:
                self.run(self.compile([slot]), subscriber, links)
            except Exception as error:  # expressions are a language: any of its errors may come
                return TemplateError(str(error) or type(error).__name__, name=slot.place.template, line=slot.place.line)
        return TemplateError("recipient data could not be filled in")

    def compile_all(self) -> Template:
        try:
            return self.compile([slot for _, slot in self.compiled])
        except TemplateSyntaxError as error:
            for _, slot in self.compiled:
                try:
                    self.compile([slot])
                except TemplateSyntaxError as found:
                    place = slot.place
                    raise TemplateError(str(found.message), name=place.template, line=place.line) from error
            raise

    def compile(self, slots: Sequence[Slot]) -> Template:
        body: list[nodes.Node] = []
        for slot in slots:
            body += [*self.statements((slot.segment,)), nodes.Output([nodes.TemplateData(SEPARATOR)])]
        tree = by_item(nodes.Template(body, lineno=1))
        assert isinstance(tree, nodes.Template)
        tree.set_environment(self.environment)
        for node in tree.find_all(nodes.Node):
            node.lineno = 1
        code = self.environment.compile(tree)
        return Template.from_code(self.environment, code, {})

    def statements(self, segments: Sequence[Segment]) -> list[nodes.Node]:
        return [self.statement(segment) for segment in segments]

    def statement(self, segment: Segment) -> nodes.Node:
        match segment:
            case str():
                return nodes.Output([nodes.TemplateData(segment)])
            case Print(source):
                return nodes.Output([self.expression(source)])
            case Choice(branches, otherwise):
                (test, body), *rest = branches
                others = [nodes.If(self.expression(t), self.statements(b), [], []) for t, b in rest]
                return nodes.If(self.expression(test), self.statements(body), others, self.statements(otherwise))
            case Repeat():
                return self.loop(segment)

    def loop(self, segment: Repeat) -> nodes.For:
        test = f" if {segment.test}" if segment.test else ""
        loop = self.parsed(f"{{% for {segment.target} in {segment.iterable}{test} %}}{{% endfor %}}")
        assert isinstance(loop, nodes.For)
        loop.body, loop.else_ = self.statements(segment.body), self.statements(segment.otherwise)
        return loop

    def expression(self, source: str) -> nodes.Expr:
        output = self.parsed(f"{{{{ {source} }}}}")
        assert isinstance(output, nodes.Output)
        return output.nodes[0]

    def parsed(self, source: str) -> nodes.Node:
        return Parser(self.environment, source).parse().body[0]
