"""What a mail that came back is, whatever wrote it; and that nobody can keep the reader busy."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.bounces.facts import Action, What
from mailer.bounces.opened import LONGEST
from mailer.bounces.reading import read
from tests.thoroughness import examples
from tests.unit.bounces.letters import ORIGINAL, OURS, VERP, arf, away, dsn


def test_a_delivery_report() -> None:
    found = read(dsn())
    (fate,) = found.fates
    assert (found.what, found.standard, found.id) == (What.REPORT, True, "report-1@mx.example.net")
    assert (fate.addresses, fate.action, fate.status) == (("ada@example.net",), Action.FAILED, "5.1.1")
    assert fate.text == "550 5.1.1 <ada@example.net> User unknown"
    assert (found.named.addresses[0], found.named.message_ids) == (VERP, (OURS,))
    assert found.at == datetime(2026, 11, 22, 8, 30, tzinfo=UTC), "when our server took it in"


@pytest.mark.parametrize(
    ("word", "status", "action"),
    [
        ("failed", "5.1.1", Action.FAILED),
        ("Failed (no such user)", "5.1.1", Action.FAILED),
        ("failed", "4.4.7", Action.FAILED),
        ("delayed", "4.4.1", Action.DELAYED),
        ("delivered", "2.0.0", Action.DELIVERED),
        ("", "4.2.1", Action.DELAYED),
        ("", "5.0.0", Action.FAILED),
        ("mangled", "2.0.0", Action.DELIVERED),
    ],
)
def test_what_was_done(word: str, status: str, action: Action) -> None:
    assert read(dsn(action=word, status=status)).fates[0].action is action


def test_a_report_that_a_mail_was_passed_on_asks_for_nothing() -> None:
    assert read(dsn(action="relayed", status="2.0.0")).what is What.NOTHING
    assert read(dsn(action="expanded", status="2.0.0")).what is What.NOTHING


def test_a_report_without_action_and_status_names_no_fate() -> None:
    assert read(dsn(action="", status="", said="something")).what in (What.REPORT, What.UNKNOWN)


@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global"])
def test_our_mail_is_found_in_whatever_form_it_is_returned(kind: str) -> None:
    assert read(dsn(to="postmaster@example.org", kind=kind)).named.addresses == (VERP,)
    assert read(dsn(to="postmaster@example.org", kind=kind)).named.message_ids == (OURS,)


def test_fields_of_one_recipient_with_an_empty_line_between_them() -> None:
    broken = dsn().replace(b"Action: failed", b"\nAction: failed")
    (fate,) = read(broken).fates
    assert (fate.addresses, fate.action) == (("ada@example.net",), Action.FAILED)


def test_a_report_in_base64() -> None:
    from base64 import b64encode

    body = b"Reporting-MTA: dns; x\n\nFinal-Recipient: utf-8; \xc3\xa5da@example.net\nAction: failed\nStatus: 5.1.1\n"
    data = (
        b"From: MAILER-DAEMON@x\nContent-Type: multipart/report; boundary=b\n\n--b\n"
        b"Content-Type: message/global-delivery-status\nContent-Transfer-Encoding: base64\n\n"
        + b64encode(body)
        + b"\n--b--\n"
    )
    (fate,) = read(data).fates
    assert fate.addresses == ("åda@example.net",)


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("abuse", What.COMPLAINT),
        ("opt-out", What.OPT_OUT),
        ("not-spam", What.NOTHING),
        ("auth-failure", What.UNKNOWN),
        ("virus", What.UNKNOWN),
        ("x-new", What.UNKNOWN),
    ],
)
def test_feedback_reports(kind: str, what: What) -> None:
    found = read(arf(kind))
    assert (found.what, found.named.message_ids) == (what, (OURS,))


@pytest.mark.parametrize(
    "head",
    [
        "Subject: Re: Rivers\nX-Autoreply: yes",
        "Subject: Re: Rivers\nPrecedence: auto_reply",
        "Subject: Re: Rivers\nAuto-Submitted: auto-replied; owner-email=x",
        "Subject: Out of Office: back on Monday",
        "Subject: =?utf-8?q?R=C3=A9ponse_automatique_=3A?= Rivers",
        "Subject: Abwesenheitsnotiz",
        "Subject: Fuera de la oficina",
        "Subject: =?utf-8?b?" + "QXV0b21hdGlzY2hlIEFudHdvcnQ6IFJpdmVycw==" + "?=",
    ],
)
def test_out_of_office_is_no_bounce(head: str) -> None:
    mail = f"From: Ada <ada@example.net>\nTo: {VERP}\n{head}\n\nI am away. Unknown user? No: mailbox is full of work.\n"
    assert read(mail.encode()).what is What.AUTO_REPLY
    assert read(away()).what is What.AUTO_REPLY


def test_a_receipt_is_no_bounce() -> None:
    mail = (
        b"From: ada@example.net\nSubject: Read: Rivers\n"
        b"Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n"
        b"Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; ada@example.net\n"
        b"Disposition: manual-action/MDN-sent-manually; deleted\n--b--\n"
    )
    assert read(mail).what is What.RECEIPT


EXIM = f"""Return-path: <>
From: Mail Delivery System <Mailer-Daemon@mx.example.net>
To: {VERP}
Subject: Mail delivery failed: returning message to sender
Auto-Submitted: auto-replied
X-Failed-Recipients: ada@example.net

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  ada@example.net
    SMTP error from remote mail server after RCPT TO:<ada@example.net>:
    host mx.example.net [192.0.2.1]: 550 5.7.1 blocked for reputation

------ This is a copy of the message, including all the headers. ------

{ORIGINAL}
"""


def test_a_bounce_of_no_standard_form_is_told_by_the_words_before_the_copy_of_our_mail() -> None:
    (fate,) = read(EXIM.encode()).fates
    assert (fate.addresses, fate.action, fate.status) == (("ada@example.net",), Action.FAILED, "5.7.1")
    assert "article" not in fate.text and fate.text.startswith("550 5.7.1 blocked")


def test_what_is_no_bounce_at_all_is_for_a_person() -> None:
    found = read(f"From: ada@example.net\nTo: {VERP}\nSubject: Your article\n\nI liked it.\n".encode())
    assert (found.what, found.subject, found.text) == (What.UNKNOWN, "Your article", "I liked it.")


def test_a_bounce_that_names_nobody_is_one_where_our_token_names_whom() -> None:
    head = f"From: Mail <>\nTo: {VERP}\nSubject: Mail Error\n\n"
    (fate,) = read(f"{head}Your mail cannot be delivered: mailbox is full\n".encode()).fates
    assert (fate.addresses, fate.action) == ((), Action.FAILED)
    person = "From: Ada <ada@example.net>\nSubject: Mail Error\n\nYour article cannot be delivered in my class.\n"
    assert read(person.encode()).what is What.UNKNOWN


def test_a_refusal_in_the_form_of_a_receipt_is_a_bounce() -> None:
    mail = (
        b"From: Mail Delivery Subsystem <postmaster@example.net>\nSubject: Automatically rejected mail\n"
        b"Auto-Submitted: auto-replied (rejected)\n"
        b"Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\n"
        b"Your message to <ada@example.net> was automatically rejected:\nQuota exceeded\n--b\n"
        b"Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; ada@example.net\n"
        b"Disposition: automatic-action/MDN-sent-automatically; deleted\n--b--\n"
    )
    (fate,) = read(mail).fates
    assert fate.addresses == ("ada@example.net",)
    assert fate.text.endswith("Quota exceeded")


HEAD = b"From: MAILER-DAEMON@x.example\nTo: bounces+abc@example.org\nSubject: failure\n"
PARTS = HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n"
REPORT = HEAD + b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n"


def nested(depth: int) -> bytes:
    parts = (b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level) for level in range(depth))
    return HEAD + b"".join(parts)


# Attack 52: MIME bombs, a header without an end, and what keeps patterns and parsers busy.
BOMBS = {
    "ten thousand nested parts": nested(10_000),
    "as many nested parts as are read": nested(59),
    "nested mails": HEAD + b"Content-Type: message/rfc822\n\n" * 5000,
    "a digest": HEAD + b"Content-Type: multipart/digest; boundary=b\n\n" + b"--b\n\n" * 1900,
    "200,000 parts": PARTS + b"--b\n\nx\n" * 200_000,
    "1,990 parts": PARTS + b"--b\nContent-Type: text/plain; charset=x\n\nx\n" * 1990,
    "a header without an end": b"A: " + b"a" * 5_000_000,
    "200,000 headers": b"To: a@b\n" * 200_000,
    "brackets": HEAD + b"\n" + (b"<" * 900 + b"\n") * 1100,
    "ats": HEAD + b"\n" + b"a@" * 500_000,
    "dots": HEAD + b"\n" + b"a." * 500_000,
    "spaces": HEAD + b"\n" + (b" " * 900 + b"\n") * 1100,
    "dashes": HEAD + b"\n" + (b"-" * 900 + b"copy of\n") * 1100,
    "a megabyte of base64": HEAD + b"Content-Transfer-Encoding: base64\n\n" + b"QUFB" * 400_000,
    "20,000 recipients": REPORT + b"Final-Recipient: rfc822; a@b\nAction: failed\n\n" * 20_000,
    "half an encoded word": HEAD + b"Subject: " + b"=?utf-8?q?a?= " * 50_000 + b"\n\n",
    "a boundary of 100,000 letters": HEAD + b"Content-Type: multipart/mixed; boundary=" + b"x" * 100_000 + b"\n\n",
    "a character set that is none": HEAD + b'Content-Type: text/plain; charset="\x00rot13"\n\nhello',
    "carriage returns": b"\r" * 1_000_000,
    "nothing": b"",
    "NUL": b"\0" * 1_000_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_attack_52_no_mail_keeps_the_reader_busy(name: str) -> None:
    begin = time.process_time()
    read(BOMBS[name])
    assert time.process_time() - begin < 5, "it takes less than one second by itself"


def test_attack_52_of_a_long_mail_the_beginning_is_read() -> None:
    assert read(dsn() + b"x" * (3 * LONGEST)).what is What.REPORT


@settings(max_examples=examples(300), deadline=None)
@given(st.data())
def test_whatever_comes_is_read_without_an_error(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from([dsn(), arf(), away(), EXIM.encode()]))
    place = data.draw(st.integers(0, len(whole)))
    gone = data.draw(st.integers(0, 40))
    found = read(whole[:place] + data.draw(st.binary(max_size=40)) + whole[place + gone :])
    assert found.what in What


@settings(max_examples=examples(300), deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    assert read(HEAD + data).what in What
