from __future__ import annotations

from dataclasses import replace

from mailer.checks.facts import Facts
from tests.unit.checks.making import GOOD, LINK, RAW, Case, mail, sending

LEAVING = f"List-Unsubscribe: <{LINK}>,\r\n <mailto:office@rivers.example?subject=unsubscribe%20AaQB>\r\n"
POST = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"


def put(old: str, new: str) -> Facts:
    """GOOD with another header."""
    assert old.encode() in RAW
    return mail(raw=RAW.replace(old.encode(), new.encode(), 1))


def without(header: str) -> Facts:
    return put(next(line for line in RAW.decode().splitlines(keepends=True) if line.startswith(f"{header}:")), "")


def leaving(header: str) -> Facts:
    return put(LEAVING, f"List-Unsubscribe: {header}\r\n")


FROM = "From: Rivers United <news@rivers.example>"
TO = "To: Alex Reader <reader@example.org>"
NUMBER = "<1.0f6eb33a@rivers.example>"
LIST = "Weekly <weekly.rivers.example>"

CASES = {
    "one-click-headers": Case(
        [
            (put(LEAVING, ""), "there are 0 List-Unsubscribe headers"),
            (put(LEAVING, LEAVING * 2), "there are 2 List-Unsubscribe headers"),
            (put(POST, ""), "there are 0 List-Unsubscribe-Post headers"),
            (put(POST, POST + POST), "there are 2 List-Unsubscribe-Post headers"),
            (put("=One-Click", "=one-click"), "List-Unsubscribe-Post does not say"),
            (leaving("=?utf-8?q?=3Chttps=3A//news.example.org/u=3E?="), "List-Unsubscribe is written as an encoded"),
            (leaving("<https://news.example.org/u\r\n /AaQB>"), "an address in List-Unsubscribe is broken"),
            (leaving(f"<{LINK}>,\r\n <mailto:a@rivers\r\n .example>"), "an address in List-Unsubscribe is broken"),
            (replace(put(POST, ""), sending=None), "there are 0 List-Unsubscribe-Post headers"),
            (leaving("<mailto:a@rivers.example>"), "List-Unsubscribe has not exactly one https address"),
            (leaving("<http://news.example.org/u>"), "List-Unsubscribe has not exactly one https"),
            (leaving(f"<{LINK}>, <{LINK}2>"), "List-Unsubscribe has not exactly one https"),
            (leaving(f"<{LINK}>, <http://news.example.org/u>"), "List-Unsubscribe has not exactly one https"),
            (leaving("<https://news.example.org/u /AaQB>"), "List-Unsubscribe has not exactly one https"),
            (leaving(LINK), "List-Unsubscribe has not exactly one https address"),
        ],
        [
            leaving(f"<{LINK}>"),
            leaving(f"\r\n\t<mailto:a@rivers.example>,\r\n\t<{LINK}>"),
            replace(put(LEAVING, ""), sending=sending(base_url="").sending),
            mail(raw=b""),
        ],
    ),
    "single-headers": Case(
        [
            *(
                (without(name), f"there is no {name} header")
                for name in ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version")
            ),
            (put("Subject: Rivers\r\n", "Subject: a\r\nsubject: b\r\n"), "there are 2 Subject headers"),
            (put(FROM, f"{FROM}\r\nReply-To: a@b.example\r\nReply-To: c@d.example"), "there are 2 Reply-To headers"),
            (put(FROM, f"{FROM}\r\n{FROM}"), "there are 2 From headers"),
            (put(f"List-ID: {LIST}\r\n", f"List-ID: {LIST}\r\n" * 2), "there are 2 List-ID headers"),
            (put(FROM, FROM + "\r\nSender: a@b.example" * 2), "there are 2 Sender headers"),
            (put(FROM, FROM + "\r\nFeedback-ID: a:b:c:rivers" * 2), "there are 2 Feedback-ID headers"),
            (put(FROM, f"{FROM}\r\nContent-Type: text/html"), "there are 2 Content-Type headers"),
        ],
        [
            put(FROM, f"{FROM}\r\nReceived: a\r\nReceived: b\r\nReply-To: a@b.example"),
            put("Subject: Rivers", "Subject: Rivers\r\n Subject: and more"),
        ],
    ),
    "one-recipient": Case(
        [
            (put(TO, f"{TO}, other@example.org"), "2 people are in To"),
            (put(TO, "To: a@example.org,\r\n b@example.org"), "2 people are in To"),
            (put(TO, f"{TO}\r\nCc: b@example.org"), "there is a Cc header"),
            (put(TO, f"{TO}\r\nbcc: b@example.org"), "there is a Bcc header"),
        ],
        [
            put(TO, 'To: "Reader, Alex <a@b.example>, x@y.example" <reader@example.org>'),
            put(TO, r'To: "A \" b@c.example" <reader@example.org>'),
            put(TO, "To: reader@example.org"),
        ],
    ),
    "sender-differs": Case(
        [
            (put(FROM, "From: Rivers United <news@other.example>"), "From is not the address"),
            (put(FROM, f"{FROM}, <b@rivers.example>"), "From is not the address"),
        ],
        [
            put(FROM, 'From: "other@evil.example" <News@Rivers.example>'),
            replace(GOOD, sending=sending(from_email="News@Rivers.example").sending),
            without("From"),
            replace(put(FROM, "From: a@b.example"), sending=None),
            replace(put(FROM, "From: a@b.example"), sending=sending(from_email="").sending),
        ],
    ),
    "subject-controls": Case(
        [
            *(
                (mail(subject=f"Rivers{mark} and more"), "the subject has control characters")
                for mark in (
                    "\n",
                    "\r",
                    "\0",
                    "\x1f",
                    "\x7f",
                    "\x85",
                    "\u2028",
                    "\u2029",
                    "\u202a",
                    "\u202e",
                    "\u2066",
                    "\u2069",
                )
            ),
            (mail(subject="é" * 499 + "x"), "the subject is longer than 998 octets"),
        ],
        [mail(subject="Rivers\u200f \u200e and\tmore"), mail(subject="é" * 499)],
    ),
    "list-id": Case(
        [
            (without("List-ID"), "there is no List-ID"),
            (put(LIST, "weekly.rivers.example"), "List-ID has no name in angle brackets"),
            (put(LIST, "Weekly <weekly>"), "List-ID has no name in angle brackets"),
            (put(LIST, "Weekly <weekly.rivers.example/a>"), "List-ID has no name in angle brackets"),
            (put(LIST, "Weekly <.rivers.example>"), "List-ID has no name in angle brackets"),
            (put(LIST, "Weekly <weekly.>"), "List-ID has no name in angle brackets"),
            (put(LIST, "=?utf-8?q?Weekly_=3Cweekly=2Erivers=2Eexample=3E?="), "List-ID has no name"),
        ],
        [put(LIST, "<Weekly_list-2.Rivers-2_b.example>"), mail(raw=b"")],
    ),
    "message-id": Case(
        [
            (put(NUMBER, "<1.0f6eb33a@mail.example>"), "the domain of Message-ID is not the one of From"),
            (put(NUMBER, "1.0f6eb33a@rivers.example"), "Message-ID is not of the form"),
            (put(NUMBER, "<1.0f6eb33a>"), "Message-ID is not of the form"),
            (put(NUMBER, "<1.0f6eb33a> a@b.example"), "Message-ID is not of the form"),
        ],
        [
            put(NUMBER, "<1@RIVERS.example>"),
            put(NUMBER, "a word <1@rivers.example>"),
            put(NUMBER, '<"a@b"@rivers.example>'),
            put(FROM, f"{FROM}, <a@b.example>"),
            without("From"),
            without("Message-ID"),
        ],
    ),
    "feedback-id": Case(
        [
            (put(FROM, f"{FROM}\r\nFeedback-ID: {wrong}"), "Feedback-ID is not three names and a sender")
            for wrong in ("rivers", "a:b:rivers", "a:b:c:four", "a:b:c:" + "x" * 16, "a:b:c:d:rivers")
        ],
        [
            put(FROM, f"{FROM}\r\nFeedback-ID: {right}")
            for right in ("::list:rivers", "a:b:c:" + "x" * 15, "a:b:c:fives", "A1._-:b:c:A1._-")
        ]
        + [GOOD],
    ),
}
