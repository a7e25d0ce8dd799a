"""What holds for every provider. A new one adds a row to `PROVIDERS`: how to make it, and how to read what it took."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailer.model import Batch, Envelope, Outcome
from mailer.providers import Capabilities, Provider
from mailer.providers.outbox import Outbox
from tests.providers import sendgrid_site
from tests.providers.sendgrid_merges import batch as merged
from tests.providers.sendgrid_merges import provider as sendgrid_provider
from tests.providers.smtp_server import MailServer, listening
from tests.providers.smtp_server import provider as smtp_provider


@dataclass(frozen=True)
class Running:
    """A provider at work. `taken` maps the address to what arrived for it, in any order.

    `kept` is what of a mail must arrive: all its bytes, but where the provider writes the mail itself.
    """

    provider: Provider
    taken: Callable[[], dict[str, list[bytes]]]
    kept: Callable[[Envelope], bytes] = lambda envelope: envelope.content


def mail(number: int) -> Envelope:
    recipient = f"reader{number}@example.net"
    content = (
        f"From: News <news@example.org>\r\nTo: {recipient}\r\nSubject: River news\r\n"
        f"Message-ID: <{number}@example.org>\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: text/html; charset=utf-8\r\n\r\n<p>Mail {number}</p>\r\n"
    )
    return Envelope(number, "news@example.org", recipient, content.encode("ascii"))


def batch(*numbers: int, identity: int = 1) -> Batch:
    return Batch(identity, "2026-11-22-clean-rivers", identity, tuple(map(mail, numbers)))


@contextmanager
def outbox(folder: Path) -> Iterator[Running]:
    def taken() -> dict[str, list[bytes]]:
        found: dict[str, list[bytes]] = {}
        for path in folder.glob("outbox/*/new/*"):
            content = path.read_bytes()
            address = content.partition(b"\r\nTo: ")[2].partition(b"\r\n")[0].decode("ascii")
            found.setdefault(address, []).append(content)
        return found

    yield Running(Outbox(folder / "outbox"), taken)


@contextmanager
def sendgrid(_: Path) -> Iterator[Running]:
    with sendgrid_site.running() as site:

        def taken() -> dict[str, list[bytes]]:
            found: dict[str, list[bytes]] = {}
            for each in site.mails:
                found.setdefault(each.to, []).append(f"{each.subject}\n{each.html}".encode())
            return found

        yield Running(
            sendgrid_provider(site.url),
            taken,
            lambda envelope: b"River news\n" + envelope.content.partition(b"\r\n\r\n")[2].replace(b"\r\n", b"\n"),
        )


@contextmanager
def smtp(folder: Path) -> Iterator[Running]:
    server = MailServer()

    def taken() -> dict[str, list[bytes]]:
        found: dict[str, list[bytes]] = {}
        for recipient, content in server.taken:
            found.setdefault(recipient, []).append(content)
        return found

    with listening(server):
        yield Running(smtp_provider(server, connections=2), taken)


PROVIDERS: dict[str, Callable[[Path], AbstractContextManager[Running]]] = {
    "outbox": outbox,
    "smtp": smtp,
    "sendgrid": sendgrid,
}


# What not every provider promises, and who does.
PROMISES = {"idempotent": ["outbox"], "personalises": ["sendgrid"]}


@pytest.fixture(params=PROVIDERS)
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    with PROVIDERS[request.param](tmp_path) as made:
        assert made.provider.name == request.param
        yield made
        made.provider.close()


def test_each_mail_arrives_once_and_unchanged(running: Running) -> None:
    sent = batch(1, 2, 3)
    running.provider.submit(sent)
    assert running.taken() == {each.recipient: [running.kept(each)] for each in sent.envelopes}


def test_there_is_a_receipt_for_each_envelope_in_order(running: Running) -> None:
    receipts = running.provider.submit(batch(3, 1, 2))
    assert [(receipt.delivery_id, receipt.outcome) for receipt in receipts] == [
        (3, Outcome.ACCEPTED),
        (1, Outcome.ACCEPTED),
        (2, Outcome.ACCEPTED),
    ]


def test_no_receipt_tells_an_address(running: Running) -> None:
    for receipt in running.provider.submit(batch(1, 2)):
        assert "@" not in receipt.detail + receipt.provider_id
        assert "reader" not in receipt.detail + receipt.provider_id


@pytest.mark.parametrize("running", PROMISES["personalises"], indirect=True)
def test_one_message_for_many_is_a_mail_for_each(running: Running) -> None:
    receipts = running.provider.submit(merged(1, 2, 3))
    assert [(each.delivery_id, each.outcome) for each in receipts] == [(n, Outcome.ACCEPTED) for n in (1, 2, 3)]
    taken = running.taken()
    assert {address: len(contents) for address, contents in taken.items()} == {
        f"reader{number}@example.net": 1 for number in (1, 2, 3)
    }
    assert b"Dear Reader 2," in taken["reader2@example.net"][0]


def test_an_empty_batch_has_no_receipts(running: Running) -> None:
    assert running.provider.submit(batch()) == ()
    assert running.taken() == {}


def test_several_batches_add_up(running: Running) -> None:
    running.provider.submit(batch(1, 2, identity=1))
    running.provider.submit(batch(3, identity=2))
    assert sorted(running.taken()) == ["reader1@example.net", "reader2@example.net", "reader3@example.net"]


@pytest.mark.parametrize("running", PROMISES["idempotent"], indirect=True)
def test_an_idempotent_provider_makes_no_second_mail(running: Running) -> None:
    running.provider.submit(batch(1, 2))
    receipts = running.provider.submit(batch(2, 3, identity=2))
    assert [receipt.outcome for receipt in receipts] == [Outcome.ACCEPTED, Outcome.ACCEPTED]
    assert {address: len(contents) for address, contents in running.taken().items()} == {
        "reader1@example.net": 1,
        "reader2@example.net": 1,
        "reader3@example.net": 1,
    }


def test_closing_twice_does_no_harm(running: Running) -> None:
    running.provider.submit(batch(1))
    running.provider.close()
    running.provider.close()
    assert len(running.taken()) == 1


def test_its_capabilities_make_sense(running: Running) -> None:
    capabilities = running.provider.capabilities
    assert isinstance(capabilities, Capabilities)
    assert capabilities.max_recipients >= 1
    assert capabilities.max_bytes is None or capabilities.max_bytes > 100_000
    assert capabilities.schedules or not capabilities.cancels
    assert capabilities.personalises or capabilities.variables_bytes is None
    assert capabilities.call_seconds >= 0


@pytest.mark.parametrize("word", PROMISES)
def test_it_promises_what_it_is_held_to(running: Running, word: str) -> None:
    assert getattr(running.provider.capabilities, word) == (running.provider.name in PROMISES[word])
