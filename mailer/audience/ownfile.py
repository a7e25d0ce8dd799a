"""What the titles and keys of our own exports are called, so that an import knows them again."""

from __future__ import annotations

import re

STATE_COLUMN = "subscription_state"
# Told for people who look; an import writes down its own time.
JOINED_COLUMN = "subscription_joined"
# A JSON object of attributes.
MERGED_COLUMN = "attributes"
# What a template finds under the first three is the program's to say; an exported file has the others for itself.
TAKEN = frozenset({"email", "id", "list", STATE_COLUMN, JOINED_COLUMN, MERGED_COLUMN})
# Behind the title of a column whose cells hold JSON: `age:=`.
TYPED = ":="
# In a file of refused rows, before the cells: where the row stood, and why it was refused.
LINE_COLUMN, REASON_COLUMN = "rejected_line", "rejected_reason"


def surplus_title(number: int) -> str:
    """The title of cells that a refused row had beyond the columns of its file."""
    return f"extra_{number}"


def is_surplus(title: str) -> bool:
    """Whether a column of a file of refused rows has such cells."""
    return re.fullmatch(r"extra_\d+", title.strip()) is not None
