"""The sentence about a word that is not known."""

from __future__ import annotations

import pytest

from mailer.wording import allowed_names, near_name, quoted, unknown


@pytest.mark.parametrize(
    ("word", "near"),
    [("subjct", "subject"), ("SUBJECT", "subject"), ("lits", "lists"), ("zzz", None), ("", None)],
)
def test_the_near_name(word: str, near: str | None) -> None:
    assert near_name(word, ["subject", "lists", "kind"]) == near


@pytest.mark.parametrize(
    ("names", "sentence"), [([], ""), (["a"], "a"), (["b", "a"], "a or b"), (["c", "b", "a"], "a, b or c")]
)
def test_what_is_allowed(names: list[str], sentence: str) -> None:
    assert allowed_names(names) == sentence


def test_a_long_list_is_cut() -> None:
    assert allowed_names(f"name{number:03}" for number in range(500)).endswith("name023, ...")


def test_the_whole_sentence() -> None:
    assert unknown("key", "kindd", ["kind", "from"]) == (
        'unknown key "kindd": did you mean "kind"? (allowed: from or kind)'
    )
    many = [f"name{number:03}" for number in range(500)]
    assert unknown("rule", "nane010", many) == 'unknown rule "nane010": did you mean "name010"?'
    assert unknown("rule", "x", many).endswith("name023, ...)")
    assert unknown("list", "x", []) == 'unknown list "x"'


@pytest.mark.parametrize(
    ("word", "shown"),
    [("a\x1b[31mb", '"a?[31mb"'), ("a\nb", '"a?b"'), ("a\u202eb", '"a?b"'), ("x" * 100, f'"{"x" * 60}..."')],
)
def test_a_word_is_shown_on_one_line(word: str, shown: str) -> None:
    assert quoted(word) == shown
