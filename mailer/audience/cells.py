"""What a cell says: tags, truth, and text without the apostrophe that kept a spreadsheet from running it."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence

from mailer.audience.tagging import LONGEST_TAG, MOST_TAGS, tag_set

# Our own files, and everybody else's who follows the same advice (OWASP, "CSV Injection"), put an apostrophe before
# a sign of a formula. A text that has apostrophes before such a sign gets one more, so that taking one away is exact.
_ESCAPED = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")
_SIGNS = ("'=", "'+", "'-", "'@", "'\t", "'\r", "'\n", "'＝", "'＋", "'－", "'＠")
_BETWEEN = re.compile(r"[,;|\n]")
_TRUE = frozenset({"y", "yes", "true", "t", "1", "on", "x"})


def original_text(cell: str) -> str:
    """The cell as it was before it was made safe for spreadsheets."""
    return cell[1:] if cell.startswith("'") and _ESCAPED.match(cell) else cell


def may_be_escaped(text: str) -> bool:
    """Whether any cell of this text might have such an apostrophe."""
    return "'" in text and any(sign in text for sign in _SIGNS)


def is_true(cell: str) -> bool:
    """Whether the cell says yes."""
    return cell.strip().casefold() in _TRUE


def split_tags(cell: str) -> tuple[str, ...]:
    """The tags of a cell: `a, b`, `a;b`, `a|b`, `"a, b",c` as Mailchimp quotes them, or a JSON list.

    ValueError when they are none that could be kept.
    """
    text = cell.strip()
    if text.startswith("["):
        try:
            listed = json.loads(text)
        except (ValueError, RecursionError):
            listed = None
        if isinstance(listed, list):
            return listed_tags(listed)
    if '"' in text:
        return checked_tags(next(csv.reader([text.replace("\n", " ")], skipinitialspace=True), []))
    return checked_tags(_BETWEEN.split(text))


def split_labels(cell: str) -> tuple[str, ...]:
    """Google's labels: `* myContacts ::: Choir`. Those of its own begin with an asterisk and say nothing."""
    return checked_tags([label for label in cell.split(":::") if not label.strip().startswith("*")])


def listed_tags(listed: Sequence[object]) -> tuple[str, ...]:
    """The tags of a JSON list; other things than texts and numbers are no tags."""
    return checked_tags([str(tag) for tag in listed if isinstance(tag, str | int | float)])


def checked_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """Each once. ValueError when one is too long, or there are too many."""
    found = tag_set(tags)
    if len(found) > MOST_TAGS:
        raise ValueError(f"more than {MOST_TAGS} tags")
    if any(len(tag) > LONGEST_TAG for tag in found):
        raise ValueError(f"a tag is longer than {LONGEST_TAG} characters")
    return found
