"""Whose fault it is that a mail came back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.delivery.bounced import KIND_OF, classify
from mailer.model import Cause, EventKind

SAID = [
    ("5.1.1", "", Cause.ADDRESS),
    ("5.1.2", "no such host", Cause.ADDRESS),
    ("5.1.3", "bad address syntax", Cause.ADDRESS),
    ("5.1.6", "moved", Cause.ADDRESS),
    ("5.1.10", "null MX", Cause.ADDRESS),
    ("5.2.1", "disabled", Cause.ADDRESS),
    ("5.4.4", "", Cause.ADDRESS),
    ("5.0.0", "550 5.1.1 whatever", Cause.ADDRESS),
    ("5.0.0", "550 No such user here", Cause.ADDRESS),
    ("", "smtp; 550 user unknown", Cause.ADDRESS),
    ("5.5.0", "550 mailbox of this person was not found", Cause.ADDRESS),
    ("5.0.0", "550 rejected", Cause.UNKNOWN),
    ("5.5.0", "", Cause.UNKNOWN),
    ("5.1.8", "bad sender", Cause.UNKNOWN),
    ("", "", Cause.UNKNOWN),
    ("2.0.0", "user unknown", Cause.ADDRESS),
    ("5.2.2", "user unknown", Cause.FULL),
    ("5.2.3", "", Cause.FULL),
    ("5.3.4", "", Cause.FULL),
    ("4.2.2", "", Cause.FULL),
    ("5.0.0", "552 mailbox of that user is full, account inactive", Cause.FULL),
    ("", "552 user over quota", Cause.FULL),
    ("4.4.7", "expired", Cause.TRANSIENT),
    ("5.4.7", "expired", Cause.TRANSIENT),
    ("5.3.2", "system is down", Cause.TRANSIENT),
    ("4.1.1", "", Cause.TRANSIENT),
    ("", "smtp; 451 user unknown for now", Cause.TRANSIENT),
    ("5.7.26", "unauthenticated", Cause.POLICY),
    ("5.7.515", "does not meet the required authentication level", Cause.POLICY),
    ("4.7.0", "try again later", Cause.POLICY),
    ("5.7.1", "invalid recipient, says the policy", Cause.POLICY),
    ("5.0.0", "550 5.7.1 you are listed at 10.1.1.1", Cause.POLICY),
    ("5.0.0", "554 unknown user or blocked using zen.spamhaus.org", Cause.POLICY),
    ("5.6.0", "content", Cause.CONTENT),
    ("5.7.1", "this looks like spam", Cause.CONTENT),
    ("5.0.0", "550 message contains a virus", Cause.CONTENT),
]


@pytest.mark.parametrize(("status", "text", "cause"), SAID)
def test_whose_fault_a_bounce_is(status: str, text: str, cause: Cause) -> None:
    assert classify(status, text) == (KIND_OF[cause], cause)


def test_only_an_address_is_hard_and_only_what_is_ours_is_blocked() -> None:
    assert {cause for cause, kind in KIND_OF.items() if kind is EventKind.BOUNCED_HARD} == {Cause.ADDRESS}
    assert {cause for cause, kind in KIND_OF.items() if kind is EventKind.BLOCKED} == {Cause.POLICY, Cause.CONTENT}
    assert set(KIND_OF) == set(Cause)


def test_what_the_provider_itself_says() -> None:
    assert classify("5.0.0", "rejected", invalid=True).kind is EventKind.BOUNCED_HARD
    assert classify("5.1.1", "user unknown", blocked=True).cause is Cause.POLICY
    assert classify("5.6.0", "", blocked=True).cause is Cause.CONTENT
    assert classify("5.2.2", "", invalid=True).cause is Cause.FULL
    assert classify("4.0.0", "", invalid=True).cause is Cause.TRANSIENT
    assert classify("5.1.1", "", invalid=True, blocked=True).cause is Cause.POLICY


def test_an_organisation_has_the_last_word() -> None:
    own = {"5.7.606": "address", "5.1.1": "unknown"}
    assert classify("5.7.606", "", own, blocked=True).kind is EventKind.BOUNCED_HARD
    assert classify("5.0.0", "550 5.7.606 go away", own).cause is Cause.ADDRESS
    assert classify("5.1.1", "", own, invalid=True).cause is Cause.UNKNOWN
    assert classify("5.7.1", "", own).cause is Cause.POLICY


@given(st.text(max_size=80), st.text(max_size=200), st.booleans())
def test_words_of_strangers_never_break_it_and_blocked_never_blames(status: str, text: str, blocked: bool) -> None:
    bounce = classify(status, text, blocked=blocked)
    assert bounce.kind is KIND_OF[bounce.cause]
    assert not (blocked and bounce.kind is EventKind.BOUNCED_HARD)


def test_long_words_take_no_time() -> None:
    assert classify("5.0.0", "user " * 200_000).cause is Cause.UNKNOWN
