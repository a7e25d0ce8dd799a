"""A list with its figures and how it grew: for the terminal, as data, and as a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mailer.model import MailingList, SubscriptionState
from mailer.reports.calendar import Step, first_day
from mailer.reports.growth import Growth, grow
from mailer.services.lists import figures
from mailer.store import growth as stored
from mailer.store.database import Store
from mailer.workspace.writing import write_new


@dataclass(frozen=True, slots=True)
class Period:
    """Since when (`1y`, `2026-01-31`; all of it when None) and in which steps (what fits when None)."""

    since: str | None = None
    by: Step | None = None


@dataclass(frozen=True, slots=True)
class ListReport:
    """A list, its subscriptions by state, those whom an issue would reach now, and its growth."""

    definition: MailingList
    counts: Mapping[SubscriptionState, int]
    mailable: int
    growth: Growth

    @property
    def unaccounted(self) -> int:
        """Confirmed people whom the consent log does not explain. Nought, unless somebody edited the database."""
        return self.counts[SubscriptionState.CONFIRMED] - self.growth.confirmed


def list_report(store: Store, definition: MailingList, period: Period, now: datetime) -> ListReport:
    """Everything from one moment of the database, so that the last number of the series is the count of now."""
    since = first_day(period.since, now.date()) if period.since else None
    with store.read() as connection:
        known = figures(connection, definition, now)
        moves = stored.movements(connection, definition.name)
    return ListReport(definition, known.counts, known.mailable, grow(moves, now.date(), since, period.by))


def write_page(report: ListReport, path: Path) -> Path:
    """The report as one HTML file, which must be a new one. It holds numbers and no people."""
    from mailer.reports.page import ListPage

    states = {state.value: number for state, number in report.counts.items()}
    page = ListPage(report.definition.title, report.growth, states, report.mailable)
    return write_new(path, page.html())
