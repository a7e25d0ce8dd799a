"""Whole mails: written without the email package, read back by it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.errors import MailerError, MessageError
from mailer.render.mime import MessageAddress, MessageHeaders, MessageSkeleton, PersonalValues


@dataclass(frozen=True)
class Shape:
    constants: tuple[str, ...]
    slots: tuple[int, ...] = ()


NOW = datetime(2026, 11, 22, 17, 0, 5, tzinfo=UTC)
URL = "https://news.example.org/u/AQIDBAUG"
HEADERS = MessageHeaders(
    from_email="news@example.org",
    from_name="River Watch",
    reply_to="office@example.org",
    list_id="weekly.news.example.org",
    list_title="Weekly, for everyone",
    list_help="https://news.example.org/help",
    list_owner="mailto:office@example.org",
    feedback_id="bulletin:weekly::riverwatch",
)
ANN = MessageAddress("ann@example.net", "17.d2a9", URL, "Ann Lee")
TEXT = Shape(("Dear ", ",\n\nriver news.\n"), (0,))
HTML = Shape(("<p>Dear ", "</p>\n"), (0,))
SUBJECT = Shape(("News for ", ""), (0,))
VALUES = PersonalValues(("Ann",), ("Ann",), ("Ann",))


def skeleton(
    text: Shape = TEXT, html: Shape = HTML, subject: Shape = SUBJECT, headers: MessageHeaders = HEADERS
) -> MessageSkeleton:
    return MessageSkeleton(text, html, subject, headers, "a1b2")


def parsed(octets: bytes) -> EmailMessage:
    return BytesParser(policy=policy.default).parsebytes(octets)


def bodies(octets: bytes) -> tuple[str, str]:
    """Text and HTML, with the standard library's word that nothing in the message is wrong."""
    message = parsed(octets)
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    assert [defect for part in message.walk() for defect in part.defects] == []
    assert [defect for value in message.values() for defect in cast(Any, value).defects] == []
    assert len(message.keys()) == len({name.lower() for name in message})
    text, html = (part.get_content().replace("\r\n", "\n") for part in message.iter_parts())
    return text, html


def unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def line_faults(octets: bytes) -> list[bytes]:
    """Lines that are too long although they could have been broken, or that SMTP must touch."""
    return [
        line
        for line in octets.split(b"\r\n")
        if len(line) > 998
        or (len(line) > 76 and b"<http" not in line)
        or line.startswith((b".", b"From "))
        or b"\n" in line
        or b"\r" in line
    ]


EXPECTED = b"""\
Date: Sun, 22 Nov 2026 17:00:05 +0000
To: Ann Lee <ann@example.net>
Subject: News for Ann
Message-ID: <17.d2a9@example.org>
List-Unsubscribe: <https://news.example.org/u/AQIDBAUG>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
From: River Watch <news@example.org>
Reply-To: office@example.org
List-ID: "Weekly, for everyone" <weekly.news.example.org>
List-Help: <https://news.example.org/help>
List-Owner: <mailto:office@example.org>
Feedback-ID: bulletin:weekly::riverwatch
Precedence: bulk
MIME-Version: 1.0
Content-Type: multipart/alternative;
 boundary="=_a1b2"

--=_a1b2
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Dear=20=
Ann=
,

river news.

--=_a1b2
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<p>Dear=20=
Ann=
</p>

--=_a1b2--
""".replace(b"\n", b"\r\n")


def test_a_whole_mail_in_bytes() -> None:
    assert skeleton().message(VALUES, ANN, NOW) == EXPECTED


def test_it_reads_back() -> None:
    octets = skeleton().message(VALUES, ANN, NOW)
    assert bodies(octets) == ("Dear Ann,\n\nriver news.\n", "<p>Dear Ann</p>\n")
    message = parsed(octets)
    assert message["From"] == "River Watch <news@example.org>"
    assert message["Message-ID"] == "<17.d2a9@example.org>"
    assert parsedate_to_datetime(message["Date"]) == NOW
    assert message["Auto-Submitted"] is None


BODY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300)


@given(BODY, BODY, BODY)
def test_any_text_round_trips(before: str, value: str, after: str) -> None:
    shape = Shape((before, after), (0,))
    octets = skeleton(text=shape, html=shape).message(PersonalValues(("x",), (value,), (value,)), ANN, NOW)
    text, html = bodies(octets)
    assert text == html == unix(before + value + after)
    assert line_faults(octets) == []


HEADER_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=150)


@given(HEADER_TEXT, HEADER_TEXT)
def test_any_subject_and_name_round_trip_up_to_spaces(value: str, name: str) -> None:
    octets = skeleton().message(VALUES._replace(subject=(value,)), ANN._replace(to_name=name), NOW)
    message = parsed(octets)
    assert str(message["Subject"]).split() == f"News for {value}".split()
    (mailbox,) = cast(Any, message["To"]).addresses
    assert mailbox.addr_spec == "ann@example.net"
    bodies(octets)
    assert line_faults(octets) == []


HOSTILE = [
    "\r\nBcc: victim@example.com",
    "x\nBcc: victim@example.com",
    "x\rBcc: victim@example.com",
    "x\0",
    "x\x0bBcc: y",
    "x\u2028Bcc: y",
    "x\x85Bcc: y",
    "\ud800",
    "\r\n\r\n<script>",
]


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_no_value_begins_a_header(hostile: str) -> None:
    whole = skeleton()
    attempts = [
        (VALUES._replace(subject=(hostile,)), ANN),
        (VALUES, ANN._replace(to_name=hostile)),
        (VALUES, ANN._replace(to_email=f"ann{hostile}@example.net")),
        (VALUES, ANN._replace(to_email=f"ann@example.net{hostile}")),
        (VALUES, ANN._replace(message_id=f"17{hostile}")),
        (VALUES, ANN._replace(unsubscribe_url=URL + hostile)),
        (VALUES, ANN._replace(unsubscribe_mailto=f"mailto:stop@example.org{hostile}")),
    ]
    for values, address in attempts:
        with pytest.raises(MessageError) as caught:
            whole.message(values, address, NOW)
        assert "victim" not in str(caught.value)
        assert "ann" not in str(caught.value)


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
@pytest.mark.parametrize(
    "field",
    ["from_name", "from_email", "reply_to", "list_id", "list_title", "list_help", "list_owner", "feedback_id"],
)
def test_no_setting_begins_a_header(field: str, hostile: str) -> None:
    good = getattr(HEADERS, field)
    with pytest.raises(MessageError):
        skeleton(headers=replace(HEADERS, **{field: good + hostile}))
    with pytest.raises(MessageError):
        skeleton(subject=Shape((hostile,)))


@pytest.mark.parametrize(
    "smuggled", ["\n.\r\nMAIL FROM:<x@example.com>\r\n", "\r\n.\nQUIT", "\r\n.\r\n", "\r.\r", "\n.", "."]
)
def test_no_body_ends_the_smtp_dialogue(smuggled: str) -> None:
    values = PersonalValues(("x",), (smuggled,), (smuggled,))
    shape = Shape(("", smuggled), (0,))
    octets = skeleton(text=shape, html=shape).message(values, ANN, NOW)
    assert line_faults(octets) == []
    assert bodies(octets)[0] == unix(smuggled + smuggled)


def test_no_body_imitates_the_boundary() -> None:
    shape = Shape(("--=_a1b2--\r\n--=_a1b2\r\n", ""), (0,))
    octets = skeleton(text=shape, html=shape).message(
        PersonalValues(("x",), ("\r\n--=_a1b2--\r\n",), ("--=_a1b2",)), ANN, NOW
    )
    assert octets.count(b"--=_a1b2") == 3
    assert bodies(octets)[1] == "--=_a1b2--\n--=_a1b2\n--=_a1b2"


LONG_URL = "https://news.example.org/u/" + "aB3-_" * 60


def test_a_link_of_300_characters_stays_whole() -> None:
    address = ANN._replace(
        unsubscribe_url=LONG_URL, unsubscribe_mailto="mailto:stop+" + "x" * 300 + "@example.org?subject=unsubscribe"
    )
    octets = skeleton().message(VALUES, address, NOW)
    expected = (
        f"\r\nList-Unsubscribe: <{LONG_URL}>,\r\n <{address.unsubscribe_mailto}>\r\n"
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    )
    assert expected.encode("ascii") in octets
    assert octets.count(b"\r\nList-Unsubscribe") == 2
    assert parsed(octets)["List-Unsubscribe"] == f"<{LONG_URL}>, <{address.unsubscribe_mailto}>"


@pytest.mark.parametrize(
    ("url", "mailto", "written"),
    [
        ("", "", []),
        (URL, "", [f"List-Unsubscribe: <{URL}>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"]),
        ("", "mailto:stop@example.org", ["List-Unsubscribe: <mailto:stop@example.org>"]),
        # RFC 8058 asks for https; a plain link in a trial set-up still shows, without the promise.
        ("http://127.0.0.1:8000/u/x", "", ["List-Unsubscribe: <http://127.0.0.1:8000/u/x>"]),
        (
            "https://x.example/u/1",
            "mailto:a@x.example",
            [
                "List-Unsubscribe: <https://x.example/u/1>, <mailto:a@x.example>",
                "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            ],
        ),
    ],
)
def test_the_ways_out_that_are_offered(url: str, mailto: str, written: list[str]) -> None:
    address = ANN._replace(unsubscribe_url=url, unsubscribe_mailto=mailto)
    lines = skeleton().message(VALUES, address, NOW).decode("ascii").split("\r\n")
    assert [line for line in lines if line.startswith("List-Unsub")] == written


@pytest.mark.parametrize(
    "url",
    [
        "https://x.example/u/a b",
        "https://x.example/u/<a>",
        "https://x.example/u/a,b",
        "https://x.example/å",
        "javascript:alert(1)",
        "mailto:stop@example.org",
        "ftp://x.example/",
        "https://x.example/" + "a" * 1000,
    ],
)
def test_a_link_that_readers_would_stumble_over_is_refused(url: str) -> None:
    with pytest.raises(MessageError) as caught:
        skeleton().message(VALUES, ANN._replace(unsubscribe_url=url), NOW)
    assert caught.value.field == "List-Unsubscribe"


@pytest.mark.parametrize(
    "list_id", ["weekly", "våke.example.org", "a b.example.org", "a..b", "<a.b>", "x" * 254 + ".y"]
)
def test_a_list_id_is_ascii_words_and_dots(list_id: str) -> None:
    with pytest.raises(MessageError, match="List-ID"):
        skeleton(headers=replace(HEADERS, list_id=list_id))


@pytest.mark.parametrize("feedback_id", ["abc", "a:b:c:d:sender1", "a:b c:sender1", "sender-of-16-char"])
def test_a_feedback_id_has_the_form_gmail_reads(feedback_id: str) -> None:
    with pytest.raises(MessageError, match="Feedback-ID"):
        skeleton(headers=replace(HEADERS, feedback_id=feedback_id))


def test_headers_that_are_not_set_are_not_written() -> None:
    headers = MessageHeaders(from_email="news@münchen.de", bulk=False)
    octets = skeleton(headers=headers, subject=Shape(("Hi",))).message(
        VALUES, MessageAddress("ann@bücher.example", "1"), NOW
    )
    assert parsed(octets).items() == [
        ("Date", "Sun, 22 Nov 2026 17:00:05 +0000"),
        ("To", "ann@xn--bcher-kva.example"),
        ("Subject", "Hi"),
        ("Message-ID", "<1@xn--mnchen-3ya.de>"),
        ("From", "news@xn--mnchen-3ya.de"),
        ("MIME-Version", "1.0"),
        ("Content-Type", 'multipart/alternative; boundary="=_a1b2"'),
    ]


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("", b"To: ann@example.net\r\n"),
        ("Ann", b"To: Ann <ann@example.net>\r\n"),
        (" Ann  Lee ", b"To: Ann Lee <ann@example.net>\r\n"),
        ("Lee, Ann", b'To: "Lee, Ann" <ann@example.net>\r\n'),
        ("Åse", b"To: =?utf-8?b?w4VzZQ==?= <ann@example.net>\r\n"),
        ("A" * 52, b"To: " + b"A" * 52 + b" <ann@example.net>\r\n"),
        ("A" * 53, b"To: " + b"A" * 53 + b" <ann@example.net>\r\n"),
        ("A" * 55, b"To: =?utf-8?q?" + b"A" * 52 + b"?=\r\n =?utf-8?q?AAA?= <ann@example.net>\r\n"),
    ],
)
def test_to_in_bytes(name: str, header: bytes) -> None:
    octets = skeleton().message(VALUES, ANN._replace(to_name=name), NOW)
    assert header in octets


@pytest.mark.parametrize(
    ("date", "written"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "Fri, 02 Jan 2026 03:04:05 +0000"),
        (datetime(2026, 12, 31, 23, 30, tzinfo=timezone(timedelta(hours=-2))), "Fri, 01 Jan 2027 01:30:00 +0000"),
    ],
)
def test_dates_are_in_utc_and_english(date: datetime, written: str) -> None:
    assert f"Date: {written}\r\n".encode("ascii") in skeleton().message(VALUES, ANN, date)


def test_a_date_without_zone_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="time zone"):
        skeleton().message(VALUES, ANN, NOW.replace(tzinfo=None))


@pytest.mark.parametrize("boundary", ["", "a b", "x" * 69, 'a"', "a\r\n", "å"])
def test_a_boundary_that_rfc_2046_does_not_know(boundary: str) -> None:
    with pytest.raises(ValueError, match="boundary"):
        MessageSkeleton(TEXT, HTML, SUBJECT, HEADERS, boundary)


def test_faults_are_errors_people_see_as_one_line() -> None:
    with pytest.raises(MailerError) as caught:
        skeleton().message(VALUES, ANN._replace(to_email="jöe@example.org"), NOW)
    assert caught.value.message == "To: the part before the @ is not ASCII, which needs SMTPUTF8"


def test_one_recipient_leaves_nothing_in_the_next_mail() -> None:
    whole = skeleton()
    secret = PersonalValues(("Zoë",), ("zebra " * 40,), ("zebra\r\n",))
    whole.message(secret, ANN._replace(to_email="zoe@example.net", to_name="Zoë"), NOW)
    assert whole.message(VALUES, ANN, NOW) == EXPECTED
