"""Microseconds a mail: one join of pre-encoded runs, beside email.message.EmailMessage in the same run.

    .venv/bin/python bench/mime.py

Both write the same multipart/alternative mail of a 39 KB HTML part and a 3 KB text part. The values are ready in both
cases; rendering them is measured elsewhere.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from itertools import pairwise
from time import process_time

from mailer.render.links import Purpose, Signer, unsubscribe_url
from mailer.render.mime import MessageAddress, MessageHeaders, MessageSkeleton, PersonalValues
from mailer.render.quoted import fill

HTML_SIZE = 39_000
TEXT_SIZE = 3_000
NOW = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)
ROW = (
    '<tr><td style="padding:0 24px;font-family:Georgia,serif;font-size:16px;line-height:1.5;color:#1b2a2f">'
    '<a href="https://example.org/rivers/2026/11/spring-clean" style="color:#0b6e4f">Volunteers cleared nine '
    "kilometres of river bank — and found 412 tyres</a></td></tr>\n"
)
PARAGRAPH = "Volunteers cleared nine kilometres of river bank — and found 412 tyres.\nhttps://example.org/rivers\n\n"


@dataclass(frozen=True)
class Shape:
    constants: tuple[str, ...]
    slots: tuple[int, ...]


def shape(unit: str, size: int, places: int) -> Shape:
    text = (unit * (size // len(unit) + 1))[:size]
    step = size // (places + 1)
    cuts = [*(index * step for index in range(places + 1)), size]
    constants = tuple(text[start:end] for start, end in pairwise(cuts))
    return Shape(constants, tuple(range(places)))


def values(places: int, kind: str, recipient: int) -> tuple[str, ...]:
    """One recipient's values, all of them her own, so that nothing is measured that a cache gave for nothing."""
    plain = ("Ann {}", "Oslo {}", "https://news.example.org/u/AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRo{}")
    mixed = ("Åse {}", "Oslo & omegn {}", "https://example.org/?a=1&amp;b={}", "Ann {}", "Tromsø {}", "member {}")
    words = plain if kind == "plain" else mixed
    return tuple(words[index % len(words)].format(recipient * places + index) for index in range(places))


def microseconds(work: Callable[[], object], rounds: int) -> float:
    """The best of five rounds, in processor time: other programs on the machine only ever add."""
    best = float("inf")
    gc.disable()
    for _ in range(5):
        start = process_time()
        for _ in range(rounds):
            work()
        best = min(best, process_time() - start)
    gc.enable()
    return best / rounds * 1e6


HEADERS = MessageHeaders(
    from_email="news@example.org",
    from_name="River Watch",
    reply_to="office@example.org",
    list_id="weekly.news.example.org",
    list_title="Weekly",
)
ADDRESS = MessageAddress(
    "ann@example.net",
    "17.d2a9",
    "https://news.example.org/u/AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA",
    "Ann Lee",
)
SUBJECT = Shape(("News for ", ""), (0,))


def by_email_package(text: str, html: str, subject: str) -> bytes:
    # 998: with the usual 78 it encodes the unsubscribe link into something no mailbox provider can follow.
    message = EmailMessage(policy=policy.SMTP.clone(max_line_length=998))
    message["Date"] = format_datetime(NOW)
    message["To"] = f"{ADDRESS.to_name} <{ADDRESS.to_email}>"
    message["Subject"] = subject
    message["Message-ID"] = f"<{ADDRESS.message_id}@example.org>"
    message["List-Unsubscribe"] = f"<{ADDRESS.unsubscribe_url}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["From"] = f"{HEADERS.from_name} <{HEADERS.from_email}>"
    message["Reply-To"] = HEADERS.reply_to
    message["List-ID"] = f"{HEADERS.list_title} <{HEADERS.list_id}>"
    message["Precedence"] = "bulk"
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message.as_bytes()


def compare(places: int, kind: str) -> None:
    in_text = max(2, places // 8)
    text, html = shape(PARAGRAPH, TEXT_SIZE, in_text), shape(ROW, HTML_SIZE, places)
    recipients = [
        PersonalValues(("Ann",), values(in_text, kind, number), values(places, kind, number)) for number in range(500)
    ]
    skeleton = MessageSkeleton(text, html, SUBJECT, HEADERS, "a1b2")

    def ours() -> None:
        for personal in recipients:
            skeleton.message(personal, ADDRESS, NOW)

    rendered = [
        (fill(text, personal.text), fill(html, personal.html), fill(SUBJECT, personal.subject))
        for personal in recipients[:20]
    ]

    def theirs() -> None:
        for parts in rendered:
            by_email_package(*parts)

    our_time, their_time = microseconds(ours, 4) / 500, microseconds(theirs, 1) / 20
    size = len(skeleton.message(recipients[0], ADDRESS, NOW))
    print(
        f"{places:3} places, {kind:5} values, {size / 1000:5.1f} kB: "
        f"{our_time:7.1f} us   EmailMessage {their_time:8.1f} us   ratio {their_time / our_time:6.1f}"
    )


def main() -> None:
    for kind in ("plain", "mixed"):
        for places in (8, 56):
            compare(places, kind)
    html = shape(ROW, HTML_SIZE, 56)
    build = microseconds(lambda: MessageSkeleton(SUBJECT, html, SUBJECT, HEADERS, "a1b2"), 50)
    print(f"pre-encoding the runs, once for an issue and list: {build:.0f} us")
    write = Signer([bytes(32)]).writer(Purpose.UNSUBSCRIBE, "weekly")
    link = microseconds(lambda: unsubscribe_url("https://news.example.org", write("00ff" * 8)), 50_000)
    print(f"a signed unsubscribe link: {link:.1f} us")


if __name__ == "__main__":
    main()
