"""SendGrid against a stand-in that fails in every way it can."""

from __future__ import annotations

import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from mailer.errors import ProviderError
from mailer.model import Batch, Envelope, Outcome, Receipt
from mailer.providers.protocol import ChecksAccess, Rehearses
from mailer.providers.sendgrid.provider import PAUSE, REFUSALS, SendGrid
from mailer.providers.sendgrid.request import Options
from tests.providers.sendgrid_merges import KEY, address, batch, merge, person, provider
from tests.providers.sendgrid_site import Says, Site, error, running

HTML = b"<html><head><title>413 Request Entity Too Large</title></head><body>nginx</body></html>"
ACCEPTED, REFUSED, DOUBTFUL = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.DOUBTFUL
RETRY, NOT_SENT = Outcome.RETRY, Outcome.NOT_SENT


@pytest.fixture
def site() -> Iterator[Site]:
    with running() as made:
        yield made


@pytest.fixture
def sendgrid(site: Site) -> Iterator[SendGrid]:
    made = provider(site.url)
    yield made
    made.close()


def outcomes(receipts: tuple[Receipt, ...]) -> list[Outcome]:
    assert all("@" not in each.detail and "reader" not in each.detail for each in receipts)
    return [each.outcome for each in receipts]


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_one_request_for_many_and_each_gets_a_mail_of_their_own(site: Site, sendgrid: SendGrid) -> None:
    receipts = sendgrid.submit(batch(3, 1, 2))
    assert [(each.delivery_id, each.outcome) for each in receipts] == [(3, ACCEPTED), (1, ACCEPTED), (2, ACCEPTED)]
    assert {each.provider_id for each in receipts} == {"mid-1"}
    assert len(site.sends) == 1
    mail = site.mails[1]
    assert (mail.to, mail.name, mail.subject) == ("reader1@example.net", "Reader 1", "River news")
    assert mail.text == "Dear Reader 1,\n\nhello. https://news.example.org/u/1\n"
    assert mail.headers["List-Unsubscribe"] == "<https://news.example.org/u/1>"
    assert mail.arguments == {"mailer_batch": "7", "mailer_delivery": "1.0f0f0f0f"}
    assert (mail.sender, mail.reply_to) == ({"email": "news@example.org", "name": "Rivers United"}, "desk@example.org")


def test_connections_are_kept(site: Site, sendgrid: SendGrid) -> None:
    for number in range(5):
        sendgrid.submit(batch(number))
    assert (len(site.mails), site.connections) == (5, 1)


def test_an_idle_connection_is_not_trusted(site: Site, sendgrid: SendGrid) -> None:
    sendgrid.submit(batch(1))
    sendgrid.client.connections.used_at -= 60
    sendgrid.submit(batch(2))
    assert (len(site.mails), site.connections) == (2, 2)


def test_threads_share_a_provider(site: Site, sendgrid: SendGrid) -> None:
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda number: sendgrid.submit(batch(number, number + 100)), range(40)))
    assert {outcome for receipts in done for outcome in outcomes(receipts)} == {ACCEPTED}
    assert max(Counter(mail.to for mail in site.mails).values()) == 1
    assert len(site.mails) == 80


@pytest.mark.parametrize("points", [True, False], ids=["with its place", "without a word"])
@pytest.mark.parametrize("bad", [{1}, {8}, {3, 4}, {1, 2, 5, 8}], ids=str)
def test_those_who_cannot_be_mailed_are_found_and_the_others_get_theirs(
    site: Site, sendgrid: SendGrid, bad: set[int], points: bool
) -> None:
    site.bad, site.points = {address(number) for number in bad}, points
    receipts = sendgrid.submit(batch(*range(1, 9)))
    assert {each.delivery_id for each in receipts if each.outcome is REFUSED} == bad
    assert {each.delivery_id for each in receipts if each.outcome is ACCEPTED} == set(range(1, 9)) - bad
    assert Counter(mail.to for mail in site.mails) == Counter(address(n) for n in range(1, 9) if n not in bad)
    assert outcomes(receipts)
    if points:
        assert len(site.sends) == 2 + len(bad), "one refused, one of the rest, one for each to be sure"


def test_a_place_that_is_named_wrongly_refuses_nobody_else(site: Site, sendgrid: SendGrid) -> None:
    """Nobody is refused on a word about a request with others in it."""
    site.plan += [Says(400, error("Does not contain a valid address.", "personalizations.0.to.0.email"))]
    site.bad, site.points = {address(4)}, True
    assert outcomes(sendgrid.submit(batch(1, 2, 3, 4))) == [ACCEPTED, ACCEPTED, ACCEPTED, REFUSED]
    assert len(site.mails) == 3


def test_one_address_twice_is_two_requests(site: Site, sendgrid: SendGrid) -> None:
    twin = person(2)
    both = merge(person(1), twin, type(twin)(3, "READER2@example.net", "", "3.0", twin.headers, twin.values))
    assert outcomes(sendgrid.submit(Batch(1, "rivers", 1, merges=(both,)))) == [ACCEPTED] * 3
    assert [len(each.json["personalizations"]) for each in site.sends] == [2, 1]


def test_more_than_a_request_may_carry_is_divided(
    site: Site, sendgrid: SendGrid, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailer.providers.sendgrid.provider.MAX_BYTES", 3000)
    large = merge(*(person(number, filler="x" * (9000 if number == 3 else 10)) for number in range(1, 9)))
    receipts = sendgrid.submit(Batch(1, "rivers", 1, merges=(large,)))
    assert outcomes(receipts) == [ACCEPTED, ACCEPTED, REFUSED, *[ACCEPTED] * 5]
    assert receipts[2].detail.startswith("larger than ")
    assert max(len(each.body) for each in site.sends) < 3000
    assert len(site.mails) == 7


def test_1001_people_are_two_requests(site: Site, sendgrid: SendGrid) -> None:
    assert set(outcomes(sendgrid.submit(batch(*range(1001))))) == {ACCEPTED}
    assert [len(each.json["personalizations"]) for each in site.sends] == [1000, 1]


# What an answer, or none, means for one request of two people: the outcomes, and the pause.
ANSWERS: dict[str, tuple[Says, list[Outcome], float | None]] = {
    "dropped after reading": (Says(drop="after"), [DOUBTFUL] * 2, None),
    "taken, then an error": (Says(500, b"", takes=True), [DOUBTFUL] * 2, None),
    "500 with a word": (Says(500, error("try again")), [DOUBTFUL] * 2, None),
    "502 HTML": (Says(502, HTML), [DOUBTFUL] * 2, None),
    "503": (Says(503), [DOUBTFUL] * 2, None),
    "a redirect": (Says(302, headers={"Location": "/trap"}), [DOUBTFUL] * 2, None),
    "a redirect that keeps the method": (Says(307, headers={"Location": "/trap"}), [DOUBTFUL] * 2, None),
    "200, which only the sandbox says": (Says(200, b"{}"), [DOUBTFUL] * 2, None),
    "204": (Says(204), [DOUBTFUL] * 2, None),
    "429 with seconds": (Says(429, headers={"Retry-After": "12"}), [RETRY] * 2, 12),
    "429 without": (Says(429, HTML), [RETRY] * 2, None),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_what_an_answer_means(site: Site, sendgrid: SendGrid, name: str) -> None:
    says, expected, pause = ANSWERS[name]
    site.plan.append(says)
    receipts = sendgrid.submit(batch(1, 2))
    assert outcomes(receipts) == expected
    assert [each.retry_after for each in receipts] == [pause] * 2
    assert len(site.asked) == 1, "asked once: neither tried again nor followed"
    assert len(site.mails) == 2 * says.takes


def test_a_limit_is_waited_for(site: Site, sendgrid: SendGrid) -> None:
    site.plan.append(Says(429, error("too many requests"), {"X-RateLimit-Reset": str(int(time.time()) + 40)}))
    (receipt,) = sendgrid.submit(batch(1))
    assert receipt.outcome is RETRY
    assert receipt.retry_after is not None
    assert 35 < receipt.retry_after <= 40


def test_a_slow_answer_is_a_doubt_in_time(site: Site) -> None:
    site.plan.append(Says(wait=2))
    sendgrid = provider(site.url, seconds=1)
    begun = time.monotonic()
    assert outcomes(sendgrid.submit(batch(1, 2))) == [DOUBTFUL] * 2
    assert time.monotonic() - begun < 1.8


def test_the_status_counts_although_its_explanation_never_ends(site: Site) -> None:
    site.plan += [Says(202, b"x" * 1000, takes=True, dribble=0.1), Says(400, b"x" * 1000, dribble=0.1)]
    sendgrid = provider(site.url, seconds=1)
    begun = time.monotonic()
    assert outcomes(sendgrid.submit(batch(1))) == [ACCEPTED]
    assert outcomes(sendgrid.submit(batch(2))) == [REFUSED]
    assert time.monotonic() - begun < 4


def test_nobody_listens(site: Site) -> None:
    sendgrid = provider(f"http://127.0.0.1:{closed_port()}")
    receipts = sendgrid.submit(batch(1, 2))
    assert outcomes(receipts) == [NOT_SENT] * 2
    assert [each.retry_after for each in receipts] == [PAUSE] * 2
    assert receipts[0].detail == "not sent: Connection refused"


def test_a_name_that_nobody_has() -> None:
    sendgrid = provider("https://no-such-host.invalid")
    assert outcomes(sendgrid.submit(batch(1))) == [NOT_SENT]


def test_dropped_before_the_request_was_read(site: Site, sendgrid: SendGrid) -> None:
    """A request that was cut off while it was written is none, and can go again; a small one is gone before that."""
    site.plan += [Says(drop="before")]
    large = merge(*(person(number, filler="x" * 9000) for number in range(1000)))
    assert set(outcomes(sendgrid.submit(Batch(1, "rivers", 1, merges=(large,))))) == {NOT_SENT}
    site.plan += [Says(drop="before")]
    assert outcomes(sendgrid.submit(batch(1))) in ([DOUBTFUL], [NOT_SENT])
    assert (site.asked, site.mails) == ([], [])


def test_after_a_doubt_nothing_more_of_the_batch_is_tried(site: Site, sendgrid: SendGrid) -> None:
    site.plan += [Says(takes=True), Says(503)]
    three = tuple(merge(person(number)) for number in (1, 2, 3))
    receipts = sendgrid.submit(Batch(1, "rivers", 1, merges=three))
    assert outcomes(receipts) == [ACCEPTED, DOUBTFUL, NOT_SENT]
    assert receipts[2].retry_after == PAUSE
    assert [mail.to for mail in site.mails] == [address(1)]


@pytest.mark.parametrize("status", [401, 403, 404, 405, 406, 415, 418, 451])
def test_what_is_nobodys_fault_stops_the_run(site: Site, sendgrid: SendGrid, status: int) -> None:
    site.plan.append(Says(status, error("no, reader1@example.net")))
    with pytest.raises(ProviderError) as caught:
        sendgrid.submit(batch(1, 2))
    assert f"HTTP {status}" in caught.value.message
    assert "reader" not in caught.value.message
    assert KEY not in str(caught.value)
    assert site.mails == []


def test_it_does_not_say_that_nothing_left_when_something_has(site: Site, sendgrid: SendGrid) -> None:
    """An error gives the whole batch back: with a part of it accepted, these people would get it twice."""
    site.plan += [Says(takes=True), Says(401, error("revoked"))]
    two = (merge(person(1)), merge(person(2)))
    receipts = sendgrid.submit(Batch(1, "rivers", 1, merges=two))
    assert outcomes(receipts) == [ACCEPTED, NOT_SENT]
    assert "the API key is not valid" in receipts[1].detail


def test_a_message_that_is_refused_as_such_refuses_no_recipient(site: Site, sendgrid: SendGrid) -> None:
    site.plan.append(Says(400, error("The from email does not contain a valid address.", "from.email")))
    with pytest.raises(ProviderError, match=r"the message is refused \(HTTP 400: The from email .* \[from.email\]\)"):
        sendgrid.submit(batch(*range(100)))
    assert len(site.sends) == 1


def test_everybody_refused_without_a_word_is_not_because_of_the_people(site: Site, sendgrid: SendGrid) -> None:
    site.bad = {address(number) for number in range(1000)}
    with pytest.raises(ProviderError, match=f"{REFUSALS} people after one another were refused"):
        sendgrid.submit(batch(*range(1000)))
    assert len(site.sends) < 40


@pytest.mark.parametrize(
    "body", [b"", HTML, b"{", b"[]", b"null", b"\xff\xfe", b'{"errors":[]}', b'{"errors":{"a":1}}']
)
@pytest.mark.parametrize("status", [400, 413])
def test_refused_in_any_form(site: Site, sendgrid: SendGrid, status: int, body: bytes) -> None:
    site.plan.append(Says(status, body))
    (receipt,) = sendgrid.submit(batch(1))
    assert (receipt.outcome, receipt.detail) == (REFUSED, f"HTTP {status}")


def test_too_large_is_divided(site: Site, sendgrid: SendGrid) -> None:
    site.plan.append(Says(413, HTML))
    assert outcomes(sendgrid.submit(batch(1, 2, 3))) == [ACCEPTED] * 3
    assert [len(each.json["personalizations"]) for each in site.sends] == [3, 1, 2]


def test_no_call_begins_after_the_time_of_the_batch(site: Site, sendgrid: SendGrid) -> None:
    assert outcomes(sendgrid.submit(batch(1, 2, deadline=time.monotonic() - 1))) == [NOT_SENT] * 2
    assert site.asked == []
    site.plan.append(Says(takes=True, wait=0.6))
    two = (merge(person(1)), merge(person(2)))
    receipts = sendgrid.submit(Batch(1, "rivers", 1, merges=two, deadline=time.monotonic() + 0.4))
    assert outcomes(receipts) == [ACCEPTED, NOT_SENT]
    assert receipts[1].detail == "not tried: the time for this batch was over"
    assert len(site.sends) == 1


def test_a_rehearsal_in_the_sandbox_delivers_nothing(site: Site, sendgrid: SendGrid) -> None:
    assert isinstance(sendgrid, Rehearses)
    site.bad = {address(2)}
    assert outcomes(sendgrid.rehearse(batch(1, 2, 3))) == [ACCEPTED, REFUSED, ACCEPTED]
    assert all(each.json["mail_settings"] == {"sandbox_mode": {"enable": True}} for each in site.sends)
    assert site.mails == []
    site.plan.append(Says(202))
    assert outcomes(sendgrid.rehearse(batch(1))) == [DOUBTFUL], "then it was no sandbox"
    assert outcomes(sendgrid.submit(batch(1))) == [ACCEPTED], "and the next one is none"
    assert len(site.mails) == 1


def test_with_the_sandbox_on_nothing_is_said_to_be_sent(site: Site) -> None:
    sendgrid = provider(site.url, options=Options(sandbox=True))
    with pytest.raises(ProviderError, match="the ledger would say that it was"):
        sendgrid.submit(batch(1))
    assert site.asked == []
    assert outcomes(sendgrid.rehearse(batch(1))) == [ACCEPTED]


def test_a_finished_mail_is_sent_as_it_is(site: Site, sendgrid: SendGrid) -> None:
    content = (
        b"From: =?utf-8?q?Gr=C3=B8nn?= Ungdom <news@xn--grnn-hra.example>\r\nTo: Ann <ann@example.net>\r\n"
        b"Date: Sun, 22 Nov 2026 17:00:00 +0000\r\nSubject: Please =?utf-8?q?confirm_=C3=A5?=\r\n"
        b"Message-ID: <confirm.00ff@example.org>\r\nReply-To: desk@example.org\r\n"
        b"List-ID: =?utf-8?q?Gr=C3=B8nn?=\r\n <green.example.org>\r\nAuto-Submitted: auto-generated\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\nHei =C3=A5\r\n"
    )
    receipts = sendgrid.submit(
        Batch(5, "confirmations.green", 1, (Envelope(9, "bounces+1@x.org", "ann@example.net", content),))
    )
    assert outcomes(receipts) == [ACCEPTED]
    (mail,) = site.mails
    assert (mail.to, mail.name, mail.subject, mail.text) == ("ann@example.net", "Ann", "Please confirm å", "Hei å\n")
    assert mail.sender == {"email": "news@xn--grnn-hra.example", "name": "Grønn Ungdom"}
    assert mail.reply_to == "desk@example.org"
    assert mail.headers == {
        "List-ID": "=?utf-8?q?Gr=C3=B8nn?= <green.example.org>",
        "Auto-Submitted": "auto-generated",
    }
    assert mail.arguments == {"mailer_batch": "5", "mailer_delivery": "confirm.00ff"}


def test_access_is_asked_for_with_the_key(site: Site, sendgrid: SendGrid) -> None:
    assert isinstance(sendgrid, ChecksAccess)
    sendgrid.check_access()
    (asked,) = site.asked
    assert (asked.method, asked.path, asked.headers["Authorization"]) == ("GET", "/v3/scopes", f"Bearer {KEY}")


@pytest.mark.parametrize(
    ("says", "words"),
    [
        (Says(200, b'{"scopes":["stats.read"]}'), "the API key lacks the scope mail.send"),
        (Says(200, b'{"scopes":[]}'), "the API key lacks the scope mail.send"),
        (Says(401, error("invalid")), "the API key is not valid"),
        (Says(403, error("access forbidden")), "the account or the key may not do this"),
        (Says(451, b""), "the account's data live in another region"),
        (Says(drop="after"), "sendgrid cannot be reached"),
    ],
)
def test_a_key_that_cannot_send_is_told_before_anything(site: Site, sendgrid: SendGrid, says: Says, words: str) -> None:
    site.scopes = says
    with pytest.raises(ProviderError, match=words) as caught:
        sendgrid.check_access()
    assert KEY not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    "says", [Says(500), Says(429), Says(404), Says(200, HTML), Says(200, json.dumps([1]).encode())]
)
def test_an_answer_that_says_nothing_about_the_key_is_no_reason(site: Site, sendgrid: SendGrid, says: Says) -> None:
    site.scopes = says
    sendgrid.check_access()


def test_without_a_network_the_check_says_so() -> None:
    with pytest.raises(ProviderError, match="sendgrid cannot be reached: Connection refused") as caught:
        provider(f"http://127.0.0.1:{closed_port()}").check_access()
    assert caught.value.hint == "Nothing was sent. Look at the network, then send again."
