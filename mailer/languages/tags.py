"""Language tags (BCP 47): which way they are written, which of ours is nearest, and what a browser asks for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

# Languages written from right to left, and the scripts (ISO 15924) that decide when a tag names one (`az-Arab`).
_RTL_LANGUAGES = frozenset({"ar", "arc", "ckb", "dv", "fa", "he", "iw", "ji", "ps", "sd", "ug", "ur", "yi"})
_RTL_SCRIPTS = frozenset({"adlm", "arab", "aran", "hebr", "nkoo", "rohg", "syrc", "thaa"})
_SCRIPT_LENGTH = 4

# A header that anybody may write: what is longer is not read to its end.
_LONGEST_HEADER = 1000
_MOST_TAGS = 30


def subtags(language: str) -> list[str]:
    """`pt_PT` -> `["pt", "pt"]`."""
    return language.strip().replace("_", "-").lower().split("-")


def nearest(language: str, offered: Iterable[str]) -> str | None:
    """The offered tag that this one means: itself, else without its last parts (`ar-Arab-EG` -> `ar`)."""
    known = {"-".join(subtags(tag)): tag for tag in offered}
    parts = subtags(language)
    for length in range(len(parts), 0, -1):
        if found := known.get("-".join(parts[:length])):
            return found
    return None


def asked_for(header: str) -> list[str]:
    """The tags of an `Accept-Language`, best first. What cannot be read is passed over: a browser is no person."""
    found: list[tuple[float, int, str]] = []
    for place, part in enumerate(header[:_LONGEST_HEADER].split(",")[:_MOST_TAGS]):
        tag, _, parameter = part.strip().partition(";")
        weight = _weight(parameter)
        if weight > 0 and tag.strip() and tag.strip() != "*":
            found.append((-weight, place, tag.strip()))
    return [tag for _, _, tag in sorted(found)]


def _weight(parameter: str) -> float:
    """RFC 9110, 12.4.2: between 0 and 1; without one, 1."""
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        weight = float(value) if name.strip().lower() == "q" else 0.0
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0  # NaN is neither


def direction(language: str) -> Literal["ltr", "rtl"]:
    """The direction a BCP 47 tag is written in. A script subtag outranks the language: `ks-Deva`, `az-Arab`."""
    primary, *rest = subtags(language)
    script = next((tag for tag in rest if len(tag) == _SCRIPT_LENGTH and tag.isalpha()), None)
    rtl = script in _RTL_SCRIPTS if script else primary in _RTL_LANGUAGES
    return "rtl" if rtl else "ltr"
