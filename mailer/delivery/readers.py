"""Who opens a mail or follows a link: a person, a mail program that fetches for its readers, or a machine.

Filters open every link before anybody reads, and some mail programs fetch every picture whether or not the mail is
read. What gives itself away is not counted as a person; what does not is, so even the lower figure is an estimate.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

from mailer.model import Reader

EARLY = timedelta(seconds=60)
"""What comes sooner after a mail was handed over was a filter on its way."""

PREFETCH = ("purpose", "sec-purpose", "x-purpose", "x-moz")
"""Headers by which browsers say that they fetch what nobody has asked for yet."""

PROXY = re.compile(r"GoogleImageProxy|YahooMailProxy|DuckDuckGo.?MailProxy|ImageProxy|\bggpht\.com", re.IGNORECASE)

# Apple fetches all pictures of all mails ahead, under this name and no more of it.
AHEAD = frozenset({"", "mozilla/5.0"})

MACHINE = re.compile(
    r"bot\b|bot[/;_-]|crawl|spider|slurp|scan|preview|prefetch|fetch|monitor|check(?:er)?\b|valid"
    r"|headless|phantom|selenium|puppeteer|playwright|lighthouse"
    r"|curl|wget|python|perl|ruby|java/|okhttp|axios|node|go-http|httpclient|http-client|libwww|guzzle|php"
    r"|barracuda|proofpoint|mimecast|fireeye|trendmicro|symantec|messagelabs|sophos|ironport|forcepoint|cloudmark"
    r"|safelinks|urldefense|facebookexternalhit|whatsapp|skypeuri|archive\.org|externalhit"
    # Nobody reads with these any more; filters say that they are one.
    r"|MSIE [1-9]\.|Firefox/[1-9]\.|Firefox/[1-3]\d\.|Chrome/(?:[1-9]|[1-4]\d)\.|Windows NT 5\.[01]",
    re.IGNORECASE,
)


def reader_of(method: str, headers: Mapping[str, str]) -> Reader:
    """Who asks, by the request alone. `headers` by their names in lower case; nothing of them is kept."""
    agent = headers.get("user-agent", "").strip()
    if PROXY.search(agent):
        return Reader.PROXY
    if method != "GET" or any(headers.get(name) for name in PREFETCH):
        return Reader.MACHINE
    if agent.lower() in AHEAD or MACHINE.search(agent):
        return Reader.MACHINE
    return Reader.HUMAN
