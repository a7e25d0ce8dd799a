"""Values in an expression, and which of them a thing can be compared with."""

from __future__ import annotations

import ast
import re
from datetime import UTC, date, datetime, timedelta

from mailer.audience.segment.fields import Reading, address_text
from mailer.audience.segment.nodes import Day, Field, Kind, Literal, Moment, Number, Op, Span, Text, Truth

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_literal(node: ast.expr) -> bool:
    """Whether this is a value, and nothing known of a person."""
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub) and is_literal(node.operand)
    if isinstance(node, ast.Name):
        return node.id.lower() in ("true", "false", "none", "null") or set(node.id) == {"_"}
    return isinstance(node, ast.Constant)


def literal_of(reading: Reading, node: ast.expr) -> Literal:
    """The value."""
    match node:
        case ast.UnaryOp(ast.USub(), operand):
            match literal_of(reading, operand):
                case Number(number):
                    return Number(-number)
                case Span(span):
                    return Span(-span)
            reading.wrong(node, "- stands only before a number or a time, such as -90d")
        case ast.Constant(bool() as truth):
            return Truth(truth)
        case ast.Constant(str() as text):
            return Text(text)
        case ast.Name(name) if name in ("true", "false"):
            return Truth(name == "true")
    if (value := reading.source.values.get(reading.place(node).start)) is not None:
        return value
    if isinstance(node, ast.Name) and node.id.lower() in ("true", "false"):
        reading.wrong(node, f"write {node.id.lower()}")
    if isinstance(node, ast.Constant | ast.Name):
        reading.wrong(node, "nothing is equal to nothing: write has(name), or not has(name)")
    reading.wrong(node, "here belongs a value: a text, a number, true, false, a date or a time")


def span_of(reading: Reading, name: str, node: ast.expr) -> timedelta:
    """How far back a function such as `opened_within` looks."""
    value = literal_of(reading, node) if is_literal(node) else None
    if not isinstance(value, Span):
        reading.wrong(node, f"{name}() takes a time: {name}(90d)")
    if value.value <= timedelta():
        reading.wrong(node, f"the time stands without a minus sign: {name}(90d)")
    return value.value


def typed(reading: Reading, field: Field, op: Op, node: ast.expr) -> Literal:
    """The value as `field` is compared with it; SegmentError where it cannot be."""
    value = literal_of(reading, node)
    match field.kind:
        case Kind.TAGS | Kind.LISTS:
            reading.wrong(node, f'{field.name} are compared by "x" in {field.name}')
        case Kind.EMAIL | Kind.DOMAIN:
            if not isinstance(value, Text):
                reading.wrong(node, f"{field.name} is a text: compare it with a text between quotation marks")
            return Text(address_text(field, value.value))
        case Kind.JOINED:
            return _time(reading, op, value, node)
        case Kind.ATTRIBUTE:
            if isinstance(value, Truth) and op is not Op.EQ:
                reading.wrong(node, "true and false are compared only by == and !=")
            return _day_or_text(reading, value, node)


def _day_or_text(reading: Reading, value: Literal, node: ast.expr) -> Literal:
    if not isinstance(value, Text) or not _DAY.fullmatch(value.value):
        return value
    try:
        return Day(date.fromisoformat(value.value))
    except ValueError:
        reading.wrong(node, f"there is no day {value.value}")


def _time(reading: Reading, op: Op, value: Literal, node: ast.expr) -> Literal:
    if isinstance(value, Span):
        if op is Op.EQ:
            reading.wrong(node, "joined is a moment: compare it with <, <=, > or >=, or with a date")
        return value
    if not isinstance(value, Text):
        hint = "90 days ago is -90d" if isinstance(value, Number) else None
        reading.wrong(node, 'joined is a time: compare it with a date such as "2026-01-31", or -90d', hint=hint)
    value = _day_or_text(reading, value, node)
    if isinstance(value, Day):
        return value
    try:
        moment = datetime.fromisoformat(str(value.value))
        return Moment(moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        reading.wrong(node, 'joined is a time: compare it with a date such as "2026-01-31", or -90d')
