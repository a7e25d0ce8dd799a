"""Findings get the line where an author can mend them."""

from __future__ import annotations

import pytest

from mailer.checks.finding import Finding, Level, Part, Place, Source
from mailer.checks.locate import Authored, Written, locate

FILE = "issues/rivers.md"
ISSUE = """\
---
kind: bulletin
subject: "Rivers, TODO"
lists: [weekly]
articles:
  - key: ab12   # The rivers are clean
  - key: cd34
---

Dear {{ subscriber.first_name }},

see [our *new* page](https://rivers.example/new?a=1&b=2) about the weir
and what comes after it, &amp; more.

## ***
"""
SETTINGS = """\
[organisation]
name = "Rivers"
website = "https://rivers.example/home"
elsewhere = "https://rivers.example"

[web]
base_url = ""

[from.office]
"""
AUTHORED = Authored(
    issue=Written(FILE, ISSUE),
    fields={"kind": 2, "subject": 3, "lists": 4, "articles": 5},
    keys={"ab12": 6, "cd34": 7},
    articles={
        "ab12": Written("ab12", "The rivers are clean\nAfter years of work.\nhttps://site.example/rivers"),
        "cd34": Written("cd34", "Nets\nhttps://site.example/nets"),
    },
    templates=[
        Written("templates/bulletin.mjml", "<mj-text>\nYou get this\n because you asked &amp; agreed\n</mj-text>")
    ],
    settings=Written("mailer.toml", SETTINGS),
    shipped=[Written("templates/alert.mjml", "an urgent word")],
)


def finding(part: Part, excerpt: str = "", message: str = "something", advice: str = "mend it") -> Finding:
    return Finding("rule", Level.WARNING, message, advice, Place(part, 99, excerpt))


def where(found: Finding, *said: str) -> str:
    source = locate(found, AUTHORED, said)
    return f"{source.file}:{source.line}" if source else ""


@pytest.mark.parametrize(
    ("part", "excerpt", "expected"),
    [
        (Part.SUBJECT, "Rivers, TODO", f"{FILE}:3"),
        (Part.PREHEADER, "", f"{FILE}:3"),
        (Part.AUDIENCE, "", f"{FILE}:4"),
        (Part.HEADERS, "", f"{FILE}:4"),
        (Part.ISSUE, "", f"{FILE}:5"),
        (Part.ISSUE, "cd34", f"{FILE}:7"),
        (Part.SUBJECT, "", f"{FILE}:3"),
        (Part.HTML, "https://rivers.example/new?a=1&b=2", f"{FILE}:12"),
        (Part.HTML, "our new page", f"{FILE}:12"),
        (Part.TEXT, "about the weir and what comes after it, & more.", f"{FILE}:12"),
        (Part.TEXT, "what comes after it, & more.", f"{FILE}:13"),
        (Part.HTML, "https://site.example/nets", f"{FILE}:7"),
        (Part.HTML, "AFTER YEARS OF WORK", f"{FILE}:6"),
        (Part.HTML, "You get this because you asked & agreed", "templates/bulletin.mjml:2"),
        (Part.HTML, "Well: because you asked and agreed, once more", ""),
        (Part.HTML, "Dear Ann, see what comes after it all", f"{FILE}:13"),
        (Part.HTML, "https://rivers.example/home", "mailer.toml:3"),
        (Part.HTML, "https://rivers.example", "mailer.toml:4"),
        (Part.HTML, "https://rivers.example/", "mailer.toml:4"),
        (Part.HTML, "https://site.example", f"{FILE}:6"),
        (Part.HTML, " *** ", f"{FILE}:15"),
        (Part.TEXT, "it, & more.", f"{FILE}:13"),
        (Part.TEXT, "it, &amp; more.", f"{FILE}:13"),
        (Part.HTML, "You get", "templates/bulletin.mjml:2"),
        (Part.HTML, "Well: you get this because we asked", "templates/bulletin.mjml:2"),
        (Part.HTML, "weir...", f"{FILE}:12"),
        (Part.HTML, "weir an...", f"{FILE}:12"),
        (Part.HTML, "ets", ""),
        (Part.HTML, "about the weir and what com...", f"{FILE}:12"),
        (Part.HTML, "the weir a...", f"{FILE}:12"),
        (Part.HTML, "nowhere at all is this written", ""),
        (Part.HTML, "!!!", ""),
        (Part.HTML, "", ""),
    ],
)
def test_the_line_of_a_finding(part: Part, excerpt: str, expected: str) -> None:
    assert where(finding(part, excerpt)) == expected


def test_what_the_element_says_finds_the_line_where_the_excerpt_does_not() -> None:
    assert where(finding(Part.HTML, "#ccc on #fff"), "https://site.example/nets") == f"{FILE}:7"
    assert where(finding(Part.HTML, "https://site.example/nets"), "our new page") == f"{FILE}:7"


@pytest.mark.parametrize("file", ["templates/head.mjml", "a.b@c-d.md", "x.txt.jinja", "subscribers/weekly.toml"])
def test_a_message_that_names_a_line_is_believed(file: str) -> None:
    found = finding(Part.HTML, message=f"2 of 9 mails cannot be written: {file}:17: no value")
    assert locate(found, AUTHORED) == Source(file, 17)


@pytest.mark.parametrize(
    ("part", "nearest", "next_one"),
    [
        (Part.ISSUE, "articles", "kind"),
        (Part.SUBJECT, "subject", "subject"),
        (Part.PREHEADER, "preheader", "subject"),
        (Part.HEADERS, "from", "lists"),
        (Part.AUDIENCE, "segment", "lists"),
    ],
)
def test_a_part_is_decided_by_the_nearest_field_that_is_there(part: Part, nearest: str, next_one: str) -> None:
    for fields in ({next_one: 5, nearest: 4}, {nearest: 4}):
        assert locate(finding(part), Authored(Written(FILE, ISSUE), fields)) == Source(FILE, 4)
    assert locate(finding(part), Authored(Written(FILE, ISSUE), {next_one: 5})) == Source(FILE, 5)


@pytest.mark.parametrize(
    ("text", "excerpt", "line"),
    [("a b\nc\na b", "a b", 1), ("a\nb", "a", 1), ("\n***\n***", "***", 2), ("a &copy; b\nc", "a © b", 1)],
)
def test_words_stand_on_the_first_line_that_has_them(text: str, excerpt: str, line: int) -> None:
    assert Written(FILE, text).line(excerpt) == line


@pytest.mark.parametrize("more", ["c", "/c", "?c", "#c", "&c", "=c", "%20", "-c", ".c"])
def test_an_address_is_not_one_that_goes_further(more: str) -> None:
    address = "https://rivers.example/b"
    assert Written(FILE, f"\n{address}{more}").address(address) == 0
    assert Written(FILE, f"\n{address}{more}\n{address}.").address(address) == 3
    assert Written(FILE, f"\n{address}/").address(address) == 2


@pytest.mark.parametrize(
    ("excerpt", "line"),
    [("b c d e x", 1), ("x b c d e", 1), ("b c d e", 1), ("x b c d y", 0), ("b c d", 0)],
)
def test_four_words_in_a_row_are_enough(excerpt: str, line: int) -> None:
    assert Written(FILE, "a b c d e f").near(excerpt) == line


def test_an_issue_alone_is_looked_through() -> None:
    alone = Authored(Written(FILE, ISSUE), articles={"ab12": Written("ab12", "Nets")})
    assert locate(finding(Part.HTML, "our new page"), alone) == Source(FILE, 12)
    assert locate(finding(Part.HTML, "Nets"), alone) is None
    assert alone.wrote("our new page") and not alone.wrote("The nets")


@pytest.mark.parametrize(
    ("file", "line", "expected"),
    [
        (FILE, 10, f"{FILE}:10"),
        (f"{FILE} (subject)", 1, f"{FILE}:3"),
        (f"{FILE} (preheader)", 1, ""),
        ("templates/bulletin.mjml", 2, "templates/bulletin.mjml:2"),
        ("templates/alert.mjml", 1, ""),
    ],
    ids=["body", "field", "field-not-there", "own-template", "shipped-template"],
)
def test_a_rule_that_knows_the_place_is_believed_where_the_author_can_mend_it(
    file: str, line: int, expected: str
) -> None:
    found = Finding("unknown-field", Level.WARNING, "nobody has it", "mend it", source=Source(file, line))
    assert where(found) == expected


def test_the_line_of_a_mistake_in_a_field_is_that_of_the_field() -> None:
    message = f"2 of 9 sample mails cannot be written: {FILE} (subject):1: no value"
    assert where(Finding("unwritable", Level.ERROR, message, "")) == f"{FILE}:3"


def test_settings_are_found_by_the_table_that_the_advice_names() -> None:
    assert where(finding(Part.SETTINGS, advice="set base_url under [web] in mailer.toml")) == "mailer.toml:6"
    assert where(finding(Part.SETTINGS, advice="set an address under [from.NAME] in mailer.toml")) == "mailer.toml:9"
    assert where(finding(Part.SETTINGS, advice="set it under [limits] in mailer.toml")) == "mailer.toml:1"
    assert where(finding(Part.SETTINGS)) == "mailer.toml:1"
    indented = Authored(Written(FILE, ISSUE), settings=Written("mailer.toml", "\n  [web]"))
    assert locate(finding(Part.SETTINGS, advice="set it under [web] in mailer.toml"), indented) == Source(
        "mailer.toml", 2
    )
    assert locate(finding(Part.SETTINGS), Authored(Written(FILE, ISSUE))) is None


def test_what_has_no_place_has_no_line() -> None:
    assert locate(Finding("rule", Level.ERROR, "sent already", ""), AUTHORED) is None
    assert locate(finding(Part.SUBJECT), Authored(Written(FILE, ISSUE))) is None


@pytest.mark.parametrize(
    ("file", "line", "words"),
    [
        (FILE, 3, 'subject: "Rivers, TODO"'),
        (FILE, 99, ""),
        ("templates/bulletin.mjml", 3, "because you asked &amp; agreed"),
        ("mailer.toml", 6, "[web]"),
        ("templates/alert.mjml", 1, ""),
    ],
)
def test_what_an_author_wrote_in_a_line(file: str, line: int, words: str) -> None:
    assert AUTHORED.words_at(Source(file, line)) == words


@pytest.mark.parametrize("text", ["our new page", "Nets", "you asked", "rivers.example/home", "an urgent word", "***"])
def test_what_somebody_wrote_is_known(text: str) -> None:
    assert AUTHORED.wrote(text)


@pytest.mark.parametrize("text", ["Ann", "riversx", "ets", "page new", "", "!!!"])
def test_what_nobody_wrote_is_not(text: str) -> None:
    assert not AUTHORED.wrote(text)
