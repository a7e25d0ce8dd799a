"""An expression -> `Segment`, through Python's own grammar and a white list of what may stand in it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import NoReturn

from mailer.audience.segment.fields import METHODS, Reading, field_of, names_a_field, text_of
from mailer.audience.segment.literals import is_literal, literal_of, span_of, typed
from mailer.audience.segment.nodes import (
    Act,
    Among,
    And,
    Compare,
    Did,
    Has,
    How,
    Kind,
    Match,
    Node,
    Not,
    Op,
    Or,
    Place,
    Segment,
)
from mailer.audience.segment.words import read_words
from mailer.wording import quoted, unknown

_OPS: dict[type[ast.cmpop], Op] = {ast.Eq: Op.EQ, ast.Lt: Op.LT, ast.LtE: Op.LE, ast.Gt: Op.GT, ast.GtE: Op.GE}
_FLIPPED = {Op.EQ: Op.EQ, Op.LT: Op.GT, Op.LE: Op.GE, Op.GT: Op.LT, Op.GE: Op.LE}
_ACTS: dict[str, Act] = {act.value: act for act in Act}
_WITHIN: dict[str, Act] = {f"{act.value}_within": act for act in Act}
FUNCTIONS = ("has", *_ACTS, *_WITHIN)


def parse(text: str) -> Segment:
    """Read an expression. SegmentError has the line and column of the first mistake."""
    source = read_words(text)
    # In brackets, a line may end anywhere and begin with blanks. They shift every place by one.
    flat = f"({source.python})"
    try:
        tree = ast.parse(flat, mode="eval")
    except SyntaxError as error:
        _misread(Reading(source, flat), error)
    except (RecursionError, MemoryError, ValueError):
        source.wrong(0, "the expression is too deeply nested")
    reading = Reading(source, flat)
    if isinstance(tree.body, ast.Tuple) and tree.body.col_offset == 0:
        reading.wrong(tree.body.elts[0], "a comma joins nothing here: write and, or or")
    return Segment(text, _node(reading, tree.body))


def _misread(reading: Reading, error: SyntaxError) -> NoReturn:
    source = reading.source
    at = min(max((error.offset or 1) - 2, 0), len(source.text))
    if not source.text[at:].strip():
        source.wrong(len(source.text.rstrip()), "something is missing at the end")
    source.wrong(at, "this cannot be read as a comparison", hint='Such as: city == "Oslo" and "volunteer" in tags')


def _node(reading: Reading, node: ast.expr) -> Node:
    match node:
        case ast.BoolOp(ast.And(), values):
            return And(tuple(_node(reading, value) for value in values), reading.place(node))
        case ast.BoolOp(ast.Or(), values):
            return Or(tuple(_node(reading, value) for value in values), reading.place(node))
        case ast.UnaryOp(ast.Not(), operand):
            return Not(_node(reading, operand), reading.place(node))
        case ast.Compare(left, ops, comparators):
            return _chain(reading, [left, *comparators], ops)
        case ast.Call(func, args, keywords):
            if keywords:
                reading.wrong(keywords[0].value, "values have no names here")
            return _call(reading, node, func, args)
    _no_question(reading, node)


def _no_question(reading: Reading, node: ast.expr) -> NoReturn:
    """What stands where a comparison belongs."""
    if names_a_field(node):
        name = field_of(reading, node).name
        reading.wrong(node, f"what about {quoted(name)}? Compare it with something, or write has({name})")
    if isinstance(node, ast.Constant | ast.Tuple | ast.List):
        reading.wrong(node, "a value alone asks nothing: compare it with something")
    reading.wrong(node, "this has no place in a segment")


def _chain(reading: Reading, operands: Sequence[ast.expr], ops: Sequence[ast.cmpop]) -> Node:
    """`18 <= age < 30` is both of its comparisons."""
    pairs = zip(operands, ops, operands[1:], strict=False)
    parts = tuple(_pair(reading, left, op, right) for left, op, right in pairs)
    if len(parts) == 1:
        return parts[0]
    return And(parts, Place(parts[0].place.start, parts[-1].place.end))


def _pair(reading: Reading, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Node:
    place = Place(reading.place(left).start, reading.place(right).end)
    if isinstance(op, ast.In | ast.NotIn):
        found = _within(reading, left, right, place)
    elif is_literal(right) and not is_literal(left):
        found = _compare(reading, left, _OPS.get(type(op), Op.EQ), right, place)
    elif is_literal(left) and not is_literal(right):
        found = _compare(reading, right, _FLIPPED[_OPS.get(type(op), Op.EQ)], left, place)
    else:
        _not_comparable(reading, left, right)
    return Not(found, place) if isinstance(op, ast.NotEq | ast.NotIn) else found


def _not_comparable(reading: Reading, left: ast.expr, right: ast.expr) -> NoReturn:
    if is_literal(right):
        reading.wrong(left, "two values are compared: one of them must be something known of a person")
    field_of(reading, left)  # says what is wrong with it, if anything is
    shown = f": {quoted(right.id)}" if isinstance(right, ast.Name) else ""
    reading.wrong(right, f"compare with a value; a text stands between quotation marks{shown}")


def _compare(reading: Reading, subject: ast.expr, op: Op, value: ast.expr, place: Place) -> Compare:
    field = field_of(reading, subject)
    return Compare(field, op, typed(reading, field, op, value), place)


def _within(reading: Reading, left: ast.expr, right: ast.expr, place: Place) -> Node:
    if isinstance(right, ast.Tuple | ast.List):
        field = field_of(reading, left)
        if not right.elts:
            reading.wrong(right, "the list is empty")
        return Among(field, tuple(typed(reading, field, Op.EQ, value) for value in right.elts), place)
    if is_literal(right):
        reading.wrong(right, 'write == for one value, or a list of them: in ("Oslo", "Bergen")')
    field = field_of(reading, right)
    if field.kind is Kind.JOINED:
        reading.wrong(right, "joined is a time: nothing is in it")
    return Match(field, How.HOLDS, text_of(reading, left, field), place)


def _call(reading: Reading, node: ast.expr, func: ast.expr, args: Sequence[ast.expr]) -> Node:
    place = reading.place(node)
    if isinstance(func, ast.Attribute):
        if func.attr not in METHODS:
            reading.wrong_at(place.end - 1, unknown("method", func.attr, METHODS), near=func.attr)
        field = field_of(reading, func.value)
        if field.kind in (Kind.TAGS, Kind.LISTS, Kind.JOINED):
            reading.wrong(func, f"{field.name} is no text" + (f': write "x" in {field.name}' if args else ""))
        return Match(field, METHODS[func.attr], text_of(reading, _only(reading, node, args), field), place)
    if not isinstance(func, ast.Name) or func.id not in _CALLS:
        name = func.id if isinstance(func, ast.Name) else ""
        reading.wrong(func, unknown("function", name, FUNCTIONS) if name else "this cannot be called")
    return _CALLS[func.id](reading, func.id, _only(reading, node, args), place)


def _only(reading: Reading, node: ast.expr, args: Sequence[ast.expr]) -> ast.expr:
    if len(args) != 1:
        reading.wrong(node, f"exactly one value belongs between these brackets, not {len(args)}")
    return args[0]


def _has(reading: Reading, _: str, arg: ast.expr, place: Place) -> Node:
    field = field_of(reading, arg)
    if field.kind not in (Kind.ATTRIBUTE, Kind.TAGS):
        reading.wrong(arg, f"has() asks for an attribute or for tags; everybody has {field.name}")
    return Has(field, place)


def _issue(reading: Reading, name: str, arg: ast.expr, place: Place) -> Node:
    value = literal_of(reading, arg) if is_literal(arg) else None
    issue = getattr(value, "value", None)
    if not isinstance(issue, str) or not issue:
        reading.wrong(arg, f'{name}() takes the name of an issue: {name}("2026-11-22-rivers")')
    return Did(_ACTS[name], issue, None, place)


def _recently(reading: Reading, name: str, arg: ast.expr, place: Place) -> Node:
    return Did(_WITHIN[name], None, span_of(reading, name, arg), place)


_CALLS: dict[str, Callable[[Reading, str, ast.expr, Place], Node]] = {
    "has": _has,
    **dict.fromkeys(_ACTS, _issue),
    **dict.fromkeys(_WITHIN, _recently),
}
