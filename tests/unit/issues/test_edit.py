"""Changes in place: the new value is there, and every other byte of the file is as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.errors import IssueFileError
from mailer.issues.edit import add_article, article_keys, remove_article, reorder_articles, set_field
from mailer.issues.file import parse_issue
from mailer.issues.frontmatter import read_front_matter
from mailer.issues.scalar import scalar
from mailer.model import ArticleChoice

FILE = """\
---
# The weekly one.
kind: bulletin   # or alert
subject: 'It''s raining'

lists: [weekly, "oslo"]   # who
preheader: |  # shown beside it
  Two
  lines

tags:
  # the campaign
  - Clean Rivers
  - library  # both
articles:
  # lead story
  - key: aaa   # River day, 2026-11-20, site
    title: "Our: own title"
    # excerpt: not yet

  # second
  - bbb   # Library, 2026-11-19, site
  - key: ccc
    excerpt: >
      Folded
      text

# about the language
language: no
---
Dear {{ subscriber.first_name }},

# not: a field
[articles]
"""


def changed_lines(before: str, after: str) -> tuple[list[str], list[str]]:
    """What is only in the one and only in the other, as lines with their ends."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    same = 0
    while same < min(len(old), len(new)) and old[same] == new[same]:
        same += 1
    end = 0
    while end < min(len(old), len(new)) - same and old[-1 - end] == new[-1 - end]:
        end += 1
    return old[same : len(old) - end], new[same : len(new) - end]


@pytest.mark.parametrize("convert", [str, lambda text: "\ufeff" + text, lambda text: text.replace("\n", "\r\n")])
@pytest.mark.parametrize(
    ("field", "value", "old", "new"),
    [
        ("kind", "alert", ["kind: bulletin   # or alert\n"], ["kind: alert   # or alert\n"]),
        ("subject", "Sunny", ["subject: 'It''s raining'\n"], ["subject: 'Sunny'\n"]),
        ("subject", "Tom's: x", ["subject: 'It''s raining'\n"], ["subject: 'Tom''s: x'\n"]),
        ("language", "pt-BR", ["language: no\n"], ["language: pt-BR\n"]),
        ("language", "null", ["language: no\n"], ['language: "null"\n']),
        (
            "preheader",
            "Short",
            ["preheader: |  # shown beside it\n", "  Two\n", "  lines\n"],
            ["preheader: Short  # shown beside it\n"],
        ),
        ("lists", ["oslo"], ['lists: [weekly, "oslo"]   # who\n'], ['lists: ["oslo"]   # who\n']),
        ("lists", ["oslo", "x"], ['lists: [weekly, "oslo"]   # who\n'], ['lists: ["oslo", x]   # who\n']),
        ("lists", ["a", "b", "c"], ['lists: [weekly, "oslo"]   # who\n'], ["lists: [a, b, c]   # who\n"]),
        ("tags", ["Clean Rivers"], ["  - library  # both\n"], []),
        ("tags", ["Clean Rivers", "library", "#new"], [], ['  - "#new"\n']),
        (
            "tags",
            ["library", "Clean Rivers"],
            ["  # the campaign\n", "  - Clean Rivers\n", "  - library  # both\n"],
            ["  - library  # both\n", "  # the campaign\n", "  - Clean Rivers\n"],
        ),
        ("since", "7d", [], ["since: 7d\n"]),
        ("from", "press", [], ["from: press\n"]),
    ],
)
def test_set_field(field, value, old, new, convert) -> None:  # type: ignore[no-untyped-def]
    before = convert(FILE)
    ends = [convert(line).removeprefix("\ufeff") for line in (*old, *new)]
    removed, added = changed_lines(before, set_field(before, field, value))
    # Lines that are alike on both sides of a change are no change.
    assert (removed, added) == (ends[: len(old)], ends[len(old) :])


def test_an_empty_value_is_filled_before_its_comment() -> None:
    text = "---\nsubject:   # later\nkind:\n---\n"
    assert set_field(text, "subject", "Now") == "---\nsubject: Now   # later\nkind:\n---\n"
    assert set_field(text, "kind", "alert") == "---\nsubject:   # later\nkind: alert\n---\n"


def test_a_value_over_several_lines_becomes_one() -> None:
    text = '---\nsubject: "a\n  b"  # x\npreheader: one\n  two\n---\n'
    assert set_field(text, "subject", "c") == '---\nsubject: "c"  # x\npreheader: one\n  two\n---\n'
    assert set_field(text, "preheader", "c") == '---\nsubject: "a\n  b"  # x\npreheader: c\n---\n'


REORDERED = """\
articles:
  - key: ccc
    excerpt: >
      Folded
      text

  # lead story
  - key: aaa   # River day, 2026-11-20, site
    title: "Our: own title"
    # excerpt: not yet
  # second
  - bbb   # Library, 2026-11-19, site

# about the language
"""


def test_reordering_takes_the_comments_along() -> None:
    after = reorder_articles(FILE, ["ccc", "aaa"])
    assert REORDERED in after
    assert sorted(after.splitlines()) == sorted(FILE.splitlines())
    assert article_keys(after) == ("ccc", "aaa", "bbb")
    assert reorder_articles(after, ["aaa", "bbb", "ccc"]) == FILE


def test_the_same_order_is_the_same_file() -> None:
    assert reorder_articles(FILE, []) == FILE
    assert reorder_articles(FILE, ["aaa", "bbb", "ccc"]) == FILE


def test_removing_an_article_takes_its_comments_away() -> None:
    after = remove_article(FILE, "bbb")
    assert article_keys(after) == ("aaa", "ccc")
    assert "# second" not in after and "# lead story" in after and "# about the language" in after


def test_removing_the_last_article_leaves_a_readable_file() -> None:
    after = FILE
    for key in ("aaa", "bbb", "ccc"):
        after = remove_article(after, key)
    assert parse_issue(after.replace("|", "", 1).replace("  lines\n", ""), "x.md").articles == ()
    assert article_keys(add_article(after, ArticleChoice("ddd"))) == ("ddd",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("---\nkind: alert\n---\nx", "---\nkind: alert\narticles:\n  - key: k   # A: b\n---\nx"),
        (
            "---\narticles:   # none\nkind: alert\n---\n",
            "---\narticles:   # none\n  - key: k   # A: b\nkind: alert\n---\n",
        ),
        ("---\narticles: []  # none\n---\n", "---\narticles:  # none\n  - key: k   # A: b\n---\n"),
        ("---\narticles: [a]\n---\n", "---\narticles: [a, k]\n---\n"),
        ("---\narticles:\n- a # x\n---\n", "---\narticles:\n- a # x\n- key: k   # A: b\n---\n"),
        ("---\r\narticles:\r\n- a\r\n---\r\n", "---\r\narticles:\r\n- a\r\n- key: k   # A: b\r\n---\r\n"),
        ("---\n    kind: alert\n---\n", "---\n    kind: alert\n    articles:\n      - key: k   # A: b\n---\n"),
        ("---\n    articles:\n---\n", "---\n    articles:\n      - key: k   # A: b\n---\n"),
    ],
)
def test_adding_an_article(text: str, expected: str) -> None:
    assert add_article(text, ArticleChoice("k"), "A:\nb") == expected


def test_an_added_article_keeps_its_own_words() -> None:
    choice = ArticleChoice("k", 'A "quoted": title', "Two\nlines")
    text = "---\nkind: alert\nsubject: S\nlists: a\narticles:\n  - a\n---\n"
    assert parse_issue(add_article(text, choice), "x.md").articles[1] == choice


@pytest.mark.parametrize(
    "change",
    [
        lambda: set_field(FILE, "articles", []),
        lambda: set_field(FILE, "segmnt", "x"),
        lambda: set_field(FILE, "lists", "x"),
        lambda: set_field(FILE, "subject", ["x"]),
        lambda: reorder_articles(FILE, ["nope"]),
        lambda: remove_article(FILE, "nope"),
        lambda: add_article(FILE, ArticleChoice("aaa")),
    ],
)
def test_a_callers_mistake_is_refused(change) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"\w"):
        change()


@pytest.mark.parametrize("articles", ["x", "{a: b}", "\n  - [a]", "\n  - title: x"])
def test_a_list_that_is_none_is_not_changed(articles: str) -> None:
    with pytest.raises(IssueFileError, match=r":[23]:"):
        reorder_articles(f"---\narticles: {articles}\n---\n", [])


VALUES = st.text(max_size=30) | st.text("ab:#'\"-[]{},&*!|>% \n\t\\é", max_size=12)


@given(VALUES, st.sampled_from([None, "'", '"']))
def test_any_text_reads_back_as_itself(value: str, style: str | None) -> None:
    value = value.encode("utf-8", "replace").decode()
    front = read_front_matter(f"---\nsubject: {scalar(value, style)}  # c\n---\n", "x.md")
    assert front.fields[0][1].value == value


COMMENTS = st.sampled_from(["", "", "# note", "  # [deeper]: x", "   "])
SUBJECTS = st.text("abc :#'\"-é漢", min_size=1, max_size=12).map(str.strip).filter(bool)
STYLES = st.sampled_from([None, "'", '"'])


@st.composite
def files(draw: st.DrawFn) -> str:
    """Files as people write them: any quoting, comments and blank lines anywhere, lists in both forms."""
    lines = [f"subject: {scalar(draw(SUBJECTS), draw(STYLES))}{draw(st.sampled_from(['', '  # why']))}"]
    lines.append(
        draw(st.sampled_from(["lists: [a, b] # c", "lists: a", "lists:\n  - a  # c\n\n  - b", "lists:\n- a\n# x\n- b"]))
    )
    lines.append("kind: alert")
    lines += draw(st.sampled_from([[], ["preheader: >-\n  Folded\n  words"], ["language: no"], ["preheader:"]]))
    lines += draw(st.sampled_from([[], ["articles:\n  # one\n  - a1\n\n  - key: b2 # t\n    title: T\n    # x"]]))
    spread = [part for line in draw(st.permutations(lines)) for part in (draw(COMMENTS), line)]
    text = "\n".join(["---", *spread, "---", "", "# Body: [x]", ""])
    newline, mark = draw(st.sampled_from(["\n", "\r\n"])), draw(st.sampled_from(["", "\ufeff"]))
    return mark + text.replace("\n", newline)


@given(files(), st.sampled_from(["subject", "preheader", "language", "from", "since"]), SUBJECTS)
def test_setting_a_field_leaves_every_other_line(text: str, field: str, value: str) -> None:
    word = {"subject": value, "preheader": value, "language": "en-GB", "from": "press", "since": "7d"}[field]
    after = set_field(text, field, word)
    issue = parse_issue(after, "x.md")
    assert {"from": issue.sender}.get(field, getattr(issue, field, None)) == word
    pair = read_front_matter(text, "x.md").find(field)
    removed, added = changed_lines(text, after)
    assert len(added) <= 1
    assert len(removed) <= (pair is not None) * (4 if field == "preheader" else 1)
    before = parse_issue(text, "x.md")
    assert (issue.lists, issue.articles, issue.body) == (before.lists, before.articles, before.body)


@given(files(), st.permutations(["a", "b", "c"]))
def test_setting_lists_keeps_all_comments(text: str, lists: list[str]) -> None:
    after = set_field(text, "lists", lists)
    assert parse_issue(after, "x.md").lists == tuple(lists)
    assert text.count("#") == after.count("#")
    assert set_field(after, "lists", lists) == after


@given(files())
def test_reordering_twice_gives_the_file_back(text: str) -> None:
    keys = article_keys(text)
    turned = reorder_articles(text, keys[::-1])
    assert article_keys(turned) == keys[::-1]
    assert reorder_articles(turned, keys) == text
    assert sorted(turned.splitlines()) == sorted(text.splitlines())
