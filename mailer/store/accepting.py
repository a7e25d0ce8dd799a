"""Findings that a person let pass, and why. Of an issue's name: before it is frozen there is no row of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import IssueChange
from mailer.store import issues as stored_issues
from mailer.store.database import insert_absent
from mailer.store.tables import accepted_findings


@dataclass(frozen=True, slots=True)
class Acceptance:
    """`fault` is the fingerprint of what was found: another one under the same rule is not accepted with it."""

    issue: str
    rule: str
    fault: str
    reason: str
    who: str
    at: datetime


def accept(connection: Connection, acceptance: Acceptance) -> None:
    """Keep it. Accepted again, the later reason counts."""
    take_back(connection, acceptance.issue, acceptance.rule, acceptance.fault)
    insert_absent(connection, accepted_findings, asdict(acceptance))


def take_back(connection: Connection, issue: str, rule: str, fault: str = "") -> int:
    """Let it pass no longer: one fault, or every one under the rule. How many there were."""
    statement = sa.delete(accepted_findings).where(accepted_findings.c.issue == issue, accepted_findings.c.rule == rule)
    statement = statement.where(accepted_findings.c.fault == fault) if fault else statement
    return connection.execute(statement).rowcount


def accepted(connection: Connection, issue: str) -> Sequence[Acceptance]:
    """What was let pass of an issue, oldest first."""
    table = accepted_findings
    query = sa.select(table.c.issue, table.c.rule, table.c.fault, table.c.reason, table.c.who, table.c.at)
    rows = connection.execute(query.where(table.c.issue == issue).order_by(table.c.at, table.c.id))
    return [Acceptance(*row) for row in rows]


def write_down(connection: Connection, issue: str, faults: Collection[str], now: datetime) -> None:
    """Keep in an issue's own history which findings it went out with, and by whose word."""
    issue_id = stored_issues.number(connection, issue)
    for each in accepted(connection, issue):
        if each.fault in faults:
            detail = f"{each.rule}: {each.reason} ({each.who})"
            stored_issues.log(connection, issue_id, IssueChange.ACCEPTED, now, detail)
