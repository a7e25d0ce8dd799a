"""Whether the way out of a mail works: its page is opened and its one click is posted, for somebody who is nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from mailer.checks.facts import Facts, Leaving, Probe
from mailer.errors import FetchError
from mailer.fetch import FetchPolicy, Seen, ask_here
from mailer.model import Trouble
from mailer.services import confirming
from mailer.services.program import Program

# The address is the operator's own setting, and may well be at home in their own network.
POLICY: Final = FetchPolicy(allow_private=True, total_seconds=10, step_seconds=6)

ONE_CLICK: Final = b"List-Unsubscribe=One-Click"

A_TEST: Final = b"This was a test mail: nothing was changed."
"""What `mailer serve` answers to the one click of a test mail. A site that takes any post would not say that."""


def probe_leaving(program: Program, facts: Facts, *, policy: FetchPolicy = POLICY) -> Leaving | None:
    """What the page and the one click of the made-up reader's mail answer; None where there is no such page.

    Only a link that is good for nothing is ever asked.
    """
    url = facts.mails[0].unsubscribe if facts.mails and not facts.mails[0].real else ""
    if not url.startswith("https://") or not confirming.is_preview(program, token_of(url)):
        return None
    now = program.now()
    page, click = _asked(url, now, None, policy), _asked(url, now, ONE_CLICK, policy)
    return Leaving(page, click)


def token_of(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[2]


def _asked(url: str, now: datetime, body: bytes | None, policy: FetchPolicy) -> Probe:
    try:
        return _probe_of(url, now, ask_here(url, policy=policy, body=body), posted=body is not None)
    except FetchError as error:
        return Probe(url, now, 0, str(error.trouble or Trouble.CONNECTION))


def _probe_of(url: str, now: datetime, seen: Seen, *, posted: bool) -> Probe:
    probe = Probe(url, now, seen.status, "", seen.final_url, seen.content_type, seen.octets)
    stranger = posted and seen.status == 200 and A_TEST not in seen.beginning
    return replace(probe, problem=str(Trouble.STRANGER)) if stranger else probe
