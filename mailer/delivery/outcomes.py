"""What a provider's answer makes of a delivery, and when it is tried again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from mailer.model import DeliveryState, Outcome

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
