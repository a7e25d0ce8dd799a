"""Whether something is at an address: as little of it as says so, reached under the same guard as everything else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import monotonic

from mailer import __version__
from mailer.errors import FetchError
from mailer.fetch.address import Target, target_of
from mailer.fetch.exchange import Answer, Asking
from mailer.fetch.getter import REDIRECTS, FetchPolicy, ask, following, too_many_redirects
from mailer.model import Trouble

USER_AGENT = f"campaign-mailer/{__version__} (looks whether the links of a newsletter work before it is sent)"

BEGINNING = 65_536
"""So much of an image is read: enough for its dimensions."""

_FOR_GOOD = (301, 308)
# Asked once, they want to be left alone, so a second request in another way would be one too many.
_TRY_LATER = (429, 503)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is at an address. `moved`: every redirect on the way there is for good, and there was one. `octets`: the
    size of what is there, 0 where the server does not say; `beginning` is of images and of answers to posts only."""

    status: int
    final_url: str
    moved: bool = False
    content_type: str = ""
    octets: int = 0
    beginning: bytes = b""


def probe(url: str, *, policy: FetchPolicy) -> Seen:
    """Looks at an address without loading it: HEAD, then the beginning of what HEAD was no answer for, or of an image.

    Raises FetchError with its `trouble` where nothing answers.
    """
    deadline = monotonic() + policy.total_seconds
    first = target_of(url)
    limited = replace(policy, max_bytes=min(policy.max_bytes, BEGINNING))
    try:
        seen = _followed(first, first, "HEAD", limited, deadline)
    except FetchError as error:
        # Some servers close the connection when they are asked in this way.
        if error.trouble != Trouble.CONNECTION:
            raise
        return _followed(first, first, "GET", limited, deadline)
    if seen.status in _TRY_LATER or (seen.status == 200 and not is_image(seen.content_type)):
        return seen
    whole = _followed(target_of(seen.final_url), first, "GET", limited, deadline)
    redirected = seen.final_url != first.url, whole.final_url != seen.final_url
    moved = any(redirected) and (seen.moved or not redirected[0]) and (whole.moved or not redirected[1])
    return replace(whole, moved=moved)


def ask_here(url: str, *, policy: FetchPolicy, body: bytes | None = None) -> Seen:
    """Gets the page of an address, or posts a form to it, and follows no redirect."""
    target = target_of(url)
    headers = _headers(target) | ({"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {})
    asking = Asking(headers, "GET" if body is None else "POST", body, beginning=True)
    limited = replace(policy, max_bytes=min(policy.max_bytes, BEGINNING))
    answer = ask(target, limited, asking, monotonic() + policy.total_seconds)
    return _seen(answer, target.url, moved=False)


def is_image(content_type: str) -> bool:
    return content_type.strip().lower().startswith("image/")


def _followed(target: Target, first: Target, method: str, policy: FetchPolicy, deadline: float) -> Seen:
    """What is where the redirects end. Private hosts are reached only as the first one, where the policy lets that."""
    asking, moved, redirected = Asking({}, method, beginning=True), True, False
    for _ in range(policy.max_redirects + 1):
        trusted = policy.allow_private and target.host == first.host
        allowed = replace(policy, allow_private=trusted)
        answer = ask(target, allowed, replace(asking, headers=_headers(target)), deadline)
        location = answer.headers.get("location")
        if answer.status not in REDIRECTS or not location:
            return _seen(answer, target.url, moved=moved and redirected)
        moved, redirected = moved and answer.status in _FOR_GOOD, True
        target = following(target, location)
    raise too_many_redirects(first, policy)


def _seen(answer: Answer, url: str, *, moved: bool) -> Seen:
    kind = "".join(char for char in answer.headers.get("content-type", "")[:100] if " " <= char <= "~")
    return Seen(answer.status, url, moved, kind.partition(";")[0].strip().lower(), _octets(answer), answer.body)


def _octets(answer: Answer) -> int:
    """What a reader would load: as the server says, else what was read where that was all of it."""
    declared = answer.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit():
        return int(declared[:15])
    return len(answer.body) if len(answer.body) < BEGINNING else 0


def _headers(target: Target) -> dict[str, str]:
    return {
        "Host": target.authority,
        "User-Agent": USER_AGENT,
        "Accept": "text/html, application/xhtml+xml, image/*;q=0.9, */*;q=0.8",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
