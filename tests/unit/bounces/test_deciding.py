"""What follows from a report: for whom it is, how bad it is, and that no address gets into its words."""

from __future__ import annotations

import pytest

from mailer.bounces.deciding import verdict
from mailer.bounces.reading import read
from mailer.model import Cause, EventKind
from tests.unit.bounces.letters import arf, away, dsn

ADA = "ada@example.net"


def told(data: bytes, email_key: str = ADA, **codes: str) -> tuple[EventKind, Cause | None]:
    found = verdict(read(data), email_key, {code.replace("_", "."): cause for code, cause in codes.items()})
    assert found is not None
    return found.kind, found.cause


@pytest.mark.parametrize(
    ("status", "said", "kind", "cause"),
    [
        ("5.1.1", "550 5.1.1 User unknown", EventKind.BOUNCED_HARD, Cause.ADDRESS),
        ("5.0.0", "550 no such user here", EventKind.BOUNCED_HARD, Cause.ADDRESS),
        ("5.2.2", "552 5.2.2 mailbox full", EventKind.BOUNCED_SOFT, Cause.FULL),
        ("4.4.7", "message expired", EventKind.BOUNCED_SOFT, Cause.TRANSIENT),
        ("5.7.26", "550 5.7.26 unauthenticated", EventKind.BLOCKED, Cause.POLICY),
        ("5.0.0", "something", EventKind.BOUNCED_SOFT, Cause.UNKNOWN),
    ],
)
def test_a_failure_is_told_by_the_table(status: str, said: str, kind: EventKind, cause: Cause) -> None:
    assert told(dsn(status=status, said=said)) == (kind, cause)


def test_an_organisation_has_the_last_word_on_a_status() -> None:
    assert told(dsn(), **{"5_1_1": "policy"}) == (EventKind.BLOCKED, Cause.POLICY)


def test_a_delay_is_no_bounce_and_a_delivery_is_one() -> None:
    assert told(dsn(action="delayed", status="4.4.1")) == (EventKind.DEFERRED, None)
    assert told(dsn(action="delivered", status="2.0.0")) == (EventKind.DELIVERED, None)


def test_what_lies_behind_an_address_does_not_make_the_address_bad() -> None:
    """Ada's address forwards to one that is gone: her address is real, and nothing arrives. That is soft."""
    forwarded = dsn(recipient="old@elsewhere.example", original="old@elsewhere.example")
    assert told(forwarded) == (EventKind.BOUNCED_SOFT, Cause.UNKNOWN)


@pytest.mark.parametrize(
    ("recipient", "original"),
    [
        ("old@elsewhere.example", ADA),
        ("ADA@Example.NET", "x@y.example"),
        ("ada@mailhost.example.net", ""),
        ("old@elsewhere.example", "ada+40example.net"),
        ("", ""),
    ],
)
def test_an_address_is_known_by_every_name_it_has(recipient: str, original: str) -> None:
    expected = original != "ada+40example.net"
    kind, _ = told(dsn(recipient=recipient, original=original))
    assert (kind is EventKind.BOUNCED_HARD) is expected


def test_of_several_recipients_ours_counts() -> None:
    both = dsn(recipient="other@example.net", original="", status="5.2.2", said="552 full").replace(
        b"\n--b1\nContent-Type: message/rfc822",
        b"\nFinal-Recipient: rfc822; ada@example.net\nAction: failed\nStatus: 5.1.1\n"
        b"\n--b1\nContent-Type: message/rfc822",
    )
    assert told(both) == (EventKind.BOUNCED_HARD, Cause.ADDRESS)
    assert told(both, "other@example.net") == (EventKind.BOUNCED_SOFT, Cause.FULL)


def test_a_group_that_one_member_got_it_through_did_get_it() -> None:
    group = dsn(recipient="a@b.example", original="").replace(
        b"\n--b1\nContent-Type: message/rfc822",
        b"\nFinal-Recipient: rfc822; c@d.example\nAction: delivered\nStatus: 2.0.0\n"
        b"\n--b1\nContent-Type: message/rfc822",
    )
    assert told(group)[0] is EventKind.DELIVERED


def test_complaints() -> None:
    assert told(arf()) == (EventKind.COMPLAINED, None)
    assert told(arf("opt-out")) == (EventKind.UNSUBSCRIBED, None)
    assert verdict(read(arf("auth-failure")), ADA, {}) is None
    assert verdict(read(away()), ADA, {}) is None


def test_no_address_and_no_control_character_gets_into_the_words() -> None:
    found = verdict(
        read(dsn(said="550 \x1b[31m<ada@example.net> and b@c.example:\x07 User unknown " + "x" * 999)), ADA, {}
    )
    assert found is not None
    assert "@" not in found.detail and found.detail.isprintable() and len(found.detail) <= 300
