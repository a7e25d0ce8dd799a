"""How fast a provider may be used, from the settings and the command."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from mailer.config import Settings
from mailer.store.pacing import Pace


def pace_of(settings: Settings, provider: str, per_minute: int | None = None) -> Pace:
    """The slower of what the settings and the command ask for."""
    rates = [rate for rate in (settings.limits.max_rate, per_minute) if rate is not None]
    return Pace(provider, min(rates, default=None), settings.limits.warmup, settings.organisation.zone)


def day_over(pace: Pace, now: datetime) -> datetime:
    """The next midnight where the days of the warm-up end."""
    zone = ZoneInfo(pace.zone)
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone).astimezone(now.tzinfo)
