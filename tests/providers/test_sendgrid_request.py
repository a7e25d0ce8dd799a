"""The body of a request to SendGrid, and how one is divided."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sendgrid.helpers.mail import (
    Category,
    ClickTracking,
    Content,
    CustomArg,
    Ganalytics,
    Header,
    Mail,
    OpenTracking,
    Personalization,
    ReplyTo,
    SubscriptionTracking,
    Substitution,
    To,
    TrackingSettings,
)

from mailer.model import Merge, MergeRecipient, Sender
from mailer.providers.sendgrid.request import Options, categories, divided, message, requests, serialised
from tests.providers.sendgrid_merges import merge, person
from tests.providers.sendgrid_site import faults_in
from tests.thoroughness import examples

PLAIN = Options()


def built(made: Merge, options: Options = PLAIN) -> Any:
    found = orjson.loads(serialised(made, 7, options))
    assert faults_in(found) == []
    return found


def test_the_whole_body() -> None:
    found = built(merge(person(1)))
    assert list(found) == [
        "personalizations", "from", "subject", "content", "tracking_settings", "reply_to", "categories",
    ]  # fmt: skip
    assert found["personalizations"] == [
        {
            "to": [{"email": "reader1@example.net", "name": "Reader 1"}],
            "custom_args": {"mailer_batch": "7", "mailer_delivery": "1.0f0f0f0f"},
            "headers": {
                "List-ID": "Weekly <weekly.example.org>",
                "List-Unsubscribe": "<https://news.example.org/u/1>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
            "substitutions": {
                "zq0123456789h0qz": "Reader 1",
                "zq0123456789h1qz": "https://news.example.org/u/1",
            },
        }
    ]
    assert found["categories"] == ["bulletin", "weekly"]
    assert [part["type"] for part in found["content"]] == ["text/plain", "text/html"]


def test_the_sdks_own_helpers_say_the_same() -> None:
    """But for the order of people and categories, which they turn round."""
    made = merge(person(1), person(2))
    mail = Mail(subject=made.subject, from_email=(made.sender.email, made.sender.name))
    mail.reply_to = ReplyTo(made.sender.reply_to)
    mail.content = [Content("text/plain", made.text), Content("text/html", made.html)]
    mail.category = [Category("bulletin"), Category("weekly")]
    for each in made.recipients:
        one = Personalization()
        one.add_to(To(each.address, each.name))
        for token, value in each.values.items():
            one.add_substitution(Substitution(token, value))
        for name, text in each.headers.items():
            one.add_header(Header(name, text))
        one.add_custom_arg(CustomArg("mailer_batch", "7"))
        one.add_custom_arg(CustomArg("mailer_delivery", each.reference))
        mail.add_personalization(one)
    off = TrackingSettings(
        click_tracking=ClickTracking(False, False),
        open_tracking=OpenTracking(False),
        subscription_tracking=SubscriptionTracking(False),
        ganalytics=Ganalytics(False),
    )
    mail.tracking_settings = off
    theirs, found = mail.get(), built(made)
    assert [each["to"][0]["email"] for each in theirs["personalizations"]] == [
        "reader2@example.net",
        "reader1@example.net",
    ]
    theirs["personalizations"].reverse()
    theirs["categories"].reverse()
    assert theirs == found


def straightforward(made: Merge, batch_id: int, options: Options) -> dict[str, Any]:
    """The body as dictionaries, person by person."""
    return {**message(made, options), "personalizations": [one_by_one(each, batch_id) for each in made.recipients]}


def one_by_one(each: MergeRecipient, batch_id: int) -> dict[str, Any]:
    name = re.sub(r"\s*[;,]\s*", " ", each.name).strip()
    found: dict[str, Any] = {
        "to": [{"email": each.address, "name": name} if name else {"email": each.address}],
        "custom_args": {"mailer_batch": str(batch_id), "mailer_delivery": each.reference},
    }
    if each.headers:
        found["headers"] = dict(each.headers)
    if each.values:
        found["substitutions"] = dict(each.values)
    return found


NASTY = [
    "", '"', "\\", '","', '\\"', "\x7f", "\\u007f", "\0\x1f\n\r\t", "\u2028\u2029", "😀\u200d👧", "\u202eabc",
    "</script>", "é" * 50,
]  # fmt: skip
TEXTS = st.one_of(st.sampled_from(NASTY), st.text(st.characters(exclude_categories=["Cs"]), max_size=30))


@settings(max_examples=examples(300))
@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS, TEXTS, TEXTS), min_size=1, max_size=5), st.booleans(), st.booleans())
def test_what_is_joined_is_what_dictionaries_would_give(
    texts: list[tuple[str, ...]], headers: bool, values: bool
) -> None:
    people = [
        MergeRecipient(
            number,
            f"{number}{address}",
            name,
            reference,
            {"List-Unsubscribe": header, "X-Own": header[::-1]} if headers else {},
            {"zq0": value, "zq1": header, "zq2": "x"} if values else {},
        )
        for number, (address, name, reference, header, value) in enumerate(texts)
    ]
    for common in ({}, {"Precedence": "bulk"}, {"X-Own": "overruled", "A": "b"}):
        made = replace(merge(*people), headers=common)
        assert orjson.loads(serialised(made, 7, PLAIN)) == straightforward(made, 7, PLAIN)


@pytest.mark.parametrize("asked", [True, False])
def test_tracking_is_said_either_way_and_their_unsubscribing_is_off(asked: bool) -> None:
    found = built(replace(merge(person(1)), counted=True), Options(tracking=asked))["tracking_settings"]
    assert found["click_tracking"] == {"enable": asked, "enable_text": False}
    assert found["open_tracking"] == {"enable": asked}
    assert found["subscription_tracking"] == {"enable": False}
    assert found["ganalytics"] == {"enable": False}


def test_what_the_settings_add() -> None:
    found = built(merge(person(1)), Options(("a", "b"), "pool one", 12, sandbox=True))
    assert found["categories"] == ["a", "b"]
    assert found["ip_pool_name"] == "pool one"
    assert found["asm"] == {"group_id": 12}
    assert found["mail_settings"] == {"sandbox_mode": {"enable": True}}
    bare = built(replace(merge(person(1)), sender=Sender("", "a@example.org")), Options(()))
    assert not {"categories", "ip_pool_name", "asm", "mail_settings", "reply_to"} & set(bare)
    assert bare["from"] == {"email": "a@example.org"}


def test_no_address_goes_where_nothing_is_redacted() -> None:
    found = built(merge(person(1)))
    assert "@" not in str(found["categories"]) + str(found["personalizations"][0]["custom_args"])


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Lee, Ann", "Lee Ann"), ("a;b", "a b"), (" ; , ", None), ("Åse", "Åse"), ("", None), ('"Q" <x>', '"Q" <x>')],
)
def test_a_name_without_what_is_refused_in_names(name: str, shown: str | None) -> None:
    (found,) = built(merge(replace(person(1), name=name)))["personalizations"]
    assert found["to"][0].get("name") == shown


@pytest.mark.parametrize("name", ["Subject", "to", "X-SG-EID", "DKIM-Signature", "Reply-To"])
def test_headers_that_are_theirs_are_left_out(name: str) -> None:
    one = replace(person(1), headers={name: "x", "Precedence": "bulk"})
    assert built(merge(one))["personalizations"][0]["headers"] == {"Precedence": "bulk"}


def test_a_message_without_personal_places_has_no_substitutions() -> None:
    found = built(merge(replace(person(1), values={}, headers={})))["personalizations"][0]
    assert set(found) == {"to", "custom_args"}


def test_an_empty_part_is_left_out() -> None:
    found = built(replace(merge(person(1)), text=""))
    assert [part["type"] for part in found["content"]] == ["text/html"]


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        (["a", "a", "b"], ["a", "b"]),
        (["Grønn liste", " x\n"], ["Gr-nn liste", "x-"]),
        ([str(number) for number in range(15)], [str(number) for number in range(10)]),
        (["x" * 300], ["x" * 255]),
        ([""], []),
    ],
)
def test_categories(labels: list[str], shown: list[str]) -> None:
    assert categories(labels) == shown


@given(st.lists(st.integers(0, 30), max_size=60))
def test_requests_keep_everybody_once_and_no_address_twice(numbers: list[int]) -> None:
    people = [replace(person(number), delivery_id=place) for place, number in enumerate(numbers)]
    parts = requests(merge(*people))
    assert sorted(each.delivery_id for part in parts for each in part.recipients) == list(range(len(numbers)))
    for part in parts:
        addresses = [each.address for each in part.recipients]
        assert 0 < len(addresses) == len(set(addresses)) <= 1000
    assert len(parts) == max((numbers.count(number) for number in numbers), default=0)


@given(st.integers(2, 40), st.lists(st.integers(-3, 50), max_size=6))
def test_dividing_loses_nobody_and_comes_to_an_end(count: int, pointed: list[int]) -> None:
    whole = merge(*map(person, range(count)))
    groups = divided(whole, pointed)
    assert sorted(each.delivery_id for group in groups for each in group.recipients) == list(range(count))
    assert all(0 < len(group.recipients) < count for group in groups)
