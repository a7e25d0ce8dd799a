"""Bringing people in: every rule with every update, in chunks of any size, on both databases."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailer.audience.suppressing import hashes
from mailer.model import How, MailingList, SubscriptionState, SuppressionReason
from mailer.store import importing, lists, subscribers, subscriptions, suppressions
from mailer.store.admission import Admission, Ban, NewSubscriber, Update, merge
from mailer.store.database import Store
from mailer.store.importing import Target
from mailer.store.seen import Seen
from mailer.store.subscriptions import Origin
from mailer.store.suppressions import Suppression
from mailer.store.tables import subscribers as people_table
from mailer.store.tables import subscription_events, suppression_events
from tests.store.world import CONFIRMED, NOW, PENDING, UNSUBSCRIBED, World, address, key
from tests.thoroughness import examples

BOUNCED = Ban(SuppressionReason.BOUNCED, "cleaned.csv: cleaned")


def row(name: str, state: SubscriptionState = CONFIRMED, ban: Ban | None = None, **attributes: Any) -> NewSubscriber:
    return NewSubscriber(address(name), attributes, state, ban)


def bring_in(
    store: Store,
    rows: Sequence[NewSubscriber],
    update: Update = Update.OVERWRITE,
    sizes: Sequence[int] = (1000,),
    list_name: str = "weekly",
) -> Counter[str]:
    """The rows in chunks of these sizes in turn, each a transaction, looked at first; what they did."""
    seen, ahead = Seen(), Seen()
    total: Counter[str] = Counter()
    rest = list(rows)
    place = 0
    while rest:
        size = sizes[place % len(sizes)]
        place += 1
        chunk, rest = rest[:size], rest[size:]
        with store.write() as connection:
            number = lists.ensure(connection, MailingList(list_name, list_name.title()))
        target = Target(number, Origin(How.IMPORT, "a file"), NOW, update)
        with store.read() as connection:
            foreseen = importing.foresee(connection, importing.gather(chunk, ahead), target)
        with store.write() as connection:
            done = importing.bring_in(connection, importing.gather(chunk, seen), target)
        assert +foreseen == +done, "a dry run says what happens"
        total.update({name.value: number for name, number in done.items() if number})
    return total


def contents(store: Store, list_name: str = "weekly") -> dict[str, Any]:
    """Everything but times and numbers: people, their states, their events in order, the suppressions."""
    with store.read() as connection:
        found: dict[str, Any] = {}
        for one in connection.execute(sa.select(people_table)):
            history = subscriptions.history(connection, one.email_key)
            found[one.email_key] = (
                one.email, one.ascii_email, one.attributes, one.domain,
                subscriptions.of(connection, one.email_key),
                [(event.list_name, event.state, event.how, event.source) for event in history],
            )  # fmt: skip
        found["suppressions"] = [
            (one.value, one.reason, one.note, one.list_id) for one in suppressions.every(connection)
        ]
        found["log"] = sorted(connection.execute(sa.select(suppression_events.c.value)).scalars())
        return found


def attributes(store: Store, name: str) -> Any:
    with store.read() as connection:
        person = subscribers.get(connection, key(name))
    return person and person.attributes


# --- Attributes of people who are known -------------------------------------------------------------------------------

OLD: dict[str, Any] = {"city": "Oslo", "phone": "", "tags": ["Volunteer"]}
NEW: dict[str, Any] = {
    "city": "Bergen",
    "phone": "1",
    "given": "Ada",
    "age": 0,
    "empty": "",
    "tags": ["donor", "volunteer"],
}


@pytest.mark.parametrize(
    ("update", "after", "result"),
    [
        (Update.KEEP, {"city": "Oslo", "phone": "", "tags": ["Volunteer"]}, "unchanged"),
        (
            Update.FILL,
            {"city": "Oslo", "phone": "1", "given": "Ada", "age": 0, "tags": ["donor", "Volunteer"]},
            "updated",
        ),
        (
            Update.OVERWRITE,
            {"city": "Bergen", "phone": "1", "given": "Ada", "age": 0, "tags": ["donor", "Volunteer"]},
            "updated",
        ),
    ],
)
def test_what_a_row_does_to_somebody_known(world: World, update: Update, after: dict[str, Any], result: str) -> None:
    world.add("weekly", "ada")
    with world.store.write() as connection:
        connection.execute(sa.update(people_table).values(attributes=OLD))
    assert bring_in(world.store, [row("ada", **NEW)], update) == {result: 1}
    assert attributes(world.store, "ada") == after
    assert bring_in(world.store, [row("ada", **NEW)], update) == {"unchanged": 1}


@pytest.mark.parametrize("update", Update)
def test_somebody_known_joins_another_list(world: World, update: Update) -> None:
    """What is known of them follows the rule; that they join does not."""
    world.add("alerts", "ada", city="Oslo")
    assert bring_in(world.store, [row("ada", city="Bergen")], update) == {"new": 1}
    assert attributes(world.store, "ada") == {"city": "Bergen" if update is Update.OVERWRITE else "Oslo"}


@pytest.mark.parametrize("update", Update)
@pytest.mark.parametrize("sizes", [(100,), (1,)])
def test_one_address_twice_in_a_file(world: World, update: Update, sizes: tuple[int, ...]) -> None:
    """The later row is applied onto the earlier one."""
    rows = [row("ada", city="Oslo", tags=["a"]), row("ben"), row("ada", PENDING, city="Bergen", phone="1", tags=["b"])]
    assert bring_in(world.store, rows, update, sizes) == {"new": 2, "duplicate": 1}
    expected = {
        Update.KEEP: {"city": "Oslo", "tags": ["a"]},
        Update.FILL: {"city": "Oslo", "tags": ["a", "b"], "phone": "1"},
        Update.OVERWRITE: {"city": "Bergen", "tags": ["a", "b"], "phone": "1"},
    }
    assert attributes(world.store, "ada") == expected[update]
    assert contents(world.store)[key("ada")][4] == {"weekly": CONFIRMED}, "consent is not taken back by a second row"


# --- Who may come in, whatever the update -----------------------------------------------------------------------------


@pytest.mark.parametrize("update", Update)
@pytest.mark.parametrize("wanted", [PENDING, CONFIRMED])
def test_nobody_is_revived(world: World, update: Update, wanted: SubscriptionState) -> None:
    world.add("weekly", "left", city="Oslo")
    world.change("weekly", "left", UNSUBSCRIBED)
    world.add("weekly", "bounced", city="Oslo")
    world.suppress("bounced")
    world.suppress("stranger")
    rows = [row(name, wanted, city="Bergen", tags=["x"]) for name in ("left", "bounced", "stranger", "ben")]
    before = contents(world.store)
    assert bring_in(world.store, rows, update) == {"unsubscribed": 1, "suppressed": 2, "new": 1}
    after = contents(world.store)
    assert {name: after[name] for name in before} == before
    assert after.keys() - before.keys() == {key("ben")}


@pytest.mark.parametrize("update", Update)
def test_nobody_of_a_suppressed_domain_comes_in(world: World, update: Update) -> None:
    with world.store.write() as connection:
        number = lists.ensure(connection, MailingList("weekly", "Weekly"))
        suppressions.add(connection, Suppression("@example.org", list_id=number), NOW)
    assert bring_in(world.store, [row("ada"), row("ben")], update) == {"suppressed": 2}
    assert bring_in(world.store, [row("ada")], update, list_name="alerts") == {"new": 1}, "another list is open"


@pytest.mark.parametrize("update", Update)
def test_nobody_forgotten_comes_back(world: World, update: Update) -> None:
    secret = {"k1": b"a key of the workspace"}
    store = replace(world.store, hasher=lambda found: hashes(secret, found))
    (value,) = hashes(secret, key("ada"))
    with store.write() as connection:
        suppressions.add(connection, Suppression(value, SuppressionReason.FORGOTTEN), NOW)
    assert bring_in(store, [row("ada"), row("ben"), row("ada", UNSUBSCRIBED)], update) == {
        "forgotten": 1, "new": 1, "duplicate": 1,
    }  # fmt: skip
    assert attributes(store, "ada") is None


@pytest.mark.parametrize("update", Update)
def test_a_no_is_heard(world: World, update: Update) -> None:
    world.add("weekly", "ada", city="Oslo")
    world.add("weekly", "ben", state=PENDING)
    world.add("weekly", "sam")
    world.suppress("sam")
    rows = [row(name, UNSUBSCRIBED) for name in ("ada", "ben", "sam", "stranger")]
    assert bring_in(world.store, rows, update) == {"updated": 3, "new": 1}
    assert bring_in(world.store, rows, update) == {"unsubscribed": 3, "suppressed": 1}
    found = contents(world.store)
    for name in ("ada", "ben", "sam", "stranger"):
        assert found[key(name)][4] == {"weekly": UNSUBSCRIBED}


@pytest.mark.parametrize("update", Update)
def test_pending_becomes_confirmed_only_when_told(world: World, update: Update) -> None:
    world.add("weekly", "ada", state=PENDING)
    assert bring_in(world.store, [row("ada", PENDING)], update) == {"unchanged": 1}
    assert bring_in(world.store, [row("ada", CONFIRMED)], update) == {"updated": 1}
    assert bring_in(world.store, [row("ada", PENDING)], update) == {"unchanged": 1}
    events = contents(world.store)[key("ada")][5]
    assert [state for _, state, _, _ in events] == [PENDING, CONFIRMED]


@pytest.mark.parametrize("update", Update)
def test_what_a_file_says_of_dead_addresses_becomes_a_suppression(world: World, update: Update) -> None:
    world.add("weekly", "ada", city="Oslo")
    rows = [row("ada", ban=BOUNCED, city="x"), row("stranger", ban=BOUNCED), row("ada"), row("ben")]
    assert bring_in(world.store, rows, update) == {"banned": 2, "duplicate": 1, "new": 1}
    found = contents(world.store)
    assert found["suppressions"] == [(key(name), "bounced", BOUNCED.note, 0) for name in ("ada", "stranger")]
    assert found["log"] == [key("ada"), key("stranger")]
    assert attributes(world.store, "ada") == {"city": "Oslo"}
    assert key("stranger") not in found, "who must not be mailed is not kept as a subscriber"
    assert bring_in(world.store, rows, update) == {"suppressed": 2, "duplicate": 1, "unchanged": 1}
    assert contents(world.store) == found


def test_the_first_reason_of_a_suppression_stays(world: World) -> None:
    world.suppress("ada", SuppressionReason.COMPLAINED)
    assert bring_in(world.store, [row("ada", ban=BOUNCED)]) == {"suppressed": 1}
    with world.store.read() as connection:
        assert suppressions.reason_of(connection, key("ada")) is SuppressionReason.COMPLAINED


def test_a_suppression_that_was_lifted_lets_the_later_row_in(world: World) -> None:
    """Between two chunks of one file; the row is a duplicate, and its person comes in."""
    world.suppress("ada")
    seen = Seen()
    with world.store.write() as connection:
        number = lists.ensure(connection, MailingList("weekly", "Weekly"))
        target = Target(number, Origin(How.IMPORT, "a file"), NOW)
        first = importing.bring_in(connection, importing.gather([row("ada")], seen), target)
        suppressions.remove(connection, key("ada"), 0, "a mistake", NOW)
        rows = [row("ada", PENDING, city="Oslo"), row("ada", CONFIRMED, phone="1")]
        second = importing.bring_in(connection, importing.gather(rows, seen), target)
    assert (+first, +second) == ({Admission.SUPPRESSED: 1}, {Admission.DUPLICATE: 2})
    _, _, known, _, states, events = contents(world.store)[key("ada")]
    assert (known, states) == ({"city": "Oslo", "phone": "1"}, {"weekly": CONFIRMED})
    assert [state for _, state, _, _ in events] == [PENDING, CONFIRMED]


def test_each_change_is_in_the_consent_log_with_its_import(world: World) -> None:
    world.add("weekly", "known", state=PENDING)
    rows = [row("ada"), row("known"), row("ada"), row("zoe", UNSUBSCRIBED)]
    with world.store.write() as connection:
        number = lists.ensure(connection, MailingList("weekly", "Weekly"))
        target = Target(number, Origin(How.IMPORT, evidence={"paper": "fair"}), NOW + timedelta(hours=1))
        importing.bring_in(connection, importing.gather(rows, Seen()), target)
        events = connection.execute(
            sa.select(subscription_events).where(subscription_events.c.at > NOW).order_by(subscription_events.c.id)
        ).all()
    assert [(event.state, event.how, event.source) for event in events] == [
        (CONFIRMED, How.IMPORT, ""), (UNSUBSCRIBED, How.IMPORT, ""), (CONFIRMED, How.IMPORT, ""),
    ]  # fmt: skip
    assert {str(event.evidence) for event in events} == {"{'paper': 'fair'}"}


def test_addresses_that_are_written_otherwise_than_their_key(world: World) -> None:
    rows = [
        NewSubscriber(address("Ann", key="ann@example.org"), {"quote": 'a "b" \\ c\n\t', "n": 10**30}),
        NewSubscriber(address("zoë", ascii_only=False), {"名": "村上", "nested": {"a": [1, None]}}),
        row("plain"),
    ]
    assert bring_in(world.store, rows) == {"new": 3}
    with world.store.read() as connection:
        ann, zoe, plain = [subscribers.get(connection, one.address.key) for one in rows]
        assert [one.email for one, _ in subscribers.stream(connection, "weekly")] == [
            "Ann@example.org", "zoë@example.org", "plain@example.org",
        ], "few people stay in the order they came"  # fmt: skip
    assert ann is not None
    assert zoe is not None
    assert plain is not None
    assert (ann.email, ann.ascii_email, zoe.ascii_email) == ("Ann@example.org", "Ann@example.org", None)
    assert ann.attributes["quote"] == 'a "b" \\ c\n\t'
    assert zoe.attributes == {"名": "村上", "nested": {"a": [1, None]}}


# --- Chunks -----------------------------------------------------------------------------------------------------------

NAMES = st.sampled_from("abcdef")
VALUES = st.dictionaries(st.sampled_from("xyz"), st.none() | st.just("") | st.integers(0, 2), max_size=3)
TAGS = st.lists(st.sampled_from(["One", "one", "two"]), max_size=2)
ROWS = st.lists(
    st.builds(
        lambda name, state, values, tags, ban: row(name, state, ban, **(values | ({"tags": tags} if tags else {}))),
        NAMES, st.sampled_from(SubscriptionState), VALUES, TAGS, st.none() | st.none() | st.just(BOUNCED),
    ),
    max_size=25,
)  # fmt: skip


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(ROWS, ROWS, st.lists(st.integers(1, 9), min_size=1, max_size=4), st.sampled_from(Update), st.sets(NAMES))
def test_chunks_of_any_size_are_one_chunk_are_row_by_row(
    world: World,
    before: list[NewSubscriber],
    rows: list[NewSubscriber],
    sizes: list[int],
    update: Update,
    banned: set[str],
) -> None:
    results = []
    for each in ([1000], sizes, [1]):
        empty(world.store)
        bring_in(world.store, [one for one in before if not one.ban])
        for name in sorted(banned):
            world.suppress(name)
        counts = bring_in(world.store, rows, update, each)
        assert sum(counts.values()) == len(rows)
        results.append((counts, contents(world.store)))
    assert results[0] == results[1] == results[2]


def test_many_people_at_once(world: World) -> None:
    """More than fit into one statement, with some who are known, written otherwise, or there twice."""
    known = [row(f"p{number}", city="Oslo") for number in range(0, 5000, 7)]
    bring_in(world.store, known)
    rows = [row(f"p{number}", city="Bergen", n=number) for number in range(5000)]
    rows += [NewSubscriber(address(f"Q{number}", key=f"q{number}@example.org")) for number in range(900)]
    rows += rows[100:300]
    counts = bring_in(world.store, rows, sizes=(6100,))
    assert counts == {"new": 5900 - len(known), "updated": len(known), "duplicate": 200}
    with world.store.read() as connection:
        everybody = list(subscribers.stream(connection, "weekly"))
    assert len(everybody) == 5900
    assert {one.attributes["city"] for one, _ in everybody if one.email.startswith("p")} == {"Bergen"}
    assert len({one.id for one, _ in everybody}) == 5900


@pytest.mark.parametrize("update", [Update.OVERWRITE, Update.FILL])
def test_two_imports_at_once_lose_nobody(world: World, update: Update) -> None:
    values: list[dict[str, Any]] = [{"a0": "x"}, {"a1": "x"}, {"a2": "x"}]
    rows = [row(f"p{number % 400:03}", city="Oslo", **values[number % 3]) for number in range(1200)]
    with world.store.write() as connection:
        lists.ensure(connection, MailingList("weekly", "Weekly"))
    failures: list[BaseException] = []

    def work(mine: list[NewSubscriber]) -> None:
        seen = Seen()
        try:
            for start in range(0, len(mine), 50):
                with world.store.write() as connection:
                    number = lists.ids(connection, ["weekly"])[0]
                    target = Target(number, Origin(How.IMPORT, "a file"), NOW, update)
                    importing.bring_in(connection, importing.gather(mine[start : start + 50], seen), target)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=[mine]) for mine in (rows, rows[::-1], rows[600:] + rows[:600])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    found = contents(world.store)
    for number in range(400):
        _, _, known, _, states, events = found[key(f"p{number:03}")]
        assert known == {"city": "Oslo", "a0": "x", "a1": "x", "a2": "x"}
        assert states == {"weekly": CONFIRMED}
        assert len(events) == 1, "one change, one line in the log"


def empty(store: Store) -> None:
    with store.write() as connection:
        for table in reversed(people_table.metadata.sorted_tables):
            connection.execute(sa.delete(table))


# --- Pieces -----------------------------------------------------------------------------------------------------------


def test_seen_tells_what_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Seen()
    texts = [f"p{number}" for number in range(30_000)]
    assert seen.repeated(texts[:10_000]) == []
    assert seen.repeated(["x", "y", "x", "p7", "y"]) == [2, 3, 4]
    assert seen.repeated(texts[5_000:]) == list(range(5_000))
    assert seen.repeated(texts) == list(range(30_000))


@given(st.lists(st.dictionaries(st.text(max_size=4), st.text(max_size=6) | st.integers() | st.lists(st.text()))))
def test_json_is_cut_apart_where_it_was_put_together(values: list[dict[str, Any]]) -> None:
    assert importing.json_texts(values) == [importing.json_text(value) for value in values]


@pytest.mark.parametrize("values", [[{"a": "},{"}], [{"a": "},{"}, {}], [{}, {}], [{"a": [{}, {}]}], []])
def test_json_that_looks_like_its_own_seams(values: list[dict[str, Any]]) -> None:
    assert importing.json_texts(values) == [importing.json_text(value) for value in values]


@given(VALUES, VALUES, VALUES, st.sampled_from(Update))
def test_two_rows_after_each_other_are_their_sum(
    old: dict[str, Any], first: dict[str, Any], second: dict[str, Any], update: Update
) -> None:
    one = merge(merge(old, first, update), second, update)
    assert one == merge(one, second, update) or update is Update.OVERWRITE
    assert old.keys() <= one.keys()
    if update is Update.KEEP:
        assert one == old


def test_many_new_people_and_one_who_is_known(world: World) -> None:
    """On PostgreSQL many are copied straight into their table; one who is known makes them go another way."""
    world.add("weekly", "p4500", city="Oslo")
    rows = [row(f"p{number}", PENDING if number % 3 else CONFIRMED, n=number) for number in range(6000)]
    assert bring_in(world.store, rows[:2500], sizes=(2500,)) == {"new": 2500}
    assert bring_in(world.store, rows[2500:], sizes=(3500,)) == {"new": 3499, "updated": 1}
    more = [row(f"q{number}") for number in range(2500)]
    assert bring_in(world.store, more, sizes=(2500,)) == {"new": 2500}
    with world.store.read() as connection:
        states = {one.email: (state, one.attributes) for one, state in subscribers.stream(connection, "weekly")}
        assert len(states) == 8500
        assert states[key("p4")] == (PENDING, {"n": 4})
        assert states[key("p6")] == (CONFIRMED, {"n": 6})
        assert states[key("p4500")] == (CONFIRMED, {"city": "Oslo", "n": 4500})
        query = sa.select(sa.func.count()).select_from(subscription_events)
        assert connection.execute(query).scalar_one() == 8500, "each change once, also of what was tried first"
