from __future__ import annotations

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailer.articles.identity import article_key, canonical_url

DAY = date(2026, 11, 1)


def test_keys_of_published_issues_never_change() -> None:
    """Keys are stored in ledgers and issue files: a new way to make them would send every article again."""
    assert article_key("site", "https://e.org/?p=12", None, "", None) == "8ed58769c027"
    assert article_key("site", "12", None, "", None) == "e4f786f403a9"
    assert article_key("site", None, "https://e.org/a", "", None) == "f70e7f2b3a8a"
    assert article_key("site", None, None, "A title", None) == "974746d37ce0"
    assert article_key("site", None, None, "A title", DAY) == "008c2d2759fb"


@pytest.mark.parametrize(
    "url",
    [
        "http://e.org/a",
        "https://E.ORG/a/",
        "https://e.org:443/a",
        "https://e.org/a?utm_source=rss&utm_medium=feed",
        "https://e.org/a?fbclid=x&gclid=y&mc_cid=z",
        "https://e.org/a#comments",
        " https://e.org./a ",
    ],
)
def test_links_of_one_article(url: str) -> None:
    assert canonical_url(url) == "https://e.org/a"
    assert article_key("x", None, url, "t", None) == article_key("y", None, "https://e.org/a", "u", DAY)


@pytest.mark.parametrize(
    "url",
    [
        "https://e.org/b",
        "https://e.org/a?p=1",
        "https://www.e.org/a",
        "https://e.org:8443/a",
        "https://e.org/a#!/x",
        "https://e.org/A",
    ],
)
def test_links_of_other_articles(url: str) -> None:
    assert canonical_url(url) != "https://e.org/a"


def test_the_order_of_parameters_does_not_matter() -> None:
    assert canonical_url("https://e.org/?b=2&a=1&utm_x=3") == canonical_url("https://e.org?a=1&b=2")


def test_a_guid_that_is_a_uri_is_the_same_article_in_every_source() -> None:
    for guid in ("https://e.org/?p=1", "tag:e.org,2026:1", "urn:uuid:1"):
        assert article_key("a", guid, "https://e.org/x", "t", DAY) == article_key("b", guid, None, "u", None)


def test_a_bare_guid_counts_in_its_own_source_only() -> None:
    assert article_key("a", "1", None, "t", DAY) != article_key("b", "1", None, "t", DAY)
    assert article_key("a", "1", "https://e.org/x", "t", DAY) == article_key("a", "1", "https://e.org/y", "u", None)


def test_a_guid_that_is_the_link_is_the_link() -> None:
    assert article_key("a", "http://e.org/a?utm_source=x", None, "t", None) == article_key(
        "b", None, "https://e.org/a", "t", None
    )


def test_titles_are_compared_without_case_and_spacing() -> None:
    assert article_key("a", None, None, "The  River", DAY) == article_key("b", "", "", "the river", DAY)
    assert article_key("a", None, None, "The River", DAY) != article_key("a", None, None, "The River", None)


@given(st.text(max_size=80))
@example(" #")
@example("#! ")
@example("a / /")
def test_any_text_has_a_canonical_form_that_stays(text: str) -> None:
    once = canonical_url(f"https://e.org/{text}")
    assert canonical_url(once) == once
    assert len(article_key("s", text, text, text, None)) == 12
