"""Fetching a source: conditional, bounded, each redirect checked like the first link."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Literal
from urllib.parse import urljoin

from mailer import __version__
from mailer.errors import FetchError
from mailer.fetch.address import Resolver, Target, addresses, system_resolver, target_of
from mailer.fetch.exchange import Answer, Asking, Limits, exchange
from mailer.model import SourceState, Trouble

USER_AGENT = f"campaign-mailer/{__version__} (newsletter article reader)"
_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, "
    "application/json;q=0.9, text/xml;q=0.8, text/plain;q=0.5, */*;q=0.1"
)
REDIRECTS = (301, 302, 303, 307, 308)
_TRY_LATER = (429, 503)
# Longer validators would cost more to send than they save, and servers refuse headers of 8 KB.
_MAX_VALIDATOR = 2_000


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """What a fetch may cost and reach. `total_seconds` bounds it with every redirect; sizes are decompressed.

    `allow_private` is about the source's own host: a redirect from there to another private host is refused.
    """

    allow_private: bool = False
    total_seconds: float = 30.0
    step_seconds: float = 10.0
    max_bytes: int = 5_000_000
    max_redirects: int = 5
    resolve: Resolver = system_resolver
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came back. `state` is to be stored once the body was parsed; `body` is empty unless `status` is new."""

    status: Literal["new", "unchanged", "gone"]
    state: SourceState
    final_url: str
    body: bytes = b""
    content_type: str = ""


def fetch(url: str, *, policy: FetchPolicy, state: SourceState, now: datetime) -> Fetched:
    """Gets a source, asking whether it changed since `state`. Raises FetchError, with `retry_after` if one is named."""
    deadline = monotonic() + policy.total_seconds
    target = first = target_of(url)
    for _ in range(policy.max_redirects + 1):
        trusted = policy.allow_private and target.host == first.host
        answer = ask(target, replace(policy, allow_private=trusted), Asking(_headers(target, state)), deadline)
        if answer.status not in REDIRECTS:
            return _fetched(answer, target, state, now)
        target = following(target, answer.headers.get("location"))
    raise too_many_redirects(first, policy)


def ask(target: Target, policy: FetchPolicy, asking: Asking, deadline: float) -> Answer:
    """One request to what the policy lets be reached."""
    limits = Limits(deadline, policy.step_seconds, policy.max_bytes)
    found = addresses(
        target,
        resolve=policy.resolve,
        allow_private=policy.allow_private,
        seconds=min(limits.step_seconds, limits.left(target)),
    )
    return exchange(target, found, asking, limits, policy.tls)


def too_many_redirects(first: Target, policy: FetchPolicy) -> FetchError:
    return FetchError(f"{first.host}: more than {policy.max_redirects} redirects", trouble=Trouble.LOOP)


def _headers(target: Target, state: SourceState) -> dict[str, str]:
    headers = {
        "Host": target.authority,
        "User-Agent": USER_AGENT,
        "Accept": _ACCEPT,
        "Accept-Encoding": "gzip",  # the one coding whose output is bounded while it is unpacked
        "Connection": "close",
    }
    # Verbatim: a date that is parsed and written again no longer equals the server's.
    validators = (("If-None-Match", state.etag), ("If-Modified-Since", state.last_modified))
    return headers | {name: value for name, value in validators if value and _is_header_value(value)}


def _is_header_value(value: str) -> bool:
    return len(value) <= _MAX_VALIDATOR and all(" " <= char <= "\xff" and char != "\x7f" for char in value)


def following(target: Target, location: str | None) -> Target:
    """Where a redirect leads. Raises FetchError for one that is not followed."""
    if not location:
        raise FetchError(f"{target.host}: a redirect that leads nowhere", trouble=Trouble.CONNECTION)
    try:
        there = target_of(urljoin(target.url, location))
    except ValueError as exc:
        raise FetchError(f"{target.host}: a redirect to what is no web address", trouble=Trouble.ADDRESS) from exc
    if target.scheme == "https" and there.scheme == "http":
        text = f"{target.host}: a redirect from https to http ({there.host}) is not followed"
        raise FetchError(text, trouble=Trouble.INSECURE)
    return there


def _fetched(answer: Answer, target: Target, state: SourceState, now: datetime) -> Fetched:
    seen = replace(state, fetched_at=now, not_before=None, gone=False)
    if answer.status == 200:
        fresh = replace(seen, etag=answer.headers.get("etag"), last_modified=answer.headers.get("last-modified"))
        return Fetched("new", fresh, target.url, answer.body, answer.headers.get("content-type", ""))
    if answer.status == 304:
        if not (state.etag or state.last_modified):
            raise FetchError(f"{target.host}: 304 without having been asked for changes", status=304)
        return Fetched("unchanged", seen, target.url)
    if answer.status == 410:
        return Fetched("gone", replace(seen, gone=True), target.url)
    raise FetchError(
        f"{target.host} answers {answer.status}",
        status=answer.status,
        retry_after=_retry_after(answer, now) if answer.status in _TRY_LATER else None,
        hint=_HINTS.get(answer.status),
    )


_HINTS = {
    401: "the source asks for a login, which feeds for readers do not",
    403: "the site refuses programs; ask it to allow the feed",
    404: "check the address in mailer.toml",
    429: "it asks to be read less often",
}


def _retry_after(answer: Answer, now: datetime) -> float | None:
    """Seconds from `now`, from either form of the header (RFC 9110, section 10.2.3)."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max((aware - now).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
