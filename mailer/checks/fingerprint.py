"""What makes a finding the same one again after an edit elsewhere."""

from __future__ import annotations

import hashlib
import re

from mailer.checks.finding import Finding

NUMBER = re.compile(r"\d[\d,]*")

DIGITS = 2
"""So many digits of a number count: a mail that grows by some bytes, or an audience by a few people, is as it was."""


def fingerprint(finding: Finding) -> str:
    """SHA-256 of what was found. Lines and elements do not count, because they move with every edit."""
    place = finding.place
    where = (place.part.value, place.excerpt) if place else ("", "")
    told = "\x1f".join((finding.rule, NUMBER.sub(roughly, finding.message), *where))
    return hashlib.sha256(told.encode()).hexdigest()


def roughly(number: re.Match[str]) -> str:
    digits = number[0].replace(",", "")
    return digits[:DIGITS] + "0" * (len(digits) - DIGITS)
