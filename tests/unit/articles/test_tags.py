from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.articles.tags import TagMatcher, checked_tags, distinct, tag_key
from mailer.errors import UsageError


@pytest.mark.parametrize(
    "spelling",
    [
        "#CleanRivers",
        "cleanrivers",
        "clean-rivers",
        "Clean Rivers",
        "CLEAN_RIVERS",
        " clean  rivers ",
        "＃ＣｌｅａｎRivers",
        "clean\u2011rivers",
        "clean\u00a0rivers",
        "clean\u200brivers",
    ],
)
def test_spellings_of_one_tag(spelling: str) -> None:
    assert tag_key(spelling) == "cleanrivers"


@pytest.mark.parametrize(
    ("one", "other"), [("rivers", "river"), ("c", "c++"), ("night bus", "night buses"), ("1", "2"), ("ä", "a")]
)
def test_tags_that_differ(one: str, other: str) -> None:
    assert tag_key(one) != tag_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("STRASSE", "straße"), ("ΟΔΟΣ", "οδός".replace("ό", "ο")), ("ﬁsh", "fish"), ("cafe\u0301", "CAFÉ")],
)
def test_case_and_composition_do_not_matter(one: str, other: str) -> None:
    assert tag_key(one) == tag_key(other)


@given(st.text(max_size=40))
def test_a_key_is_its_own_key(text: str) -> None:
    assert tag_key(tag_key(text)) == tag_key(text)


@given(st.text(max_size=20))
def test_case_and_one_hash_never_matter(text: str) -> None:
    assert tag_key(f"#{text}") == tag_key(text)
    assert tag_key(text.casefold()) == tag_key(text)


def test_distinct_keeps_the_first_spelling_and_the_order() -> None:
    assert distinct(["Night Buses", "#nightbuses", " ", "#", "-", "School Meals", "Nightbuses"]) == (
        "Night Buses",
        "School Meals",
    )


@pytest.mark.parametrize("tag", ["", " ", "#", "###", "-", "_ -", "+++", "#\u200b"])
def test_a_tag_without_a_letter_or_digit_is_refused(tag: str) -> None:
    with pytest.raises(UsageError) as caught:
        checked_tags(["Rivers", tag])
    assert caught.value.message == f"{tag!r} is no tag: it needs a letter or a digit"


def test_tags_in_order_stay_as_they_were_written() -> None:
    asked = ("#CleanRivers", "7", "清流", "c++", "नदी")
    assert checked_tags(iter(asked)) == asked


ALIASES = TagMatcher({"Clean Rivers": ["rivers", "#flussputz"], "climate": ["Clean Rivers"], "a": ["b"], "b": ["a"]})


@pytest.mark.parametrize(
    ("tag", "canonical"),
    [
        ("Rivers", "climate"),
        ("flussputz", "climate"),
        ("clean-rivers", "climate"),
        ("climate", "climate"),
        ("x y", "xy"),
    ],
)
def test_aliases_lead_to_one_name(tag: str, canonical: str) -> None:
    assert ALIASES.canonical(tag) == canonical


def test_aliases_in_a_circle_end() -> None:
    assert {ALIASES.canonical("a"), ALIASES.canonical("b")} <= {"a", "b"}


@pytest.mark.parametrize(
    ("wanted", "any_of", "all_of"),
    [
        ((), True, True),
        (("#NightBuses",), True, True),
        (("nightbuses", "flussputz"), True, True),
        (("nightbuses", "school meals"), True, False),
        (("school meals",), False, False),
    ],
)
def test_matching(wanted: tuple[str, ...], any_of: bool, all_of: bool) -> None:
    carried = ("Night Buses", "rivers")
    assert ALIASES.matches(carried, wanted) is any_of
    assert ALIASES.matches(carried, wanted, every=True) is all_of
