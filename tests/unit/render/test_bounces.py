"""Envelope senders that name their delivery."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.render.bounces import BounceAddresses

KEY, OLDER = bytes(range(32)), bytes(range(32, 64))
OURS = BounceAddresses((KEY,), "bounces@example.org")


@given(st.integers(0, 2**63 - 1))
def test_an_address_names_its_delivery_however_it_is_written(delivery_id: int) -> None:
    address = OURS.address(delivery_id)
    local, _, domain = address.rpartition("@")
    assert re.fullmatch(r"bounces\+[a-z2-7]+", local)
    assert domain == "example.org"
    assert len(local) <= 8 + 32
    assert OURS.delivery(address) == delivery_id
    assert OURS.delivery(address.upper()) == delivery_id


def test_the_form_is_for_ever() -> None:
    """Bounces come back days later, to another release."""
    assert OURS.address(1) == "bounces+ahzacmsmlp73hstvz4bni@example.org"


@given(st.integers(0, 2**40), st.integers(0, 40), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_changed_letter_names_nobody(delivery_id: int, at: int, letter: str) -> None:
    address = OURS.address(delivery_id)
    token = address.partition("+")[2].partition("@")[0]
    changed = token[: at % len(token)] + letter + token[at % len(token) + 1 :]
    if changed != token:
        assert OURS.delivery(f"bounces+{changed}@example.org") is None


@pytest.mark.parametrize(
    "address",
    [
        "", "bounces", "bounces@example.org", "bounces+@example.org", "bounces+a@example.org", "bounces+" + "a" * 400,
        "bounces+aaaaaaaaaaaaaaaaaaaaaaaa@example.org", "bounces+ñ@example.org", "bounces+a b@example.org",
        "bounces+aeaqdgxqwffnkkjalx6ka=@example.org", "x+y+z@example.org",
    ],
)  # fmt: skip
def test_what_is_no_address_of_ours(address: str) -> None:
    assert OURS.delivery(address) is None


def test_another_mailbox_or_domain_is_not_ours() -> None:
    address = OURS.address(7)
    assert BounceAddresses((KEY,), "other@example.org").delivery(address) is None
    assert BounceAddresses((KEY,), "bounces@example.net").delivery(address) is None
    assert OURS.delivery(address.replace("bounces+", "bounces+more+")) is None


def test_a_key_that_was_replaced_still_verifies_and_a_strange_one_does_not() -> None:
    address = BounceAddresses((OLDER,), "bounces@example.org").address(7)
    assert BounceAddresses((KEY, OLDER), "bounces@example.org").delivery(address) == 7
    assert OURS.delivery(address) is None
    assert BounceAddresses((KEY, OLDER), "bounces@example.org").address(7) == OURS.address(7)
