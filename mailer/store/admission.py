"""What an import may do to one person: pure decisions, so that no order of rows or size of a file changes them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from mailer.model import SubscriptionState


class Admission(StrEnum):
    """What an imported row does."""

    NEW = "new"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    UNSUBSCRIBED = "unsubscribed"
    SUPPRESSED = "suppressed"


def next_state(old: SubscriptionState | None, wanted: SubscriptionState) -> SubscriptionState:
    """The state after a row that asks for `wanted`: consent grows only from pending, and a no is always heard."""
    if old is None or wanted is SubscriptionState.UNSUBSCRIBED:
        return wanted
    if old is SubscriptionState.PENDING:
        return wanted
    return old


def merge(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes after a row: its values win, except empty ones, which say nothing."""
    return {**old, **{name: value for name, value in new.items() if value not in (None, "", [], {})}}


def admit(old: SubscriptionState | None, wanted: SubscriptionState, suppressed: bool) -> Admission | None:
    """Why a row is kept out; None when it is let in."""
    # A no to a suppressed person's subscription is written down: it must outlive the suppression.
    if wanted is SubscriptionState.UNSUBSCRIBED and old is not None and old is not wanted:
        return None
    if suppressed:
        return Admission.SUPPRESSED
    if old is SubscriptionState.UNSUBSCRIBED:
        return Admission.UNSUBSCRIBED
    return None
