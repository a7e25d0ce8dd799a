"""The public pages as everybody reaches them: there, encrypted, alive, and the way out works with one click."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Final

from mailer.checks.domain.verdict import State, Verdict, fine, unknown
from mailer.errors import FetchError
from mailer.fetch import FetchPolicy
from mailer.fetch.address import Target, addresses, target_of
from mailer.fetch.exchange import Answer, Asking
from mailer.fetch.getter import USER_AGENT, ask
from mailer.render.links import Purpose, unsubscribe_url
from mailer.services.database import Opened
from mailer.services.signers import signer
from mailer.wording import counted

CERTIFICATE_DAYS: Final = 14
"""Those that are renewed by themselves are renewed thirty days before: then something is wrong already."""

CLOCK: Final = timedelta(seconds=60)
POST: Final = b"List-Unsubscribe=One-Click"
FORM: Final = "application/x-www-form-urlencoded"
HEALTHY: Final = b"ok\n"
POLICY: Final = FetchPolicy(allow_private=True, total_seconds=15, step_seconds=10, max_bytes=65_536)
"""Our own site may well be in our own network; the address is from our own settings."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where the pages are, and how they are asked."""

    base_url: str
    policy: FetchPolicy

    def answer(self, path: str, body: bytes | None = None) -> Answer:
        """What is there, without following redirects. FetchError where nobody answers."""
        target = target_of(self.base_url.rstrip("/") + path)
        headers = {"Host": target.authority, "User-Agent": USER_AGENT, "Connection": "close"}
        headers |= {"Content-Type": FORM} if body is not None else {}
        asking = Asking(headers, "GET" if body is None else "POST", body)
        return ask(target, self.policy, asking, monotonic() + self.policy.total_seconds)


def examine_site(program: Opened, policy: FetchPolicy, now: datetime) -> Iterator[Verdict]:
    """Everything about [web] base_url."""
    base_url = program.settings.web.base_url
    if not base_url:
        if program.settings.provider.name != "outbox":
            yield Verdict(
                "web", State.WARNING, "no base_url is set: readers leave by mail, and nothing offers one click",
                "base_url under [web], and mailer serve behind it",
            )  # fmt: skip
        return
    site, target = Site(base_url, policy), target_of(base_url)
    if target.scheme != "https":
        yield Verdict(
            "web", State.ERROR, "base_url has no https, which one click needs (RFC 8058)", "serve it with TLS"
        )
    try:
        answer = site.answer("/healthz")
    except FetchError as error:
        yield Verdict("web", State.ERROR, error.message, "is mailer serve running, and the proxy in front of it?")
        return
    if answer.status == 200 and answer.body == HEALTHY:
        yield fine("web", f"{target.host} answers")
    else:
        words = f"{target.authority} answers {answer.status} to /healthz, which is not mailer serve"
        yield Verdict("web", State.ERROR, words, "look at what the proxy passes on")
    yield from examine_clock(answer.headers.get("date", ""), now)
    if target.scheme == "https":
        yield from examine_certificate(target, policy, now)
    yield from examine_way_out(program, site)


def examine_way_out(program: Opened, site: Site) -> Iterator[Verdict]:
    """The address of List-Unsubscribe with a token that is good for nothing: shown, and posted to."""
    area = "one click"
    if not program.workspace.key_file.exists() and not program.environ.get("MAILER_SECRET_KEY", "").strip():
        yield unknown(area, "there is no key yet, and so no link to try")
        return
    token = signer(program).token(Purpose.PREVIEW, "doctor", "doctor")
    path = unsubscribe_url("", token)
    shown, posted = site.answer(path), site.answer(path, POST)
    for word, answer in (("the page", shown), ("one click", posted)):
        if answer.status != 200:
            yield Verdict(
                area, State.ERROR, f"{word} of unsubscribing is answered with {answer.status}, and must be 200",
                "let the proxy pass everything under /u/ on, with its method and without a redirect",
            )  # fmt: skip
    if shown.status == posted.status == 200:
        yield fine(area, "unsubscribing answers, shown and posted")


def examine_clock(date: str, now: datetime) -> Iterator[Verdict]:
    """This machine's time beside that of the server, which may be the same machine."""
    try:
        there = parsedate_to_datetime(date)
    except (ValueError, TypeError):
        yield unknown("clock", "the web server names no time to compare with")
        return
    off = abs(now - (there if there.tzinfo else there.replace(tzinfo=UTC)))
    if off > CLOCK:
        yield Verdict(
            "clock", State.WARNING, f"it is {off.total_seconds():,.0f} seconds off the web server's", "set it by NTP"
        )
    else:
        yield fine("clock", "it is that of the web server")


def examine_certificate(target: Target, policy: FetchPolicy, now: datetime) -> Iterator[Verdict]:
    """Until when it is good. That it is trusted was shown by asking."""
    try:
        until = _good_until(target, policy)
    except OSError:
        yield unknown("certificate", f"the certificate of {target.host} could not be read")
        return
    days = (until - now).days
    if days < CERTIFICATE_DAYS:
        words = f"the certificate of {target.host} ends in {counted(days, 'day')}"
        yield Verdict("certificate", State.WARNING if days >= 0 else State.ERROR, words, "see why it was not renewed")
    else:
        yield fine("certificate", f"the certificate of {target.host} is good for {days} more days")


def _good_until(target: Target, policy: FetchPolicy) -> datetime:
    found = addresses(target, resolve=policy.resolve, allow_private=True, seconds=policy.step_seconds)
    context = policy.tls or ssl.create_default_context()
    with (
        socket.create_connection((found[0], target.port), timeout=policy.step_seconds) as bare,
        context.wrap_socket(bare, server_hostname=target.host) as wire,
    ):
        certificate = wire.getpeercert() or {}
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
