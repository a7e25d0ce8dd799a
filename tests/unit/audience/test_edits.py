"""What somebody may ask to change of people, and what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.audience.edits import Edit, parse_edit, same, tags_of
from mailer.audience.tagging import checked_tag, tag_set, tags_cell, with_tags, without_tags


@pytest.mark.parametrize(
    ("setting", "name", "value"),
    [
        ("city=Oslo", "city", "Oslo"),
        ("Postal code= 0150 ", "postal_code", "0150"),
        ("motto=a=b", "motto", "a=b"),
        ("note=two\nlines", "note", "two\nlines"),
        ("age:=34", "age", 34),
        ("age=34", "age", "34"),
        ("vip:=true", "vip", True),
        ("vip:= false", "vip", False),
        ("score:=-1.5e3", "score", -1500.0),
        ("name:=\" Ann \"", "name", "Ann"),
        ('roles:=["a", {"b": null}]', "roles", ["a", {"b": None}]),
        ("path:=\"\\\\u0000\"", "path", "\\u0000"),
        ("a::=1", "a", 1),
    ],
)  # fmt: skip
def test_a_setting(setting: str, name: str, value: Any) -> None:
    edit = parse_edit([setting])
    assert edit.values == {name: value}
    assert type(edit.values[name]) is type(value)


@pytest.mark.parametrize(
    ("settings", "unset", "words"),
    [
        (["city"], [], "has no ="),
        (["=x"], [], "is no name"),
        (["!!=x"], [], "is no name"),
        (["email=a@example.org"], [], "cannot be set"),
        (["ID:=1"], [], "cannot be set"),
        (["subscription_state=confirmed"], [], "cannot be set"),
        (["tags=a"], [], "subscribers tag"),
        ([], ["Tags"], "subscribers untag"),
        (["city="], [], "--unset city"),
        (["city:=null"], [], "--unset city"),
        (["city:=[]"], [], "--unset city"),
        (["city=a\x00b"], [], "control characters"),
        (['city:="a\\u0000b"'], [], "control characters"),
        (["age:=34 years"], [], "followed by JSON"),
        (["age:=NaN"], [], "followed by JSON"),
        (["age:=1e999"], [], "followed by JSON"),
        (['name:="\\ud800"'], [], "followed by JSON"),
        (["deep:=" + "[" * 100_000], [], "followed by JSON"),
        (["note=" + "x" * 10_001], [], "longer than 10,000"),
        (["city=a"], ["city"], "both set and unset"),
    ],
)
def test_what_cannot_be_set(settings: list[str], unset: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        parse_edit(settings, unset)
    assert len(str(caught.value)) < 200


def test_the_last_word_counts() -> None:
    assert parse_edit(["city=Oslo", "City=Bergen"]).values == {"city": "Bergen"}


def test_an_edit_says_whether_it_changes_anything() -> None:
    edit = parse_edit(["city=Oslo"], ["phone"])
    assert edit.applied({"phone": "1"}) == {"city": "Oslo"}
    assert edit.applied({"city": "Oslo"}) is None
    assert edit.applied({"city": "Bergen", "age": 3}) == {"city": "Oslo", "age": 3}


@pytest.mark.parametrize(("old", "new"), [(1, True), (True, 1), (0, False), (1, 1.0), ([1], [True]), ("1", 1)])
def test_values_that_python_takes_for_equal_are_told_apart(old: Any, new: Any) -> None:
    assert not same(old, new)
    changed = Edit({"value": new}).applied({"value": old})
    assert changed is not None
    assert repr(changed["value"]) == repr(new)


def test_the_order_of_an_object_says_nothing() -> None:
    assert same({"a": 1, "b": [2]}, {"b": [2], "a": 1})


def test_tags_are_a_set_without_case() -> None:
    edit = Edit(tag=("Choir", "press"))
    tagged = edit.applied({"tags": ["choir"]})
    assert tagged == {"tags": ["choir", "press"]}
    assert edit.applied(tagged) is None
    assert Edit(untag=("CHOIR",)).applied(tagged) == {"tags": ["press"]}
    assert Edit(untag=("press", "choir")).applied({**tagged, "city": "Oslo"}) == {"city": "Oslo"}
    assert Edit(untag=("nothing",)).applied({}) is None


def test_tags_that_are_no_list_are_none() -> None:
    assert tags_of({"tags": "choir"}) == ()
    assert Edit(tag=("press",)).applied({"tags": "choir"}) == {"tags": ["press"]}


@pytest.mark.parametrize("text", ["", "  ", "a\x00", "x" * 101])
def test_what_is_no_tag(text: str) -> None:
    with pytest.raises(ValueError, match="tag"):
        checked_tag(text)


def test_a_tag_has_single_spaces() -> None:
    assert checked_tag("  north \t side ") == "north side"


@pytest.mark.parametrize(
    ("tags", "cell"),
    [
        ((), ""),
        (("a", "b c"), "a,b c"),
        (("Oslo, east", 'say "x"'), '"Oslo, east","say ""x"""'),
        (("a;b", "[x"), '"a;b","[x"'),
    ],
)
def test_tags_in_one_cell(tags: tuple[str, ...], cell: str) -> None:
    assert tags_cell(tags) == cell


NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["x", "1"])
EDITS = st.builds(
    Edit,
    st.dictionaries(NAMES, VALUES.filter(lambda value: value is not None)),
    st.just(frozenset({"d"})),
    st.lists(st.sampled_from(["x", "X", "y"])).map(tuple),
    st.lists(st.sampled_from(["z", "Z"])).map(tuple),
)
PEOPLE = st.fixed_dictionaries(
    {}, optional={**dict.fromkeys("abcd", VALUES), "tags": st.lists(st.sampled_from("xyzXZ")).map(tag_set).map(list)}
)


@given(EDITS, PEOPLE)
def test_an_edit_twice_is_an_edit_once(edit: Edit, person: dict[str, Any]) -> None:
    once = edit.applied(person)
    assert edit.applied(person if once is None else once) is None
    after = person if once is None else once
    assert "d" not in after
    assert all(same(after[name], value) for name, value in edit.values.items())


@given(st.lists(st.text(max_size=5)), st.lists(st.text(max_size=5)))
def test_tags_given_and_taken_again(old: list[str], new: list[str]) -> None:
    first = tag_set(old)
    assert tag_set(first) == first
    assert set(first) <= set(with_tags(first, new))
    folded = {tag.casefold() for tag in tag_set(new)}
    assert [tag.casefold() for tag in without_tags(with_tags(first, new), new)] == [
        tag.casefold() for tag in first if tag.casefold() not in folded
    ]
