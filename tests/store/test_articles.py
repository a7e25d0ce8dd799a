"""Articles: what is first seen stays so, what changed is followed, what is asked for is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from mailer.errors import NotFoundError
from mailer.model import Article
from mailer.store import articles
from mailer.store.articles import Query, Saved
from mailer.store.database import Store
from tests.store.world import NOW

DAY = timedelta(days=1)


def article(key: str, *, days: float | None = None, position: int = 0, **values: object) -> Article:
    made = Article(key, "site", f"Title {key}", f"Excerpt {key}", NOW, position=position, tags=("CleanRivers", "Ø"))
    return replace(made, published_at=None if days is None else NOW - days * DAY, **values)  # type: ignore[arg-type]


def save(store: Store, *given: Article, days: float = 0) -> Saved:
    with store.write() as connection:
        return articles.save(connection, given, NOW + days * DAY)


def find(store: Store, query: Query) -> list[str]:
    with store.read() as connection:
        return [found.key for found in articles.find(connection, query)]


def test_an_article_comes_back_whole(store: Store) -> None:
    whole = article(
        "a", days=1, position=3, url="https://x.org/a", image_url="https://x.org/a.png", image_alt="Å", author="Bo"
    )
    assert save(store, whole) == Saved(new=1)
    with store.read() as connection:
        assert articles.find(connection, Query()) == [whole]


def test_first_seen_and_position_never_change(store: Store) -> None:
    save(store, article("a", position=4))
    moved = article("a", position=0, first_seen_at=NOW + 9 * DAY)
    assert save(store, moved, days=9) == Saved(same=1)
    changed = replace(moved, title="New title", tags=("Library",))
    assert save(store, changed, days=9) == Saved(changed=1)
    assert save(store, changed, days=10) == Saved(same=1)
    with store.read() as connection:
        found = articles.get(connection, "a")
    assert (found.first_seen_at, found.position) == (NOW, 4)
    assert (found.title, found.tags) == ("New title", ("Library",))
    assert find(store, Query(text="new TITLE")) == ["a"], "what is searched follows"


def test_a_parser_may_say_that_an_undated_article_is_older_but_not_younger(store: Store) -> None:
    save(store, article("old", first_seen_at=NOW - 3 * DAY), article("odd", first_seen_at=NOW + 3 * DAY), days=1)
    with store.read() as connection:
        found = articles.by_keys(connection, ["old", "odd"])
    assert found["old"].first_seen_at == NOW - 3 * DAY
    assert found["odd"].first_seen_at == NOW + DAY


def test_a_date_that_is_added_later_moves_the_article(store: Store) -> None:
    save(store, article("a"), article("b", days=1))
    assert find(store, Query()) == ["a", "b"]
    save(store, article("a", days=3))
    assert find(store, Query()) == ["b", "a"]


def test_one_key_twice_in_a_source_is_one_article(store: Store) -> None:
    assert save(store, article("a", title="newer"), article("a", title="older")) == Saved(new=1)
    with store.read() as connection:
        assert articles.get(connection, "a").title == "newer"


def test_more_articles_than_one_statement_takes(store: Store) -> None:
    many = [article(f"k{number:04}", position=number) for number in range(1203)]
    assert save(store, *many) == Saved(new=1203)
    assert save(store, *many, article("z")) == Saved(new=1, same=1203)
    assert find(store, Query(limit=3)) == ["k0000", "z", "k0001"]


def test_order_is_newest_first_then_as_listed(store: Store) -> None:
    save(store, article("c", days=2), article("b", position=1), article("a", position=0), article("d", days=-1))
    assert find(store, Query()) == ["d", "a", "b", "c"]


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        (Query(), ["a", "b", "c"]),
        (Query(limit=2), ["a", "b"]),
        (Query(limit=0), []),
        (Query(since=NOW - 2 * DAY), ["a", "b"]),
        (Query(until=NOW - 2 * DAY), ["c"]),
        (Query(since=NOW - 2 * DAY, until=NOW - DAY), ["b"]),
        (Query(source="site"), ["a", "c"]),
        (Query(source="nope"), []),
        (Query(text="øystre"), ["b"]),
        (Query(text="ØYSTRE"), ["b"]),
        (Query(text="100%"), ["c"]),
        (Query(text="0_"), []),
        (Query(text="Excerpt"), ["a", "b", "c"]),
    ],
)
def test_find(store: Store, query: Query, keys: list[str]) -> None:
    save(
        store,
        article("a", days=1),
        article("b", days=2, title="Øystre Slidre", source="other"),
        article("c", days=3, title="100% clean"),
    )
    assert find(store, query) == keys


def test_get_by_the_beginning_of_a_key(store: Store) -> None:
    save(store, article("abc"), article("abcd"), article("b%"))
    with store.read() as connection:
        assert articles.get(connection, "abcd").key == "abcd"
        assert articles.get(connection, "abc").key == "abc", "a whole key is never ambiguous"
        with pytest.raises(NotFoundError, match="more than one"):
            articles.get(connection, "ab")
        with pytest.raises(NotFoundError, match='article "x" is unknown'):
            articles.get(connection, "x")
        with pytest.raises(NotFoundError, match="unknown"):
            articles.get(connection, "%")


def test_by_keys(store: Store) -> None:
    save(store, article("a"), article("b"))
    with store.read() as connection:
        assert set(articles.by_keys(connection, ["b", "x", "a"])) == {"a", "b"}
        assert articles.by_keys(connection, []) == {}
