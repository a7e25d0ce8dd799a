"""Templates of the supported grammar, generated: text, expressions, conditions and loops over both kinds of data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

ARTICLES = [
    {"title": 'A "quoted" <title> & more', "url": "https://e.org/?a=1&b=2", "city": "Oslo", "tags": ["x", "y"]},
    {"title": "{{ 7 * 7 }} {% raw %}", "url": None, "city": "Bergen", "tags": []},
]
CONTEXT: dict[str, Any] = {
    "articles": ARTICLES,
    "issue": {"name": "2026-11-22-rivers", "number": 7},
    "nothing": [],
    "weights": {"Oslo": 3, "Bergen": 5},
}

# Evaluated while the issue is compiled. `article` and `loop` exist inside the loops below only.
ISSUE_VALUES = ["issue.name", "issue.number + 1", "articles|length", "articles[0].title", "'a<b'", "issue.number > 3"]
ARTICLE_VALUES = ["article.title", "article.url", "loop.index", "article.tags|join(', ')", "article.city"]

# Mention the recipient, and so wait.
RECIPIENT_VALUES = [
    "subscriber.first_name|default('friend')",
    "subscriber.city|default('')|upper",
    "subscriber.id",
    "subscriber['id']",
    "links.unsubscribe",
    "subscriber.id ~ issue.name",
    "subscriber.id * 2 + issue.number",
    "(subscriber.tags|default([]))|join('/')",
    "weights[subscriber.city]|default(0)",
    "'yes' if subscriber.city == 'Oslo' else articles[1].title",
    "articles[0].title.replace('A', subscriber.id|string)",
    "[subscriber.id, issue.number]|sum",
    "(subscriber.city or issue.name)|e",
    "range(subscriber.id)|list|length",
]
MIXED_ARTICLE_VALUES = ["article.url ~ '?s=' ~ subscriber.id", "subscriber.id if article.url else loop.index"]

ISSUE_TESTS = ["issue.number > 3", "nothing", "articles", "not nothing"]
RECIPIENT_TESTS = [
    "subscriber.city == 'Oslo'",
    "subscriber.first_name",
    "'x' in (subscriber.tags|default([]))",
    "subscriber.city in weights",
    "subscriber.first_name is defined and issue.number",
    "not subscriber.city",
]
MIXED_ARTICLE_TESTS = ["subscriber.city == article.city", "loop.first or subscriber.id > 2"]

SUBSCRIBERS: SearchStrategy[Mapping[str, Any]] = st.fixed_dictionaries(
    {"id": st.integers(0, 5)},
    optional={
        "first_name": st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=8),
        "city": st.sampled_from(["Oslo", "Bergen", "<Ås>", ""]),
        "tags": st.lists(st.sampled_from(["x", "y", "<z>"]), max_size=3),
    },
)

LITERALS = st.sampled_from(["text ", "<b>bold</b>", "{ brace } ", "&amp; ", "\n", " zq1x0qz ", "-"])


TOP = 2


def printed(in_article: bool, in_recipient_loop: bool) -> SearchStrategy[str]:
    values = ISSUE_VALUES + RECIPIENT_VALUES
    if in_article:
        values = values + ARTICLE_VALUES + MIXED_ARTICLE_VALUES
    if in_recipient_loop:
        values = [*values, "tag", "tag ~ issue.name"] + ([] if in_article else ["loop.index ~ tag"])
    return st.sampled_from(values).map(lambda value: f"{{{{ {value} }}}}")


def conditions(body: SearchStrategy[str], in_article: bool) -> SearchStrategy[str]:
    tests = st.sampled_from(ISSUE_TESTS + RECIPIENT_TESTS + (MIXED_ARTICLE_TESTS if in_article else []))
    simple = st.builds(lambda t, b: f"{{% if {t} %}}{b}{{% endif %}}", tests, body)
    full = st.builds(
        lambda t1, b1, t2, b2, b3: f"{{% if {t1} %}}{b1}{{%- elif {t2} %}}{b2}{{% else -%}}{b3}{{% endif %}}",
        tests, body, tests, body, body,
    )  # fmt: skip
    return simple | full


def templates(depth: int = TOP, *, in_article: bool = False, in_recipient_loop: bool = False) -> SearchStrategy[str]:
    """Template sources. Recipient loops do not nest in this grammar, everything else does."""
    leaf = LITERALS | printed(in_article, in_recipient_loop)
    if depth == 0:
        return st.lists(leaf, max_size=3).map("".join)
    inner = templates(depth - 1, in_article=in_article, in_recipient_loop=in_recipient_loop)
    pieces = [leaf, leaf, conditions(inner, in_article)]
    if not in_article:
        article_body = templates(depth - 1, in_article=True, in_recipient_loop=in_recipient_loop)
        by_city = templates(depth - 1, in_recipient_loop=in_recipient_loop).filter(lambda body: "loop." not in body)
        pieces += [
            article_body.map(lambda body: f"{{% for article in articles %}}{body}{{% endfor %}}"),
            by_city.map(lambda body: f"{{% for a in articles if a.city == subscriber.city %}}{body}{{% endfor %}}"),
            inner.map(lambda body: f"{{% for article in nothing %}}x{{% else %}}{body}{{% endfor %}}"),
        ]  # fmt: skip
    if not in_recipient_loop:
        loop_body = templates(depth - 1, in_article=in_article, in_recipient_loop=True)
        if in_article:
            loop_body = loop_body.filter(lambda body: "loop." not in body)
        pieces.append(
            st.builds(
                lambda body, other: (
                    f"{{% for tag in subscriber.tags|default([]) if tag != 'y' %}}{body}"
                    f"{{% else %}}{other}{{% endfor %}}"
                ),
                loop_body,
                inner,
            )
        )
    if depth == TOP:
        # Deeper down a `set` may stand in a condition over recipient data, where it is refused.
        naming = "{% set greeting = 'Hi ' ~ subscriber.id ~ issue.name %}"
        pieces.append(inner.map(lambda body: f"{naming}{body}{{{{ greeting }}}}"))
    return st.lists(st.one_of(pieces), max_size=4).map("".join)
