"""Batches that SendGrid keeps until later and drops when told so, against a stand-in that keeps and drops them."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from mailer.errors import ProviderError
from mailer.model import Batch, Outcome
from mailer.providers.protocol import Holds
from mailer.providers.sendgrid import holds
from mailer.providers.sendgrid.access import HOLD, SEND
from mailer.providers.sendgrid.provider import SendGrid
from mailer.providers.sendgrid.request import Options
from tests.providers.sendgrid_kept import MOST, Said, wrong
from tests.providers.sendgrid_merges import KEY, address, batch, merge, person, provider
from tests.providers.sendgrid_site import Says, Site, running

MINUTE = timedelta(minutes=1)
SAFE = Options(safe=True)
Plan = Callable[[Callable[[], Said]], Said | None]


@pytest.fixture
def site() -> Iterator[Site]:
    with running() as made:
        yield made


@pytest.fixture
def sendgrid(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[SendGrid]:
    monkeypatch.setattr(holds, "PAUSES", (0.01, 0.01))
    monkeypatch.setattr(holds, "LONGEST_PAUSE", 0.01)
    made = provider(site.url, options=SAFE)
    yield made
    made.close()


def soon(minutes: float = 25) -> datetime:
    return datetime.now(UTC) + minutes * MINUTE


def kept(sendgrid: SendGrid, *numbers: int, minutes: float = 25) -> Batch:
    """A batch with a number of its own."""
    return replace(batch(*numbers), hold=sendgrid.new_hold(), send_at=soon(minutes))


def calls(site: Site) -> list[tuple[str, str]]:
    """The calls about batches, with the number left out."""
    made = ((each.method, each.path.removeprefix("/v3")) for each in site.asked)
    return [
        (how, "/".join(where.split("/")[:3]) + ("/ID" if where.count("/") > 2 else ""))
        for how, where in made
        if "/mail/send" not in where
    ]


def answers(*said: Said | None) -> list[Plan]:
    return [partial(instead, each) for each in said]


def instead(said: Said | None, _: Callable[[], Said]) -> Said | None:
    return said


def done_and_cut(do: Callable[[], Said]) -> None:
    do()


def test_it_says_that_it_holds(sendgrid: SendGrid) -> None:
    assert isinstance(sendgrid, Holds)
    assert (sendgrid.hold_terms.lead, sendgrid.hold_terms.most) == (10 * MINUTE, 10)
    assert sendgrid.capabilities.schedules
    assert sendgrid.capabilities.cancels


def test_each_number_is_another_one(site: Site, sendgrid: SendGrid) -> None:
    assert [sendgrid.new_hold(), sendgrid.new_hold()] == site.kept.made
    assert calls(site) == [("POST", "/mail/batch")] * 2
    assert all(each.headers["Authorization"] == f"Bearer {KEY}" for each in site.asked)


def test_a_kept_batch_leaves_later_and_every_request_of_it_says_so(site: Site, sendgrid: SendGrid) -> None:
    site.bad = {address(2)}
    parts = (merge(*map(person, (1, 2, 3))), merge(person(4)))
    made = replace(kept(sendgrid), merges=parts)
    assert Counter(each.outcome for each in sendgrid.submit(made)) == {Outcome.ACCEPTED: 3, Outcome.REFUSED: 1}
    assert site.mails == [], "nothing leaves at once"
    assert made.send_at is not None
    for each in site.sends:
        assert (each.json["batch_id"], each.json["send_at"]) == (made.hold, int(made.send_at.timestamp()))
        assert all("send_at" not in one for one in each.json["personalizations"])
    assert [mail.to for mail in site.kept.left()] == [address(1), address(3), address(4)]


def test_without_a_number_nothing_is_kept(site: Site, sendgrid: SendGrid) -> None:
    sendgrid.submit(batch(1))
    assert not {"batch_id", "send_at"} & site.sends[0].json.keys()
    assert len(site.mails) == 1


def test_what_is_dropped_never_leaves(site: Site, sendgrid: SendGrid) -> None:
    first, second = kept(sendgrid, 1, 2), kept(sendgrid, 3)
    for each in (first, second):
        sendgrid.submit(each)
    assert sendgrid.drop(first.hold, soon(15))
    assert [mail.to for mail in site.kept.left()] == [address(3)]
    assert calls(site)[-1] == ("POST", "/user/scheduled_sends")
    assert site.asked[-1].json == {"batch_id": first.hold, "status": "cancel"}


def test_what_comes_under_a_dropped_number_never_leaves_either(site: Site, sendgrid: SendGrid) -> None:
    """The request whose answer nobody heard may still be on its way."""
    late = kept(sendgrid, 1)
    assert sendgrid.drop(late.hold, soon(15))
    sendgrid.submit(late)
    assert site.kept.left() == []


def test_a_second_drop_goes_the_other_way_and_is_as_good(site: Site, sendgrid: SendGrid) -> None:
    made = kept(sendgrid, 1)
    sendgrid.submit(made)
    assert sendgrid.drop(made.hold, soon(15))
    assert sendgrid.drop(made.hold, soon(15))
    assert calls(site)[-2:] == [("POST", "/user/scheduled_sends"), ("PATCH", "/user/scheduled_sends/ID")]
    assert site.kept.left() == []


def test_a_batch_that_somebody_paused_is_dropped(site: Site, sendgrid: SendGrid) -> None:
    number = sendgrid.new_hold()
    site.kept.words[number] = ("pause", time.time())
    assert sendgrid.drop(number, soon(15))
    assert site.kept.words[number][0] == "cancel"


def test_the_answer_to_a_drop_was_lost_and_it_is_asked_again(site: Site, sendgrid: SendGrid) -> None:
    number = sendgrid.new_hold()
    site.kept.plan.append(done_and_cut)
    with pytest.raises(ProviderError, match="sendgrid cannot be asked about a batch"):
        sendgrid.drop(number, soon(15))
    assert sendgrid.drop(number, soon(15))


def test_no_more_than_ten_can_be_dropped(site: Site, sendgrid: SendGrid) -> None:
    numbers = [sendgrid.new_hold() for _ in range(MOST + 1)]
    assert all(sendgrid.drop(each, soon(15)) for each in numbers[:-1])
    assert not sendgrid.drop(numbers[-1], soon(15)), "certainly not dropped"
    assert calls(site)[-3:] == [
        ("POST", "/user/scheduled_sends"), ("PATCH", "/user/scheduled_sends/ID"), ("GET", "/user/scheduled_sends/ID"),
    ]  # fmt: skip
    sendgrid.release(numbers[0])
    assert sendgrid.drop(numbers[-1], soon(15))


def test_a_drop_that_was_refused_but_stands_counts(site: Site, sendgrid: SendGrid) -> None:
    number = sendgrid.new_hold()
    listed = Said(200, [{"batch_id": "another", "status": "pause"}, {"batch_id": number, "status": "cancel"}])
    site.kept.plan += answers(wrong(400, "no"), wrong(400, "no"), listed)
    assert sendgrid.drop(number, soon(15))
    site.kept.plan += answers(wrong(400, "no"), wrong(404, "no"), Said(200, {"batch_id": number, "status": "cancel"}))
    assert sendgrid.drop(number, soon(15))
    others: list[Any] = [[{"batch_id": number, "status": "pause"}], [], {}, "cancel", [7], [{"batch_id": "x"}]]
    for said in others:
        site.kept.plan += answers(wrong(400, "no"), wrong(400, "no"), Said(200, said))
        assert not sendgrid.drop(number, soon(15)), said


@pytest.mark.parametrize("said", [Said(500), Said(503), Said(429), Said(302), Said(202), Said(401), Said(403), None])
@pytest.mark.parametrize("before", [0, 1, 2])
def test_what_an_answer_does_not_say_is_not_believed(
    site: Site, sendgrid: SendGrid, said: Said | None, before: int
) -> None:
    number = sendgrid.new_hold()
    site.kept.plan += answers(*[wrong(400, "no")] * before, said)
    with pytest.raises(ProviderError):
        sendgrid.drop(number, soon(15))
    assert number not in site.kept.words


def test_a_drop_that_comes_too_late_does_not_count(site: Site, sendgrid: SendGrid) -> None:
    made = kept(sendgrid, 1, minutes=10.5)
    sendgrid.submit(made)
    with pytest.raises(ProviderError, match="too late"):
        sendgrid.drop(made.hold, soon(-0.1))
    # By the clock of the other side, which is the one that counts: ours may have been put back.
    site.kept.now, site.kept.clock = lambda: time.time() + 120, True
    with pytest.raises(ProviderError, match="too late"):
        sendgrid.drop(made.hold, soon(0.5))
    assert [mail.to for mail in site.kept.left()] == [address(1)], "and it did leave"


@pytest.mark.parametrize(("minutes", "way"), [(30, "behind"), (-30, "ahead of")])
def test_with_another_clock_nothing_is_kept(site: Site, sendgrid: SendGrid, minutes: int, way: str) -> None:
    """Half an hour behind, and what is believed to be kept would leave at once."""
    site.kept.now, site.kept.clock = lambda: time.time() + 60 * minutes, True
    with pytest.raises(ProviderError, match=f"this machine's clock is 30 minutes {way} sendgrid's") as caught:
        sendgrid.new_hold()
    assert "Set the clock" in str(caught.value.hint)
    site.kept.now = time.time
    assert sendgrid.new_hold()


def test_no_request_begins_when_it_could_not_be_dropped_any_more(site: Site, sendgrid: SendGrid) -> None:
    """A machine that slept between the number and the request."""
    receipts = sendgrid.submit(kept(sendgrid, 1, 2, minutes=9.9))
    assert [each.outcome for each in receipts] == [Outcome.NOT_SENT] * 2
    assert site.sends == []


@pytest.mark.parametrize("said", [Said(500), Said(503), Said(429), None, Said(201), Said(201, {"batch_id": "a/b"})])
def test_a_number_is_asked_for_again(site: Site, sendgrid: SendGrid, said: Said | None) -> None:
    site.kept.plan += answers(said, said)
    assert sendgrid.new_hold() == site.kept.made[-1]
    site.kept.plan += answers(said, said, said)
    with pytest.raises(ProviderError, match="gives no number to keep a batch under") as caught:
        sendgrid.new_hold()
    assert caught.value.hint == "Nothing was sent of it. Send again later."


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 451])
def test_a_number_that_is_refused_is_asked_for_once(site: Site, sendgrid: SendGrid, status: int) -> None:
    site.kept.plan += answers(wrong(status, "no"))
    with pytest.raises(ProviderError, match=rf"gives no number .* \(HTTP {status}: no\)") as caught:
        sendgrid.new_hold()
    assert len(site.asked) == 1
    assert KEY not in str(caught.value)


def test_what_was_said_is_taken_back_for_the_next(site: Site, sendgrid: SendGrid) -> None:
    number = sendgrid.new_hold()
    sendgrid.drop(number, soon(15))
    sendgrid.release(number)
    assert site.kept.words == {}
    sendgrid.release(number)  # there is nothing to be taken back
    site.kept.plan += answers(Said(500))
    with pytest.raises(ProviderError):
        sendgrid.release(number)


# The key.


@pytest.mark.parametrize("missing", HOLD)
def test_a_scope_that_is_missing_is_named(site: Site, sendgrid: SendGrid, missing: str) -> None:
    there = [each for each in (*SEND, *HOLD) if each != missing]
    site.scopes = Says(200, json.dumps({"scopes": there}).encode())
    with pytest.raises(ProviderError, match=f"the API key lacks the scope {missing}$") as caught:
        sendgrid.check_access()
    assert "safe = true" in str(caught.value.hint)
    provider(site.url).check_access()  # which is not safe and does not need it


def test_several_scopes_that_are_missing_are_named(site: Site, sendgrid: SendGrid) -> None:
    with pytest.raises(ProviderError, match=f"lacks the scopes {', '.join(HOLD)}"):
        sendgrid.check_access()
    site.scopes = Says(200, json.dumps({"scopes": list(HOLD)}).encode())
    with pytest.raises(ProviderError, match=r"lacks the scope mail\.send"):
        sendgrid.check_access()


def test_an_account_in_which_nothing_more_can_be_dropped_is_told_beforehand(site: Site, sendgrid: SendGrid) -> None:
    site.scopes = Says(200, json.dumps({"scopes": [*SEND, *HOLD]}).encode())
    sendgrid.check_access()
    site.kept.words = {f"old{number}": ("cancel", 0) for number in range(MOST)}
    with pytest.raises(ProviderError, match="10 batches of the account are cancelled or paused"):
        sendgrid.check_access()
    site.kept.plan += answers(Said(500))
    sendgrid.check_access()  # which says nothing
    provider(site.url).check_access()
