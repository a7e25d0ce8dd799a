"""Every candidate ends in exactly one place, and the reason is the one that weighs most."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.audience.decide import Candidate, Suppressed, Terms, decide, verdict
from mailer.model import Exclusion, Subscriber, SubscriptionState

PENDING, CONFIRMED, LEFT = SubscriptionState
NOBODY = Suppressed()
KEY = "k@example.org"
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def candidate(key: str, subscriptions: Mapping[str, SubscriptionState], *, ascii_only: bool = True) -> Candidate:
    return Candidate(Subscriber(f"id-{key}", key, key, key if ascii_only else None), subscriptions)


@pytest.mark.parametrize(
    ("subscriptions", "list_name", "exclusion"),
    [
        ({"a": CONFIRMED}, "a", None),
        ({"b": CONFIRMED}, "b", None),
        ({"a": CONFIRMED, "b": CONFIRMED}, "a", None),
        ({"b": CONFIRMED, "a": LEFT}, "b", None),
        ({"a": PENDING, "b": CONFIRMED}, "b", None),
        ({"a": PENDING}, "a", Exclusion.PENDING),
        ({"a": LEFT}, "a", Exclusion.UNSUBSCRIBED),
        ({"a": LEFT, "b": PENDING}, "a", Exclusion.UNSUBSCRIBED),
        ({"b": PENDING, "c": CONFIRMED}, "b", Exclusion.PENDING),
    ],
)
def test_the_first_confirmed_list_brings_a_person_in(
    subscriptions: dict[str, SubscriptionState], list_name: str, exclusion: Exclusion | None
) -> None:
    found = verdict(candidate("k@example.org", subscriptions), ["a", "b"], NOBODY)
    assert found is not None
    assert (found.list_name, found.exclusion) == (list_name, exclusion)


@pytest.mark.parametrize(("minutes", "exclusion"), [(1, Exclusion.PAUSED), (0, None), (-1, None)])
def test_a_pause_keeps_mails_away_until_it_ends(minutes: int, exclusion: Exclusion | None) -> None:
    paused = Subscriber("id", KEY, KEY, KEY, paused_until=NOW + timedelta(minutes=minutes))
    found = verdict(Candidate(paused, {"a": LEFT, "b": CONFIRMED}), ["a", "b"], NOBODY, Terms(now=NOW))
    assert found is not None
    assert found.exclusion is exclusion
    left = verdict(Candidate(paused, {"a": LEFT}), ["a"], NOBODY, Terms(now=NOW))
    assert left is not None
    assert left.exclusion is Exclusion.UNSUBSCRIBED, "what stays when the pause is over weighs more"


def test_who_is_on_none_of_the_lists_is_no_candidate() -> None:
    audience = decide([candidate("k@example.org", {"c": CONFIRMED})], ["a", "b"], NOBODY)
    assert audience.recipients == audience.excluded == ()


def test_suppression_outweighs_a_confirmed_subscription() -> None:
    audience = decide([candidate("k@example.org", {"a": CONFIRMED})], ["a"], Suppressed({"k@example.org"}))
    assert audience.reasons == {Exclusion.SUPPRESSED: 1}


ADA, DOMAIN = "ada@example.org", "@example.org"


@pytest.mark.parametrize(
    ("subscriptions", "on", "list_name", "exclusion"),
    [
        ({"a": CONFIRMED, "b": CONFIRMED}, {"a": {ADA}}, "b", None),
        ({"a": CONFIRMED, "b": CONFIRMED}, {"a": {DOMAIN}}, "b", None),
        ({"a": CONFIRMED, "b": CONFIRMED}, {"b": {ADA}}, "a", None),
        ({"a": CONFIRMED, "b": CONFIRMED}, {"a": {ADA}, "b": {DOMAIN}}, "a", Exclusion.SUPPRESSED),
        ({"a": CONFIRMED, "b": PENDING}, {"a": {ADA}}, "a", Exclusion.SUPPRESSED),
        ({"a": PENDING, "b": CONFIRMED}, {"b": {ADA}}, "a", Exclusion.PENDING),
        ({"a": PENDING}, {"a": {ADA}}, "a", Exclusion.SUPPRESSED),
        ({"a": CONFIRMED}, {"b": {ADA}, "c": {ADA}}, "a", None),
        ({"a": CONFIRMED}, {"a": {"@mail.example.org", "@org", "ada"}}, "a", None),
    ],
)
def test_an_entry_for_one_list_is_like_not_being_confirmed_on_it(
    subscriptions: dict[str, SubscriptionState], on: dict[str, set[str]], list_name: str, exclusion: Exclusion | None
) -> None:
    found = verdict(candidate(ADA, subscriptions), ["a", "b"], Suppressed(on=on))
    assert found is not None
    assert (found.list_name, found.exclusion) == (list_name, exclusion)


@pytest.mark.parametrize("value", [ADA, DOMAIN])
def test_an_entry_for_every_list_wins_over_all_of_them(value: str) -> None:
    found = verdict(candidate(ADA, {"a": CONFIRMED, "b": CONFIRMED}), ["a", "b"], Suppressed({value}))
    assert found is not None
    assert found.exclusion is Exclusion.SUPPRESSED


@pytest.mark.parametrize(("smtputf8", "received"), [(False, 0), (True, 1)])
def test_an_address_that_needs_smtputf8_waits_for_a_transport_that_has_it(smtputf8: bool, received: int) -> None:
    person = candidate("josé@example.org", {"a": CONFIRMED}, ascii_only=False)
    audience = decide([person], ["a"], NOBODY, Terms(smtputf8))
    assert len(audience.recipients) == received
    assert len(audience.excluded) == 1 - received


KEYS = st.sampled_from([f"{letter}@example.org" for letter in "klmno"])
CANDIDATES = st.builds(
    candidate,
    KEYS,
    st.dictionaries(st.sampled_from("abc"), st.sampled_from(SubscriptionState)),
    ascii_only=st.booleans(),
)


VALUES = st.sets(KEYS | st.just("@example.org"))
SUPPRESSED = st.builds(Suppressed, st.sets(KEYS), st.dictionaries(st.sampled_from("abc"), VALUES))


@given(st.lists(CANDIDATES, max_size=12), st.lists(st.sampled_from("abc"), unique=True), SUPPRESSED)
def test_candidates_are_recipients_and_excluded(
    people: list[Candidate], lists: list[str], suppressed: Suppressed
) -> None:
    audience = decide(people, lists, suppressed)
    keys = [found.subscriber.email_key for found in (*audience.recipients, *audience.excluded)]
    wanted = {person.subscriber.email_key for person in people if set(person.subscriptions) & set(lists)}
    assert sorted(keys) == sorted(wanted)
    assert sum(audience.reasons.values()) == len(audience.excluded)
    for found in audience.recipients:
        assert not suppressed.anywhere(found.subscriber.email_key)
        assert not suppressed.on_list(found.subscriber.email_key, found.list_name)


def test_a_segment_is_asked_last_and_with_the_list_that_brings_the_person_in() -> None:
    asked: list[str] = []

    def chooses(_: Candidate, list_name: str) -> bool:
        asked.append(list_name)
        return list_name == "a"

    people = [
        candidate("k@example.org", {"a": CONFIRMED, "b": CONFIRMED}),
        candidate("l@example.org", {"a": LEFT, "b": CONFIRMED}),
        candidate("m@example.org", {"a": LEFT}),
    ]
    audience = decide(people, ["a", "b"], Suppressed(), Terms(chooses=chooses))
    assert asked == ["a", "b"]
    assert [found.subscriber.email_key for found in audience.recipients] == ["k@example.org"]
    assert audience.reasons == {Exclusion.SEGMENT: 1, Exclusion.UNSUBSCRIBED: 1}


def test_who_had_enough_is_left_out_last_of_all() -> None:
    asked: list[str] = []

    def capped(who: Candidate, list_name: str) -> bool:
        asked.append(f"{who.subscriber.email_key} {list_name}")
        return True

    people = [
        candidate("k@example.org", {"a": LEFT, "b": CONFIRMED}),
        candidate("l@example.org", {"a": CONFIRMED}),
        candidate("m@example.org", {"a": LEFT}),
    ]

    def chooses(who: Candidate, _: str) -> bool:
        return who.subscriber.email_key != "l@example.org"

    audience = decide(people, ["a", "b"], Suppressed(), Terms(chooses=chooses, capped=capped))
    assert asked == ["k@example.org b"]
    assert audience.reasons == {Exclusion.CAP: 1, Exclusion.SEGMENT: 1, Exclusion.UNSUBSCRIBED: 1}
