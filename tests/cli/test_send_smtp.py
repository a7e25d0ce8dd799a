"""`mailer send` to a mail server: each person once, bounces that name the mail, and what goes wrong in one line."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser, Parser
from typing import Any

import dkim
import pytest

from mailer.model import DeliveryState
from mailer.render.bounces import BounceAddresses
from mailer.workspace import Workspace
from tests.cli.campaign import ISSUE, add_people, crowd, write_issue
from tests.providers.smtp_server import Answer, Close, MailServer, Take, answers, listening
from tests.providers.test_dkim import ED, RECORDS, pem
from tests.providers.test_smtp_servers import running_aiosmtpd

DKIM = """
[[provider.dkim]]
domain = "example.org"
selector = "ed"
key = "ed.pem"
"""


@pytest.fixture
def mailer(mailer: Any) -> Any:
    add_people(mailer, "members", *crowd(120))
    write_issue(mailer, "Dear {{ subscriber.first_name }}, hello.")
    mailer.write("ed.pem", pem(ED)).chmod(0o600)
    return mailer


def use(mailer: Any, port: int, more: str = "") -> None:
    """Settings that send to a server on this machine, in place of those before."""
    settings: str = mailer.root.joinpath("mailer.toml").read_text(encoding="utf-8")
    settings = settings.partition("[web]")[0]
    provider = f'name = "smtp"\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\nbatch_size = 50\n{more}'
    mailer.write("mailer.toml", f'{settings}[web]\nbase_url = "https://example.org"\n\n[provider]\n{provider}')


def deliveries(mailer: Any) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(mailer.root / "mailer.db")) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM deliveries ORDER BY id")]


def states(mailer: Any) -> Counter[str]:
    return Counter(row["state"] for row in deliveries(mailer))


def test_everybody_once_through_aiosmtpd(mailer: Any) -> None:
    with running_aiosmtpd() as (keeper, port):
        use(mailer, port, f'bounces = "bounces@example.org"\n{DKIM}')
        mailer.done("send", ISSUE)
        mailer.done("send", ISSUE)
    assert states(mailer) == {"accepted": 120}
    assert sorted(keeper.taken) == [f"reader{number:04d}@example.org" for number in range(120)]
    assert {len(contents) for contents in keeper.taken.values()} == {1}
    content = keeper.taken["reader0007@example.org"][0]
    assert dkim.DKIM(content).verify(dnsfunc=lambda name, timeout=5: RECORDS[name])
    message = BytesParser(policy=policy.default).parsebytes(content)
    assert isinstance(message, EmailMessage)
    assert message["List-Unsubscribe"]
    plain = message.get_body(("plain",))
    assert isinstance(plain, EmailMessage)
    assert "Dear Ann, hello." in plain.get_content()
    keys = Workspace(mailer.root).secret_keys({})
    bounces = BounceAddresses(keys, "bounces@example.org")
    named = sorted(bounces.delivery(sender) or 0 for sender in keeper.senders)
    assert named == sorted(row["id"] for row in deliveries(mailer))


def test_without_a_bounce_address_bounces_go_to_the_sender(mailer: Any) -> None:
    server = MailServer()
    with listening(server):
        use(mailer, server.port)
        mailer.done("send", ISSUE)
    assert {line for line in server.said if line.startswith("MAIL")} == {
        line for line in server.said if line.startswith("MAIL FROM:<news@example.org> SIZE=")
    }


def test_refusals_and_doubts_are_in_the_ledger_and_nobody_gets_two(mailer: Any) -> None:
    table: dict[tuple[str, int], Answer] = {
        ("RCPT", 10): "550 5.1.1 <reader0010@example.org> no such user",
        ("END", 40): Take,
        ("END", 50): Close,
        ("RCPT", 60): Close,
        ("END", 70): "554 5.7.1 spam",
    }
    server = MailServer(answers(table))
    with listening(server):
        use(mailer, server.port, "connections = 1\n")
        run = mailer("send", ISSUE, "--json")
    assert run.code == 3
    counts = states(mailer)
    assert (counts["accepted"], counts["refused"], counts["doubtful"]) == (116, 2, 2)
    assert max(Counter(server.recipients()).values()) == 1
    refused = [row for row in deliveries(mailer) if row["state"] == DeliveryState.REFUSED]
    assert sorted(row["detail"] for row in refused) == [
        "address: 550 5.1.1 (address) no such user",
        "content: 554 5.7.1 spam",
    ]
    assert all(row["provider_id"].startswith("Q") for row in deliveries(mailer) if row["state"] == "accepted")


def test_a_server_that_cannot_be_reached_loses_nothing(mailer: Any) -> None:
    closed = MailServer()
    with listening(closed):
        pass
    use(mailer, closed.port)
    run = mailer("send", ISSUE)
    assert run.code == 1
    assert "cannot be reached: connection refused" in run.err
    assert "Traceback" not in run.err
    assert states(mailer) == {}, "it is asked before the issue is frozen"
    server = MailServer(lambda command, count: Close if command == "BANNER" and count > 1 else None)
    with listening(server):
        use(mailer, server.port)
        run = mailer("send", ISSUE)
    assert (run.code, states(mailer)) == (1, {"pending": 120})
    assert "closed the connection" in run.err
    server = MailServer()
    with listening(server):
        use(mailer, server.port)
        mailer.done("send", ISSUE)
    assert len(set(server.recipients())) == len(server.taken) == 120


def test_an_address_beyond_ascii_is_mailed_where_the_server_takes_it_and_left_out_elsewhere(mailer: Any) -> None:
    add_people(mailer, "members", "jörg@example.org,Jörg,Köln")
    with running_aiosmtpd(enable_SMTPUTF8=True) as (keeper, port):
        use(mailer, port, "smtputf8 = true\n")
        mailer.done("send", ISSUE)
        content = keeper.taken["jörg@example.org"][0]
        assert len(keeper.taken) == 121
        write_issue(mailer, "Again.", name="2026-11-23-rivers")
        use(mailer, port)
        mailer.done("send", "2026-11-23-rivers")
    assert len(keeper.taken["jörg@example.org"]) == 1
    assert len(keeper.senders) == 121 + 120
    message = Parser(policy=policy.SMTPUTF8).parsestr(content.decode("utf-8"))
    (to,) = message["To"].addresses
    assert (to.display_name, to.addr_spec) == ("Jörg", "jörg@example.org")
    assert not message.defects
