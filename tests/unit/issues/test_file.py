"""Reading issue files: what is taken, and every mistake with its line and what is allowed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.errors import IssueFileError
from mailer.issues.file import parse_issue
from mailer.model import ArticleChoice, Issue, IssueKind

PATH = "issues/2026-11-22-rivers.md"
FULL = """\
---
kind: bulletin            # or alert
subject: "Rivers: what is new"
preheader: Three things
template: plain
from: press
lists: [weekly, oslo]
language: no
tags:
  - "#CleanRivers"
  - 2026
since: 7d
segment: city == "Oslo" and "volunteer" in tags
articles:
  - abc
  - 1e5
  - key: 0123
    title: Own title
    excerpt: |
      Own
      words
---
Dear {{ subscriber.first_name }},
--- not a fence
"""


@pytest.mark.parametrize("convert", [str, lambda text: "\ufeff" + text, lambda text: text.replace("\n", "\r\n")])
def test_every_field(convert) -> None:  # type: ignore[no-untyped-def]
    assert parse_issue(convert(FULL), PATH) == Issue(
        name="2026-11-22-rivers",
        kind=IssueKind.BULLETIN,
        subject="Rivers: what is new",
        lists=("weekly", "oslo"),
        body=convert("Dear {{ subscriber.first_name }},\n--- not a fence\n").removeprefix("\ufeff"),
        preheader="Three things",
        template="plain",
        sender="press",
        language="no",
        tags=("#CleanRivers", "2026"),
        since="7d",
        segment='city == "Oslo" and "volunteer" in tags',
        articles=(ArticleChoice("abc"), ArticleChoice("1e5"), ArticleChoice("0123", "Own title", "Own\nwords")),
        body_line=23,
    )


SHORT = "kind: alert\nsubject: S\nlists: weekly\n"


def test_the_shortest_file() -> None:
    issue = parse_issue(f"---\n{SHORT}---", "x.md")
    assert (issue.lists, issue.body, issue.template_name, issue.language) == (("weekly",), "", "alert", "en")


@pytest.mark.parametrize(
    "line", ["template:", "from: ~", "preheader: null", "since:   # later", "articles:", "tags: []"]
)
def test_what_is_empty_is_not_set(line: str) -> None:
    assert parse_issue(f"---\n{SHORT}{line}\n---\n", "x.md") == parse_issue(f"---\n{SHORT}\n---\n", "x.md")


def mistakes(text: str) -> list[str]:
    with pytest.raises(IssueFileError) as caught:
        parse_issue(text, PATH)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("segmnt: x", 'unknown field "segmnt": did you mean "segment"?'),
        ("segment: city = 1", "segment is wrong at column 6: one = does not compare: write =="),
        ("segment: [a]", "segment must be one text"),
        ("segment: Oslo", 'segment is wrong at column 1: what about "Oslo"?'),
        ("ab: x", 'unknown field "ab"'),
        ("templat: x", 'unknown field "templat": did you mean "template"? (allowed: archive, articles,'),
        ("kind: bulletin", "kind is there twice, also on line 2"),
        ("template: ../secret", "template must be the name of a template"),
        ("template: [a]", "template must be one text"),
        ("from: Press Office", "from must be the NAME of a [from.NAME]"),
        ("language: norsk bokmål", "language must be a language tag"),
        ("since: monday", "since must be 7d, 24h, 2w or a date"),
        ("preheader: {a: b}", "preheader must be one text"),
        ('preheader: "a\\nb"', "preheader must be one line; it holds the character U+000A"),
        ("tags: {a: b}", "tags must be a list"),
        ("tags: [[a]]", "tags must be one text"),
        ("articles: abc", "articles must be a list"),
        ("articles: [a b]", "articles: an article is named by its key"),
        ("articles: [a, b, a]", "articles: a is listed twice"),
        ("articles: [[a]]", "articles: an article is its key, or the fields"),
        ("articles: [{title: x}]", "articles: key is missing"),
        ("articles: [{key: a, titel: x}]", 'articles: unknown field "titel": did you mean "title"?'),
        ("articles: [{key: a, key: b}]", "articles: key is there twice"),
        ('articles: [{key: a, title: "x\\ry"}]', "articles: must be one line"),
        ("preheader: &a x", "YAML anchors"),
        ("preheader: !!python/object:os.system x", "YAML anchors (&, *) and tags (!)"),
        ("preheader: !x y", "YAML anchors (&, *) and tags (!)"),
        ("preheader: a: b", "a second colon: put the text between quotation marks"),
        ("preheader: [a", "a bracket is opened here and not closed"),
        ('preheader: "a', "a quotation mark is opened here and not closed"),
        ("\tpreheader: a", "a tab stands where only spaces may"),
        ("preheader: a\0", "the character U+0000 must not stand here"),
        ("preheader: a\u2028b", "the character U+2028 must not stand here"),
        ("preheader: a\x85b", "the character U+0085 must not stand here"),
        ("no field", "this is no field"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_mistake_has_its_line(line: str, message: str, newline: str) -> None:
    text = f"---\n{SHORT}# comment\n{line}\n---\n".replace("\n", newline)
    found = mistakes(text)
    assert len(found) == 1 or "twice" in message
    assert found[0].startswith(f"{PATH}:6: "), found
    assert message in found[0]


@pytest.mark.parametrize(
    ("subject", "message"),
    [
        ("", "subject must not be empty"),
        ('""', "subject must not be empty"),
        ('"   "', "subject must not be empty"),
        ('"a\\r\\nBcc: b@example.org"', "subject must be one line; it holds the character U+000D"),
        ('"a\\0b"', "it holds the character U+0000"),
        ('"a\\u2028b"', "it holds the character U+2028"),
        ('"a\\u202eb"', "invisible direction mark U+202E"),
        ("a\u2066b", "invisible direction mark U+2066"),
        ('"a\\ud800b"', "U+D800"),
        ("|\n  a\n  b", "it holds the character U+000A"),
        ("[a]", "subject must be one text"),
    ],
)
def test_a_subject_that_no_inbox_should_see(subject: str, message: str) -> None:
    (found,) = mistakes(f"---\nkind: alert\nsubject: {subject}\nlists: a\n---\n")
    assert found.startswith(f"{PATH}:3: ")
    assert message in found


@pytest.mark.parametrize(
    "lists", ["", "[]", "~", "[weekly, '']", "[weekly, weekly]", "[Weekly]", "[a/b]", "{a: b}", "[[a]]"]
)
def test_lists_must_name_lists(lists: str) -> None:
    (found,) = mistakes(f"---\nkind: alert\nsubject: S\nlists: {lists}\n---\n")
    assert found.startswith(f"{PATH}:4: lists ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "begins with a line ---"),
        ("kind: alert\n", "begins with a line ---"),
        ("\n---\nkind: alert\n---\n", "begins with a line ---"),
        ("----\n---\n", "begins with a line ---"),
        ("---\nkind: alert\n", "are not closed"),
        ("---\n- a\n---\n", "fields stand one on a line"),
        ("---\n{kind: alert}\n---\n", "fields stand one on a line"),
        ("---\njust words\n---\n", "fields stand one on a line"),
        ("---\n? [a]\n: b\n---\n", "the name of a field is one word"),
        ("---\n%YAML 1.1\n---\n", "directives"),
        ("---\n" + "a: b\n" * 100_000 + "---\n", "longer than 256 KB"),
        ("---\na: " + "[" * 20_000 + "\n---\n", ":2: "),
    ],
)
def test_a_file_that_is_no_issue(text: str, message: str) -> None:
    (found,) = mistakes(text)
    assert message in found


def test_every_mistake_is_reported_in_order() -> None:
    found = mistakes("---\nknd: alert\nlists: []\nlanguage: x!\narticles:\n  - a b\n  - ok\n  - c d\n---\n\n\0\n")
    assert [line.split(":")[1] for line in found] == ["1", "1", "2", "3", "4", "6", "8", "11"]
    assert "kind is missing" in found[0] and "subject is missing" in found[1]


def test_a_file_of_aliases_does_not_grow() -> None:
    levels = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))
    assert mistakes(f"---\na0: &a0 x\n{levels}---\n")


@given(st.text("-:#\n\r\t '\"[]{}abkindsubject&*!|>\ufeff\0é", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for whole in (text, f"---\n{text}\n---\n", f"---\n{SHORT}{text}\n---\n{text}"):
        try:
            assert parse_issue(whole, "x.md").subject
        except IssueFileError as error:
            assert error.mistakes
