"""The body of an issue file as two templates, with the lines of the file kept."""
# ruff: noqa: E501 (a table reads better than wrapped cases)

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.errors import IssueFileError
from mailer.render.environment import Fields, TemplateEnvironment
from mailer.render.markdown import BodyTemplates, body_templates

TEXT_MACRO = "{% macro text() %}[{{ caller() }}]{% endmacro %}"
FIELDS = {"first_name": "Ada & Bo", "city": "Oslo", "id": "7"}


def templates(body: str, *, append: bool = False) -> BodyTemplates:
    return body_templates(body, label="issues/a.md", first_line=10, append_articles=append)


def fill(source: str, *, autoescape: bool) -> str:
    sources = {
        "main": source,
        "_text.mjml": TEXT_MACRO,
        "_articles.mjml": "<articles>",
        "_articles.txt.jinja": "ARTICLES\n",
    }
    environment = TemplateEnvironment(
        lambda name: (sources[name], name, lambda: True) if name in sources else None, autoescape=autoescape
    )
    return environment.get_template("main").render(subscriber=Fields("subscriber", FIELDS), issue={"name": "n"})


def html(body: str, *, append: bool = False) -> str:
    filled = re.sub(r"\s*\n\s*", "\n", fill(templates(body, append=append).mjml.text, autoescape=True))
    return filled.replace("[\n", "[").replace("\n]", "]").strip()


def text(body: str, *, append: bool = False) -> str:
    return fill(templates(body, append=append).text.text, autoescape=False)


HTML = {
    "paragraphs": ("a *b*\nc\n\nd", "[<p>a <em>b</em>\nc</p>\n<p>d</p>]"),
    "field is escaped": ("Hi {{ subscriber.first_name }}!", "[<p>Hi Ada &amp; Bo!</p>]"),
    "field in a link": ("[x](https://e.org/?s={{ subscriber.id }}&a=1)", '[<p><a href="https://e.org/?s=7&amp;a=1">x</a></p>]'),
    "link that is a field": ("[x]({{ subscriber.city }})", '[<p><a href="Oslo">x</a></p>]'),
    "condition around paragraphs": ('{% if subscriber.city == "Oslo" %}\na\n\nb\n{% endif %}\nc', "[<p>a</p>\n<p>b</p>\n<p>c</p>]"),
    "condition that fails": ("{% if subscriber.nothing %}\na\n\nb\n{% endif %}\nc", "[<p>c</p>]"),
    "condition inside a line": ("a {% if subscriber.city %}b{% endif %} c", "[<p>a b c</p>]"),
    "condition around list items": ("- a\n{% if subscriber.city %}\n- b\n{% endif %}\n", "[<ul>\n<li>a</li>\n</ul>\n<ul>\n<li>b</li>\n</ul>]"),
    "heading one is the subject's": ("# a", "[<h2>a</h2>]"),
    "script is taken out": ("a <script>alert(1)</script> <b onclick=x>b</b>", "[<p>a  <b>b</b></p>]"),
    "javascript link": ("[a](javascript:alert(1)) <a href='javascript:x'>b</a>", "[<p>[a](javascript:alert(1)) <a>b</a></p>]"),
    "entities never become code": ("&#123;&#123; 7*7 }}", "[<p>&#123;{ 7*7 }}</p>]"),
    "raw": ("{% raw %}{{ x }}{% endraw %}", "[<p>{{ x }}</p>]"),
    "comment": ("a{# {{ x }} #}b", "[<p>ab</p>]"),
    "quotes inside code": ('{{ "}}" }} {{ "%}" ~ subscriber.id }}', "[<p>}} %}7</p>]"),
    "articles in the middle": ("a\n\n[articles]\n\nb", "[<p>a</p>]\n<articles>\n[<p>b</p>]"),
    "articles at the end of a line are text": ("see [articles] here", "[<p>see [articles] here</p>]"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), HTML.values(), ids=HTML)
def test_markdown_becomes_clean_html(body: str, expected: str) -> None:
    assert html(body) == expected


def test_articles_follow_the_text_when_no_line_places_them() -> None:
    assert html("a", append=True) == "[<p>a</p>]\n<articles>"
    assert html("a", append=False) == "[<p>a</p>]"
    assert text("a", append=True) == "a\n\nARTICLES\n\n"


TEXT = {
    "wrapped": ("word " * 30, ("word " * 14).strip() + "\n" + ("word " * 14).strip() + "\nword word\n"),
    "links are written out": ("[x](https://e.org) <https://e.org/y> [a@e.org](mailto:a@e.org)", "x (https://e.org) https://e.org/y a@e.org\n"),
    "no markup": ("**a** *b* `c` ![d](e.png)", "a b c [d]\n"),
    "lists": ("- a\n- b\n  c\n\n1. d\n2. e", "* a\n* b c\n\n1. d\n2. e\n"),
    "quote": ("> a\n>\n> b", "> a\n>\n> b\n"),
    "headings": ("# Abc\n\n### De", "Abc\n===\n\nDe\n--\n"),
    "table": ("| a | b |\n|---|---|\n| 1 | 2 |", "a | b\n1 | 2\n"),
    "field is not escaped": ("Hi {{ subscriber.first_name }}!", "Hi Ada & Bo!\n"),
    "condition": ("{% if subscriber.city %}\na\n{% endif %}\nb", "a\n\nb\n"),
    "code": ("```\na  b\n```", "    a  b\n"),
    "links as HTML are written out": ('see <a href="https://e.org/?a=1&amp;b=2">one</a>', "see one (https://e.org/?a=1&b=2)\n"),
    "deleted words do not become true": ("~~gone~~", "~~gone~~\n"),
    "line break": ("a  \nb", "a\nb\n"),
    "literal braces": ("&#123;&#123; 7*7 }}", "{{ 7*7 }}\n"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), TEXT.values(), ids=TEXT)
def test_markdown_becomes_text_for_people(body: str, expected: str) -> None:
    assert re.sub(r"\n{2,}", "\n\n", text(body)) == expected


MISTAKES = {
    "second articles line": ("a\n[articles]\nb\n[articles]\n", 13, "a second [articles] line"),
    "unclosed bracket": ("a\n\n{{ subscriber.id", 12, "is never closed"),
    "unclosed condition": ("a\n\n{% if subscriber.id %}b", 12, "Unexpected end of template"),
    "articles inside a condition": (
        "a\n\n{% if subscriber.id %}\n\n[articles]\n\n{% endif %}", 12, "[articles] line stands inside an {% if %}"
    ),
    "stray end": ("a\n{{ subscriber.id }}\n\n{% endif %}", 13, "unknown tag 'endif'"),
    "unclosed after other code": ("{{ subscriber.id }}\n\n\n{% if subscriber.id %}\nb", 13, "nexpected end of template"),
    "bad tag": ("a\n{% iff x %}", 11, "unknown tag 'iff'"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "line", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_name_their_line(body: str, line: int, message: str) -> None:
    with pytest.raises(IssueFileError, match=re.escape(message)) as caught:
        templates(body)
    assert [mistake.line for mistake in caught.value.mistakes] == [line]


@given(
    st.lists(
        st.sampled_from(
            ["text\n", "\n", "- item\n", "{{ subscriber.id }}", "{{ nope }}", "# head\n", "{%- if\n x %}y{% endif %}"]
        )
    )
)
def test_every_construct_keeps_its_line(pieces: list[str]) -> None:
    body = "".join(pieces)
    made = templates(body).mjml
    expected = [10 + body[: found.start()].count("\n") for found in re.finditer(r"\{\{ (?:subscriber|nope)", body)]
    lines = made.text.split("\n")
    found_lines = [
        made.line(number) for number, line in enumerate(lines, 1) if line.startswith((" subscriber.id", " nope"))
    ]
    assert found_lines == expected


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=60))
def test_any_text_without_code_renders(body: str) -> None:
    body = body.replace("{", "(")
    assert "<script" not in html(body)
    assert isinstance(text(body), str)
