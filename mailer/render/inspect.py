"""Guards around what a template inspects while the issue is compiled.

Text that holds a token may be passed on and printed, but a template that asks whether it is empty, how long it is or
what it begins with would get an answer about the token, the same for everybody. So each place where an expression
inspects a value is wrapped in `environment.known(value, ...)`, which refuses such text with file and line.
"""

from __future__ import annotations

from typing import Any

from jinja2 import nodes

CONTAINER_LIMIT = 10_000
"""So many members of a list are looked at for a token; longer ones come from data, where no token can be."""


def guarded(node: Any, template: str) -> Any:
    """The expression with every operand that it inspects wrapped; other nodes are changed in place and returned."""
    if isinstance(node, list):
        return [guarded(item, template) for item in node]
    if not isinstance(node, nodes.Node):
        return node
    for name, value in list(node.iter_fields()):
        if isinstance(value, list | nodes.Node):
            setattr(node, name, guarded(value, template))
    for name in inspected_fields(node):
        # What is taken out of a record is inspected where it is used; its other fields do not matter.
        deep = not isinstance(node, nodes.Getattr | nodes.Getitem)
        setattr(node, name, known(getattr(node, name), template, deep=deep))
    if isinstance(node, nodes.Compare):
        for operand in node.ops:
            operand.expr = known(operand.expr, template)
    return node


def inspected_fields(node: nodes.Node) -> tuple[str, ...]:
    match node:
        case nodes.CondExpr():
            return ("test",)
        case nodes.And() | nodes.Or() | nodes.Mod():
            return ("left", "right")
        case nodes.Not() | nodes.Test() | nodes.Getitem() | nodes.Getattr():
            return ("node",)
        case nodes.Compare():
            return ("expr",)
    return ()


def known(node: nodes.Expr, template: str, *, deep: bool = True) -> nodes.Expr:
    """`environment.known(node, template, line, deep)`; what cannot hold a token stays as it is."""
    if isinstance(node, nodes.Const | nodes.Compare | nodes.Test | nodes.Not) or is_plain_name(node):
        return node
    place: list[nodes.Expr] = [nodes.Const(template), nodes.Const(node.lineno or 1), nodes.Const(deep)]
    call = nodes.Call(nodes.EnvironmentAttribute("known"), [node, *place], [], None, None)
    call.set_lineno(node.lineno or 1, override=True)
    return call


def is_plain_name(node: nodes.Expr) -> bool:
    """`loop`, `self` and `super` are handled by Jinja2 by their names, and are no text."""
    return isinstance(node, nodes.Name) and node.name in ("loop", "self", "super", "caller")


def holds_mark(value: Any, mark: str) -> bool:
    """Whether a token is in the text, or in one of the members of a container."""
    if isinstance(value, str):
        return mark in value
    if isinstance(value, dict):
        return any(holds_mark(item, mark) for pair in value.items() for item in pair)
    if isinstance(value, list | tuple | set | frozenset):
        return len(value) <= CONTAINER_LIMIT and any(holds_mark(item, mark) for item in value)
    return False
