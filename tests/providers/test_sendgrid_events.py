"""What SendGrid's event webhook posts, as its documentation has it, and whatever else may come."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.model import Cause, EventKind
from mailer.providers.sendgrid.events import MOST_FAULTS, read

REFERENCE = "17.0123456789abcdef"
# The documentation's own examples, with our argument among their fields as it comes back.
COMMON = {
    "email": "example@test.com",
    "timestamp": 1513299569,
    "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>",
    "category": "cat facts",
    "sg_event_id": "6g4ZI7SA-xmRDv57GoPIPw==",
    "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0",
    "mailer_batch": "3",
    "mailer_delivery": REFERENCE,
}
DOCUMENTED: dict[str, tuple[dict[str, Any], EventKind, str]] = {
    "processed": ({"event": "processed"}, EventKind.PROCESSED, ""),
    "deferred": (
        {"event": "deferred", "response": "400 try again later", "attempt": "5"},
        EventKind.DEFERRED,
        "400 try again later",
    ),
    "delivered": ({"event": "delivered", "response": "250 OK"}, EventKind.DELIVERED, "250 OK"),
    "open": ({"event": "open", "useragent": "Mozilla/4.0", "ip": "255.255.255.255"}, EventKind.OPENED, ""),
    "machine": ({"event": "open", "sg_machine_open": True}, EventKind.OPENED, "by a machine, not a reader"),
    "click": ({"event": "click", "url": "http://www.sendgrid.com/?email=a@b.c"}, EventKind.CLICKED, ""),
    "bounce": (
        {"event": "bounce", "reason": "500 unknown recipient", "status": "5.0.0", "type": "bounce"},
        EventKind.BOUNCED_HARD,
        "5.0.0 500 unknown recipient",
    ),
    "blocked": (
        {"event": "bounce", "reason": "550 5.7.1 blocked", "status": "5.7.1", "type": "blocked"},
        EventKind.BLOCKED,
        "5.7.1 550 5.7.1 blocked",
    ),
    "dropped": (
        {"event": "dropped", "reason": "Bounced Address", "status": "5.0.0"},
        EventKind.DROPPED,
        "5.0.0 Bounced Address",
    ),
    "spamreport": ({"event": "spamreport"}, EventKind.COMPLAINED, ""),
    "unsubscribe": ({"event": "unsubscribe"}, EventKind.UNSUBSCRIBED, "through the provider's own link"),
    "group_unsubscribe": (
        {"event": "group_unsubscribe", "asm_group_id": 10, "ip": "255.255.255.255"},
        EventKind.UNSUBSCRIBED,
        "through the provider's own link",
    ),
    "group_resubscribe": (
        {"event": "group_resubscribe", "asm_group_id": 10, "ip": "255.255.255.255"},
        EventKind.OTHER,
        "group_resubscribe",
    ),
    "something new": ({"event": "snoozed <ada@example.org>"}, EventKind.OTHER, "snoozed <(address)>"),
}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_the_documented_events(name: str) -> None:
    fields, kind, detail = DOCUMENTED[name]
    (event,) = read(orjson.dumps([{**COMMON, **fields}])).events
    assert (event.reference, event.kind, event.detail) == (REFERENCE, kind, detail)
    assert event.at == datetime(2017, 12, 15, 0, 59, 29, tzinfo=UTC)


def test_what_is_about_no_mail_of_ours() -> None:
    bare = {key: value for key, value in COMMON.items() if not key.startswith("mailer_")}
    report = read(
        orjson.dumps(
            [
                {**bare, "event": "delivered"},
                {"event": "account_status_change", "type": "compliance_suspend", "timestamp": 1},
            ]
        )
    )
    assert (report.events, report.foreign) == ((), 1)
    assert report.others == {"account_status_change": 1}
    assert report.faults == ()


def test_an_array_a_line_or_an_event_a_line() -> None:
    one, two = ({**COMMON, "event": "processed"}, {**COMMON, "event": "delivered"})
    forms = (
        orjson.dumps([one, two]),
        b"\n".join((orjson.dumps([one]), b"", orjson.dumps([two]))),
        orjson.dumps(one) + b"\r\n" + orjson.dumps(two) + b"\n",
    )
    assert len({read(form).events for form in forms}) == 1


def test_a_line_that_cannot_be_read_costs_only_itself() -> None:
    good = orjson.dumps([{**COMMON, "event": "processed"}])
    report = read(good + b"\n{broken\n" + orjson.dumps([7, {**COMMON, "event": "opened"}, {"x": 1}]) + b"\n" + good)
    assert [event.kind for event in report.events] == [EventKind.PROCESSED, EventKind.OTHER, EventKind.PROCESSED]
    assert report.faults == (
        "line 2: not JSON",
        "line 3: not an object",
        "line 3: says no event",
    )
    report = read(b"[" + b",".join([b"1"] * 100) + b"]")
    assert (report.faulty, len(report.faults)) == (100, MOST_FAULTS)


@pytest.mark.parametrize("at", ["yesterday", -1, 0, 1.5, True, None, 1513299569000, "9" * 30, "00009" * 9, [], "²"])
def test_a_time_that_is_none(at: Any) -> None:
    report = read(orjson.dumps([{**COMMON, "event": "open", "timestamp": at}]))
    assert (report.events, report.faulty) == ((), 1)


def test_a_retry_under_another_number_is_the_same_event() -> None:
    first = {**COMMON, "event": "delivered"}
    again = {**first, "sg_event_id": "another", "tls": 1}
    assert len({event.key for event in read(orjson.dumps([first, again])).events}) == 1
    others = [
        {**first, "timestamp": 1513299570},
        {**first, "event": "processed"},
        {**first, "mailer_delivery": "18.0123456789abcdef"},
        {**COMMON, "event": "click", "url": "https://a.example"},
        {**COMMON, "event": "click", "url": "https://b.example"},
        {**COMMON, "event": "deferred", "attempt": "1"},
        {**COMMON, "event": "deferred", "attempt": "2"},
    ]
    assert len({event.key for event in read(orjson.dumps([first, *others])).events}) == 8


def test_no_address_is_kept() -> None:
    found = {**COMMON, "event": "bounce", "reason": "550 5.1.1 <ada@example.org>: user\x1b[31m unknown\n in table"}
    (event,) = read(orjson.dumps([found])).events
    assert event.detail == "550 5.1.1 <(address)>: user [31m unknown in table"
    assert "ada" not in repr(event)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
ODD = st.fixed_dictionaries(
    {"event": st.sampled_from(("bounce", "delivered", "open", "click", "x")) | ANY},
    optional=dict.fromkeys(("mailer_delivery", "timestamp", "reason", "status", "type", "url", "attempt"), ANY),
)


@given(st.lists(st.one_of(ODD, ANY), max_size=4))
def test_whatever_comes_is_read_or_told(found: list[Any]) -> None:
    report = read(orjson.dumps(found))
    assert len(report.events) + report.foreign + sum(report.others.values()) + report.faulty == len(found)


@given(st.binary(max_size=60))
def test_no_bytes_break_it(data: bytes) -> None:
    report = read(data)
    assert report.events == (), "nobody's event is so short"
    assert (report.faulty > 0) == bool(report.faults)


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"reason": "500 unknown recipient", "status": "5.0.0", "type": "bounce"}, Cause.ADDRESS),
        ({"reason": "550 no", "status": "5.0.0", "bounce_classification": "Invalid Address"}, Cause.ADDRESS),
        ({"reason": "550 no", "status": "5.0.0", "bounce_classification": "Mailbox Unavailable"}, Cause.UNKNOWN),
        ({"reason": "550 no", "status": "5.0.0", "bounce_classification": "Content"}, Cause.CONTENT),
        ({"reason": "550 no", "status": "5.0.0", "bounce_classification": "Reputation"}, Cause.POLICY),
        ({"reason": "550", "status": "5.1.1", "bounce_classification": "Frequency or Volume Too High"}, Cause.POLICY),
        ({"reason": "450 no", "status": "4.0.0", "bounce_classification": "Technical Failure"}, Cause.TRANSIENT),
        ({"reason": "550 no", "status": "5.1.1", "type": "blocked"}, Cause.POLICY),
        ({"reason": "552 full", "status": "5.2.2", "bounce_classification": "Mailbox Unavailable"}, Cause.FULL),
    ],
)  # fmt: skip
def test_whose_fault_a_bounce_is(fields: dict[str, str], cause: Cause) -> None:
    (event,) = read(orjson.dumps([{**COMMON, "event": "bounce", **fields}])).events
    assert event.cause is cause


def test_whose_fault_a_status_is_says_the_organisation() -> None:
    bounce = {**COMMON, "event": "bounce", "reason": "550 5.7.606 banned", "status": "5.7.606", "type": "blocked"}
    (event,) = read(orjson.dumps([bounce]), {"5.7.606": "address"}).events
    assert event.kind is EventKind.BOUNCED_HARD


def test_who_unsubscribes_from_the_provider_does_so_from_everything() -> None:
    names = ("unsubscribe", "group_unsubscribe", "spamreport")
    events = read(orjson.dumps([{**COMMON, "event": name} for name in names])).events
    assert [event.everywhere for event in events] == [True, False, False]
