"""Expressions survive being written down: parse(unparse(tree)) is the same tree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, nodes
from jinja2.parser import Parser

from mailer.render.unparse import unparse

ENVIRONMENT = Environment(autoescape=True)


def parse(source: str) -> nodes.Expr:
    output = Parser(ENVIRONMENT, f"{{{{ {source} }}}}").parse().body[0]
    assert isinstance(output, nodes.Output)
    return output.nodes[0]


atoms = st.sampled_from(["a", "subscriber", "1", "2.5", "1e100", "true", "none", "[]", "()", "{}"]) | st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=6
).map(repr)


def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    binary = st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "and", "or", "==", "<", "in", "not in", "~"])
    return st.one_of(
        st.builds(lambda a, op, b: f"({a}) {op} ({b})", inner, binary, inner),
        st.builds(lambda a, op, b, op2, c: f"{a} {op} {b} {op2} {c}", atoms, binary, atoms, binary, atoms),
        inner.map(lambda a: f"not ({a})"),
        inner.map(lambda a: f"-({a})"),
        inner.map(lambda a: f"({a}).field"),
        inner.map(lambda a: f"({a})|upper"),
        inner.map(lambda a: f"({a})|default({a}, true)|join(', ', attribute='x')"),
        inner.map(lambda a: f"(({a})|string).x"),
        inner.map(lambda a: f"({a}) is defined"),
        inner.map(lambda a: f"({a}) is not divisibleby 3"),
        st.builds(lambda a, b: f"({a})[{b}]", inner, inner),
        inner.map(lambda a: f"x[{a}:2]"),
        inner.map(lambda a: f"x[::{a}]"),
        st.builds(lambda a, b: f"f({a}, k={b}, *[1], **{{}})", inner, inner),
        st.builds(lambda a, b: f"{{{a!r}: {b}}}", atoms, inner),
        st.builds(lambda a, b: f"({a}, {b})", inner, inner),
        st.builds(lambda a, b, c: f"({a}) if ({b}) else ({c})", inner, inner, inner),
        st.builds(lambda a, b: f"({a}) if ({b})", inner, inner),
    )


@given(st.recursive(atoms, grow, max_leaves=8))
def test_any_expression(source: str) -> None:
    tree = parse(source)
    assert parse(unparse(tree)) == tree


@pytest.mark.parametrize(
    "value", [True, False, None, 0, -3, -2.5, "", 'it\'s "quoted" \\ \n {{ x }} %} \u2028 \U0001f600']
)
def test_constants_that_a_value_may_become(value: object) -> None:
    assert ENVIRONMENT.compile_expression(unparse(nodes.Const(value)), undefined_to_none=False)() == value
