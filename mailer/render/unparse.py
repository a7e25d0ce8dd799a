"""Jinja2 expression trees -> source, so that a compiled issue can be kept as readable text.

Every operator is put in parentheses: `parse(unparse(tree))` is the same tree, whatever the precedence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import nodes

PRIMARY = (nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Call, nodes.Tuple, nodes.List, nodes.Dict)

BINARY = {
    nodes.Add: "+", nodes.Sub: "-", nodes.Mul: "*", nodes.Div: "/", nodes.FloorDiv: "//", nodes.Mod: "%",
    nodes.Pow: "**", nodes.And: "and", nodes.Or: "or",
}  # fmt: skip

UNARY = {nodes.Not: "not ", nodes.Neg: "-", nodes.Pos: "+"}

COMPARE = {"eq": "==", "ne": "!=", "gt": ">", "gteq": ">=", "lt": "<", "lteq": "<=", "in": "in", "notin": "not in"}

CONSTANTS = {True: "true", False: "false", None: "none"}


def unparse(node: nodes.Node) -> str:
    """Source of an expression tree as the Jinja2 parser makes them."""
    for kind in type(node).__mro__:
        if kind in WRITERS:
            return WRITERS[kind](node)
    raise TypeError(f"{type(node).__name__} is not an expression")


def primary(node: nodes.Node) -> str:
    """Source that may be followed by `.`, `[`, `(` or `|`."""
    return unparse(node) if isinstance(node, PRIMARY) else f"({unparse(node)})"


def constant(node: nodes.Const) -> str:
    value = node.value
    if value is None or isinstance(value, bool):
        return CONSTANTS[value]
    if isinstance(value, str):
        return repr(str(value))
    source = repr(value)
    return f"({source})" if source.startswith("-") else source


def items(values: list[Any]) -> str:
    return ", ".join(unparse(value) for value in values)


def arguments(node: Any) -> str:
    parts = [unparse(value) for value in node.args]
    parts += [f"{keyword.key}={unparse(keyword.value)}" for keyword in node.kwargs]
    if node.dyn_args is not None:
        parts.append("*" + unparse(node.dyn_args))
    if node.dyn_kwargs is not None:
        parts.append("**" + unparse(node.dyn_kwargs))
    return ", ".join(parts)


def filtered(node: nodes.Filter) -> str:
    called = f"({given})" if (given := arguments(node)) else ""
    inner = primary(node.node) if node.node is not None else ""
    return f"{inner}|{node.name}{called}"


def tested(node: nodes.Test) -> str:
    called = f"({given})" if (given := arguments(node)) else ""
    return f"({primary(node.node)} is {node.name}{called})"


def compared(node: nodes.Compare) -> str:
    rest = "".join(f" {COMPARE[operand.op]} {unparse(operand.expr)}" for operand in node.ops)
    return f"({unparse(node.expr)}{rest})"


def conditional(node: nodes.CondExpr) -> str:
    otherwise = f" else {unparse(node.expr2)}" if node.expr2 is not None else ""
    return f"({unparse(node.expr1)} if {unparse(node.test)}{otherwise})"


def sliced(node: nodes.Slice) -> str:
    parts = ["" if part is None else unparse(part) for part in (node.start, node.stop)]
    step = f":{unparse(node.step)}" if node.step is not None else ""
    return ":".join(parts) + step


def mapping(node: nodes.Dict) -> str:
    return "{" + ", ".join(f"{unparse(pair.key)}: {unparse(pair.value)}" for pair in node.items) + "}"


def binary(node: Any) -> str:
    return f"({unparse(node.left)} {BINARY[type(node)]} {unparse(node.right)})"


def unary(node: Any) -> str:
    return f"({UNARY[type(node)]}({unparse(node.node)}))"  # a filter would bind before the sign


WRITERS: dict[type, Callable[[Any], str]] = {
    nodes.Name: lambda node: str(node.name),
    nodes.Const: constant,
    nodes.Tuple: lambda node: f"({items(node.items)},)" if node.items else "()",
    nodes.List: lambda node: f"[{items(node.items)}]",
    nodes.Dict: mapping,
    nodes.Getattr: lambda node: f"{primary(node.node)}.{node.attr}",
    nodes.Getitem: lambda node: f"{primary(node.node)}[{unparse(node.arg)}]",
    nodes.Slice: sliced,
    nodes.Call: lambda node: f"{primary(node.node)}({arguments(node)})",
    nodes.Filter: filtered,
    nodes.Test: tested,
    nodes.Compare: compared,
    nodes.Concat: lambda node: "(" + " ~ ".join(unparse(part) for part in node.nodes) + ")",
    nodes.CondExpr: conditional,
    nodes.BinExpr: binary,
    nodes.UnaryExpr: unary,
}
