"""What became of the issues, in numbers that are counts of ledger rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from mailer.errors import NotFoundError
from mailer.model import DeliveryState, Exclusion, IssueState
from mailer.services.program import Program
from mailer.store import issues as stored
from mailer.store import ledger
from mailer.wording import unknown


@dataclass(frozen=True, slots=True)
class IssueFigures:
    """One issue in a listing. A draft is a file that was never sent."""

    name: str
    state: IssueState
    subject: str
    recipients: int = 0
    accepted: int = 0
    refused: int = 0
    doubtful: int = 0
    waiting: int = 0
    frozen_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class IssueStatus:
    """One issue in detail: deliveries by state, people left out and refusals by reason."""

    figures: IssueFigures
    lists: tuple[str, ...]
    segment: str
    articles: int
    hash: str
    deliveries: Mapping[str, int]
    left_out: Mapping[str, int]
    refusals: Mapping[str, int]

    def fields(self) -> dict[str, Any]:
        """The same for people."""
        return {
            "issue": self.figures.name,
            "state": self.figures.state.value,
            "subject": self.figures.subject,
            "lists": self.lists,
            "segment": " ".join(self.segment.split()),
            "articles": self.articles,
            "hash": self.hash[:12],
            "frozen": self.figures.frozen_at,
            "finished": self.figures.finished_at,
            "recipients": self.figures.recipients,
            "deliveries": [f"{count} {state}" for state, count in self.deliveries.items()],
            "left out": [f"{count} {Exclusion(reason).words}" for reason, count in self.left_out.items()],
            "refused": [f"{count} x {reason}" for reason, count in self.refusals.items()],
        }


def overview(program: Program) -> tuple[IssueFigures, ...]:
    """All issues, newest first: those that have a file only are drafts."""
    with program.store.read() as connection:
        sent = [figures_of(connection, row) for row in stored.listing(connection)]
    known = {each.name for each in sent}
    drafts = [name for name in reversed(program.workspace.issue_names()) if name not in known]
    return (*(IssueFigures(name, IssueState.DRAFT, "") for name in drafts), *sent)


def issue_status(program: Program, name: str) -> IssueStatus:
    """One issue. NotFoundError when it was never sent."""
    with program.store.read() as connection:
        issue = stored.get(connection, name)
        if issue is None:
            names = [row.name for row in stored.listing(connection)]
            draft = name in program.workspace.issue_names()
            message = f"issue {name} was not sent yet" if draft else unknown("issue", name, names)
            raise NotFoundError(message, hint=f"mailer plan {name}" if draft else "mailer status lists them")
        counts = ledger.figures(connection, name)
        return IssueStatus(
            figures=figures_of(connection, issue),
            lists=issue.lists,
            segment=issue.segment,
            articles=len(issue.article_keys),
            hash=issue.hash,
            deliveries={state.value: count for state, count in counts.deliveries.items() if count},
            left_out={reason.value: count for reason, count in counts.exclusions.items() if count},
            refusals=ledger.refusals(connection, name),
        )


def figures_of(connection: Connection, row: stored.IssueRow) -> IssueFigures:
    counts = ledger.figures(connection, row.name)
    by_state = counts.deliveries
    return IssueFigures(
        name=row.name,
        state=row.state,
        subject=row.subject,
        recipients=counts.recipients,
        accepted=by_state[DeliveryState.ACCEPTED],
        refused=by_state[DeliveryState.REFUSED],
        doubtful=by_state[DeliveryState.DOUBTFUL],
        waiting=by_state[DeliveryState.PENDING] + by_state[DeliveryState.SUBMITTING],
        frozen_at=row.frozen_at,
        finished_at=row.finished_at,
    )
