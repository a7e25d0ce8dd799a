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


@dataclass(slots=True)
class Lifting:
    """The parts lifted out so far. `guard` is the known condition under which the part at hand is evaluated at all."""

    scope: Scope
    captures: list[nodes.Expr] = field(default_factory=list)
    guard: nodes.Expr | None = None

    def capture(self, node: nodes.Expr) -> nodes.Expr:
        guarded = nodes.CondExpr(copied(self.guard), node, None, lineno=node.lineno) if self.guard else node
        self.captures.append(guarded)
        return nodes.Name(f"{CAPTURE_PREFIX}{len(self.captures) - 1}", "load", lineno=node.lineno)

    def under(self, condition: nodes.Expr, *, holds: bool = True) -> Lifting:
        """The same captures, for what is evaluated only if `condition` holds (or does not)."""
        if mentions(condition, self.scope):
            return self
        wanted = copied(condition) if holds else nodes.Not(copied(condition), lineno=condition.lineno)
        guard = nodes.And(copied(self.guard), wanted, lineno=condition.lineno) if self.guard else wanted
        return Lifting(self.scope, self.captures, guard)


def lift(expression: nodes.Node, scope: Scope) -> tuple[nodes.Expr, list[nodes.Expr]]:
    """The expression with `_v0`, `_v1`, ... where no recipient is needed, and those parts in order.

    A part behind a known condition (`articles and articles[0].title == subscriber.city`) is evaluated under it only.
    """
    lifting = Lifting(scope)
    lifted = lift_node(copied(expression), lifting)
    assert isinstance(lifted, nodes.Expr)
    return lifted, lifting.captures


def lift_node(node: nodes.Node, lifting: Lifting) -> nodes.Node:
    scope = lifting.scope
    if isinstance(node, nodes.Const) or is_recipient_function(node):
        return node
    if isinstance(node, nodes.Name) and node.name in scope.names:
        meaning = scope.names[node.name]
        return lift_node(copied(meaning), lifting) if isinstance(meaning, nodes.Expr) else node
    if isinstance(node, nodes.Expr) and not isinstance(node, nodes.Slice) and not mentions(node, scope):
        return lifting.capture(node)
    if isinstance(node, nodes.And | nodes.Or | nodes.CondExpr):
        return lift_conditional(node, lifting)
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
        # `article.title.replace(...)`: a bound method is no value that can be kept, the object is.
        setattr(node.node, "node", lift_node(node.node.node, lifting))  # noqa: B010 (typed as Expr upstream)
        callee, node.node = node.node, nodes.Const(None)
        lift_fields(node, lifting)
        node.node = callee
        return node
    lift_fields(node, lifting)
    return node


def lift_conditional(node: nodes.And | nodes.Or | nodes.CondExpr, lifting: Lifting) -> nodes.Node:
    if isinstance(node, nodes.CondExpr):
        condition, branches = node.test, {"expr1": lifting.under(node.test)}
        if node.expr2 is not None:
            branches["expr2"] = lifting.under(node.test, holds=False)
        node.test = as_expression(lift_node(condition, lifting))
    else:
        branches = {"right": lifting.under(node.left, holds=isinstance(node, nodes.And))}
        node.left = as_expression(lift_node(node.left, lifting))
    for name, under in branches.items():
        setattr(node, name, lift_node(getattr(node, name), under))
    return node


def as_expression(node: nodes.Node) -> nodes.Expr:
    assert isinstance(node, nodes.Expr)
    return node


def lift_fields(node: nodes.Node, lifting: Lifting) -> None:
    for name, value in node.iter_fields():
        if isinstance(value, list):
            setattr(node, name, [lift_node(item, lifting) if isinstance(item, nodes.Node) else item for item in value])
        elif isinstance(value, nodes.Node):
            setattr(node, name, lift_node(value, lifting))


def is_recipient_function(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name in RECIPIENT_FUNCTIONS
