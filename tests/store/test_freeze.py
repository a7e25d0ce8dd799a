"""The freeze: everybody on the issue's lists is a recipient once, or excluded for one reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailer.audience.address import Address
from mailer.audience.decide import Candidate, Chooses, Suppressed, Terms, decide
from mailer.audience.segment.evaluate import evaluate
from mailer.audience.segment.reading import parse
from mailer.errors import ConflictError, NotFoundError, StoreError
from mailer.model import (
    Cap,
    DeliveryState,
    Exclusion,
    How,
    IssueKind,
    IssueState,
    MailingList,
    Outcome,
    SubscriptionState,
)
from mailer.store import articles, audience, issues, ledger, listing, subscribers, subscriptions, suppressions
from mailer.store.capping import COUNTED
from mailer.store.database import Store
from mailer.store.facts import facts
from mailer.store.freezing import write_content
from mailer.store.lists import ensure
from mailer.store.subscriptions import Origin
from mailer.store.suppressions import Suppression
from mailer.store.tables import batches, deliveries, exclusions, lists
from mailer.store.tables import issues as issues_table
from mailer.store.tables import subscribers as people
from tests.store.world import CONFIRMED, NOW, PENDING, UNSUBSCRIBED, World, count, key, names
from tests.thoroughness import examples


def reasons(**counts: int) -> dict[Exclusion, int]:
    return dict.fromkeys(Exclusion, 0) | {Exclusion(name): number for name, number in counts.items()}


def test_one_delivery_for_each_confirmed_person(world: World) -> None:
    world.add("weekly", "ada", "ben", "cleo", first_name="x")
    frozen = world.freeze("weekly", batch_size=2)
    assert (frozen.recipients, frozen.exclusions) == (3, reasons())
    first, second = world.claimed(), world.claimed()
    assert (names(first), names(second)) == (["ada", "ben"], ["cleo"])
    assert (first.number, second.number) == (1, 2)
    assert first.recipients[0].attributes == {"first_name": "x"}
    assert first.recipients[0].list_name == "weekly"
    assert world.claim() is None


def test_reasons_of_those_left_out(world: World) -> None:
    world.add("weekly", "ada", "sam")
    world.add("weekly", "pia", state=PENDING)
    world.add("weekly", "uma", state=UNSUBSCRIBED)
    world.add("weekly", "zoë", ascii_only=False)
    world.suppress("sam")
    frozen = world.freeze("weekly")
    assert frozen.recipients == 1
    assert frozen.exclusions == reasons(pending=1, unsubscribed=1, suppressed=1, needs_smtputf8=1)
    assert frozen.candidates == 5
    with world.store.read() as connection:
        stored = sa.select(people.c.email_key, exclusions.c.reason).join(
            exclusions, exclusions.c.subscriber_id == people.c.id
        )
        assert dict(connection.execute(stored).all()) == {
            key("sam"): Exclusion.SUPPRESSED,
            key("pia"): Exclusion.PENDING,
            key("uma"): Exclusion.UNSUBSCRIBED,
            key("zoë"): Exclusion.NEEDS_SMTPUTF8,
        }


def test_provider_that_carries_smtputf8_reaches_everybody(world: World) -> None:
    world.add("weekly", "zoë", ascii_only=False)
    assert world.freeze("weekly", smtputf8=True).recipients == 1
    assert world.claimed().recipients[0].email == "zoë@example.org"


def test_a_person_on_two_lists_gets_one_copy_through_the_first(world: World) -> None:
    world.add("weekly", "ada", "ben")
    world.add("alerts", "ben", "cleo")
    frozen = world.freeze("alerts", "weekly")
    assert frozen.recipients == 3
    brought = {recipient.email: recipient.list_name for recipient in world.claimed().recipients}
    assert brought == {key("ada"): "weekly", key("ben"): "alerts", key("cleo"): "alerts"}


@pytest.mark.parametrize(
    ("first", "second", "suppressed", "outcome"),
    [
        (UNSUBSCRIBED, CONFIRMED, False, "second"),
        (PENDING, CONFIRMED, False, "second"),
        (CONFIRMED, UNSUBSCRIBED, False, "first"),
        (PENDING, UNSUBSCRIBED, False, Exclusion.PENDING),
        (UNSUBSCRIBED, PENDING, False, Exclusion.UNSUBSCRIBED),
        (CONFIRMED, CONFIRMED, True, Exclusion.SUPPRESSED),
        (UNSUBSCRIBED, PENDING, True, Exclusion.SUPPRESSED),
    ],
)
def test_states_on_two_lists(
    world: World, first: SubscriptionState, second: SubscriptionState, suppressed: bool, outcome: str
) -> None:
    world.add("first", "ada", state=first)
    world.add("second", "ada", state=second)
    if suppressed:
        world.suppress("ada")
    frozen = world.freeze("first", "second")
    assert frozen.candidates == 1
    if isinstance(outcome, Exclusion):
        assert frozen.exclusions[outcome] == 1
    else:
        assert world.claimed().recipients[0].list_name == outcome


SEGMENTS = st.sampled_from(
    ["", "", 'domain == "one.org"', 'domain != "one.org" or "b" in lists', 'joined >= "2026-11-21"', "has(city)"]
)
STATES = st.none() | st.sampled_from(SubscriptionState)
# Until when they want nothing, in minutes from now. What ends at this moment is over.
PAUSES = st.sampled_from([None, None, -1, 0, 1])
PEOPLE = st.lists(
    st.tuples(STATES, STATES, STATES, st.sampled_from(["one.org", "two.org"]), st.booleans(), PAUSES),
    min_size=1,
    max_size=12,
)
# Whom an entry names (a number of the crowd, or a domain), and for which list ("" is every one).
BANS = st.lists(
    st.tuples(st.integers(0, 11) | st.sampled_from(["@one.org", "@two.org", "@org"]), st.sampled_from(["", *"abc"])),
    max_size=6,
)


CAPS = st.fixed_dictionaries({name: st.builds(Cap, st.integers(1, 2), st.integers(1, 9)) for name in "ab"})
# Who had a mail of an earlier issue: through which list, how many days ago, and what became of it.
EARLIER = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from("abc"), st.integers(0, 10), st.sampled_from(DeliveryState)),
    min_size=4,
    max_size=12,
)
History = tuple[dict[str, Cap], list[tuple[int, str, int, DeliveryState]]]
NO_HISTORY: History = ({}, [])
READERS = st.lists(
    st.tuples(st.just(CONFIRMED), st.just(CONFIRMED) | st.none(), st.none(), st.just("one.org"), st.just(True), PAUSES),
    min_size=2,
    max_size=4,
)
EARLIER_BATCH = 0


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(PEOPLE, BANS, st.permutations(["a", "b", "c"]), st.integers(1, 3), st.integers(1, 5), st.booleans(), SEGMENTS)
def test_sql_and_the_pure_decision_agree(
    world: World,
    crowd: list[tuple[Any, ...]],
    banned: list[tuple[int | str, str]],
    order: list[str],
    take: int,
    size: int,
    smtputf8: bool,
    expression: str,
) -> None:
    _agree(world, crowd, banned, NO_HISTORY, order[:take], size, smtputf8, expression)


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(READERS, st.tuples(CAPS, EARLIER), st.permutations(["a", "b"]), st.integers(1, 2))
def test_sql_and_the_pure_decision_agree_on_who_had_enough(
    world: World, crowd: list[tuple[Any, ...]], history: History, order: list[str], take: int
) -> None:
    _agree(world, crowd, [], history, order[:take], 5, False, "")


def _agree(
    world: World,
    crowd: list[tuple[Any, ...]],
    banned: list[tuple[int | str, str]],
    history: History,
    chosen: list[str],
    size: int,
    smtputf8: bool,
    expression: str,
) -> None:
    """The same audience by SQL and by audience.decide, in preview and in freeze."""
    try:
        with world.store.write() as connection:
            caps, earlier = history
            numbers = {"": suppressions.EVERY_LIST} | {name: _list(connection, name, caps.get(name)) for name in "abc"}
            candidates = _people(connection, crowd, numbers)
            values: dict[str, set[str]] = {}
            for who, name in banned:
                value = who if isinstance(who, str) else f"person{who}@{crowd[who % len(crowd)][3]}"
                values.setdefault(name, set()).add(value)
                suppressions.add(connection, Suppression(value, list_id=numbers[name]), NOW)
            suppressed = Suppressed(values.pop("", set()), values)
            narrowing = ledger.Narrowing(parse(expression), NOW) if expression else None
            had = _earlier(connection, candidates, earlier, numbers)

            def capped(who: Candidate, name: str) -> bool:
                return (
                    name in caps
                    and sum(
                        person == who and through == name and days < caps[name].days and state in COUNTED
                        for person, through, days, state in had
                    )
                    >= caps[name].issues
                )

            terms = Terms(smtputf8, NOW, _chooses(connection, narrowing, numbers), capped)
            expected = decide(candidates, chosen, suppressed, terms)
            asked: Any = {"smtputf8": smtputf8, "narrowing": narrowing, "capped_at": NOW, "now": NOW}
            previewed = ledger.preview(connection, chosen, **asked)
            told = list(listing.recipients_now(connection, chosen, **asked))
            frozen = ledger.Frozen(
                "issue", IssueKind.BULLETIN, "s", "h", {}, tuple(chosen), batch_size=size, smtputf8=smtputf8,
                segment=expression,
            )  # fmt: skip
            counts = ledger.freeze(connection, frozen, NOW)
            assert counts == previewed
            assert counts.recipients == len(expected.recipients)
            assert {reason: number for reason, number in counts.exclusions.items() if number} == expected.reasons
            brought = {row.email_key: row.name for row in connection.execute(_brought())}
            assert brought == {v.subscriber.email_key: v.list_name for v in expected.recipients}
            assert [(each.email, each.list_name) for each in told] == [*brought.items()], "a dry run writes to the same"
            assert [each.delivery_id for each in told] == list(range(1, len(brought) + 1))
            sizes = connection.execute(
                sa.select(sa.func.count(deliveries.c.id))
                .select_from(batches)
                .join(deliveries, deliveries.c.batch_id == batches.c.id, isouter=True)
                .group_by(batches.c.number)
                .order_by(batches.c.number)
            ).scalars()
            full, rest = divmod(counts.recipients, size)
            assert list(sizes) == [size] * full + ([rest] if rest else [])
            raise _UndoError
    except _UndoError:
        pass


def _chooses(connection: sa.Connection, narrowing: ledger.Narrowing | None, numbers: dict[str, int]) -> Chooses:
    def chooses(candidate: Candidate, list_name: str) -> bool:
        known = facts(connection, candidate.subscriber.email_key, numbers[list_name])
        return narrowing is None or known is None or evaluate(narrowing.segment, known, narrowing.now)

    return chooses


class _UndoError(Exception):
    pass


def _list(connection: sa.Connection, name: str, cap: Cap | None = None) -> int:
    return ensure(connection, MailingList(name, name, cap=cap))


def _earlier(
    connection: sa.Connection,
    candidates: list[Candidate],
    earlier: list[tuple[int, str, int, DeliveryState]],
    numbers: dict[str, int],
) -> list[tuple[Candidate, str, int, DeliveryState]]:
    """Mails of earlier issues, one each."""
    told = []
    for number, (index, name, days, state) in enumerate(earlier):
        who = candidates[index % len(candidates)] if candidates else None
        if who is None:
            continue
        frozen = ledger.Frozen(f"earlier-{number}", IssueKind.BULLETIN, "s", "h", {}, (name,))
        issue_id = write_content(connection, frozen, [numbers[name]], NOW)
        began = NOW - timedelta(days=days, seconds=1)
        connection.execute(sa.update(issues_table).where(issues_table.c.id == issue_id).values(started_at=began))
        email = sa.select(people.c.id).where(people.c.email_key == who.subscriber.email_key)
        row = {
            "issue_id": issue_id,
            "subscriber_id": email.scalar_subquery(),
            "list_id": numbers[name],
            "batch_id": EARLIER_BATCH,
        }
        row |= {"state": state, "detail": "", "provider_id": "", "updated_at": NOW}
        connection.execute(sa.insert(deliveries).values(row))
        told.append((who, name, days, state))
    return told


def _people(connection: sa.Connection, crowd: list[tuple[Any, ...]], numbers: dict[str, int]) -> list[Candidate]:
    candidates = []
    for number, (*states, domain, ascii_only, pause) in enumerate(crowd):
        email = f"person{number}@{domain}"
        row = Address(email, email, email if ascii_only else None)
        for name, state in zip("abc", states, strict=True):
            if state is not None:
                person = subscribers.NewSubscriber(row, {}, state)
                joined = NOW - timedelta(days="abc".index(name))
                subscribers.upsert(connection, numbers[name], [person], Origin(How.IMPORT, "a test"), joined)
        if pause is not None:
            until = NOW + timedelta(minutes=pause)
            connection.execute(sa.update(people).where(people.c.email_key == email).values(paused_until=until))
        if found := subscribers.get(connection, email):
            candidates.append(Candidate(found, subscriptions.of(connection, email)))
    return candidates


def _brought() -> sa.Select[tuple[str, str]]:
    return (
        sa.select(people.c.email_key, lists.c.name)
        .join_from(deliveries, people, people.c.id == deliveries.c.subscriber_id)
        .join(lists, lists.c.id == deliveries.c.list_id)
        .where(deliveries.c.batch_id > EARLIER_BATCH)
    )


def test_who_is_on_a_pause_is_left_out_until_it_ends(world: World) -> None:
    """By every list, and also of an alert: they said that they want nothing."""
    world.add("weekly", "ada", "ben")
    world.add("alerts", "ada")
    world.pause("ada", minutes=1)
    with world.store.read() as connection:
        assert ledger.preview(connection, ["weekly"], now=NOW).exclusions == reasons(paused=1)
    frozen = world.freeze("weekly", "alerts", name="one", kind=IssueKind.ALERT)
    assert (frozen.recipients, frozen.exclusions) == (1, reasons(paused=1))
    world.later(minutes=1)
    assert world.freeze("weekly", name="two").recipients == 2


def test_a_cap_holds_back_who_had_enough(world: World) -> None:
    """What another list brought them does not count, and an alert is not held back."""
    world.add("weekly", "ada", "ben")
    world.add("alerts", "ada", "ben")
    _capped(world, "weekly", Cap(1, 7))
    assert world.freeze("alerts", name="first").recipients == 2
    world.later()
    assert world.freeze("weekly", name="second").recipients == 2
    world.add("weekly", "cleo")
    _capped(world, "weekly", Cap(1, 7))
    world.later()
    third = world.freeze("weekly", name="third")
    assert (third.recipients, third.exclusions) == (1, reasons(cap=2))
    assert world.freeze("weekly", name="urgent", kind=IssueKind.ALERT).recipients == 3
    world.later(minutes=7 * 24 * 60)
    assert world.freeze("weekly", name="fourth").recipients == 3


def _capped(world: World, name: str, cap: Cap) -> None:
    with world.store.write() as connection:
        _list(connection, name, cap)


def test_same_hash_again_changes_nothing(world: World) -> None:
    world.add("weekly", "ada", "ben")
    world.suppress("ben")
    first = world.freeze("weekly")
    world.add("weekly", "cleo")
    world.submit()
    world.later()
    assert world.freeze("weekly") == first
    assert world.figures().recipients == 1


@pytest.mark.parametrize(
    ("state", "words"),
    [(None, "is already being sent"), (IssueState.SENT, "was already sent"), (IssueState.CANCELLED, "was cancelled")],
)
def test_other_content_under_a_sent_name_is_refused(world: World, state: IssueState | None, words: str) -> None:
    world.add("weekly", "ada")
    world.freeze("weekly")
    if state:
        with world.store.write() as connection:
            issues.set_state(connection, "issue", state, NOW)
    with pytest.raises(ConflictError, match=f'issue "issue" {words}, with other content') as caught:
        world.freeze("weekly", hash="h2")
    assert "another name" in str(caught.value.hint)
    with world.store.read() as connection:
        stored = issues.get(connection, "issue")
        assert stored is not None
        assert stored.hash == "h1"


def test_somebody_missing_rolls_everything_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add("weekly", "ada", "ben")
    real = audience.count
    monkeypatch.setattr(audience, "count", lambda connection, chosen: real(connection, chosen) + 1)
    with pytest.raises(StoreError, match="3 people are on its lists, but 2 recipients and 0 exclusions"):
        world.freeze("weekly")
    with world.store.read() as connection:
        assert [count(connection, table) for table in (issues_table, batches, deliveries, exclusions)] == [0] * 4


def test_a_candidate_lost_by_the_queries_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add("weekly", "ada", "ben")
    real = audience.recipients
    monkeypatch.setattr(audience, "recipients", lambda *given: real(*given).where(audience.MEMBER.c.subscriber_id > 1))
    with pytest.raises(StoreError, match="1 recipients and 0 exclusions were counted; nothing was frozen"):
        world.freeze("weekly")


def test_an_audience_of_nobody_is_sent_at_once(world: World) -> None:
    world.add("weekly", "uma", state=UNSUBSCRIBED)
    assert world.freeze("weekly").recipients == 0
    assert world.claim() is None
    assert world.finish()


def test_a_list_without_rows_is_named(world: World) -> None:
    world.add("weekly", "ada")
    with pytest.raises(NotFoundError, match='list "alerts" has no subscribers yet') as caught:
        world.freeze("weekly", "alerts")
    assert "--list alerts" in str(caught.value.hint)
    with pytest.raises(NotFoundError), world.store.read() as connection:
        ledger.preview(connection, ["alerts"])


def test_stored_issue_reads_back_as_frozen(world: World) -> None:
    world.add("weekly", "ada")
    world.add("alerts", "ada")
    world.freeze("weekly", "alerts", article_keys=("b", "a", "b"), subject="Ælv", kind=IssueKind.ALERT, batch_size=7)
    with world.store.read() as connection:
        stored = issues.get(connection, "issue")
        assert issues.get(connection, "other") is None
    assert stored is not None
    assert (stored.lists, stored.article_keys) == (("weekly", "alerts"), ("b", "a"))
    assert (stored.kind, stored.subject, stored.state) == (IssueKind.ALERT, "Ælv", IssueState.SENDING)
    assert stored.snapshot == {"html": "<p>Hallå</p>"}
    assert (stored.frozen_at, stored.finished_at, stored.batch_size) == (NOW, None, 7)


def test_listing_is_newest_first(world: World) -> None:
    world.add("weekly", "ada")
    for name in ("one", "two"):
        world.freeze("weekly", name=name)
        world.later()
    with world.store.read() as connection:
        assert [row.name for row in issues.listing(connection)] == ["two", "one"]


@pytest.mark.parametrize(
    ("moves", "refused"),
    [
        ([IssueState.PAUSED, IssueState.SENDING, IssueState.SENT], None),
        ([IssueState.PAUSED], IssueState.DRAFT),
        ([IssueState.CANCELLED], IssueState.SENDING),
        ([], IssueState.SENDING),
    ],
)
def test_issue_states_move_as_the_table_says(world: World, moves: list[IssueState], refused: IssueState | None) -> None:
    world.add("weekly", "ada")
    world.freeze("weekly")
    for state in moves:
        with world.store.write() as connection:
            issues.set_state(connection, "issue", state, NOW)
    if refused:
        with pytest.raises(ConflictError, match=f"cannot become {refused.value}"), world.store.write() as connection:
            issues.set_state(connection, "issue", refused, NOW)


def test_unknown_issue_is_named(world: World) -> None:
    with pytest.raises(NotFoundError, match='issue "nope" was never sent'):
        world.figures("nope")


def test_articles_of_frozen_issues_count_as_sent(world: World, store: Store) -> None:
    world.add("weekly", "ada")
    world.add("alerts", "ada")
    world.freeze("weekly", name="one", article_keys=("a", "b"))
    world.later()
    world.freeze("weekly", "alerts", name="two", article_keys=("b", "c"))
    with store.read() as connection:
        assert articles.sent_to(connection, ["weekly"]) == {"a": "one", "b": "two", "c": "two"}
        assert articles.sent_to(connection, ["alerts"]) == {"b": "two", "c": "two"}
        assert articles.sent_to(connection, ["other"]) == {}


@pytest.mark.parametrize(("outcome", "counts"), [(None, False), (Outcome.REFUSED, False), (Outcome.ACCEPTED, True)])
def test_a_cancelled_issue_counts_when_something_left(world: World, outcome: Outcome | None, counts: bool) -> None:
    world.add("weekly", "ada", "ben")
    world.freeze("weekly", article_keys=("a",), batch_size=1)
    if outcome:
        world.submit(outcome)
    with world.store.write() as connection:
        ledger.cancel(connection, "issue", NOW)
        assert articles.sent_to(connection, ["weekly"]) == ({"a": "issue"} if counts else {})
