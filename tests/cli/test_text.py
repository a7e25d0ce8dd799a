"""What strangers' text may do to a terminal: nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.cli.jsontext import dumps
from mailer.cli.text import Table, cells, clean, cut, render_table, shown
from mailer.model import Article, SubscriptionState

SEEN = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hostile", "shown_as"),
    [
        ("River clean-up", "River clean-up"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;new window title\x07Rivers", "Rivers"),
        ("\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\", "click"),
        ("\x1b]52;c;cm0gLXJmIH4=\x07copied", "copied"),
        ("\x9b2Jcleared", "cleared"),
        ("\x1bPq#0\x1b\\sixel", "sixel"),
        ("\x1b]unfinished", ""),
        ("\x1bcreset", "reset"),
        ("over\rwritten", "over written"),
        ("two\nlines\tand a tab", "two lines and a tab"),
        ("line\u2028separator", "line separator"),
        ("back\x08space", "backspace"),
        ("user\u202etxt.exe", "usertxt.exe"),
        ("isolated \u2066text\u2069", "isolated text"),
        ("lone \ud800 surrogate", "lone  surrogate"),
        ("Ångström, 東京, עברית, می\u200cخواهم, 👩\u200d🔬", "Ångström, 東京, עברית, می\u200cخواهم, 👩\u200d🔬"),
    ],
)
def test_clean(hostile: str, shown_as: str) -> None:
    assert clean(hostile) == shown_as


@given(st.text(alphabet=st.characters() | st.sampled_from("\x1b\x9b\x9d\x07[]m0;\\")))
def test_nothing_that_commands_a_terminal_survives(text: str) -> None:
    left = clean(text)
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in left)
    assert clean(left) == left


@given(st.recursive(st.text() | st.integers() | st.booleans() | st.none(), lambda part: st.lists(part), max_leaves=8))
def test_json_says_the_same_and_is_safe_to_print(value: Any) -> None:
    text = dumps(value)
    assert json.loads(text) == value
    assert clean(text.replace("\n", "")) == text.replace("\n", "")


def test_records_become_objects() -> None:
    article = Article("a1", "site", "Title", "", SEEN, tags=("one", "two"))
    told = json.loads(dumps({"article": article, "state": SubscriptionState.PENDING}))
    assert told["article"]["first_seen_at"] == "2026-11-22T08:30:00Z"
    assert told["article"]["tags"] == ["one", "two"]
    assert told["article"]["url"] is None
    assert told["state"] == "pending"


def test_times_are_told_in_utc() -> None:
    oslo = datetime(2026, 6, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert json.loads(dumps(oslo)) == "2026-06-01T10:00:00Z"


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("東京", 4), ("e\u0301", 1), ("", 0), ("می\u200cخواهم", 7), ("ｆ", 2)]
)
def test_cells(text: str, width: int) -> None:
    assert cells(text) == width


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [("short", 5, "short"), ("longer text", 7, "longer…"), ("東京都庁", 5, "東京…"), ("a b", 3, "a b")],
)
def test_cut(text: str, width: int, expected: str) -> None:
    assert cut(text, width) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, ""), (True, "yes"), (3, "3"), (("a", "b"), "a, b"), (SEEN, "2026-11-22 08:30"), ("\x1b[1mx", "x")],
)
def test_shown(value: object, expected: str) -> None:
    assert shown(value) == expected


def test_a_table_is_aligned_whatever_the_script() -> None:
    rows = [("東京", 7), ("Oslo", 1200), ("e\u0301t\u0301", 3)]
    lines = list(render_table(Table(("CITY", "PEOPLE"), rows, frozenset({"PEOPLE"}))))
    assert lines == ["CITY  PEOPLE", "東京       7", "Oslo    1200", "e\u0301t\u0301         3"]


def test_a_table_has_no_blanks_at_the_ends_of_lines() -> None:
    lines = list(render_table(Table(("A", "B"), [("long value", ""), ("x", "y")])))
    assert lines == ["A           B", "long value", "x           y"]


def test_a_table_is_cut_to_a_terminal_and_whole_in_a_pipe() -> None:
    table = Table(("KEY", "TITLE"), [("abc", "x" * 200)])
    assert max(map(len, render_table(table, 80))) == 80
    assert max(map(len, render_table(table))) == 205


def test_a_long_table_is_printed_before_its_end_is_known() -> None:
    def endless() -> Any:
        number = 0
        while True:
            number += 1
            yield (number,)

    lines = render_table(Table(("N",), endless()))
    assert [next(lines) for _ in range(1000)][-1] == "999"
