"""Taking a recipient expression apart: what it asks of the recipient stays, everything else becomes a value.

`{{ article.url ~ "?s=" ~ subscriber.id }}` mentions a recipient name, so it cannot be evaluated once for all. But
`article.url` can, and must be: the loop variable is gone by the time a recipient is known. So the largest parts that
mention no recipient name are lifted out, evaluated while the issue is compiled, and kept beside the expression.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jinja2 import nodes

from mailer.errors import TemplateError

RECIPIENT_NAMES = frozenset({"subscriber", "links"})
"""The names whose values differ from recipient to recipient."""

RECIPIENT_FUNCTIONS = frozenset({"range", "dict"})
"""Functions that an expression may call when it is evaluated for a recipient."""

CAPTURE_PREFIX = "_v"


@dataclass(frozen=True, slots=True)
class Poisoned:
    """A name that was set in a branch: which value it has cannot be known while the issue is compiled."""

    line: int


@dataclass(slots=True)
class Scope:
    """What is known about names at one place of a template.

    `names` maps a recipient name to the expression it stands for (None: to itself). `conditional` is set inside
    the body of an `{% if %}` or `{% for %}` over recipient data, which is evaluated once for everybody.
    """

    template: str
    names: dict[str, nodes.Expr | Poisoned | None] = field(default_factory=dict)
    conditional: bool = False

    def child(self, *, without: frozenset[str] = frozenset(), conditional: bool | None = None) -> Scope:
        names = {name: meaning for name, meaning in self.names.items() if name not in without}
        return Scope(self.template, names, self.conditional if conditional is None else conditional)

    def error(self, message: str, line: int, hint: str | None = None) -> TemplateError:
        return TemplateError(message, name=self.template, line=line, hint=hint)


def copied(tree: Any) -> Any:
    """A copy of a tree that shares nothing with it but the environment, which copy.deepcopy would copy as well."""
    if isinstance(tree, list):
        return [copied(item) for item in tree]
    if not isinstance(tree, nodes.Node):
        return tree
    fields = [copied(value) for _, value in tree.iter_fields()]
    return type(tree)(*fields, lineno=tree.lineno, environment=tree.environment)


def loaded_names(node: nodes.Node) -> list[nodes.Name]:
    found = list(node.find_all(nodes.Name))
    if isinstance(node, nodes.Name):
        found.append(node)
    return [name for name in found if name.ctx == "load"]


def mentions(node: nodes.Node | None, scope: Scope) -> bool:
    """Whether an expression asks for something of the recipient."""
    if node is None:
        return False
    found = False
    for name in loaded_names(node):
        if name.name in scope.names:
            found = True
            meaning = scope.names[name.name]
            if isinstance(meaning, Poisoned):
                raise scope.error(
                    f"{name.name!r} got recipient data in a branch on line {meaning.line}, so its value is unknown",
                    name.lineno,
                    "write the text into the branches themselves",
                )
    return found


def lift(expression: nodes.Node, scope: Scope) -> tuple[nodes.Expr, list[nodes.Expr]]:
    """The expression with `_v0`, `_v1`, ... in the place of all that needs no recipient, and those parts in order."""
    captures: list[nodes.Expr] = []
    lifted = lift_node(copied(expression), scope, captures)
    assert isinstance(lifted, nodes.Expr)
    return lifted, captures


def lift_node(node: nodes.Node, scope: Scope, captures: list[nodes.Expr]) -> nodes.Node:
    if isinstance(node, nodes.Const) or is_recipient_function(node):
        return node
    if isinstance(node, nodes.Name) and node.name in scope.names:
        meaning = scope.names[node.name]
        return lift_node(copied(meaning), scope, captures) if isinstance(meaning, nodes.Expr) else node
    if isinstance(node, nodes.Expr) and not isinstance(node, nodes.Slice) and not mentions(node, scope):
        captures.append(node)
        return nodes.Name(f"{CAPTURE_PREFIX}{len(captures) - 1}", "load", lineno=node.lineno)
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
        # `article.title.replace(...)`: a bound method is no value that can be kept, the object is.
        setattr(node.node, "node", lift_node(node.node.node, scope, captures))  # noqa: B010 (typed as Expr upstream)
        callee, node.node = node.node, nodes.Const(None)
        lift_fields(node, scope, captures)
        node.node = callee
        return node
    lift_fields(node, scope, captures)
    return node


def lift_fields(node: nodes.Node, scope: Scope, captures: list[nodes.Expr]) -> None:
    for name, value in node.iter_fields():
        if isinstance(value, list):
            lifted = [lift_node(item, scope, captures) if isinstance(item, nodes.Node) else item for item in value]
            setattr(node, name, lifted)
        elif isinstance(value, nodes.Node):
            setattr(node, name, lift_node(value, scope, captures))


def is_recipient_function(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name in RECIPIENT_FUNCTIONS
