"""An issue is planned, then written down with its audience, once."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from sqlalchemy.engine import Connection

from mailer.errors import ConflictError
from mailer.model import IssueState
from mailer.services.approvals import Approvals, log_approvals, must_be_approved
from mailer.services.archiving import archived
from mailer.services.binding import check_bound
from mailer.services.checking.accepting import Accepting, accept
from mailer.services.plan import Plan, plan_prepared, refuse_errors
from mailer.services.prepare import Prepared, prepare
from mailer.services.program import Program
from mailer.services.sending.access import check_access, provided
from mailer.store import issues as stored_issues
from mailer.store import ledger
from mailer.store import lists as stored_lists
from mailer.store.accepting import write_down
from mailer.store.database import shut_door


def plan_send(
    program: Program, name: str, *, again: bool = False, accepting: Accepting | None = None
) -> tuple[Prepared, Plan]:
    """What sending would do; CheckError when it must not be done. `accepting`: what a person lets pass now."""
    prepared = prepare(program, name)
    plan = plan_prepared(program, prepared, again=again)
    if accepting:
        plan = replace(plan, findings=accept(program, plan.name, plan.findings, accepting))
    if plan.state in (None, IssueState.SCHEDULED.value):
        refuse_errors(plan)
    return prepared, plan


def content_of(program: Program, prepared: Prepared, not_after: datetime | None = None) -> ledger.Frozen:
    """What is written down of an issue, for the provider as it is set now. Nothing is, in a copy of a database."""
    check_bound(program)
    with provided(program) as provider:
        check_access(program, prepared.issue.name, provider)
        capabilities = provider.capabilities
    return ledger.Frozen(
        name=prepared.issue.name,
        kind=prepared.issue.kind,
        subject=prepared.issue.subject,
        hash=prepared.hash,
        # Message-IDs are made with it: a send that goes on after the keys were changed writes the same ones.
        snapshot={**prepared.snapshot, "message_ids": secrets.token_hex(16)},
        lists=prepared.issue.lists,
        article_keys=tuple(article.key for article in prepared.articles),
        batch_size=min(program.settings.provider.batch_size, capabilities.max_recipients),
        smtputf8=capabilities.smtputf8,
        segment=prepared.issue.segment,
        not_after=not_after,
        archived=archived(prepared),
    )


def freeze_issue(
    program: Program, prepared: Prepared, not_after: datetime | None = None, accepted: Collection[str] = ()
) -> ledger.FrozenCounts:
    """Write the issue and its audience down, once; the same issue again changes nothing.

    `accepted`: fingerprints of the findings that were let pass, for its history.
    """
    frozen = content_of(program, prepared, not_after)
    with program.store.derive() as connection:
        # Before the time is asked: whoever was first began before us, and counts for the caps of lists.
        shut_door(connection)
        for definition in prepared.lists:
            stored_lists.ensure(connection, definition)
        # In the same transaction: what is taken back now is taken back before or after, and not in between.
        approvals = _approvals(connection, program, frozen)
        try:
            counts = ledger.freeze(connection, frozen, program.now())
        except ConflictError as error:
            # The file, an article or a template is another one now. While people wait, going on is a choice too.
            issue = stored_issues.get(connection, frozen.name)
            if issue is None or issue.state is not IssueState.SENDING:
                raise
            hint = f"mailer send {frozen.name} --frozen goes on with the content of then"
            raise ConflictError(error.message, hint=hint) from error
        if approvals is not None:
            log_approvals(connection, approvals, program.now())
            write_down(connection, frozen.name, accepted, program.now())
        return counts


def _approvals(connection: Connection, program: Program, frozen: ledger.Frozen) -> Approvals | None:
    """On whose word an issue is written down; None for one that was before. CheckError when a word is missing."""
    if stored_issues.get(connection, frozen.name) is not None:
        return None
    return must_be_approved(connection, program.settings, (frozen.name, frozen.hash))
