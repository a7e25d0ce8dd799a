"""What `send` would do, exactly: the same articles, the same audience, the same checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from mailer.checks.facts import Facts
from mailer.checks.finding import Finding
from mailer.checks.table import BY_ID
from mailer.errors import CheckError
from mailer.model import Article, Exclusion, Issue, IssueState, Recipient
from mailer.services.approvals import Approvals, approvals_of
from mailer.services.checking.gather import Circumstances, facts_of
from mailer.services.checking.judging import findings_of
from mailer.services.checking.mails import sample_mails
from mailer.services.prepare import Prepared, prepare
from mailer.services.program import Program
from mailer.services.samples import narrowing_of, sample_recipients
from mailer.services.segments import check as check_segment
from mailer.services.whoami import user_name
from mailer.store import articles as stored_articles
from mailer.store import issues as stored_issues
from mailer.store import ledger
from mailer.store import lists as stored_lists
from mailer.store.capping import caps_at
from mailer.store.issues import StoredIssue

Ask = Callable[[Program, Facts], Facts]
"""Asks others, and comes back with the facts that have their answers."""


@dataclass(frozen=True, slots=True)
class Plan:
    """An issue as it would go out now. `state` is that of an issue that was frozen before, `scheduled_for` when it
    begins, and `changed` says that its file has other content than what was frozen.

    Subject, preheader, `sample` (its text part) and sizes are those of the longest mail among the samples.
    """

    name: str
    subject: str
    preheader: str
    sample: str
    sender: str
    lists: tuple[str, ...]
    articles: tuple[Article, ...]
    recipients: int
    exclusions: Mapping[Exclusion, int]
    html_bytes: int
    text_bytes: int
    provider: str
    batches: int
    hash: str
    findings: tuple[Finding, ...]
    state: str | None = None
    segment: str = ""
    scheduled_for: datetime | None = None
    changed: bool = False
    approvals: Approvals | None = None

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.stops)


def plan_issue(program: Program, name: str, *, again: bool = False) -> Plan:
    """The plan of an issue, with everything the checks find."""
    return plan_prepared(program, prepare(program, name), again=again)


@dataclass(frozen=True, slots=True)
class Known:
    """What the database says about an issue: its row if it was frozen, whether it began, and whom it goes to."""

    row: StoredIssue | None
    begun: bool
    audience: ledger.FrozenCounts
    sent: Mapping[str, str]
    people: Sequence[Recipient]
    approvals: Approvals


def known(program: Program, prepared: Prepared, *, smtputf8: bool, again: bool) -> Known:
    issue = prepared.issue
    with program.store.write() as connection:
        for definition in prepared.lists:
            stored_lists.ensure(connection, definition)
    with program.store.read() as connection:
        row = stored_issues.get(connection, issue.name)
        narrowing = narrowing_of(program, prepared)
        begun = row is not None and row.state is not IssueState.SCHEDULED
        if narrowing and not begun:
            check_segment(connection, narrowing.segment, program.lists)
        audience = (
            ledger.frozen_counts(connection, issue.name)
            if begun
            else ledger.preview(
                connection,
                issue.lists,
                smtputf8=smtputf8,
                narrowing=narrowing,
                capped_at=caps_at(issue.kind, program.now()),
                now=program.now(),
            )
        )
        sent = {} if again or begun else sent_by_others(connection, issue)
        content = row.hash if row is not None and begun else prepared.hash
        approvals = approvals_of(connection, program.settings, (issue.name, content), user_name())
        return Known(row, begun, audience, sent, sample_recipients(connection, prepared, narrowing), approvals)


def plan_prepared(program: Program, prepared: Prepared, *, again: bool = False, ask: Ask | None = None) -> Plan:
    """The plan of what was prepared. `ask` asks its links; without it what is known of them is believed."""
    issue, provider = prepared.issue, program.settings.provider
    capabilities = program.make_provider().capabilities
    found = known(program, prepared, smtputf8=capabilities.smtputf8, again=again)
    row, audience, people = found.row, found.audience, found.people
    samples = sample_mails(program, prepared, people)
    mail = samples.longest
    batch_size = min(provider.batch_size, capabilities.max_recipients)
    changed = row is not None and row.hash != prepared.hash
    circumstances = Circumstances(audience, found.sent, people, sent_otherwise=found.begun and changed)
    facts = facts_of(program, prepared, circumstances, samples)
    facts = ask(program, facts) if ask else facts
    return Plan(
        name=issue.name,
        subject=mail.subject,
        preheader=mail.preheader,
        sample=mail.text,
        sender=f"{prepared.sender.name} <{prepared.sender.email}>",
        lists=issue.lists,
        articles=prepared.articles,
        recipients=audience.recipients,
        exclusions={reason: count for reason, count in audience.exclusions.items() if count},
        html_bytes=len(mail.html.encode()),
        text_bytes=len(mail.text.encode()),
        provider=provider.name,
        batches=-(-audience.recipients // batch_size),
        hash=prepared.hash,
        findings=findings_of(program, prepared, facts),
        state=row.state.value if row else None,
        segment=issue.segment,
        scheduled_for=row.due_at if row and not found.begun else None,
        changed=changed,
        approvals=found.approvals,
    )


def sent_by_others(connection: Connection, issue: Issue) -> dict[str, str]:
    """The articles that any of the issue's lists got by another issue, or will when that one begins."""
    found = stored_articles.sent_to(connection, issue.lists)
    return {key: name for key, name in found.items() if name != issue.name}


def refuse_errors(plan: Plan) -> None:
    """CheckError with every error the checks found."""
    if plan.errors:
        lines = [f"{plan.name}: {finding.words} ({finding.rule})" for finding in plan.errors]
        first = plan.errors[0]
        accept = "" if BY_ID[first.rule].firm else f"; or let it pass: --accept {first.rule} --reason TEXT"
        raise CheckError("\n".join(lines), hint=f"{first.advice}{accept}")
