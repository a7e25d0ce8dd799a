"""The composed file reads back as the issue it was made for, and nothing in an article becomes a template."""

from __future__ import annotations

from datetime import UTC, date, datetime

import jinja2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailer.errors import UsageError
from mailer.issues.compose import PLACEHOLDER, SUBJECT_LENGTH, Draft, compose, default_subject, issue_name, slug
from mailer.issues.edit import add_article, article_keys, remove_article, reorder_articles, set_field
from mailer.issues.file import parse_issue
from mailer.model import Article, ArticleChoice, IssueKind

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


def article(key: str = "abc123", title: str = "River day", *, dated: bool = True, excerpt: str = "Come.") -> Article:
    return Article(key, "site", title, excerpt, NOW, published_at=NOW if dated else None)


EXPECTED = """\
---
kind: bulletin
subject: "CleanRivers: River day and 1 more"
preheader: "Library opens: again"   # shown after the subject
from: press
lists: [weekly, oslo]
language: no
tags: ["#CleanRivers"]
since: 7d
# The articles, in this order. Move or delete lines; for your own words, add title: or excerpt: below key.
articles:
  - key: abc123   # River day, 2026-11-20, site
  - key: def456   # Library opens: again, site
---

Dear {{ subscriber.first_name | default("friend") }},

{# Write your own introduction in place of the next paragraph, and remove this line. #}
This is what is new about **CleanRivers**.

[articles]

Thank you for reading, and for standing with us.
"""


def test_a_bulletin() -> None:
    draft = Draft(
        IssueKind.BULLETIN,
        ("weekly", "oslo"),
        (article(), article("def456", "Library opens: again", dated=False)),
        tags=("#CleanRivers",),
        since="7d",
        sender="press",
        language="no",
    )
    assert compose(draft) == EXPECTED


def test_it_reads_back() -> None:
    issue = parse_issue(EXPECTED, "issues/2026-11-22-rivers.md")
    assert (issue.name, issue.kind, issue.lists) == ("2026-11-22-rivers", IssueKind.BULLETIN, ("weekly", "oslo"))
    assert issue.articles == (ArticleChoice("abc123"), ArticleChoice("def456"))
    assert EXPECTED.splitlines()[issue.body_line - 1] == ""
    assert issue.body.lstrip().startswith("Dear") and PLACEHOLDER in issue.body


def test_it_can_be_edited_in_place() -> None:
    text = set_field(EXPECTED, "subject", "Mine")
    text = reorder_articles(add_article(text, ArticleChoice("aa"), "Third"), ["aa"])
    assert article_keys(remove_article(text, "abc123")) == ("aa", "def456")
    assert "  - key: aa   # Third\n  - key: abc123   # River day, 2026-11-20, site\n" in text


def test_an_alert_is_about_one_article() -> None:
    draft = Draft(IssueKind.ALERT, ("weekly",), (article(), article("def456")))
    with pytest.raises(UsageError) as caught:
        compose(draft)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("draft", "subject"),
    [
        (Draft(IssueKind.ALERT, ("a",), (article(),), ("rivers",)), "River day"),
        (Draft(IssueKind.ALERT, ("a",), (), ("rivers",)), "rivers"),
        (Draft(IssueKind.ALERT, ("a",)), "News"),
        (Draft(IssueKind.BULLETIN, ("a",)), "Our bulletin"),
        (Draft(IssueKind.BULLETIN, ("a",), (article(),)), "River day"),
        (
            Draft(IssueKind.BULLETIN, ("a",), (article(),), ("#rivers",), campaign="Clean rivers"),
            "Clean rivers: River day",
        ),
        (Draft(IssueKind.BULLETIN, ("a",), (article(), article("b"), article("c"))), "River day and 2 more"),
    ],
)
def test_the_default_subject(draft: Draft, subject: str) -> None:
    assert default_subject(draft) == subject
    assert parse_issue(compose(draft), "x.md").subject == subject


def test_a_long_title_is_cut_between_words() -> None:
    draft = Draft(IssueKind.BULLETIN, ("a",), (article(title="word " * 40), article("b")), ("rivers",))
    subject = default_subject(draft)
    assert len(subject) <= SUBJECT_LENGTH
    assert subject.startswith("rivers: word") and subject.endswith("word… and 1 more")


@pytest.mark.parametrize("text", ["{{7*7}}", "{% raw %}", "{# x #}", "{{{{7*7}}}}", "{{% 7 %}", "}}{{"])
def test_no_article_becomes_a_template(text: str) -> None:
    """Subject, preheader and body are templates; what they say must be the article's own letters."""
    draft = Draft(IssueKind.BULLETIN, ("a",), (article(title=text, excerpt=text),), campaign=text)
    issue = parse_issue(compose(draft), "x.md")
    environment = jinja2.Environment(autoescape=False)  # noqa: S701 - plain text
    assert environment.from_string(issue.subject).render() == f"{text}: {text}"
    assert environment.from_string(issue.preheader).render() == text
    assert text in environment.from_string(issue.body).render(subscriber={}).replace("\\", "")


TEXTS = st.text(max_size=60) | st.text("{}%#:\"'\\\n\u202e \t-é漢", max_size=30)


@given(TEXTS, TEXTS, TEXTS, st.booleans())
def test_any_article_gives_a_file_without_mistakes(title: str, excerpt: str, campaign: str, alert: bool) -> None:
    kind = IssueKind.ALERT if alert else IssueKind.BULLETIN
    clean = [text.encode("utf-8", "replace").decode() for text in (title, excerpt, campaign)]
    draft = Draft(kind, ("weekly",), (article(title=clean[0], excerpt=clean[1]),), campaign=clean[2])
    issue = parse_issue(compose(draft), "x.md")
    assert issue.articles == (ArticleChoice("abc123"),)
    assert issue.subject


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Clean Rivers!", "2026-11-22-clean-rivers"),
        ("Größe & Öl: Łódź's fête", "2026-11-22-grosse-ol-lodzs-fete"),
        ("Việt Nam", "2026-11-22-viet-nam"),
        ("İstanbul", "2026-11-22-istanbul"),
        ("Чистые реки", "2026-11-22-чистые-реки"),
        ("नदियाँ साफ़", "2026-11-22-नदियाँ-साफ़"),
        ("한국어 소식", "2026-11-22-한국어-소식"),
        ("清流", "2026-11-22-清流"),
        ("../../etc/passwd", "2026-11-22-etc-passwd"),
        ("__init__", "2026-11-22-init"),
        ("!!!", "2026-11-22-issue"),
        ("", "2026-11-22-issue"),
        ("long words " * 20, "2026-11-22-" + "-".join(["long-words"] * 5) + "-long"),
        ("x" * 300, "2026-11-22-" + "x" * 60),
    ],
)
def test_the_name_of_an_issue(title: str, name: str) -> None:
    assert issue_name(date(2026, 11, 22), title) == name


@given(st.text(max_size=80))
@example("𝐀 Ǽ ẞ")
def test_a_slug_is_a_slug_of_itself(title: str) -> None:
    assert slug(slug(title)) == slug(title)
    assert not set(slug(title)) & set("/\\. \n\0:")
