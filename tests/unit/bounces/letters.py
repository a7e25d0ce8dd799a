"""Mails that come back, as servers write them."""

from __future__ import annotations

import string

VERP = "bounces+aaibeaqdaqcqmbyibefawdanbyha@example.org"
OURS = "12.0123456789abcdef@example.org"

ORIGINAL = f"""Return-Path: <{VERP}>
Message-ID: <{OURS}>
From: News <news@example.org>
To: ada@example.net
Subject: Rivers

User unknown is what this article is about: 550 5.1.1 no such user.
"""

DSN = string.Template("""Return-Path: <>
Delivered-To: $to
Received: from mx.example.net by mail.example.org; Sun, 22 Nov 2026 08:30:00 +0000
From: MAILER-DAEMON@mx.example.net (Mail Delivery System)
To: $to
Subject: Undelivered Mail Returned to Sender
Date: Sun, 22 Nov 2026 09:29:58 +0100
Message-ID: <$id@mx.example.net>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.example.net. I am sorry to tell you:
<$recipient>: $said

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
Arrival-Date: Sun, 22 Nov 2026 08:29:00 +0000

Final-Recipient: rfc822; $recipient
Original-Recipient: rfc822;$original
Action: $action
Status: $status
Diagnostic-Code: smtp; $said

--b1
Content-Type: $kind

$returned
--b1--
""")

ARF = string.Template("""From: <fbl@provider.example>
To: complaints@example.org
Subject: FW: Rivers
Date: Sun, 22 Nov 2026 08:30:00 +0000
Message-ID: <arf-$kind@provider.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b2"

--b2
Content-Type: text/plain

This is an email abuse report.

--b2
Content-Type: message/feedback-report

Feedback-Type: $kind
User-Agent: SomeGenerator/1.0
Version: 1

--b2
Content-Type: message/rfc822

$returned
--b2--
""")

AWAY = """From: Ada <ada@example.net>
To: $to
Subject: Automatic reply: Rivers
Auto-Submitted: auto-replied
In-Reply-To: <$ours>

I am out of office. The user unknown to you, 550 5.1.1, is me.
"""


def dsn(**values: str) -> bytes:
    """A delivery report; what is not named is of a hard bounce of ada@example.net."""
    given = {
        "to": VERP,
        "id": "report-1",
        "recipient": "ada@example.net",
        "original": "ada@example.net",
        "action": "failed",
        "status": "5.1.1",
        "said": "550 5.1.1 <ada@example.net> User unknown",
        "kind": "message/rfc822",
        "returned": ORIGINAL,
        **values,
    }
    return DSN.substitute(given).encode()


def arf(kind: str = "abuse", returned: str = ORIGINAL) -> bytes:
    return ARF.substitute(kind=kind, returned=returned).encode()


def away(to: str = VERP, ours: str = OURS) -> bytes:
    return string.Template(AWAY).substitute(to=to, ours=ours).encode()
