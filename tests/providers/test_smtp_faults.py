"""What a mail server may do to us at each step, and what is then said of each mail."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import pytest

from mailer.errors import ProviderError
from mailer.model import Batch, Envelope, Outcome, Receipt
from mailer.providers.smtp.connection import Connection
from tests.providers.smtp_server import (
    Answer,
    Close,
    MailServer,
    Step,
    Take,
    Trickle,
    always,
    answers,
    listening,
    provider,
    slowly,
)

HEAD = b"From: News <news@example.org>\r\nTo: you\r\nSubject: River news\r\n\r\n"


def mail(number: int, text: bytes = b"<p>News</p>\r\n" * 100, domain: str = "example.net") -> Envelope:
    return Envelope(number, "news@example.org", f"reader{number}@{domain}", HEAD + text)


def batch(*numbers: int) -> Batch:
    return Batch(1, "clean-rivers", 1, tuple(map(mail, numbers)))


def outcomes(receipts: Sequence[Receipt]) -> str:
    """A letter for each: Accepted, Refused, Later (retry), Not sent, Doubtful."""
    letters = {
        Outcome.ACCEPTED: "A",
        Outcome.REFUSED: "R",
        Outcome.RETRY: "L",
        Outcome.NOT_SENT: "N",
        Outcome.DOUBTFUL: "D",
    }
    return "".join(letters[receipt.outcome] for receipt in receipts)


def names(*numbers: int) -> list[str]:
    return [f"reader{number}@example.net" for number in numbers]


Case = tuple[dict[tuple[str, int], Answer], str, list[str]]

# Four mails to a server that does one thing at one moment: what is said of them, and what it took.
CASES: dict[str, Case] = {
    "all is well": ({}, "AAAA", names(1, 2, 3, 4)),
    "refused at RCPT": ({("RCPT", 2): "550 5.1.1 nobody"}, "ARAA", names(1, 3, 4)),
    "refused at the first RCPT": ({("RCPT", 1): "550 5.1.1 nobody"}, "RAAA", names(2, 3, 4)),
    "refused at the last RCPT": ({("RCPT", 4): "550 5.1.1 nobody"}, "AAAR", names(1, 2, 3)),
    "later at RCPT": ({("RCPT", 2): "450 4.2.0 not now"}, "ALAA", names(1, 3, 4)),
    "refused at DATA": ({("DATA", 2): "554 5.6.0 no"}, "ARAA", names(1, 3, 4)),
    "refused after the mail": ({("END", 2): "554 5.7.1 spam"}, "ARAA", names(1, 3, 4)),
    "later after the mail": ({("END", 2): "451 4.6.0 scanner is out"}, "ALAA", names(1, 3, 4)),
    "asks for a text without a recipient": (
        {("RCPT", 2): "550 5.1.1 nobody", ("DATA", 2): "354 go on"},
        "ARAA",
        names(1, 3, 4),
    ),
    "a reply in lines": ({("END", 1): "250-2.0.0 taken\r\n250 2.0.0 thanks"}, "AAAA", names(1, 2, 3, 4)),
    "closes at the banner once connected": ({("RCPT", 2): Close, ("BANNER", 2): Close}, "AAAA", names(1, 2, 3, 4)),
    "closes at EHLO once connected": ({("RCPT", 2): Close, ("EHLO", 2): Close}, "AAAA", names(1, 2, 3, 4)),
    "closes at MAIL": ({("MAIL", 2): Close}, "AAAA", names(1, 2, 3, 4)),
    "closes at RCPT": ({("RCPT", 2): Close}, "AAAA", names(1, 2, 3, 4)),
    "closes at DATA": ({("DATA", 2): Close}, "AAAA", names(1, 2, 3, 4)),
    "closes at MAIL of one mail again and again": ({("MAIL", 2): Close, ("MAIL", 3): Close}, "ALAA", names(1, 3, 4)),
    "closes after the mail, which it forgets": ({("END", 2): Close}, "ADAA", names(1, 3, 4)),
    "closes after the mail, which it took": ({("END", 2): Take}, "ADAA", names(1, 2, 3, 4)),
    "closes after the last mail": ({("END", 4): Take}, "AAAD", names(1, 2, 3, 4)),
    "421 at the banner once connected": ({("MAIL", 2): Close, ("BANNER", 2): "421 busy"}, "AAAA", names(1, 2, 3, 4)),
    "421 at MAIL": ({("MAIL", 2): "421 4.7.0 too many mails"}, "AAAA", names(1, 2, 3, 4)),
    "421 at RCPT": ({("RCPT", 2): "421 4.7.0 enough"}, "AAAA", names(1, 2, 3, 4)),
    "421 at DATA": ({("DATA", 2): "421 4.7.0 enough"}, "AAAA", names(1, 2, 3, 4)),
    "421 after the mail": ({("END", 2): "421 4.3.2 shutting down"}, "ALAA", names(1, 3, 4)),
    "another kind of reply at MAIL": ({("MAIL", 2): "354 what"}, "AAAA", names(1, 2, 3, 4)),
    "another kind of reply at DATA": ({("DATA", 2): "250 what"}, "AAAA", names(1, 2, 3, 4)),
    "another kind of reply after the mail": ({("END", 2): "354 more"}, "ADAA", names(1, 3, 4)),
    "no reply at all at RCPT": ({("RCPT", 2): b"HTTP/1.1 400 Bad Request\r\n\r\n"}, "AAAA", names(1, 2, 3, 4)),
    "no reply at all after the mail": ({("END", 2): b"whatever\r\n"}, "ADAA", names(1, 3, 4)),
    "a line without end": ({("RCPT", 2): b"250 " + b"x" * 100_000 + b"\r\n"}, "AAAA", names(1, 2, 3, 4)),
    "a reply without end": ({("RCPT", 2): b"250-more\r\n" * 100_000}, "AAAA", names(1, 2, 3, 4)),
    "a reply of many codes": ({("RCPT", 2): b"250-more\r\n550 no\r\n"}, "AAAA", names(1, 2, 3, 4)),
    "more replies than were asked for": ({("DATA", 2): b"354 go\r\n250 ok\r\n250 ok\r\n"}, "AAAA", names(1, 2, 3, 4)),
    "server trouble at MAIL": ({("MAIL", 2): "451 4.3.2 not now"}, "ALAA", names(1, 3, 4)),
}


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "step by step"])
@pytest.mark.parametrize("case", CASES)
def test_a_server_that_does_one_thing(case: str, pipelining: bool) -> None:
    table, wanted, taken = CASES[case]
    server = MailServer(answers(table), ("PIPELINING",) if pipelining else ())
    told: list[Receipt] = []

    def tell(receipt: Receipt) -> bool:
        told.append(receipt)
        return True

    with listening(server):
        smtp = provider(server)
        receipts = smtp.submit_each(batch(1, 2, 3, 4), tell)
        smtp.close()
    assert outcomes(receipts) == wanted
    assert server.recipients() == taken
    assert sorted(told, key=lambda receipt: receipt.delivery_id) == list(receipts)
    assert not any("reader" in receipt.detail or "@" in receipt.detail for receipt in receipts)


def test_closing_in_the_middle_of_a_text_is_no_doubt() -> None:
    """Without its last line no server may deliver it (RFC 5321, 4.1.1.10); its end had not left."""
    server = MailServer(answers({("BODY", 1): Close}), ("PIPELINING",))
    with listening(server):
        smtp = provider(server)
        receipts = smtp.submit(Batch(1, "i", 1, (mail(1, b"0123456789\r\n" * 3_000_000), mail(2))))
        smtp.close()
    assert outcomes(receipts) == "LA"
    assert "in the middle" in receipts[0].detail
    assert server.recipients() == names(2)
    assert server.partial == 1


def test_a_text_that_had_left_is_a_doubt_though_nobody_read_it() -> None:
    """It may lie in a buffer on the way, and the server may read it yet."""
    server = MailServer(answers({("BODY", 1): Close}))
    with listening(server):
        smtp = provider(server)
        receipts = smtp.submit(batch(1, 2))
        smtp.close()
    assert outcomes(receipts) == "DA"


SLOW: dict[str, tuple[str, str]] = {"MAIL": ("LL", ""), "RCPT": ("LL", ""), "DATA": ("LL", ""), "END": ("DD", "")}


@pytest.mark.parametrize("step", SLOW)
def test_a_server_that_does_not_answer_in_time(step: str) -> None:
    server = MailServer(slowly(0.8 if step != "END" else 1.2, step))
    with listening(server):
        smtp = provider(server, timeout=0.1)
        began = time.monotonic()
        receipts = smtp.submit(batch(1, 2))
        assert time.monotonic() - began < 6
        smtp.close()
    assert outcomes(receipts) == SLOW[step][0]
    assert all("did not answer in time" in receipt.detail for receipt in receipts)


def test_after_a_whole_mail_it_is_waited_for_longer() -> None:
    server = MailServer(slowly(0.5, "END"))
    with listening(server):
        smtp = provider(server, timeout=0.1)
        assert outcomes(smtp.submit(batch(1))) == "A"
        smtp.close()


def test_a_reply_that_trickles_is_cut_off() -> None:
    """Each line comes in time, and the reply never does."""
    server = MailServer(always("MAIL", Trickle))
    with listening(server):
        smtp = provider(server, timeout=0.2)
        began = time.monotonic()
        assert outcomes(smtp.submit(batch(1))) == "L"
        assert time.monotonic() - began < 3
        smtp.close()


# --- the server as a whole --------------------------------------------------------------------------------------------

UNUSABLE: dict[str, tuple[Step, str]] = {
    "no banner": (always("BANNER", Close), "closed the connection"),
    "banner refuses": (always("BANNER", "554 no service here"), "does not want to talk to us: 554 no service here"),
    "banner is busy": (always("BANNER", "421 too many connections"), "421 too many connections"),
    "banner is not SMTP": (always("BANNER", b"HTTP/1.1 400 Bad Request\r\n\r\n"), "is not SMTP"),
    "banner without end": (always("BANNER", b"x" * 100_000), "does not end"),
    "EHLO and HELO refused": (
        lambda command, _: "550 5.7.1 go away" if command in ("EHLO", "HELO") else None,
        "does not take our greeting",
    ),
    "closes at EHLO": (always("EHLO", Close), "closed the connection"),
    "wants a password": (always("MAIL", "530 5.7.0 authentication required"), "refuses whatever we send, at MAIL: 530"),
    "refuses our sender": (
        always("MAIL", "550 5.7.1 <news@example.org> is not yours"),
        "at MAIL: 550 5.7.1 \\(address",
    ),
    "does not relay": (always("RCPT", "554 5.7.1 <reader1@example.net>: Relay access denied"), "at RCPT: 554 5.7.1"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_a_server_that_is_of_no_use_is_one_clear_error(case: str) -> None:
    step, message = UNUSABLE[case]
    server = MailServer(step)
    with listening(server):
        smtp = provider(server)
        with pytest.raises(ProviderError, match=message) as caught:
            smtp.submit(batch(1, 2, 3))
        smtp.close()
    assert caught.value.hint or "does not" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "reader" not in str(caught.value)
    assert server.taken == []


def test_nothing_listens() -> None:
    server = MailServer()
    with listening(server):
        pass
    with pytest.raises(ProviderError, match=r"127\.0\.0\.1:\d+ cannot be reached: connection refused") as caught:
        provider(server).submit(batch(1))
    assert "host, port and tls" in str(caught.value.hint)


def test_a_name_that_is_nobodys() -> None:
    with pytest.raises(ProviderError, match="cannot be reached"):
        provider(MailServer(port=25), host="mail.invalid").submit(batch(1))


def test_an_old_server_is_greeted_in_the_old_way() -> None:
    server = MailServer(always("EHLO", "500 what?"))
    with listening(server):
        smtp = provider(server)
        assert outcomes(smtp.submit(batch(1, 2))) == "AA"
        smtp.close()
    assert [line for line in server.said if line.startswith("MAIL")] == ["MAIL FROM:<news@example.org>"] * 2


def test_a_refusal_of_everything_in_the_middle_sends_nobody_away() -> None:
    """Our account was closed after the first mail: nobody on the list is refused for it."""
    server = MailServer(lambda command, count: "550 5.7.1 account closed" if command == "MAIL" and count > 1 else None)
    with listening(server):
        smtp = provider(server)
        receipts = smtp.submit(batch(1, 2, 3))
        assert outcomes(receipts) == "ANN"
        assert "account closed" in receipts[1].detail
        with pytest.raises(ProviderError, match="account closed"):
            smtp.submit(batch(2, 3))
        smtp.close()


def test_a_strange_recipient_at_the_front_does_not_stop_the_others() -> None:
    """ "Relay denied" for the first mail may mean all of them; the next one shows that it does not."""
    relay = "554 5.7.1 relay access denied"
    server = MailServer(lambda command, count: relay if command == "RCPT" and count in (1, 3) else None)
    with listening(server):
        smtp = provider(server)
        assert outcomes(smtp.submit(batch(1, 2, 3, 4))) == "LARA"
        smtp.close()
    assert server.recipients() == names(2, 4)


def test_a_server_that_always_breaks_off_makes_few_doubts_and_then_an_error() -> None:
    server = MailServer(always("END", Close))
    with listening(server):
        smtp = provider(server)
        for _ in range(3):
            assert outcomes(smtp.submit(batch(*range(1, 11)))) == "DDD" + "L" * 7
        with pytest.raises(ProviderError, match="keeps failing: it closed the connection"):
            smtp.submit(batch(1))
        smtp.close()


def test_a_server_that_goes_away_in_the_middle_and_stays_away() -> None:
    def step(command: str, count: int) -> Answer | None:
        if command == "RCPT" and count == 2:
            return "421 bye"
        return Close if command == "BANNER" and count > 1 else None

    server = MailServer(step)
    with listening(server):
        smtp = provider(server)
        receipts = smtp.submit(batch(1, 2, 3))
        assert outcomes(receipts) == "ALL"
        assert "closed the connection" in receipts[2].detail
        smtp.close()


def test_a_kept_connection_that_the_server_closed_is_not_used() -> None:
    server = MailServer(lambda command, count: "421 timeout" if command == "END" and count == 1 else None)
    with listening(server):
        smtp = provider(server)
        assert outcomes(smtp.submit(batch(1))) == "L"
        assert outcomes(smtp.submit(batch(2))) == "A"
        assert outcomes(smtp.submit(batch(3))) == "A"
        smtp.close()
    assert server.connections == 2
    assert server.said[-1] == "QUIT"


# --- order, stopping, lanes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "step by step"])
def test_a_mail_can_be_accepted_only_after_the_one_before_was_told_of(pipelining: bool) -> None:
    """What makes one doubt for a connection out of a kill: the server never has two mails that nobody heard of."""
    server = MailServer(extensions=("PIPELINING",) if pipelining else ())
    heard = 0
    ahead: list[int] = []

    def tell(_: Receipt) -> bool:
        nonlocal heard
        heard += 1
        time.sleep(0.03)  # for as long as the answer is written down, the server could take another one
        ahead.append(len(server.taken) - heard)
        return True

    with listening(server):
        smtp = provider(server)
        receipts = smtp.submit_each(batch(*range(1, 9)), tell)
        smtp.close()
    assert outcomes(receipts) == "A" * 8
    assert ahead == [0] * 8


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "step by step"])
def test_a_refused_mail_costs_no_connection(pipelining: bool) -> None:
    table: dict[tuple[str, int], Answer] = {("RCPT", 2): "550 5.1.1 nobody", ("END", 2): "554 5.7.1 no"}
    server = MailServer(answers(table), ("PIPELINING",) if pipelining else ())
    with listening(server):
        smtp = provider(server)
        assert outcomes(smtp.submit(batch(1, 2, 3, 4))) == "ARRA"
        smtp.close()
    assert server.connections == 1
    assert server.said.count("RSET") == 1


@pytest.mark.parametrize("said", [b"421 4.4.2 timeout\r\n", b""], ids=["a goodbye", "nothing, and hangs up"])
def test_whether_an_idle_connection_is_one(said: bytes) -> None:
    here, there = socket.socketpair()
    with here, there:
        kept = Connection(here, 1.0)
        seen = [kept.usable, kept.usable]
        if said:
            there.sendall(said)
        else:
            there.close()
        seen.append(kept.usable)
    assert seen == [True, True, False]


def test_an_answer_that_is_there_counts_also_for_who_was_frozen_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = socket.socketpair()
    with here, there:
        there.sendall(b"250 2.0.0 taken\r\n")
        moments = iter([0.0, 1000.0, 1000.0])
        clock = SimpleNamespace(monotonic=lambda: next(moments))
        monkeypatch.setattr("mailer.providers.smtp.connection.time", clock)
        assert Connection(here, 1.0).reply(final=True).code == 250


def test_a_transaction_left_open_does_not_spoil_the_next_batch() -> None:
    server = MailServer(answers({("RCPT", 2): "550 5.1.1 nobody"}))
    with listening(server):
        smtp = provider(server)
        assert outcomes(smtp.submit(batch(1, 2))) == "AR"
        assert outcomes(smtp.submit(batch(3))) == "A"
        smtp.close()
    assert server.connections == 1


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "step by step"])
def test_who_says_stop_gets_no_further_mail(pipelining: bool) -> None:
    server = MailServer(extensions=("PIPELINING",) if pipelining else ())
    with listening(server):
        smtp = provider(server)
        receipts = smtp.submit_each(batch(*range(1, 6)), lambda receipt: receipt.delivery_id < 2)
        assert outcomes(receipts) == "AANNN"
        assert outcomes(smtp.submit(batch(3, 4, 5))) == "AAA"
        smtp.close()
    assert server.recipients() == names(1, 2, 3, 4, 5)


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "step by step"])
def test_no_mail_begins_after_the_deadline(pipelining: bool) -> None:
    """A process that slept through its lease must not go on where it was: the batch may be another one's by now."""
    server = MailServer(slowly(0.4, "END"), ("PIPELINING",) if pipelining else ())
    timed = replace(batch(1, 2, 3), deadline=time.monotonic() + 0.2)
    with listening(server):
        smtp = provider(server)
        receipts = smtp.submit(timed)
        assert outcomes(receipts) == "ANN"
        assert "time was over" in receipts[2].detail
        assert outcomes(smtp.submit(replace(timed, deadline=time.monotonic() - 1))) == "NNN"
        smtp.close()
    assert server.recipients() == names(1)


def test_a_listener_that_fails_ends_the_call_and_sends_nothing_more() -> None:
    def tell(_: Receipt) -> bool:
        raise RuntimeError("the disk is full")

    server = MailServer()
    with listening(server):
        smtp = provider(server)
        with pytest.raises(RuntimeError, match="disk is full"):
            smtp.submit_each(batch(1, 2, 3), tell)
        smtp.close()
        time.sleep(0.1)
    assert server.recipients() == names(1)


def test_several_connections_share_a_batch() -> None:
    server = MailServer(slowly(0.01, "END"))
    with listening(server):
        smtp = provider(server, connections=4)
        receipts = smtp.submit(batch(*range(1, 101)))
        assert outcomes(receipts) == "A" * 100
        assert [receipt.delivery_id for receipt in receipts] == list(range(1, 101))
        smtp.submit(batch(*range(101, 141)))
        smtp.close()
    assert server.connections == 4
    assert sorted(server.recipients()) == sorted(names(*range(1, 141)))


def test_a_server_that_grants_one_connection_gets_everything_over_it() -> None:
    server = MailServer(lambda command, count: "421 one only" if command == "BANNER" and count > 1 else None)
    with listening(server):
        smtp = provider(server, connections=4)
        assert outcomes(smtp.submit(batch(*range(1, 101)))) == "A" * 100
        smtp.close()
    assert len(server.taken) == 100


def test_connections_that_break_all_the_time_lose_and_double_nobody() -> None:
    def step(command: str, count: int) -> Answer | None:
        if command in ("RCPT", "DATA") and count % 7 == 0:
            return Close
        if command == "END" and count % 11 == 0:
            return Take if count % 2 else Close
        return None

    server = MailServer(step)
    with listening(server):
        smtp = provider(server, connections=3)
        receipts = smtp.submit(batch(*range(1, 201)))
        smtp.close()
    taken = server.recipients()
    assert len(taken) == len(set(taken))
    accepted = {f"reader{each.delivery_id}@example.net" for each in receipts if each.outcome is Outcome.ACCEPTED}
    doubtful = {f"reader{each.delivery_id}@example.net" for each in receipts if each.outcome is Outcome.DOUBTFUL}
    assert accepted <= set(taken) <= accepted | doubtful
    assert len(doubtful) <= server.counts["END"] // 11
