"""Who is taken for a person, for a mail program that fetches for its readers, and for a machine."""

from __future__ import annotations

import pytest

from mailer.delivery.readers import reader_of
from mailer.model import Reader

PEOPLE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
    "Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Mobile "
    "Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
    "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
    "Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Thunderbird/115.12.0",
    "Mozilla/4.0 (compatible; ms-office; MSOffice rmj)",
    "Opera/9.80 (Android; Opera Mini/36.2/191.249; U; en) Presto/2.12.423 Version/12.16",
)
MACHINES = (
    "",
    "Mozilla/5.0",
    "curl/8.5.0",
    "Wget/1.21",
    "python-requests/2.31.0",
    "Go-http-client/1.1",
    "Java/17.0.2",
    "Googlebot/2.1 (+http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) BingPreview/1.0b",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "facebookexternalhit/1.1",
    "WhatsApp/2.23.20.0",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36",
    "BarracudaCentral.org Link Checker",
    "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0",
)
PROXIES = (
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
)


@pytest.mark.parametrize("agent", PEOPLE)
def test_a_person(agent: str) -> None:
    assert reader_of("GET", {"user-agent": agent}) is Reader.HUMAN


@pytest.mark.parametrize("agent", MACHINES)
def test_a_machine(agent: str) -> None:
    assert reader_of("GET", {"user-agent": agent}) is Reader.MACHINE


@pytest.mark.parametrize("agent", PROXIES)
def test_a_mail_program_for_its_readers(agent: str) -> None:
    assert reader_of("GET", {"user-agent": agent}) is Reader.PROXY


def test_without_a_name_it_is_a_machine() -> None:
    assert reader_of("GET", {}) is Reader.MACHINE


def test_who_only_asks_what_is_there_or_fetches_ahead_is_a_machine() -> None:
    agent = {"user-agent": PEOPLE[0]}
    assert reader_of("HEAD", agent) is Reader.MACHINE
    for name, value in (("purpose", "prefetch"), ("sec-purpose", "prefetch;prerender"), ("x-moz", "prefetch")):
        assert reader_of("GET", {**agent, name: value}) is Reader.MACHINE


def test_a_long_name_is_looked_at_in_no_time() -> None:
    """What stands there is chosen by whoever asks."""
    assert reader_of("GET", {"user-agent": "Mozilla/5.0 (" + "check " * 20_000}) is Reader.MACHINE
    assert reader_of("GET", {"user-agent": "x" * 200_000}) is Reader.HUMAN
