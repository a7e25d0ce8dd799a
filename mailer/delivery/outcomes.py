"""What a provider's answer makes of a delivery, and when it is tried again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

from mailer.model import DeliveryState, Outcome, Receipt

STATE_AFTER: Mapping[Outcome, DeliveryState] = MappingProxyType(
    {
        Outcome.ACCEPTED: DeliveryState.ACCEPTED,
        Outcome.REFUSED: DeliveryState.REFUSED,
        Outcome.RETRY: DeliveryState.PENDING,
        Outcome.NOT_SENT: DeliveryState.PENDING,
        Outcome.DOUBTFUL: DeliveryState.DOUBTFUL,
    }
)

FIRST_PAUSE = timedelta(seconds=30)
# RFC 5321 section 4.5.4.1 asks for 30 minutes between attempts once the first ones failed.
LONGEST_PAUSE = timedelta(minutes=30)
# A server may name any number; what is a day away is asked again in a day.
LONGEST_NAMED_PAUSE = timedelta(days=1)

# The same section gives a mail server four to five days. News that comes days late is worse than none, and most
# providers keep trying themselves after they took a mail: here it is a day since the issue began. Not before so many
# attempts, which take some five hours: an issue that was paused for two days gets its tries as well.
LONGEST_TRIED = timedelta(days=1)
MOST_ATTEMPTS = 16

# Deliveries that are due within so few seconds wait together; so many groups are left of one batch at most.
TOGETHER = timedelta(seconds=5)
MOST_GROUPS = 8


@dataclass(frozen=True, slots=True)
class Tried:
    """How often the deliveries of a batch were tried before, when their issue began, and its last moment."""

    attempts: int
    since: datetime
    not_after: datetime | None = None


class Answer(NamedTuple):
    """What becomes of a delivery. `due_at` None is at once, if it is pending."""

    state: DeliveryState
    detail: str
    provider_id: str
    due_at: datetime | None


def try_again_at(outcome: Outcome, now: datetime, attempts: int, retry_after: float | None = None) -> datetime | None:
    """When a delivery that is pending again is due; None is at once. `retry_after`: seconds that were named."""
    # Not sent, and to be left alone for a while: a provider that cannot be reached is not asked without a pause.
    if outcome is not Outcome.RETRY and (outcome is not Outcome.NOT_SENT or retry_after is None):
        return None
    if retry_after is not None:
        seconds = min(max(retry_after, 0.0), LONGEST_NAMED_PAUSE.total_seconds())
        return now + timedelta(seconds=seconds)
    # The exponent is bounded because attempts are not; 2**6 first pauses are past the longest already.
    return now + min(FIRST_PAUSE * (1 << min(attempts, 6)), LONGEST_PAUSE)


def answer(receipt: Receipt, tried: Tried, now: datetime) -> Answer:
    """What a receipt makes of its delivery: tried again later, unless that is to be given up."""
    due = try_again_at(receipt.outcome, now, tried.attempts, receipt.retry_after)
    if receipt.outcome is Outcome.RETRY and due is not None and (reason := given_up(tried, due, now)):
        detail = f"{reason}: {receipt.detail}" if receipt.detail else reason
        return Answer(DeliveryState.REFUSED, detail, receipt.provider_id, None)
    return Answer(STATE_AFTER[receipt.outcome], receipt.detail, receipt.provider_id, due)


def given_up(tried: Tried, again_at: datetime, now: datetime) -> str:
    """Why a delivery that was tried now is not tried again at that time; empty when it is."""
    attempts = tried.attempts + 1
    times = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    if tried.not_after is not None and again_at > tried.not_after:
        return f"given up after {times}, for the next would be too late"
    if attempts >= MOST_ATTEMPTS and now - tried.since > LONGEST_TRIED:
        return f"given up after {times}"
    return ""


def waiting_groups(times: Iterable[datetime | None]) -> list[tuple[datetime | None, datetime | None]]:
    """Times at which deliveries are due, as a few groups, each from its first time to its last one.

    All of a group wait until the last. What is due at once (None) waits for nobody.
    """
    given = set(times)
    known = sorted(time for time in given if time is not None)
    groups: list[tuple[datetime | None, datetime | None]] = [(None, None)] if None in given else []
    if not known:
        return groups
    # Never more groups than that: each begins more than a share of the whole after the one before.
    width = max(TOGETHER, (known[-1] - known[0]) / (MOST_GROUPS - 1))
    first = last = known[0]
    for time in known[1:]:
        if time - first >= width:
            groups.append((first, last))
            first = time
        last = time
    return [*groups, (first, last)]
