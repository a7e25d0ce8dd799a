"""SendGrid's published description accepts everything we send, and we understand everything it answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from mailer.model import Batch, Envelope, Merge, Outcome
from mailer.providers.sendgrid.mail import merge_of
from mailer.providers.sendgrid.provider import SendGrid
from mailer.providers.sendgrid.reply import Answer, Meaning, read
from mailer.providers.sendgrid.request import Options, serialised
from mailer.providers.sendgrid.transport import answer_of
from tests.prism import description, prism
from tests.providers.sendgrid_merges import merge, person, provider

NOW = 1_795_000_000.0
FULL = Options(("newsletter", "members"), "pool one", 12, sandbox=False, tracking=True)
MAIL = (
    b"From: News <news@example.org>\r\nTo: Ann <ann@example.net>\r\nSubject: Please confirm\r\n"
    b"Message-ID: <confirm.00ff@example.org>\r\nAuto-Submitted: auto-generated\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello\r\n"
)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("prism") / "log"
    with prism(description("sendgrid/tsg_mail_v3.json"), log) as url:
        yield url


@pytest.fixture
def sendgrid(published: str) -> Iterator[SendGrid]:
    made = provider(published, seconds=60)
    yield made
    made.close()


def thousand() -> Merge:
    return merge(*(person(number, filler="å<&>\"'" * 20) for number in range(1000)))


SENT: dict[str, tuple[Merge, Options]] = {
    "one": (merge(person(1)), Options()),
    "a thousand": (thousand(), Options()),
    "with every setting": (merge(person(1), person(2)), FULL),
    "in the sandbox": (merge(person(1)), Options(sandbox=True)),
    "without categories": (merge(person(1)), Options(())),
    "without values": (merge(replace(person(1), values={})), Options()),
    "without names": (merge(replace(person(1), name="")), Options()),
    "as many bytes as a recipient may have": (merge(person(1, filler="x" * 9_900)), Options()),
    "a finished mail": (merge_of(Envelope(1, "news@example.org", "ann@example.net", MAIL)), Options()),
}


def violations(answer: Answer) -> str:
    """What prism found wrong; its body is always the same example."""
    return answer.headers.get("sl-violations", "")


@pytest.mark.parametrize("name", SENT)
def test_everything_we_send_is_accepted(sendgrid: SendGrid, name: str) -> None:
    answer = sendgrid.send(serialised(*SENT[name][:1], 7, SENT[name][1]))
    assert (answer.status, violations(answer)) == (202, "")


def test_a_whole_batch_is_accepted(sendgrid: SendGrid) -> None:
    receipts = sendgrid.submit(Batch(7, "rivers", 1, merges=(thousand(), merge(person(2000)))))
    assert {each.outcome for each in receipts} == {Outcome.ACCEPTED}
    assert len(receipts) == 1001


@pytest.mark.parametrize(
    "change",
    [
        {"from": None},
        {"personalizations": None},
        {"categories": ["a", "a"]},
        {"content": [{"type": "text/plain", "value": ""}]},
        {"ip_pool_name": "x"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_it_does_look_at_what_we_send(sendgrid: SendGrid, change: dict[str, object]) -> None:
    """A description that accepts anything would prove nothing."""
    body = {**orjson.loads(serialised(merge(person(1)), 7, Options())), **change}
    answer = sendgrid.send(orjson.dumps({name: value for name, value in body.items() if value is not None}))
    assert answer.status == 400
    assert violations(answer)
    assert read(answer, NOW).meaning in (Meaning.REFUSED, Meaning.STOP)


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (202, Meaning.ACCEPTED),
        (400, Meaning.STOP),
        (401, Meaning.STOP),
        (403, Meaning.STOP),
        (404, Meaning.STOP),
        (405, Meaning.STOP),
        (413, Meaning.REFUSED),
        (500, Meaning.DOUBTFUL),
    ],
)
def test_every_answer_it_describes_is_understood(sendgrid: SendGrid, status: int, meaning: Meaning) -> None:
    content = serialised(merge(person(1)), 7, Options())
    answer = answer_of(
        sendgrid.client.mail.send.post, request_body=content, request_headers={"Prefer": f"code={status}"}
    )
    assert answer.status == status
    reply = read(answer, NOW)
    assert reply.meaning is meaning
    assert "@" not in reply.detail
    assert (reply.detail == "") == (meaning is Meaning.ACCEPTED)


def test_the_description_is_the_published_one() -> None:
    path: Path = description("sendgrid/tsg_mail_v3.json")
    described = orjson.loads(path.read_bytes())
    answers = described["paths"]["/v3/mail/send"]["post"]["responses"]
    assert set(answers) == {"202", "400", "401", "403", "404", "405", "413", "500"}, "another answer to understand"
