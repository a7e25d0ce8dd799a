"""The limit of calls is waited for before it is met: an answer that says that none is left holds the next one back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from mailer.model import Batch, Outcome
from mailer.providers.sendgrid.provider import SendGrid
from mailer.providers.sendgrid.quota import Quota
from tests.providers.sendgrid_merges import batch, merge, person, provider
from tests.providers.sendgrid_site import Says, Site, running


@pytest.fixture
def site() -> Iterator[Site]:
    with running() as made:
        yield made


@pytest.fixture
def sendgrid(site: Site) -> Iterator[SendGrid]:
    made = provider(site.url, seconds=3)
    yield made
    made.close()


def last(reset: str, left: str = "0", status: int = 202) -> Says:
    return Says(status, headers={"X-RateLimit-Remaining": left, "X-RateLimit-Reset": reset}, takes=status == 202)


def test_after_the_last_call_the_next_one_waits(site: Site, sendgrid: SendGrid) -> None:
    site.plan.append(last(str(int(time.time()) + 2)))
    sendgrid.submit(batch(1))
    begun = time.monotonic()
    (receipt,) = sendgrid.submit(batch(2))
    assert receipt.outcome is Outcome.ACCEPTED
    assert 0.9 < time.monotonic() - begun < 2.9
    assert len(site.mails) == 2


def test_what_would_take_too_long_is_given_back(site: Site, sendgrid: SendGrid) -> None:
    site.plan.append(last(str(int(time.time()) + 40)))
    two = Batch(1, "rivers", 1, merges=(merge(person(1)), merge(person(2))))
    first, second = sendgrid.submit(two)
    assert (first.outcome, second.outcome) == (Outcome.ACCEPTED, Outcome.RETRY)
    assert second.retry_after is not None
    assert 38 < second.retry_after <= 40
    assert second.detail == "not tried: the limit of calls is used up"
    assert len(site.sends) == 1, "a call that would be refused is not made"


def test_no_call_is_waited_for_beyond_the_time_of_its_batch(site: Site, sendgrid: SendGrid) -> None:
    site.plan.append(last("2"))
    sendgrid.submit(batch(1))
    (receipt,) = sendgrid.submit(batch(2, deadline=time.monotonic() + 0.5))
    assert receipt.outcome is Outcome.RETRY
    assert len(site.sends) == 1


def test_all_threads_hear_of_it(site: Site, sendgrid: SendGrid) -> None:
    site.plan.append(last("30"))
    sendgrid.submit(batch(1))
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda number: sendgrid.submit(batch(number)), range(2, 6)))
    assert {each.outcome for receipts in done for each in receipts} == {Outcome.RETRY}
    assert len(site.sends) == 1


@pytest.mark.parametrize(
    "says",
    [last("40", left="1"), last("", left="0"), last("soon", left="0"), Says(takes=True)],
    ids=["one is left", "no time", "no number", "no word"],
)
def test_otherwise_nothing_waits(site: Site, sendgrid: SendGrid, says: Says) -> None:
    site.plan.append(says)
    sendgrid.submit(batch(1))
    begun = time.monotonic()
    sendgrid.submit(batch(2))
    assert time.monotonic() - begun < 0.8
    assert len(site.mails) == 2


def test_a_limit_that_was_met_holds_the_others_back(site: Site, sendgrid: SendGrid) -> None:
    site.plan.append(last("30", status=429))
    assert [each.outcome for each in sendgrid.submit(batch(1))] == [Outcome.RETRY]
    assert [each.outcome for each in sendgrid.submit(batch(2))] == [Outcome.RETRY]
    assert len(site.sends) == 1


def test_the_later_of_two_times_counts() -> None:
    quota = Quota()
    for reset in ("20", "5"):
        quota.heard({"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset})
    assert 19 < quota.wait() <= 20
    assert Quota().wait() == 0
