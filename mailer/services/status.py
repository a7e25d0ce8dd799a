"""What became of the issues, in numbers that are counts of ledger rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.engine import Connection

from mailer.errors import MailerError, NotFoundError
from mailer.model import DeliveryState, EventKind, IssueKind, IssueState
from mailer.services.counting import Reading, readings
from mailer.services.program import Program
from mailer.services.sending.pace import pace_of
from mailer.store import articles as stored_articles
from mailer.store import history, ledger, listing, pacing, reacting
from mailer.store import issues as stored
from mailer.store.history import Group
from mailer.store.issues import Change
from mailer.wording import unknown

BOUNCES = (EventKind.BOUNCED_HARD, EventKind.BOUNCED_SOFT, EventKind.BLOCKED)

DOMAINS = 10
"""So many of the domains that refused most are told."""


@dataclass(frozen=True, slots=True)
class IssueFigures:
    """One issue in a listing. A draft is a file that was never sent; `kind` is None where the file has mistakes.

    `reported`: of how many mails the provider reported what, each mail once.
    """

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
    kind: IssueKind | None = None
    left_out: int = 0
    due_at: datetime | None = None
    reason: str = ""
    reported: Mapping[str, int] = field(default_factory=dict)

    @property
    def bounced(self) -> int:
        """Mails that came back after they were accepted."""
        return sum(self.reported.get(kind.value, 0) for kind in BOUNCES)


@dataclass(frozen=True, slots=True)
class IssueStatus:
    """One issue in detail: deliveries by state, people left out and refusals by reason, and what it waits for.

    `ready_at`: when the provider may be asked again, by its own word, the rate or the warm-up. `readings`: how often it
    was opened, and each of its links followed, where that is counted. `causes`: whose fault it is that mails came back.
    """

    figures: IssueFigures
    lists: tuple[str, ...]
    segment: str
    articles: int
    hash: str
    deliveries: Mapping[str, int]
    batches: Mapping[str, int]
    left_out: Mapping[str, int]
    refusals: Mapping[str, int]
    local_time: str
    not_after: datetime | None
    started_at: datetime | None
    due_later: tuple[Group, ...]
    held: tuple[Group, ...]
    ready_at: datetime | None
    changes: tuple[Change, ...]
    readings: tuple[Reading, ...] = ()
    causes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IssueStory:
    """Everything about an issue. `articles`: key and title; `refused_by`: the domains that refused most."""

    status: IssueStatus
    articles: Mapping[str, str]
    refused_by: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which issues: nothing said is all of them."""

    states: Collection[IssueState] = ()
    kind: IssueKind | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """Issues, newest first, at most as many as were asked for of `total`."""

    rows: tuple[IssueFigures, ...]
    total: int


def overview(program: Program, wanted: Filter = Filter()) -> Overview:
    """Issues, newest first: those that have a file only are drafts. Only what is shown is counted."""
    with program.store.read() as connection:
        known = {row.name: row.id for row in stored.listing(connection)}
        rows = listing.frozen_issues(connection, wanted.states, wanted.kind)
        drafts = list(drafts_of(program, known, wanted))
        shown = rows[: None if wanted.limit is None else max(0, wanted.limit - len(drafts))]
        reported = history.reported(connection, [row.id for row in shown])
        sent = [figures_of(connection, row, reported.get(row.id, {})) for row in shown]
    return Overview((*drafts, *sent)[: wanted.limit], len(drafts) + len(rows))


def drafts_of(program: Program, known: Collection[str], wanted: Filter) -> Iterator[IssueFigures]:
    """The files that are no issue of the store."""
    if wanted.states and IssueState.DRAFT not in wanted.states:
        return
    for name in reversed(program.workspace.issue_names()):
        if name in known:
            continue
        draft = draft_of(program, name)
        if wanted.kind in (None, draft.kind):
            yield draft


def draft_of(program: Program, name: str) -> IssueFigures:
    """One that has mistakes is listed all the same: `plan` tells them."""
    try:
        issue = program.workspace.read_issue(name)
    except MailerError:
        return IssueFigures(name, IssueState.DRAFT, "")
    return IssueFigures(name, IssueState.DRAFT, issue.subject, kind=issue.kind)


def issue_status(program: Program, name: str) -> IssueStatus:
    """One issue. NotFoundError when it was never sent."""
    with program.store.read() as connection:
        return status_of(program, connection, name)


def issue_story(program: Program, name: str) -> IssueStory:
    """The same with titles and domains. NotFoundError when it was never sent."""
    with program.store.read() as connection:
        status = status_of(program, connection, name)
        issue = found(program, connection, name)
        refused_by = (
            history.domains(connection, issue.id, DeliveryState.REFUSED, DOMAINS) if status.figures.refused else {}
        )
        titles = {key: title_of(connection, key) for key in issue.article_keys}
    return IssueStory(status, titles, refused_by)


def found(program: Program, connection: Connection, name: str) -> stored.StoredIssue:
    """The issue as it was frozen; NotFoundError says what to do with one that was not."""
    issue = stored.get(connection, name)
    if issue is not None:
        return issue
    names = [row.name for row in stored.listing(connection)]
    draft = name in program.workspace.issue_names()
    message = f"issue {name} was not sent yet" if draft else unknown("issue", name, names)
    raise NotFoundError(message, hint=f"mailer plan {name}" if draft else "mailer issues list shows them")


def status_of(program: Program, connection: Connection, name: str) -> IssueStatus:
    issue, now = found(program, connection, name), program.now()
    counts = ledger.figures(connection, name)
    reported = history.reported(connection, [issue.id]).get(issue.id, {})
    figures = figures_from(issue, counts, reported)
    open_to = issue.state is IssueState.SENDING and figures.waiting > 0
    return IssueStatus(
        figures=figures,
        lists=issue.lists,
        segment=issue.segment,
        articles=len(issue.article_keys),
        hash=issue.hash,
        deliveries={state.value: count for state, count in counts.deliveries.items() if count},
        batches={state.value: count for state, count in counts.batches.items() if count},
        left_out={reason.value: count for reason, count in counts.exclusions.items() if count},
        refusals=ledger.refusals(connection, name) if figures.refused else {},
        local_time=issue.local_time,
        not_after=issue.not_after,
        started_at=issue.started_at,
        due_later=tuple(history.due_later(connection, issue.id, now)),
        held=tuple(history.held(connection, issue.id, now)),
        ready_at=ready_at(program, connection, now) if open_to else None,
        changes=tuple(stored.changes(connection, issue.id)),
        readings=readings(connection, issue.id),
        causes={cause.value: number for cause, number in reacting.causes(connection, issue.id).items()},
    )


def ready_at(program: Program, connection: Connection, now: datetime) -> datetime | None:
    """When the next batch may be claimed; None: now."""
    return pacing.ready_at(connection, pace_of(program.settings, program.settings.provider.name), now)


def title_of(connection: Connection, key: str) -> str:
    """Empty for an article that is not there any more."""
    try:
        return stored_articles.get(connection, key).title
    except NotFoundError:
        return ""


def figures_of(
    connection: Connection, row: stored.IssueRow, reported: Mapping[EventKind, int] | None = None
) -> IssueFigures:
    return figures_from(row, ledger.figures(connection, row.name), reported or {})


def figures_from(row: stored.IssueRow, counts: ledger.Figures, reported: Mapping[EventKind, int]) -> IssueFigures:
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
        kind=row.kind,
        left_out=sum(counts.exclusions.values()),
        due_at=row.due_at,
        reason=row.reason,
        reported={kind.value: number for kind, number in reported.items()},
    )
