"""What DNS answers, and records as a zone file has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# One string of a TXT record has at most 255 octets; longer texts are several of them, joined without a space.
STRING = 255


@dataclass(frozen=True, slots=True)
class Answer:
    """`exists` is False for a name that is not there at all; `known` is False when nobody answered.

    TXT records are joined strings, MX "10 mail.example.org", names without the dot at their end.
    """

    records: tuple[str, ...] = ()
    exists: bool = True
    known: bool = True


Ask = Callable[[str, str], Answer]
"""A name and a type, such as ("example.org", "TXT")."""

UNKNOWN = Answer(known=False)
NO_SUCH_NAME = Answer(exists=False)


def txt_line(name: str, text: str) -> str:
    """A TXT record to copy into a zone."""
    parts = [text[at : at + STRING] for at in range(0, len(text), STRING)]
    strings = " ".join('"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"' for part in parts)
    return f"{name}. IN TXT {strings}"


def tags_of(text: str) -> dict[str, str]:
    """`a=b; c=d` as DKIM and DMARC write it; names in lower case. The first of two alike counts."""
    found: dict[str, str] = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if equals and name.strip():
            found.setdefault(name.strip().lower(), value.strip())
    return found
