"""The first of the two moments: a template's tree, changed so that recipient data is left for later.

Everything that mentions no recipient name (`subscriber`, `links`) runs as ordinary Jinja2 while the issue is
compiled. An expression that does is replaced by a call that leaves a token in the output; `{% if %}` and `{% for %}`
over recipient data leave tokens before, between and after their bodies, which are evaluated once for everybody. What
cannot work in this way is refused with file and line rather than rendered wrong: the result for each recipient equals
rendering the whole template for that one person.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, nodes

from mailer.render.inspect import guarded, known
from mailer.render.lift import RECIPIENT_NAMES, Poisoned, Scope, copied, lift, mentions

UNBOUND = object()

RESERVED = re.compile(r"_[vg][0-9]+|__alias.*")
"""Names that the program gives to values in the compiled form."""


@dataclass(frozen=True, slots=True)
class Site:
    """A place in a template that waits for a recipient. `kind` is print, if, elif, else, endif, for, forelse, endfor.

    `expression` and `test` contain `_v0`, `_v1`, ... for values that are known when the issue is compiled.
    """

    kind: str
    template: str
    line: int
    expression: nodes.Expr | None = None
    target: nodes.Node | None = None
    test: nodes.Node | None = None


class SiteBook(list[Site]):
    """The sites of all templates of a part, and how many names were given to kept values."""

    aliases = 0

    def without_environment(self, start: int) -> tuple[Site, ...]:
        """The sites from that place on, without the environment that they were made in: it belongs to one issue."""
        for site in self[start:]:
            for node in (site.expression, site.target, site.test):
                if node is not None:
                    node.set_environment(None)  # type: ignore[arg-type]
        return tuple(self[start:])


def defer(tree: nodes.Template, sites: SiteBook, template: str, environment: Environment) -> nodes.Template:
    """Change `tree` in place; the sites found are appended to `sites`. Raises TemplateError."""
    scope = Scope(template, dict.fromkeys(RECIPIENT_NAMES))
    tree.body = Deferral(sites).body(tree.body, scope)
    tree.set_environment(environment)
    return tree


def stored_names(target: nodes.Node) -> frozenset[str]:
    names = [node.name for node in target.find_all(nodes.Name)]
    return frozenset([*names, target.name] if isinstance(target, nodes.Name) else names)


class Deferral:
    """One walk over one template. `body` and everything below return the statements that take a statement's place."""

    def __init__(self, sites: SiteBook) -> None:
        self.sites = sites

    def body(self, statements: Iterable[nodes.Node], scope: Scope) -> list[nodes.Node]:
        return [changed for statement in statements for changed in self.statement(statement, scope)]

    def statement(self, node: nodes.Node, scope: Scope) -> Sequence[nodes.Node]:
        handler = getattr(self, f"visit_{type(node).__name__}", None)
        if handler is None:
            raise scope.error(f"{type(node).__name__} is not supported in templates", node.lineno)
        result: Sequence[nodes.Node] = handler(node, scope)
        return result

    # --- output -----------------------------------------------------------------------------------------------------

    def visit_Output(self, node: nodes.Output, scope: Scope) -> Sequence[nodes.Node]:
        node.nodes = [self.printed(child, scope) for child in node.nodes]
        return [node]

    def printed(self, expression: nodes.Expr, scope: Scope) -> nodes.Expr:
        return self.deferred(expression, scope) if mentions(expression, scope) else self.known(expression, scope)

    def known(self, expression: Any, scope: Scope) -> Any:
        """An expression that is evaluated now, guarded against inspecting text that is not known yet."""
        return guarded(expression, scope.template)

    def decided(self, expression: Any, scope: Scope) -> nodes.Expr:
        """The same for a condition or what is looped over, which is inspected itself."""
        return known(self.known(expression, scope), scope.template)

    def deferred(self, expression: nodes.Node, scope: Scope) -> nodes.Expr:
        lifted, captures = lift(expression, scope)
        return self.emit(Site("print", scope.template, expression.lineno, lifted), captures)

    def emit(self, site: Site, captures: Sequence[nodes.Expr] = ()) -> nodes.Call:
        self.sites.append(site)
        kept = [guarded(each, site.template) for each in captures]
        call = nodes.Call(
            nodes.EnvironmentAttribute("emit"),
            [nodes.Const(len(self.sites) - 1), nodes.Tuple(kept, "load")],
            [], None, None,
        )  # fmt: skip
        call.set_lineno(site.line, override=True)
        return call

    def mark(self, site: Site, captures: Sequence[nodes.Expr] = ()) -> nodes.Output:
        return nodes.Output([self.emit(site, captures)], lineno=site.line)

    # --- conditions and loops ---------------------------------------------------------------------------------------

    def visit_If(self, node: nodes.If, scope: Scope) -> Sequence[nodes.Node]:
        if mentions(node.test, scope):
            return self.recipient_if(node, scope)
        rest = node.elif_
        if any(mentions(branch.test, scope) for branch in rest):
            chained = nodes.If(rest[0].test, rest[0].body, rest[1:], node.else_, lineno=rest[0].lineno)
            node.elif_, node.else_ = [], [chained]
        bodies = [scope.child() for _ in range(2 + len(node.elif_))]
        node.test = self.decided(node.test, scope)
        node.body = self.body(node.body, bodies[0])
        for branch, branch_scope in zip(node.elif_, bodies[1:], strict=False):
            branch.test = self.decided(branch.test, scope)
            branch.body = self.body(branch.body, branch_scope)
        node.else_ = self.body(node.else_, bodies[-1])
        self.merge(scope, bodies, node.lineno)
        return [node]

    def merge(self, scope: Scope, branches: Sequence[Scope], line: int) -> None:
        """A name that a branch bound to, or freed from, recipient data has no meaning after the branches."""
        for name in {name for branch in branches for name in (*branch.names, *scope.names)}:
            before = scope.names.get(name, UNBOUND)
            if any(branch.names.get(name, UNBOUND) is not before for branch in branches):
                scope.names[name] = Poisoned(line)

    def recipient_if(self, node: nodes.If, scope: Scope) -> Sequence[nodes.Node]:
        result: list[nodes.Node] = []
        for index, branch in enumerate((node, *node.elif_)):
            lifted, captures = lift(branch.test, scope)
            kind = "elif" if index else "if"
            result.append(self.mark(Site(kind, scope.template, branch.lineno, lifted), captures))
            guard = self.known_part(branch.test, scope)
            body = self.body(branch.body, scope.child(conditional=True))
            # What is known of a condition guards its body now, as it would when rendering for one person.
            result += [nodes.If(guard, body, [], [], lineno=branch.lineno)] if guard else body
        if node.else_:
            result.append(self.mark(Site("else", scope.template, node.lineno)))
            result += self.body(node.else_, scope.child(conditional=True))
        return [*result, self.mark(Site("endif", scope.template, node.lineno))]

    def known_part(self, test: nodes.Node, scope: Scope) -> nodes.Expr | None:
        """The part of a condition that needs no recipient and without which it cannot hold."""
        if isinstance(test, nodes.And):
            parts = [part for part in (self.known_part(side, scope) for side in (test.left, test.right)) if part]
            return nodes.And(parts[0], parts[1], lineno=test.lineno) if len(parts) == 2 else next(iter(parts), None)
        return None if mentions(test, scope) else self.decided(copied(test), scope)

    def visit_For(self, node: nodes.For, scope: Scope) -> Sequence[nodes.Node]:
        targets = stored_names(node.target)
        self.refuse_roots(targets, node, scope)
        if mentions(node.iter, scope):
            return self.recipient_for(node, targets, scope)
        inner = scope.child(without=targets | {"loop"}, conditional=False)
        if mentions(node.test, inner):
            self.move_test_inside(node, scope)
        node.iter = self.decided(node.iter, scope)
        node.test = self.decided(node.test, inner) if node.test is not None else None
        node.body = self.body(node.body, inner)
        node.else_ = self.body(node.else_, scope.child())
        return [node]

    def move_test_inside(self, node: nodes.For, scope: Scope) -> None:
        """`for a in articles if a.city == subscriber.city` is an `if` around the body, unless `loop` is counted."""
        counts = any(name.name == "loop" for child in node.body for name in child.find_all(nodes.Name))
        if counts or node.else_ or node.recursive:
            raise scope.error(
                "a loop that leaves out items by recipient data cannot use 'loop', 'else' or 'recursive'",
                node.lineno,
                "write {% for … %}{% if … %} instead",
            )
        assert node.test is not None
        node.body = [nodes.If(node.test, node.body, [], [], lineno=node.lineno)]
        node.test = None

    def recipient_for(self, node: nodes.For, targets: frozenset[str], scope: Scope) -> Sequence[nodes.Node]:
        inside = [part for child in node.body for part in self.parts_of_others(child)]
        if node.recursive or inside:
            what = "be recursive" if node.recursive else "contain a block or include another template"
            raise scope.error(f"a loop over recipient data cannot {what}", node.lineno)
        inner = scope.child(conditional=True)
        inner.names |= dict.fromkeys(targets | {"loop"})
        lifted, captures = lift(node.iter, scope)
        test = None
        if node.test is not None:
            filtered = scope.child()
            filtered.names |= dict.fromkeys(targets)
            test = self.lift_without_captures(node.test, filtered)
        start = Site("for", scope.template, node.lineno, lifted, node.target, test)
        result: list[nodes.Node] = [self.mark(start, captures), *self.body(node.body, inner)]
        if node.else_:
            result.append(self.mark(Site("forelse", scope.template, node.lineno)))
            result += self.body(node.else_, scope.child(conditional=True))
        return [*result, self.mark(Site("endfor", scope.template, node.lineno))]

    def lift_without_captures(self, test: nodes.Node, scope: Scope) -> nodes.Expr:
        lifted, captures = lift(test, scope)
        if captures:
            raise scope.error("the 'if' of a loop over recipient data may use recipient data only", test.lineno)
        return lifted

    def parts_of_others(self, node: nodes.Node) -> list[nodes.Node]:
        """What is written in another template, or may be: the loop's own names are not known there."""
        kinds = (nodes.Include, nodes.Block)
        return [*([node] if isinstance(node, kinds) else []), *(each for kind in kinds for each in node.find_all(kind))]

    # --- names ------------------------------------------------------------------------------------------------------

    def refuse_roots(self, names: frozenset[str], node: nodes.Node, scope: Scope) -> None:
        if taken := sorted(names & RECIPIENT_NAMES):
            raise scope.error(f"{taken[0]!r} is the recipient's and cannot be given another meaning", node.lineno)
        if reserved := sorted(name for name in names if RESERVED.fullmatch(name)):
            raise scope.error(f"the name {reserved[0]!r} is the program's own", node.lineno, "choose another one")

    def refuse_in_branch(self, node: nodes.Node, scope: Scope) -> None:
        if scope.conditional:
            raise scope.error(
                "'set' inside an 'if' or 'for' over recipient data would hold for everybody",
                node.lineno,
                "write the text itself into the branch",
            )

    def visit_Assign(self, node: nodes.Assign, scope: Scope) -> Sequence[nodes.Node]:
        names = stored_names(node.target)
        self.refuse_roots(names, node, scope)
        self.refuse_in_branch(node, scope)
        if not mentions(node.node, scope):
            for name in names:
                scope.names.pop(name, None)
            node.node = self.known(node.node, scope)
            return [node]
        if not isinstance(node.target, nodes.Name):
            raise scope.error("recipient data can be set to one plain name only", node.lineno)
        name = node.target.name
        alias, kept = self.alias(node.node, scope)
        scope.names[name] = alias
        return [*kept, nodes.Assign(nodes.Name(name, "store"), held(name, node.lineno), lineno=node.lineno)]

    def alias(self, value: nodes.Node, scope: Scope) -> tuple[nodes.Expr, list[nodes.Assign]]:
        """What the name stands for from now on, and assignments that keep today's values of its known parts."""
        lifted, captures = lift(value, scope)
        self.sites.aliases += 1
        kept: list[nodes.Assign] = []
        for index, capture in enumerate(captures):
            name = f"__alias{self.sites.aliases}_{index}"
            known = guarded(capture, scope.template)
            kept.append(nodes.Assign(nodes.Name(name, "store"), known, lineno=value.lineno))
            lifted = rename(lifted, f"_v{index}", name)
        return lifted, kept

    def visit_AssignBlock(self, node: nodes.AssignBlock, scope: Scope) -> Sequence[nodes.Node]:
        self.refuse_roots(stored_names(node.target), node, scope)
        self.refuse_in_branch(node, scope)
        node.body = self.body_without_sites(node.body, scope, "a 'set' block")
        return [node]

    def visit_With(self, node: nodes.With, scope: Scope) -> Sequence[nodes.Node]:
        inner = scope.child()
        targets: list[nodes.Node] = []
        values: list[nodes.Node] = []
        for target, value in zip(node.targets, node.values, strict=True):
            self.refuse_roots(stored_names(target), node, scope)
            if mentions(value, scope) and isinstance(target, nodes.Name):
                inner.names[target.name], kept = self.alias(value, scope)
                targets += [*(assign.target for assign in kept), nodes.Name(target.name, "store")]
                values += [*(assign.node for assign in kept), held(target.name, node.lineno)]
            else:
                inner.names = {n: m for n, m in inner.names.items() if n not in stored_names(target)}
                targets.append(target)
                values.append(self.known(value, scope))
        node.targets, node.values = targets, values  # type: ignore[assignment]
        node.body = self.body(node.body, inner)
        return [node]

    # --- parts of other templates -----------------------------------------------------------------------------------

    def visit_Macro(self, node: nodes.Macro | nodes.CallBlock, scope: Scope) -> Sequence[nodes.Node]:
        names = frozenset(argument.name for argument in node.args)
        self.refuse_roots(names, node, scope)
        for default in node.defaults:
            self.refuse_mention(default, scope, "the default of an argument")
        # What a name outside stands for is decided when a macro is called: only the recipient's own names are sure.
        aliases = frozenset() if isinstance(node, nodes.CallBlock) else frozenset(scope.names) - RECIPIENT_NAMES
        node.body = self.body(node.body, scope.child(without=names | aliases, conditional=False))
        return [node]

    def visit_CallBlock(self, node: nodes.CallBlock, scope: Scope) -> Sequence[nodes.Node]:
        self.refuse_mention(node.call, scope, "a macro call")
        node.call = self.known(node.call, scope)
        return self.visit_Macro(node, scope)

    def visit_FilterBlock(self, node: nodes.FilterBlock, scope: Scope) -> Sequence[nodes.Node]:
        self.refuse_mention(node.filter, scope, "a filter block")
        node.body = self.body_without_sites(node.body, scope, "a filter block")
        return [node]

    def visit_Block(self, node: nodes.Block, scope: Scope) -> Sequence[nodes.Node]:
        node.body = self.body(node.body, scope.child())
        return [node]

    def visit_Include(self, node: Any, scope: Scope) -> Sequence[nodes.Node]:
        self.refuse_mention(node.template, scope, "the name of a template")
        return [node]

    visit_Import = visit_FromImport = visit_Extends = visit_Include

    def refuse_mention(self, node: nodes.Node | None, scope: Scope, what: str) -> None:
        if node is not None and mentions(node, scope):
            raise scope.error(
                f"{what} cannot depend on recipient data: it is evaluated once for everybody",
                node.lineno,
                "use the recipient's field directly in the text",
            )

    def body_without_sites(self, body: list[nodes.Node], scope: Scope, what: str) -> list[nodes.Node]:
        before = len(self.sites)
        changed = self.body(body, scope.child())
        if len(self.sites) > before:
            site = self.sites[before]
            raise scope.error(f"{what} cannot contain recipient data", site.line, "write it where it is used")
        return changed


def held(name: str, line: int) -> nodes.Expr:
    """What a name means to other templates once it stands for recipient data: an error that says so."""
    return nodes.Call(nodes.EnvironmentAttribute("held"), [nodes.Const(name)], [], None, None, lineno=line)


def rename(tree: nodes.Expr, old: str, new: str) -> nodes.Expr:
    if isinstance(tree, nodes.Name):
        return nodes.Name(new, "load", lineno=tree.lineno) if tree.name == old else tree
    for name in tree.find_all(nodes.Name):
        if name.name == old:
            name.name = new
    return tree
