"""Links that count, in the mails of both ways of writing: who has them, who has not, and that both ways agree."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mailer.model import Recipient
from mailer.providers.sendgrid.request import Options, message
from mailer.render.links import Purpose, Signer
from mailer.services.merge_writer import MergeWriter
from mailer.services.writer import MailWriter
from tests.unit.services.test_merge_writer import KEY, LIMIT, NAME, NOW, check_the_same, person
from tests.unit.services.test_merge_writer import snapshot as snapshot

URL = "https://www.example.org/rivers"
COUNTED = re.compile(r"https://news\.example\.org/l/([\w-]+)/(\d+)")


def counting(snapshot: dict[str, Any], *, individual: bool = False, preview: bool = False, **more: Any) -> MailWriter:
    """A writer of the issue with one link more in its HTML; only readers of the weekly list are counted."""
    html = snapshot["parts"]["html"]
    parts = {**snapshot["parts"], "html": {**html, "segments": [f'<a href="{URL}">On</a>', *html["segments"]]}}
    how = {"counting": {"lists": ["weekly"], "individual": individual}, "links": [URL]}
    return MailWriter(NAME, {**snapshot, "parts": parts, **how, **more}, (KEY,), preview=preview)


def html_of(writer: MailWriter, recipient: Recipient) -> str:
    """The HTML as a provider that personalises gets it, filled in."""
    (merge,) = MergeWriter(writer, LIMIT).merges([recipient])[0]
    (one,) = merge.recipients
    text = merge.html
    for token, value in one.values.items():
        text = text.replace(token, value)
    return text


PEOPLE = [
    person(1, city="Oslo"),
    person(2, city="Bergen")._replace(untracked=True),
    person(3, "green_city"),
    person(4),
    person(5, "green_city")._replace(untracked=True),
    person(6, first_name="Åse & Co"),
]


@pytest.mark.parametrize("individual", [False, True])
@pytest.mark.parametrize("limit", [2, 300, LIMIT])
def test_both_ways_of_writing_count_the_same(snapshot: dict[str, Any], individual: bool, limit: int) -> None:
    check_the_same(counting(snapshot, individual=individual), PEOPLE, limit)


@pytest.mark.parametrize("individual", [False, True])
def test_who_is_counted(snapshot: dict[str, Any], individual: bool) -> None:
    writer = counting(snapshot, individual=individual)
    tokens = {each.delivery_id: {found[0] for found in COUNTED.findall(html_of(writer, each))} for each in PEOPLE}
    assert [number for number, found in tokens.items() if found] == [1, 4, 6]
    readers = {number: Signer([KEY]).read(found.pop(), Purpose.COUNT) for number, found in tokens.items() if found}
    assert {target.list_name for target in readers.values()} == {NAME}
    known = [f"{number:08x}" for number in (1, 4, 6)] if individual else ["", "", ""]
    assert [target.subscriber_id for target in readers.values()] == known


def test_a_preview_counts_nobody(snapshot: dict[str, Any]) -> None:
    writer = counting(snapshot, individual=True, preview=True)
    assert not COUNTED.search(html_of(writer, PEOPLE[0]))
    assert f'href="{URL}"' in writer.personal(PEOPLE[0]).html


def test_what_is_shown_of_a_mail_does_not_count(snapshot: dict[str, Any]) -> None:
    """The mail as a web page, and its preview, are made of this."""
    assert not COUNTED.search(counting(snapshot).personal(PEOPLE[0]).html)


def test_mails_that_are_written_one_by_one_are_each_readers_own(snapshot: dict[str, Any]) -> None:
    envelopes, refused = counting(snapshot).envelopes(PEOPLE, NOW)
    assert refused == ()
    assert [each.delivery_id for each in envelopes] == [1, 2, 3, 4, 5, 6], "in the order they came"


@pytest.mark.parametrize("base_url", ["", "https://news.example.org"])
def test_a_provider_counts_only_where_our_links_cannot_and_only_whom_it_may(
    snapshot: dict[str, Any], base_url: str
) -> None:
    writer = counting(snapshot, base_url=base_url)
    merges, _ = MergeWriter(writer, LIMIT).merges(PEOPLE)
    told = {
        number: message(merge, Options(tracking=True))["tracking_settings"]["open_tracking"]["enable"]
        for merge in merges
        for number in merge.people.delivery_ids
    }
    assert sorted(number for number, enabled in told.items() if enabled) == ([] if base_url else [1, 4, 6])
    assert all(("/l/" in merge.html) <= bool(base_url) for merge in merges)
