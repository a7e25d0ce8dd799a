"""Where SendGrid says that it posts events, as its published description has the answers and as they may be."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from mailer.errors import ProviderError
from mailer.providers.protocol import PostsEvents, Webhook
from mailer.providers.sendgrid.reply import Answer
from mailer.providers.sendgrid.webhooks import EVENTS, MOST, SCOPE, key_of, webhooks_of
from tests.cli.conftest import Site, site
from tests.providers.sendgrid_merges import provider

__all__ = ["site"]

ALL = "/v3/user/webhooks/event/settings/all"
SIGNED = "/v3/user/webhooks/event/settings/signed/"
NUMBER = "77d4a5da-7015-11ed-a1eb-0242ac120002"
KEY = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O"
# As the published description has it; 123publickeyabc is its example of a key.
PUBLISHED = {
    "enabled": True,
    "url": "https://emailengagment.example.com",
    "group_resubscribe": True,
    "delivered": True,
    "group_unsubscribe": True,
    "spam_report": True,
    "bounce": True,
    "deferred": True,
    "unsubscribe": True,
    "processed": False,
    "open": True,
    "click": True,
    "dropped": True,
    "friendly_name": "Engagment Webhook",
    "id": NUMBER,
    "oauth_client_id": "a835e7210bbb47edbfa71bdfc909b2d7",
    "oauth_token_url": "https://oauthservice.example.com",
    "public_key": "123publickeyabc",
    "created_date": "2023-01-01T12:00:00Z",
    "updated_date": "2023-02-15T10:00:00Z",
}


def answered(found: Any, status: int = 200) -> Answer:
    return Answer(status, {}, found if isinstance(found, bytes) else orjson.dumps(found))


def listed(*found: Any) -> tuple[Webhook, ...]:
    return webhooks_of(answered({"max_allowed": 5, "webhooks": list(found)}))


def one(**changes: Any) -> Webhook:
    (found,) = listed({**PUBLISHED, **changes})
    return found


def test_the_documented_answers() -> None:
    assert one() == Webhook(NUMBER, "https://emailengagment.example.com", True, "123publickeyabc", ())
    assert listed({}) == (), "an account without any"
    assert key_of(answered({"id": NUMBER, "public_key": "123publickeyabc"})) == "123publickeyabc"
    assert key_of(answered({"id": NUMBER, "public_key": ""})) == "", "it was turned off"
    assert key_of(answered({"errors": [{"message": "Invalid id provided."}]}, 404)) == ""


def test_reports_that_are_not_posted_are_named() -> None:
    assert one(bounce=False, dropped=None).lacks == ("bounce", "dropped")
    (found,) = listed({"url": "https://a.example"})
    assert (found.lacks, found.enabled, found.key, found.number) == (EVENTS, False, None, "")


@pytest.mark.parametrize(
    ("said", "key"),
    [
        (KEY, KEY),
        (f"  {KEY}\n", KEY),
        (f"-----BEGIN PUBLIC KEY-----\n{KEY[:20]}\n{KEY[20:]}\n-----END PUBLIC KEY-----\n", KEY),
        ("", None),
        (None, None),
        (7, None),
        (["a"], None),
        ('x"]\nsafe = true', None),
        ("A" * 501, None),
    ],
)
def test_a_key_is_a_word_of_base64_or_not_known(said: Any, key: str | None) -> None:
    assert one(public_key=said).key == key
    assert key_of(answered({"public_key": said})) == ("" if said == "" else key)


@pytest.mark.parametrize("number", [7, None, "", "../../../scopes", "a/b", "a?b", "x" * 101])
def test_a_number_that_could_lead_elsewhere_is_none(number: Any) -> None:
    assert one(id=number).number == ""


@pytest.mark.parametrize("enabled", ["true", 1, None, []])
def test_only_yes_is_on(enabled: Any) -> None:
    assert not one(enabled=enabled).enabled


@pytest.mark.parametrize("odd", [None, 7, "x", [], {"url": None}, {"url": ""}])
def test_an_odd_entry_is_passed_over(odd: Any) -> None:
    assert [each.number for each in listed(odd, PUBLISHED)] == [NUMBER]


def test_what_is_too_many_is_not_read() -> None:
    assert len(listed(*[PUBLISHED] * (MOST + 5))) == MOST


@pytest.mark.parametrize(
    "answer",
    [
        answered(b"<html>", 200), answered(b"", 200), answered([], 200), answered({}, 200), answered(None, 200),
        answered({"webhooks": None}), answered({"webhooks": {}}), answered({"webhooks": [PUBLISHED]}, 500),
        answered({"errors": []}, 404), answered(b"", 302), answered({}, 429),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_says_nothing(answer: Answer) -> None:
    with pytest.raises(ProviderError, match=rf"it answers {answer.status} when asked where events are posted"):
        webhooks_of(answer)
    assert key_of(answer) == ("" if answer.status == 404 else None)


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_may_not_read_it_is_told_the_scope(status: int) -> None:
    with pytest.raises(ProviderError, match="may not read where events are posted") as caught:
        webhooks_of(answered({"errors": [{"message": "access forbidden"}]}, status))
    assert SCOPE in (caught.value.hint or "")


def test_who_names_no_key_is_asked_one_by_one(site: Site) -> None:
    unsigned = {name: value for name, value in PUBLISHED.items() if name != "public_key"}
    rows = [PUBLISHED, {**unsigned, "id": "two"}, {**unsigned, "id": "three", "enabled": False}, {**unsigned, "id": ""}]
    site.answer(ALL, 200, json.dumps({"webhooks": rows}))
    site.answer(f"{SIGNED}two", 200, json.dumps({"id": "two", "public_key": KEY}))
    made = provider(site.url)
    assert isinstance(made, PostsEvents)
    assert [each.key for each in made.webhooks()] == ["123publickeyabc", KEY, None, None]
    assert [path for path, _ in site.requests] == [ALL, f"{SIGNED}two"]
    assert all(headers["Authorization"].startswith("Bearer SG.") for _, headers in site.requests)
    made.close()


def test_nobody_there_is_an_error() -> None:
    made = provider("http://127.0.0.1:9")
    with pytest.raises(ProviderError, match="sendgrid cannot be reached"):
        made.webhooks()
    made.close()
