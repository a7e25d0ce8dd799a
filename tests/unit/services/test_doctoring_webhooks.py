"""Whether reports are posted here and signed with a key that is believed."""

from __future__ import annotations

import pytest

from mailer.checks.domain.verdict import State
from mailer.providers import Webhook
from mailer.services.doctoring.webhooks import is_at, judge_webhooks

HERE = "https://news.example/webhooks/sendgrid"
KEY = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O"
GOOD = Webhook("one", HERE, True, KEY)


def judged(*found: Webhook, keys: tuple[str, ...] = (KEY,)) -> list[tuple[State, str, str]]:
    return [(each.state, each.words, each.advice) for each in judge_webhooks(found, HERE, keys)]


def test_all_is_well() -> None:
    ((state, words, _),) = judged(GOOD, Webhook("two", "https://user:secret@elsewhere.example/", True, ""))
    assert (state, words) == (State.OK, "the Event Webhook is on, posts here, and signs with a key that is believed")
    assert [each[0] for each in judged(GOOD, keys=("other", KEY))] == [State.OK], "while it is being replaced"


@pytest.mark.parametrize("found", [(), (Webhook("two", "https://user:secret@elsewhere.example/hook", True, KEY),)])
def test_nothing_posts_here(found: tuple[Webhook, ...]) -> None:
    ((state, words, advice),) = judged(*found)
    assert (state, words) == (State.WARNING, "no Event Webhook of SendGrid posts here")
    assert HERE in advice and "secret" not in advice


@pytest.mark.parametrize(
    ("found", "state", "words", "advice"),
    [
        (Webhook("one", HERE, False, KEY), State.WARNING, "is switched off", "turn it on"),
        (Webhook("one", HERE, True, ""), State.WARNING, "signs nothing", "turn on its signature"),
        (Webhook("one", HERE, True, None), State.UNKNOWN, "could not be found out", "look at Settings"),
        (Webhook("one", HERE, True, "MFkwOther"), State.WARNING, "that webhook_keys does not have",
         'webhook_keys = ["MFkwOther"] under [provider]'),
        (Webhook("one", HERE, True, KEY, ("bounce", "dropped")), State.WARNING,
         "does not post all that is needed: bounce, dropped", "turn these on"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_one_that_posts_here(found: Webhook, state: State, words: str, advice: str) -> None:
    (told,) = judged(found)
    assert told[0] is state
    assert words in told[1] and advice in told[2]


def test_of_two_that_post_here_the_one_that_is_off_does_not_count() -> None:
    assert [each[0] for each in judged(Webhook("old", HERE, False, ""), GOOD)] == [State.OK]


@pytest.mark.parametrize(
    ("url", "same"),
    [
        (HERE, True),
        ("https://NEWS.example.:443/webhooks/sendgrid", True),
        ("https://user:pa%40ss@news.example/webhooks/sendgrid", True),
        ("https://news.example/webhooks/sendgrid?a=1#b", True),
        ("http://news.example/webhooks/sendgrid", False),
        ("https://news.example/webhooks/sendgrid/", False),
        ("https://news.example:8443/webhooks/sendgrid", False),
        ("https://news.example/", False),
        ("https://news.example@evil.example/webhooks/sendgrid", False),
        ("https://evil.example/@news.example/webhooks/sendgrid", False),
        ("https://news.example:x/", False),
        ("nonsense", False),
        ("", False),
    ],
)
def test_whether_an_address_is_ours(url: str, same: bool) -> None:
    assert is_at(url, HERE) is same


def test_a_name_beyond_ascii_is_itself() -> None:
    assert is_at("https://bücher.example/webhooks/sendgrid", "https://xn--bcher-kva.example/webhooks/sendgrid")
