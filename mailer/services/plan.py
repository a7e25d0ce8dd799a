"""What `send` would do, exactly: the same articles, the same audience, the same checks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from mailer.audience.segment.reading import parse
from mailer.checks.finding import Finding, Level
from mailer.checks.preflight import Facts, check
from mailer.errors import CheckError, MailerError
from mailer.model import Article, Exclusion, Issue, IssueState, Recipient
from mailer.render.flat import sources
from mailer.render.issue import RenderedIssue
from mailer.services.prepare import Prepared, prepare
from mailer.services.program import Program
from mailer.services.segments import check as check_segment
from mailer.services.writer import MailWriter, PersonalMail
from mailer.store import articles as stored_articles
from mailer.store import issues as stored_issues
from mailer.store import ledger
from mailer.store import lists as stored_lists
from mailer.store import subscribers as stored_subscribers
from mailer.store.capping import caps_at
from mailer.store.issues import StoredIssue
from mailer.store.segments import Scope, condition

SAMPLES = 500
"""So many recipients are rendered for a plan: enough to meet the missing names, a fraction of a second."""

OUTBOX = "outbox"


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

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.level is Level.ERROR)


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
        return Known(row, begun, audience, sent, sample_recipients(connection, prepared, narrowing))


def plan_prepared(program: Program, prepared: Prepared, *, again: bool = False) -> Plan:
    issue, provider, organisation = prepared.issue, program.settings.provider, program.settings.organisation
    capabilities = program.make_provider().capabilities
    found = known(program, prepared, smtputf8=capabilities.smtputf8, again=again)
    row, audience, sent, people = found.row, found.audience, found.sent, found.people
    mail, unwritable = longest_mail(program, prepared, people)
    batch_size = min(provider.batch_size, capabilities.max_recipients)
    changed = row is not None and row.hash != prepared.hash
    facts = Facts(
        kind=issue.kind.value,
        subject=mail.subject,
        html=mail.html,
        text=mail.text,
        unsubscribe=mail.unsubscribe,
        organisation=organisation.name,
        postal_address=organisation.postal_address,
        articles=len(prepared.articles),
        recipients=audience.recipients,
        base_url=prepared.base_url,
        leaves_this_machine=provider.name != OUTBOX,
        repeated={article.key: sent[article.key] for article in prepared.articles if article.key in sent},
        unwritable=unwritable,
        fields_used=fields_used(prepared.rendered),
        fields_known=fields_known(people),
        pending=audience.exclusions.get(Exclusion.PENDING, 0),
        outside_segment=audience.exclusions.get(Exclusion.SEGMENT, 0),
        sent_otherwise=found.begun and changed,
        samples=len(people) or 1,  # without people somebody who is nobody stands in
    )
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
        findings=check(facts),
        state=row.state.value if row else None,
        segment=issue.segment,
        scheduled_for=row.due_at if row and not found.begun else None,
        changed=changed,
    )


def sent_by_others(connection: Connection, issue: Issue) -> dict[str, str]:
    """The articles that any of the issue's lists got by another issue, or will when that one begins."""
    found = stored_articles.sent_to(connection, issue.lists)
    return {key: name for key, name in found.items() if name != issue.name}


def narrowing_of(program: Program, prepared: Prepared) -> ledger.Narrowing | None:
    """The issue's segment as it is asked now; None for everybody on its lists."""
    text = prepared.issue.segment
    return ledger.Narrowing(parse(text), program.now()) if text else None


@dataclass(frozen=True, slots=True)
class SampleMail(PersonalMail):
    """The longest mail among the samples."""

    unsubscribe: str = ""


def longest_mail(
    program: Program, prepared: Prepared, people: Sequence[Recipient]
) -> tuple[SampleMail, dict[str, int]]:
    """The longest of the sample mails, and why others could not be written."""
    keys = program.workspace.secret_keys(program.environ)
    writer = MailWriter(prepared.issue.name, prepared.snapshot, keys, preview=True)
    longest = SampleMail("", "", "", "")
    unwritable: Counter[str] = Counter()
    for recipient in people or [neutral_recipient(prepared)]:
        try:
            mail = writer.personal(recipient)
        except MailerError as error:
            unwritable[error.message] += 1
            continue
        if len(mail.html) > len(longest.html):
            links = writer.links(recipient)
            longest = SampleMail(mail.subject, mail.preheader, mail.html, mail.text, links["unsubscribe"])
    return longest, dict(unwritable)


FIELD = re.compile(r"\bsubscriber(?:\.([A-Za-z_]\w*)|\['(\w+)'\])")
GIVEN = frozenset({"email", "id", "list"})


def fields_used(rendered: RenderedIssue) -> frozenset[str]:
    """The fields of a person that an issue mentions anywhere."""
    parts = (rendered.subject, rendered.preheader, rendered.html, rendered.text)
    found = (FIELD.finditer(source) for part in parts for source in sources(part.segments))
    return frozenset(match[1] or match[2] for matches in found for match in matches)


def fields_known(people: Sequence[Recipient]) -> frozenset[str]:
    """The fields that any of these people has; none when there are no people."""
    return frozenset(key for person in people for key in person.attributes) | GIVEN if people else frozenset()


def neutral_recipient(prepared: Prepared) -> Recipient:
    """Somebody who is nobody, for a list without people."""
    return Recipient(0, "nobody", "reader@example.org", prepared.lists[0].name, {})


def sample_recipients(
    connection: Connection, prepared: Prepared, narrowing: ledger.Narrowing | None
) -> list[Recipient]:
    """Confirmed people of the issue's lists, in its segment, who are not suppressed."""
    found: dict[str, Recipient] = {}
    for definition in prepared.lists:
        number = stored_lists.number(connection, definition.name)
        within = [condition(narrowing.segment, Scope(number, narrowing.now))] if narrowing else []
        for person in stored_subscribers.mailable(connection, definition.name, SAMPLES, *within):
            if person.id not in found:
                email = person.ascii_email or person.email
                found[person.id] = Recipient(0, person.id, email, definition.name, person.attributes)
            if len(found) >= SAMPLES:
                return list(found.values())
    return list(found.values())


def refuse_errors(plan: Plan) -> None:
    """CheckError with every error the checks found."""
    if plan.errors:
        lines = [f"{plan.name}: {finding.message} ({finding.rule})" for finding in plan.errors]
        raise CheckError("\n".join(lines), hint=plan.errors[0].advice)
