"""A batch as few messages for many: what each person gets is what the outbox would have written for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.config.theme import Theme
from mailer.issues.file import parse_issue
from mailer.model import Merge, MergeRecipient, Outcome, Recipient
from mailer.providers.sendgrid.mail import merge_of
from mailer.render.issue import RenderInput, render_issue
from mailer.render.sources import TemplateText
from mailer.services.merge_writer import MergeWriter
from mailer.services.writer import MailWriter
from mailer.workspace import shipped
from tests.providers.sendgrid_merges import columns
from tests.thoroughness import examples

NOW = datetime(2026, 11, 22, 17, 0, 5, tzinfo=UTC)
KEY = b"0123456789abcdef0123456789abcdef"
NAME = "2026-11-22-rivers"
OSLO = "The march begins at the harbour. " * 300
ISSUE = f"""---
kind: bulletin
subject: "Rivers  for {{{{ subscriber.city | default('you') }}}} & all"
preheader: "For {{{{ subscriber.first_name | default('you') }}}}"
lists: [weekly, green_city]
---

Dear {{{{ subscriber.first_name | default("friend") }}}}, you live in {{{{ subscriber.city | default("a town") }}}}.

{{% if subscriber.city == "Oslo" %}}
{OSLO}
{{% endif %}}

Write to {{{{ subscriber.email }}}}, {{{{ subscriber.first_name | default("friend") | upper }}}}.
"""
LISTS: dict[str, dict[str, str]] = {
    "weekly": {"title": "Weekly, for everyone", "reply_to": ""},
    "green_city": {"title": "Grønn liste", "reply_to": "svar@example.org"},
}
SENDER = {"name": "Rivers United", "email": "news@grønn.example", "reply_to": "desk@example.org"}
LIMIT = 10_000


@pytest.fixture(scope="module")
def snapshot() -> dict[str, Any]:
    """The issue as it is frozen."""
    folder = shipped("templates")
    templates = {path.name: TemplateText(path.read_text(encoding="utf-8"), path.name) for path in folder.iterdir()}
    issue = parse_issue(ISSUE, f"issues/{NAME}.md")
    organisation = {"name": "Rivers United", "postal_address": "1 Quay Street, Oslo", "contact": "", "website": ""}
    given = RenderInput(issue, (), organisation, Theme().model_dump(), templates, "issue", "abc123", NOW)
    return {
        "parts": render_issue(given).to_json(),
        "from": SENDER,
        "lists": LISTS,
        "base_url": "https://news.example.org",
        "contact": "office@example.org",
        "hash": "0123456789abcdef" * 4,
        "message_ids": "5a17",
    }


@pytest.fixture(scope="module")
def writer(snapshot: dict[str, Any]) -> MailWriter:
    return MailWriter(NAME, snapshot, (KEY,))


def person(delivery: int = 17, list_name: str = "weekly", **fields: Any) -> Recipient:
    return Recipient(delivery, f"{delivery:08x}", f"reader{delivery}@example.net", list_name, fields)


def put_in(text: str, values: Mapping[str, str]) -> str:
    for tag, value in values.items():
        text = text.replace(tag, value)
    return text


def for_one(merge: Merge, one: MergeRecipient) -> Merge:
    """What the provider makes of it for one recipient."""
    return replace(
        merge,
        subject=put_in(merge.subject, one.values),
        text=put_in(merge.text, one.values),
        html=put_in(merge.html, one.values),
        people=columns([replace(one, values={})]),
        headers={},
        labels=(),
    )


def as_outbox(writer: MailWriter, recipient: Recipient) -> Merge:
    """The mail that the outbox gets, read back."""
    return merge_of(writer.envelope(recipient, NOW))


def check_the_same(writer: MailWriter, people: list[Recipient], limit: int = LIMIT) -> tuple[Merge, ...]:
    merges, refused = MergeWriter(writer, limit, ("bulletin",)).merges(people)
    assert refused == ()
    found = {one.delivery_id: for_one(merge, one) for merge in merges for one in merge.recipients}
    assert len(found) == len(people) == sum(len(merge.recipients) for merge in merges)
    for recipient in people:
        assert found[recipient.delivery_id] == as_outbox(writer, recipient)
    for merge in merges:
        for one in merge.recipients:
            assert len(orjson.dumps(one.values)) <= limit
            whole = merge.subject + merge.text + merge.html
            assert all(token in whole for token in one.values), "a value without its token"
    return merges


def test_everybody_gets_what_the_outbox_writes(writer: MailWriter) -> None:
    people = [
        person(1, first_name="Ann & Bo", last_name="Lee", city="Tromsø"),
        person(2, first_name='<b>"x"</b>', city="A 'town'"),
        person(3),
        person(4, first_name="Żółć", name="Lee, Żółć; x"),
        person(5, first_name="two\nlines", city="tab\there"),
        person(6, name="Żółćżółćżółć" * 6, city="Łódź" * 20),
    ]
    (merge,) = check_the_same(writer, people)
    assert merge.labels == ("bulletin", "weekly")
    assert merge.sender.email == "news@xn--grnn-hra.example"
    assert {len(one.values) for one in merge.recipients} == {len(merge.recipients[0].values)}


def test_escaped_and_raw_are_two_tokens(writer: MailWriter) -> None:
    (merge,) = check_the_same(writer, [person(1, first_name="Ann & Bo")])
    texts = list(merge.recipients[0].values.values())
    assert "Ann & Bo" in texts
    assert "Ann &amp; Bo" in texts


def test_html_and_text_share_tokens_where_nothing_is_escaped(writer: MailWriter) -> None:
    plain, mixed = [person(1, first_name="Ann", city="Oslo&Co")], [person(1, first_name="Ann & Bo", city="Bergen")]
    full = len(MergeWriter(writer, LIMIT).skeleton.tokens)
    for people in (plain, mixed, [*plain, person(2, first_name="Żółć")]):
        (merge,) = check_the_same(writer, people)
        texts = [tuple(column) for column in merge.people.values.values()]
        assert len(texts) < full
    assert {"Ann & Bo", "Ann &amp; Bo"} <= set(check_the_same(writer, mixed)[0].recipients[0].values.values())


def test_each_list_is_a_message_of_its_own(writer: MailWriter) -> None:
    merges = check_the_same(writer, [person(1), person(2, "green_city"), person(3)])
    assert [(merge.sender.reply_to, len(merge.recipients)) for merge in merges] == [
        ("desk@example.org", 2),
        ("svar@example.org", 1),
    ]
    assert [merge.labels[-1] for merge in merges] == ["weekly", "green_city"]


def test_those_with_the_same_large_texts_share_a_message(writer: MailWriter) -> None:
    """Without that, a paragraph for one city would be a request for each person who lives there."""
    people = [person(number, city="Oslo" if number % 2 else "Bergen", first_name=f"N{number}") for number in range(20)]
    merges = check_the_same(writer, people)
    assert [len(merge.recipients) for merge in merges] == [10, 10]
    assert OSLO.strip() in merges[1].html
    assert all(one.values for one in merges[1].recipients)


def test_a_recipient_with_too_much_of_their_own_is_alone(writer: MailWriter) -> None:
    first, third = (person(n, first_name=letter * 11_000, name="Lee") for n, letter in ((1, "x"), (3, "y")))
    merges = check_the_same(writer, [first, person(2), third])
    assert sorted(len(merge.recipients) for merge in merges) == [1, 1, 1]


@pytest.mark.parametrize("limit", [2, 100, 300, 1000])
def test_any_limit_is_kept(writer: MailWriter, limit: int) -> None:
    check_the_same(writer, [person(1, first_name="Ann", city="Oslo"), person(2)], limit)


def test_data_that_look_like_a_token_are_data(writer: MailWriter) -> None:
    tokens = MergeWriter(writer, LIMIT).skeleton.tokens
    hostile = [person(number, first_name=token, city=tokens[-1]) for number, token in enumerate(tokens)]
    merges = check_the_same(writer, [*hostile, person(99, first_name="Ann")])
    assert all(merge.recipients[0].values == {} for merge in merges if merge.recipients[0].delivery_id != 99)


def test_tokens_are_of_the_issue_and_cannot_be_guessed(writer: MailWriter) -> None:
    skeleton = MergeWriter(writer, LIMIT).skeleton
    assert skeleton.mark == MergeWriter(writer, LIMIT).skeleton.mark, "who goes on after a crash uses the same"
    assert all(token.isalnum() and token.startswith(skeleton.mark) for token in skeleton.tokens)
    for one in skeleton.tokens:
        assert not any(one in other for other in skeleton.tokens if other != one)


def test_who_cannot_be_written_to_is_told_and_stops_nobody(writer: MailWriter) -> None:
    wrong = person(2)._replace(email="jürgen@example.net")
    merges, refused = MergeWriter(writer, LIMIT).merges([person(1), wrong, person(3)])
    assert [one.delivery_id for one in merges[0].recipients] == [1, 3]
    ((receipt),) = refused
    assert (receipt.delivery_id, receipt.outcome) == (2, Outcome.REFUSED)
    assert receipt.detail.startswith("not written: To: ")
    assert "jürgen" not in receipt.detail


def test_the_reference_is_the_one_in_the_message_id(writer: MailWriter) -> None:
    merges, _ = MergeWriter(writer, LIMIT).merges([person(17)])
    assert merges[0].recipients[0].reference == writer.message_id(17)


# The email package, which reads the other side, takes every white space in a name for a blank.
WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs", "Cn"), include_characters=" "),
    min_size=1,
    max_size=40,
)


@settings(max_examples=examples(40))
@given(st.lists(st.fixed_dictionaries({}, optional={"first_name": WORDS, "city": WORDS, "name": WORDS}), max_size=3))
def test_the_same_for_any_data(writer: MailWriter, people: list[dict[str, str]]) -> None:
    check_the_same(writer, [person(number, **fields) for number, fields in enumerate(people)])
