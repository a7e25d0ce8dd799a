"""The second moment: a `Flat` and one recipient -> text, in microseconds.

A part is constant runs with slots between them. Most slots are a plain field of the recipient, which is one look-up
and one escape; the rest is compiled by Jinja2, a code object for all slots that ask for the same fields. The values of
the slots are also useful by themselves: a provider that substitutes takes the constants once and the values for each
recipient, and the MIME skeleton encodes the constants once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jinja2 import nodes

from mailer.errors import TemplateError
from mailer.render.environment import TemplateEnvironment
from mailer.render.fields import Asked, FieldColumns, Values, escaped
from mailer.render.flat import Choice, Flat, Place, Print, Repeat, Segment
from mailer.render.slots import NO_VALUE, SlotCode, asked_by, default_hint, is_recipient, parse_expression
from mailer.render.values import decode

LINE_BREAKS = re.compile(r"\s*[\x00-\x1f\x7f-\x9f\u2028\u2029]+\s*")


def one_line(text: str) -> str:
    """For headers: a line break in a name must not begin a header of its own."""
    return text if text.isprintable() else LINE_BREAKS.sub(" ", text)


def lines(texts: Sequence[str]) -> Sequence[str]:
    """Each of the texts on one line."""
    return texts if "".join(texts).isprintable() else [one_line(text) for text in texts]


def without_default(expression: nodes.Expr) -> tuple[nodes.Expr, Any]:
    """`field|default("text")` taken apart; an expression without a plain default as it is."""
    if isinstance(expression, nodes.Filter) and expression.name in ("default", "d") and expression.node is not None:
        given = [*expression.args, *(keyword.value for keyword in expression.kwargs)]
        plain = given and all(isinstance(value, nodes.Const) for value in given)
        if plain and isinstance(given[0], nodes.Const) and given[0].value is not None and not expression.kwargs:
            return expression.node, given[0].value
    return expression, None


def settled(segments: Sequence[Segment], absent: frozenset[str], present: frozenset[str]) -> tuple[Segment, ...]:
    """The segments without the questions whether somebody has a field that nobody has, or everybody."""
    kept: list[Segment] = []
    for segment in segments:
        kept += _settled(segment, absent, present) if isinstance(segment, Choice) else [segment]
    return tuple(kept)


def _settled(choice: Choice, absent: frozenset[str], present: frozenset[str]) -> tuple[Segment, ...]:
    branches: list[tuple[str, tuple[Segment, ...]]] = []
    otherwise = choice.otherwise
    for test, body in choice.branches:
        if test in present:
            otherwise = body
            break
        if test not in absent:
            branches.append((test, settled(body, absent, present)))
    otherwise = settled(otherwise, absent, present)
    return (replace(choice, branches=tuple(branches), otherwise=otherwise),) if branches else otherwise


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

    @property
    def asked(self) -> Asked:
        return self.root, self.field


class PersonalPart:
    """A compiled part, ready for any number of recipients and threads.

    `constants[0] + values[slots[0]] + constants[1] + ...` is the text for one recipient.
    """

    def __init__(
        self,
        flat: Flat,
        *,
        language: str = "en",
        header: bool = False,
        absent: frozenset[str] = frozenset(),
        present: frozenset[str] = frozenset(),
    ) -> None:
        """`header` keeps values on one line. `absent` names fields that no recipient has, such as `links.view`, and
        `present` those that everybody has: what asks for them is decided here."""
        self.environment = TemplateEnvironment(autoescape=flat.autoescape, language=language)
        self.header = header
        constants, self.slots, self.distinct = self.split(settled(flat.segments, absent, present))
        self.constants = tuple(one_line(run) for run in constants) if header else constants
        self.escaped = flat.autoescape
        self.plain = [(index, slot) for index, slot in enumerate(self.distinct) if slot.field]
        self.codes = self.compiled({name: decode(data) for name, data in flat.values.items()})

    def compiled(self, values: Values) -> list[tuple[list[int], SlotCode]]:
        """The code for the slots that are no plain field, with their places. Slots that ask for the same fields are
        together, so that their texts can be kept for whoever has the same values there."""
        groups: dict[frozenset[Asked] | None, list[int]] = {}
        for index, slot in enumerate(self.distinct):
            if not slot.field:
                groups.setdefault(asked_by(self.environment, slot.segment), []).append(index)
        return [
            (places, SlotCode(self.environment, [self.distinct[place].segment for place in places], values, asked))
            for asked, places in groups.items()
        ]

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
        expression, default = without_default(parse_expression(self.environment, segment.expression))
        if isinstance(expression, nodes.Getattr) and is_recipient(expression.node):
            return Slot(segment, expression.node.name, expression.attr, default)
        return Slot(segment)

    def values(self, subscriber: Values, links: Values) -> list[str]:
        """The text of each distinct slot, escaped for the part. Raises TemplateError for a field without a value.

        Both mappings are as `clean_fields` gives them.
        """
        roots = {"subscriber": subscriber, "links": links}
        result = [""] * len(self.distinct)
        for (index, _), text in zip(self.plain, self.plain_texts(roots), strict=True):
            result[index] = text
        for places, code in self.codes:
            for index, text in zip(places, code.texts(subscriber, links), strict=True):
                result[index] = text
        return [one_line(value) for value in result] if self.header else result

    def plain_texts(self, roots: Mapping[str, Values]) -> list[str]:
        texts = []
        for _, slot in self.plain:
            value = roots[slot.root].get(slot.field, slot.default)
            if value is None:
                raise self.missing(slot)
            texts.append(value if isinstance(value, str) else str(value))
        return escaped(texts) if self.escaped and texts else texts

    def columns(self, people: FieldColumns) -> list[Sequence[str]]:
        """As `values`, for several recipients at once: a column for each distinct slot.

        Raises TemplateError when there can be no text for one of them; who that is, is found by asking for fewer.
        """
        result: list[Sequence[str]] = [()] * len(self.distinct)
        for index, slot in self.plain:
            texts = people.texts(slot.asked, slot.default, html=self.escaped)
            if texts is None:
                raise self.missing(slot)
            result[index] = texts
        for places, code in self.codes:
            for index, column in zip(places, code.columns(people), strict=True):
                result[index] = column
        return [lines(column) for column in result] if self.header else result

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
        name, place = f"{slot.root}.{slot.field}", slot.place
        message = f"{name!r} {NO_VALUE}"
        return TemplateError(message, name=place.template, line=place.line, hint=default_hint(name))
