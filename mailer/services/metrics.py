"""Everything that a monitor wants to know of the whole, from the tables: the same whichever process is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from mailer import __version__
from mailer.model import IssueState
from mailer.services.hosts import Hosts, WorkerState, hosts
from mailer.services.program import Program
from mailer.store import figures, history, issues
from mailer.store.issues import IssueRow

RECENT: Final = timedelta(days=3)
"""Reports about an issue are told for so long after it was sent: nearly all of them have come by then."""

MOST_ISSUES: Final = 20

UNDER_WAY: Final = (IssueState.SENDING, IssueState.PAUSED)

Family = GaugeMetricFamily


def metrics(program: Program) -> bytes:
    """As Prometheus reads it."""
    registry = CollectorRegistry()
    registry.register(Told(program))
    return generate_latest(registry)


class Told(Collector):
    """Asked once, when it is read."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def describe(self) -> Iterator[Family]:
        """Nothing is asked of the database for the names alone."""
        return iter(())

    def collect(self) -> Iterator[Family]:
        found = hosts(self._program)
        yield _labelled("mailer_build_info", "The version that answers.", "version", {__version__: 1})
        yield from _queue(found)
        yield from _workers(found)
        yield from self._issues()

    def _issues(self) -> Iterator[Family]:
        deliveries = Family("mailer_deliveries", "Mails of issues under way or sent lately.", labels=("issue", "state"))
        events = Family("mailer_events", "Mails with such a report, of the same issues.", labels=("issue", "kind"))
        now = self._program.now()
        with self._program.store.read() as connection:
            rows = [row for row in issues.listing(connection) if row.state in UNDER_WAY or _lately(row, now - RECENT)]
            rows = rows[:MOST_ISSUES]
            reported = history.reported(connection, [row.id for row in rows])
            for row in rows:
                for state, number in figures.figures(connection, row.name).deliveries.items():
                    deliveries.add_metric((row.name, state.value), number)
                for kind, number in reported.get(row.id, {}).items():
                    events.add_metric((row.name, kind.value), number)
        yield deliveries
        yield events


def _queue(found: Hosts) -> Iterator[Family]:
    waiting = found.waiting
    batches = Family("mailer_batches", "Batches that are due, or in a sender's hand.", labels=("issue", "state"))
    for issue in waiting.issues:
        batches.add_metric((issue.name, "due"), issue.due)
        batches.add_metric((issue.name, "in_hand"), issue.in_hand)
    yield batches
    since = (found.at - waiting.oldest.since).total_seconds() if waiting.oldest else 0
    yield Family("mailer_oldest_waiting_seconds", "How long the first of what is due has waited.", max(0.0, since))
    yield Family("mailer_issues_to_begin", "Issues that should have begun.", len(waiting.to_begin))
    yield Family("mailer_issues_paused", "Issues that go on at a person's word only.", len(waiting.paused))
    yield Family("mailer_jobs_due", "Jobs that wait to be done.", waiting.jobs.due)
    yield Family("mailer_jobs_failed", "Jobs that wait for a person.", waiting.jobs.failed)
    yield Family("mailer_doubts", "Mails that may have been sent or not.", waiting.doubts)
    yield Family("mailer_attention", "Things that a person should see to.", len(found.attention))


def _workers(found: Hosts) -> Iterator[Family]:
    states = {state.value: sum(worker.state is state for worker in found.workers) for state in WorkerState}
    yield _labelled("mailer_workers", "Processes of mailer work.", "state", states)
    yield Family("mailer_mails_per_minute", "How fast mails are handed over now.", found.mails_a_minute)
    yield Family("mailer_batches_per_minute", "How fast batches are handed over now.", found.batches_a_minute)


def _labelled(name: str, words: str, label: str, numbers: Mapping[str, int]) -> Family:
    family = Family(name, words, labels=(label,))
    for value, number in numbers.items():
        family.add_metric((value,), number)
    return family


def _lately(row: IssueRow, since: datetime) -> bool:
    return row.finished_at is not None and row.finished_at >= since
