"""What the titles and keys of our own exports are called, so that an import knows them again."""

from __future__ import annotations

STATE_COLUMN = "subscription_state"
# Told for people who look; an import writes down its own time.
JOINED_COLUMN = "subscription_joined"
# A JSON object of attributes.
MERGED_COLUMN = "attributes"
# Behind the title of a column whose cells hold JSON: `age:=`.
TYPED = ":="
