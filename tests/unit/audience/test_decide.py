"""Every candidate ends in exactly one place, and the reason is the one that weighs most."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.audience.decide import Candidate, decide, verdict
from mailer.model import Exclusion, Subscriber, SubscriptionState

PENDING, CONFIRMED, LEFT = SubscriptionState


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
    found = verdict(candidate("k@example.org", subscriptions), ["a", "b"], set())
    assert found is not None
    assert (found.list_name, found.exclusion) == (list_name, exclusion)


def test_who_is_on_none_of_the_lists_is_no_candidate() -> None:
    audience = decide([candidate("k@example.org", {"c": CONFIRMED})], ["a", "b"], set())
    assert audience.recipients == audience.excluded == ()


def test_suppression_outweighs_a_confirmed_subscription() -> None:
    audience = decide([candidate("k@example.org", {"a": CONFIRMED})], ["a"], {"k@example.org"})
    assert audience.reasons == {Exclusion.SUPPRESSED: 1}


@pytest.mark.parametrize(("smtputf8", "received"), [(False, 0), (True, 1)])
def test_an_address_that_needs_smtputf8_waits_for_a_transport_that_has_it(smtputf8: bool, received: int) -> None:
    person = candidate("josé@example.org", {"a": CONFIRMED}, ascii_only=False)
    audience = decide([person], ["a"], set(), smtputf8=smtputf8)
    assert len(audience.recipients) == received
    assert len(audience.excluded) == 1 - received


KEYS = st.sampled_from([f"{letter}@example.org" for letter in "klmno"])
CANDIDATES = st.builds(
    candidate,
    KEYS,
    st.dictionaries(st.sampled_from("abc"), st.sampled_from(SubscriptionState)),
    ascii_only=st.booleans(),
)


@given(st.lists(CANDIDATES, max_size=12), st.lists(st.sampled_from("abc"), unique=True), st.sets(KEYS))
def test_candidates_are_recipients_and_excluded(
    people: list[Candidate], lists: list[str], suppressed: set[str]
) -> None:
    audience = decide(people, lists, suppressed)
    keys = [found.subscriber.email_key for found in (*audience.recipients, *audience.excluded)]
    wanted = {person.subscriber.email_key for person in people if set(person.subscriptions) & set(lists)}
    assert sorted(keys) == sorted(wanted)
    assert sum(audience.reasons.values()) == len(audience.excluded)
    assert not {found.subscriber.email_key for found in audience.recipients} & suppressed
