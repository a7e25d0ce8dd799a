"""Facts in order, to break one thing at a time."""

from __future__ import annotations

import quopri
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from mailer.checks.facts import AudienceFacts, Facts, IssueFacts, Mail, SendingFacts
from mailer.config.checks import CLIENTS
from mailer.model import Article

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LINK = "https://news.example.org/u/AaQB"

HTML = f"""\
<!doctype html>
<html lang="en" dir="ltr">
<head>
<meta charset="utf-8"><meta name="color-scheme" content="light dark">
<title>Rivers</title>
</head>
<body>
<div lang="en" dir="ltr">
<div style="display:none">What the week brought along the river, and what comes next</div>
<h1>News</h1>
<p><a href="https://site.example/rivers">The rivers are clean again</a></p>
<p>Rivers United, 1 Quay Street, Oslo</p>
<p><a href="{LINK}">Unsubscribe</a></p>
</div>
</body>
</html>
"""
TEXT = f"""\
NEWS

The rivers are clean again
https://site.example/rivers

Rivers United, 1 Quay Street, Oslo
Unsubscribe: {LINK}
"""
PREHEADER = "What the week brought along the river, and what comes next"
RAW = f"""\
Date: Sun, 22 Nov 2026 09:00:00 +0000
To: Alex Reader <reader@example.org>
Subject: Rivers
Message-ID: <1.0f6eb33a@rivers.example>
List-Unsubscribe: <{LINK}>,
 <mailto:office@rivers.example?subject=unsubscribe%20AaQB>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
From: Rivers United <news@rivers.example>
List-ID: Weekly <weekly.rivers.example>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="=_b"

--=_b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 7bit

{TEXT}
--=_b
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

{quopri.encodestring(HTML.encode()).decode()}
--=_b--
""".replace("\n", "\r\n").encode()
MAIL = Mail("made-up reader", "Rivers", PREHEADER, HTML, TEXT, RAW, unsubscribe=LINK)
ARTICLE = Article("ab12", "site", "The rivers are clean again", "After years.", NOW, url="https://site.example/rivers")
ISSUE = IssueFacts("2026-11-22-rivers", "bulletin", "Rivers", PREHEADER, articles=(ARTICLE,), samples=100)
SENDING = SendingFacts(
    "Rivers United", "1 Quay Street, Oslo", "https://news.example.org", True, from_email="news@rivers.example"
)
GOOD = Facts(now=NOW, mails=(MAIL,), issue=ISSUE, sending=SENDING, audience=AudienceFacts(100), clients=CLIENTS)


@dataclass(frozen=True, slots=True)
class Case:
    """Facts that break one rule, and facts that look like it and do not. A rule's case says for each breach how its
    message begins."""

    breaks: Iterable[tuple[Facts, str]]
    passes: Iterable[Facts]


def mail(**changes: Any) -> Facts:
    """GOOD with another mail."""
    return replace(GOOD, mails=(replace(MAIL, **changes),))


def html(body: str, head: str = "", **changes: Any) -> Facts:
    """GOOD with that between its last line of text and its end, and that in its head."""
    page = HTML.replace("</div>\n</body>", f"{body}\n</div>\n</body>").replace("</head>", f"{head}\n</head>")
    return mail(html=page, **changes)


def issue(**changes: Any) -> Facts:
    return replace(GOOD, issue=replace(ISSUE, **changes))


def sending(**changes: Any) -> Facts:
    return replace(GOOD, sending=replace(SENDING, **changes))


def audience(**changes: Any) -> Facts:
    return replace(GOOD, audience=replace(AudienceFacts(100), **changes))
