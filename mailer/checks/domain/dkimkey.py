"""DKIM keys in DNS (RFC 6376, 8301, 8463): there, readable, long enough, and the one that signs."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailer.checks.domain.records import Ask, tags_of, txt_line
from mailer.checks.domain.verdict import State, Verdict, fine, unknown

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

AREA = "dkim"
# RFC 8301: shorter ones must not be believed; new ones should have 2048.
SHORTEST, GOOD = 1024, 2048


@dataclass(frozen=True, slots=True)
class KeyName:
    """Where a key is. `own`: the text that belongs there, where it is known because the private half is ours."""

    domain: str
    selector: str
    own: str = ""

    @property
    def name(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"


class BadKeyError(ValueError):
    """What is wrong with a key, for people."""


def judge_key(key: KeyName, ask: Ask) -> Iterator[Verdict]:
    """One key's record."""
    answer = ask(key.name, "TXT")
    record = txt_line(key.name, key.own) if key.own else ""
    if not answer.known:
        yield unknown(AREA, f"{key.name}: DNS did not answer")
    elif not answer.records:
        advice = "add this record" if record else "add the record that whoever signs for you names"
        yield Verdict(AREA, State.ERROR, f"{key.name} is not there", advice, record)
    elif len(answer.records) > 1:
        yield Verdict(AREA, State.ERROR, f"{key.name} has {len(answer.records)} records", "leave one of them", record)
    else:
        yield from _judge_text(key, answer.records[0], record)


def _judge_text(key: KeyName, text: str, record: str) -> Iterator[Verdict]:
    tags = tags_of(text)
    try:
        kind, bits = measured(tags)
    except BadKeyError as error:
        yield Verdict(AREA, State.ERROR, f"{key.name}: {error}", "put the right one there" if record else "", record)
        return
    if key.own and _bare(tags) != _bare(tags_of(key.own)):
        yield Verdict(
            AREA, State.ERROR, f"{key.name} holds another key than the one that signs", "put the right one there",
            record,
        )  # fmt: skip
        return
    if kind == "rsa" and bits < SHORTEST:
        yield Verdict(AREA, State.ERROR, f"{key.name}: {bits} bits are too few to be believed", f"make a key of {GOOD}")
    elif kind == "rsa" and bits < GOOD:
        yield Verdict(AREA, State.WARNING, f"{key.name}: {bits} bits are few", f"make a new key of {GOOD}")
    else:
        yield fine(AREA, f"{key.name}: {f'RSA with {bits} bits' if kind == 'rsa' else 'Ed25519'}")
    if "y" in tags.get("t", "").replace(" ", "").split(":"):
        yield Verdict(
            AREA, State.WARNING, f"{key.name}: t=y says that it is only being tried out", "take t=y out of it"
        )


def _bare(tags: dict[str, str]) -> str:
    return "".join(tags.get("p", "").split())


def measured(tags: dict[str, str]) -> tuple[str, int]:
    """The kind of a key and its bits. BadKeyError tells what is wrong with it."""
    key = public_key(tags)
    return ("ed25519", 256) if not hasattr(key, "key_size") else ("rsa", key.key_size)


def public_key(tags: dict[str, str]) -> RSAPublicKey | Ed25519PublicKey:
    """The key of a record. BadKeyError tells what is wrong with it."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    if tags.get("v", "DKIM1") != "DKIM1":
        raise BadKeyError("that is no DKIM record")
    if not _bare(tags):
        raise BadKeyError("the key is revoked" if "p" in tags else "it has no p=, the key")
    kind = tags.get("k", "rsa").lower()
    try:
        data = b64decode(_bare(tags), validate=True)
        if kind == "ed25519":
            return Ed25519PublicKey.from_public_bytes(data)
        found = load_der_public_key(data)
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        raise BadKeyError("what stands in p= is no key") from None
    if kind != "rsa" or not isinstance(found, RSAPublicKey):
        raise BadKeyError("it is neither RSA nor Ed25519")
    return found
