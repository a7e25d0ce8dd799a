from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.articles.select import Selection, parse_since, select
from mailer.articles.tags import TagMatcher
from mailer.errors import UsageError
from mailer.model import Article

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MATCHER = TagMatcher({"Clean Rivers": ["flussputz"]})


def article(
    key: str, days: float = 0, tags: tuple[str, ...] = (), url: str | None = None, position: int = 0
) -> Article:
    moment = NOW - timedelta(days=days)
    return Article(key, "paper", f"T {key}", "", NOW, url=url, published_at=moment, tags=tags, position=position)


PAPER = [
    article("bus", 1, ("Night Buses",)),
    article("weir", 9, ("clean-rivers", "town")),
    article("lab", 3, ("#CleanRivers",)),
    article("boat", 5, ("Flussputz", "Town")),
]


def keys(selection: Selection, articles: list[Article] = PAPER) -> list[str]:
    return [chosen.key for chosen in select(articles, selection, MATCHER).articles]


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        (Selection(), ["bus", "lab", "boat", "weir"]),
        (Selection(tags=("#cleanrivers",)), ["lab", "boat", "weir"]),
        (Selection(tags=("clean rivers", "night_buses")), ["bus", "lab", "boat", "weir"]),
        (Selection(tags=("clean rivers", "TOWN"), every=True), ["boat", "weir"]),
        (Selection(since=NOW - timedelta(days=5)), ["bus", "lab", "boat"]),
        (Selection(until=NOW - timedelta(days=5)), ["boat", "weir"]),
        (Selection(limit=2), ["bus", "lab"]),
        (Selection(limit=0), []),
        (Selection(skip=("bus",)), ["lab", "boat", "weir"]),
        (Selection(exclude=frozenset({"lab", "weir"})), ["bus", "boat"]),
        (Selection(pin=("weir",)), ["weir", "bus", "lab", "boat"]),
        (Selection(pin=("weir", "lab"), limit=2), ["weir", "lab"]),
        (Selection(tags=("night buses",), pin=("weir",)), ["weir", "bus"]),
        (Selection(since=NOW - timedelta(days=2), pin=("weir",)), ["weir", "bus"]),
        (Selection(pin=("weir",), skip=("weir",)), ["bus", "lab", "boat"]),
        (Selection(pin=("weir",), exclude=frozenset({"weir"})), ["bus", "lab", "boat"]),
        (Selection(order=("boat", "bus")), ["boat", "bus", "lab", "weir"]),
        (Selection(order=("boat",), pin=("weir",)), ["boat", "weir", "bus", "lab"]),
        (Selection(tags=("nothing",)), []),
    ],
)
def test_which_articles_in_which_order(selection: Selection, chosen: list[str]) -> None:
    assert keys(selection) == chosen


def test_everything_left_out_has_its_reason() -> None:
    selection = Selection(
        tags=("clean rivers",),
        since=NOW - timedelta(days=7),
        skip=("x",),
        exclude=frozenset({"lab"}),
        limit=1,
        pin=("y",),
    )
    more = [*PAPER, article("x"), article("z", 2, ("clean rivers",))]
    selected = select(more, selection, MATCHER)
    assert [chosen.key for chosen in selected.articles] == ["z"]
    assert {left.key: reason for left, reason in selected.left_out} == {
        "bus": "other tags",
        "weir": "before 2026-11-15 12:00",
        "lab": "already sent",
        "x": "skipped",
        "boat": "more than 1",
    }
    assert selected.unknown == ("y",)


def test_a_minimum() -> None:
    assert select(PAPER, Selection(at_least=4), MATCHER).enough
    assert not select(PAPER, Selection(at_least=5), MATCHER).enough


def test_articles_of_one_moment_stand_as_in_their_source() -> None:
    same = [article(key, 1, position=place) for key, place in (("b", 2), ("c", 0), ("a", 1))]
    assert keys(Selection(), same) == ["c", "a", "b"]


def test_one_article_from_two_sources_comes_once() -> None:
    twins = [article("a", 1, url="https://e.org/x?utm_source=rss"), article("b", 2, url="http://e.org/x/")]
    selected = select(twins, Selection(), MATCHER)
    assert [chosen.key for chosen in selected.articles] == ["a"]
    assert [(left.key, reason) for left, reason in selected.left_out] == [("b", "the same as a")]


@pytest.mark.parametrize("selection", [Selection(exclude=frozenset({"a"})), Selection(skip=("a",))])
def test_what_was_sent_or_skipped_does_not_come_back_as_its_twin(selection: Selection) -> None:
    assert keys(selection, [article("a", 1, url="https://e.org/x"), article("b", 2, url="https://e.org/x#top")]) == []


KEYS = st.sampled_from("abcdefgh")
SELECTIONS = st.builds(
    Selection,
    tags=st.lists(st.sampled_from(["x", "Y", "z"]), max_size=2).map(tuple),
    every=st.booleans(),
    since=st.none() | st.integers(0, 9).map(lambda days: NOW - timedelta(days=days)),
    pin=st.lists(KEYS, max_size=3).map(tuple),
    skip=st.lists(KEYS, max_size=3).map(tuple),
    order=st.lists(KEYS, max_size=3).map(tuple),
    limit=st.none() | st.integers(0, 5),
    exclude=st.frozensets(KEYS, max_size=4),
)
ARTICLES = st.lists(
    st.builds(
        article,
        KEYS,
        st.integers(0, 9),
        st.lists(st.sampled_from(["#X", "y", "Z"]), max_size=2).map(tuple),
        st.none() | st.sampled_from(["https://e.org/1", "http://e.org/1/", "https://e.org/2"]),
        st.integers(0, 3),
    ),
    max_size=8,
    unique_by=lambda item: item.key,
)


@given(ARTICLES, SELECTIONS, st.randoms(use_true_random=False))
def test_a_selection_keeps_its_promises(articles: list[Article], selection: Selection, random: object) -> None:
    selected = select(articles, selection, MATCHER)
    chosen = [item.key for item in selected.articles]
    assert not set(chosen) & (selection.exclude | set(selection.skip))
    assert len(chosen) == len(set(chosen)) <= (len(articles) if selection.limit is None else selection.limit)
    assert sorted(chosen + [item.key for item, _ in selected.left_out]) == sorted(item.key for item in articles)
    shuffled = list(articles)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert [item.key for item in select(shuffled, selection, MATCHER).articles] == chosen
    assert select(selected.articles, selection, MATCHER).articles == selected.articles


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("7d", "2026-11-15T12:00+00:00"),
        ("24h", "2026-11-21T12:00+00:00"),
        (" 2W ", "2026-11-08T12:00+00:00"),
        ("2026-11-01", "2026-11-01T00:00+00:00"),
        ("2026-11-01T18:00", "2026-11-01T18:00+00:00"),
        ("2026-11-01T18:00:00+02:00", "2026-11-01T16:00+00:00"),
        ("2026-11-01T18:00:00Z", "2026-11-01T18:00+00:00"),
    ],
)
def test_since(text: str, moment: str) -> None:
    assert parse_since(text, NOW) == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "d",
        "-7d",
        "7m",
        "3 months",
        "99999999999d",
        "01/11/2026",
        "yesterday",
        "2026-13-01",
        "7d\x00",
    ],
)
def test_since_what(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_since(text, NOW)
    assert "\n" not in caught.value.message


def test_since_the_future() -> None:
    with pytest.raises(UsageError, match="future"):
        parse_since("2026-11-23", NOW)
