"""SendGrid's answer -> what it means for the people of one request. Pure: the time is passed in.

A request is taken whole or refused whole. Errors are described in `{"errors": [{"message", "field", "help"}]}`, where
`field` may be null; but a body may also be empty, HTML from the machine in front of it, or anything else, so that the
status decides and the body only explains.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

ADDRESS = re.compile(r"[^\s<>\"'(),;:]*@[^\s<>\"'(),;]*")
POINTER = re.compile(r"personalizations(?:\.|\[)(\d+)")
LONGEST_DETAIL = 300
# A number below this is seconds from now, whatever the documentation says.
EPOCH_BEGINS = 1_000_000_000
LEAST_PAUSE, LONGEST_PAUSE = 1.0, 3600.0


class Meaning(StrEnum):
    """`STOP`: the account, the key or the message as such is at fault, and no other request would do better."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    STOP = "stop"
    RETRY = "retry"
    DOUBTFUL = "doubtful"


@dataclass(frozen=True, slots=True)
class Answer:
    """A response. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Fault:
    """One error of an answer; `field` is the part of the request it is about, empty where it names none."""

    message: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What an answer means. `pointed`: the places in the request of those it was refused for, where it says so."""

    meaning: Meaning
    detail: str = ""
    hint: str = ""
    pointed: tuple[int, ...] = ()
    retry_after: float | None = None
    provider_id: str = ""


# 4xx that speak of the request as such: never a word about a recipient.
STOPPING = {
    401: "the API key is not valid",
    403: "the account or the key may not do this",
    404: "there is no such address here",
    405: "the address does not take mails",
    406: "it does not answer in JSON",
    407: "a proxy is in the way",
    415: "it does not take JSON",
    451: "the account's data live in another region",
}
HINTS = {
    401: "Set SENDGRID_API_KEY to a key of this account.",
    403: "The key needs the scope mail.send, and From a verified sender.",
    404: "Look at base_url and region under [provider] in mailer.toml.",
    451: 'Set region under [provider] in mailer.toml: "eu" or "global".',
}


def read(answer: Answer, now: float, *, sandbox: bool = False) -> Reply:
    """What an answer to Mail Send means. `now` in seconds since 1970."""
    status = answer.status
    if status == (200 if sandbox else 202):
        return Reply(Meaning.ACCEPTED, provider_id=one_line(answer.headers.get("x-message-id", "")[:100]))
    faults = list(faults_of(answer.body))
    detail = described(status, faults)
    if status == 429:
        return Reply(Meaning.RETRY, detail, retry_after=pause(answer.headers, now))
    if status in STOPPING:
        return Reply(Meaning.STOP, f"{STOPPING[status]} ({detail})", HINTS.get(status, ""))
    if status in (400, 413):
        # Every error names a part of the message that all have in common: no recipient is to blame for it.
        if (
            status == 400
            and faults
            and all(fault.field and not fault.field.startswith("personalizations") for fault in faults)
        ):
            return Reply(Meaning.STOP, f"the message is refused ({detail})", "No other recipient would change that.")
        return Reply(Meaning.REFUSED, detail, pointed=pointed(faults))
    if 300 <= status < 400:
        return Reply(Meaning.DOUBTFUL, f"{detail}: redirected, which is never followed")
    if 400 <= status < 500:
        return Reply(Meaning.STOP, f"the request is refused ({detail})")
    return Reply(Meaning.DOUBTFUL, f"{detail}: whether it was taken is not known")


def faults_of(body: bytes) -> Iterator[Fault]:
    """The errors that a body describes, in whichever form."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return
    if not isinstance(data, dict):
        return
    listed = data.get("errors", data.get("error", data.get("message")))
    for each in listed if isinstance(listed, list) else [listed]:
        if isinstance(each, dict):
            yield Fault(text_of(each, "message", "error", "help"), text_of(each, "field", "parameter"))
        elif isinstance(each, str):
            yield Fault(each)


def text_of(data: Mapping[str, Any], *names: str) -> str:
    return next((value for name in names if isinstance(value := data.get(name), str)), "")


def described(status: int, faults: list[Fault]) -> str:
    """For people, on one line, without an address: messages repeat what they complain about."""
    words = dict.fromkeys(" ".join(one_line(part) for part in (each.message, f"[{each.field}]" if each.field else ""))
                          for each in faults)  # fmt: skip
    text = "; ".join(word.strip() for word in words if word.strip())
    return f"HTTP {status}: {text}"[:LONGEST_DETAIL] if text else f"HTTP {status}"


def one_line(text: str) -> str:
    printable = text[: 4 * LONGEST_DETAIL]
    if not printable.isprintable():
        printable = "".join(character if character.isprintable() else " " for character in printable)
    return " ".join(ADDRESS.sub("(address)", printable).split())


def pointed(faults: list[Fault]) -> tuple[int, ...]:
    found = (POINTER.match(fault.field) for fault in faults)
    return tuple(dict.fromkeys(int(match[1][:9]) for match in found if match))


def pause(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until the limit is lifted, where the answer says when."""
    for name in ("x-ratelimit-reset", "retry-after"):
        text = headers.get(name, "").strip()
        if text.isascii() and text.isdigit():
            number = float(text[:12])
            seconds = number - now if number >= EPOCH_BEGINS else number
            return min(max(seconds, LEAST_PAUSE), LONGEST_PAUSE)
    return None
