"""`lists doctor`: what is doubtful about the people of a list. It reports, and changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.audience.hygiene import Examination, Finding, Kind
from mailer.audience.mail_domains import read_domains
from mailer.errors import NotFoundError, WorkspaceError
from mailer.model import MailingList
from mailer.reports.calendar import day_label, months_before
from mailer.services.advice import ADVICE
from mailer.services.program import Program
from mailer.store import hygiene as stored
from mailer.store import lists as stored_lists

DOMAINS_FILE = "disposable-domains.txt"
# Ten times what the package ships.
MAX_DOMAINS_FILE = 8 << 20
EVERY = 100_000
PENDING_MONTHS, SILENT_MONTHS = 1, 12


@dataclass(frozen=True, slots=True)
class Options:
    """`examples`: so many addresses of each kind are named, which are personal. `details`: so many names."""

    consent_months: int = 24
    details: int = 10
    examples: int = 0


@dataclass(frozen=True, slots=True)
class HygieneReport:
    """`examined` people may be mailed now or later. `skipped` says which question could not be asked, and why."""

    list_name: str
    examined: int
    findings: tuple[Finding, ...]
    skipped: Mapping[str, str]
    disposable_domains: int


def examine(
    program: Program, definition: MailingList, options: Options, tell: Callable[[str], None] = lambda text: None
) -> HygieneReport:
    """Every doubt about the list. `tell` hears how far it came."""
    now = program.now()
    tally = Examination(disposable_domains(program.workspace.root), options.examples)
    with program.store.read() as connection:
        list_id = _list_id(connection, definition.name)
        if list_id is None:
            return HygieneReport(definition.name, 0, (), {}, len(tally.disposable))
        _look(connection, list_id, tally, tell)
        skipped = _unanswerable(program, connection, _before(now, SILENT_MONTHS))
        for kind, people in _questions(list_id, options, now).items():
            if kind.value in skipped:
                continue
            tell(f"asking the database: {ADVICE[kind].title.format(months=options.consent_months).lower()}")
            tally.people[kind] = stored.count(connection, people)
            if options.examples and tally.people[kind]:
                tally.examples[kind] = stored.sample(connection, people, options.examples)
        _refusals(connection, list_id, tally)
    findings = tuple(finding(kind, tally, definition.name, options) for kind in Kind if tally.people[kind])
    return HygieneReport(definition.name, tally.examined, findings, skipped, len(tally.disposable))


def disposable_domains(root: Path) -> frozenset[str]:
    """What the package ships, with the changes of `disposable-domains.txt` in the workspace."""
    from disposable_email_domains import blocklist

    known = frozenset(blocklist)
    path = root / DOMAINS_FILE
    try:
        if not path.is_file():
            return known
        if path.stat().st_size > MAX_DOMAINS_FILE:
            raise WorkspaceError(f"{DOMAINS_FILE} is larger than {MAX_DOMAINS_FILE >> 20} MB")
        more, less = read_domains(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise WorkspaceError(f"{DOMAINS_FILE} is not UTF-8", hint="save it as UTF-8, a domain a line") from None
    except OSError as error:
        raise WorkspaceError(f"{DOMAINS_FILE} cannot be read: {error.strerror}") from error
    return (known | more) - less


def finding(kind: Kind, tally: Examination, list_name: str, options: Options) -> Finding:
    advice = ADVICE[kind]
    values = {"list": list_name, "months": options.consent_months}
    names = tally.details.get(kind)
    return Finding(
        kind,
        advice.title.format(**values),
        tally.people[kind],
        advice.why,
        advice.next.format(**values),
        dict(names.most_common(options.details)) if names else {},
        tuple(tally.examples.get(kind, ())),
    )


def _list_id(connection: Connection, name: str) -> int | None:
    """None for a list that nobody was ever on, which is a healthy one."""
    try:
        return stored_lists.ids(connection, [name])[0]
    except NotFoundError:
        return None


def _look(connection: Connection, list_id: int, tally: Examination, tell: Callable[[str], None]) -> None:
    look_at = tally.look_at
    for key, ascii_only in stored.addresses(connection, list_id):
        look_at(key, ascii_only)
        if tally.examined % EVERY == 0:
            tell(f"{tally.examined:,} addresses looked at")
    shared = tally.shared_mailboxes()
    if tally.kept and shared:
        tally.alias_examples((key for key, _ in stored.addresses(connection, list_id)), shared)


def _questions(list_id: int, options: Options, now: datetime) -> dict[Kind, sa.Select[Any]]:
    return {
        Kind.LONG_PENDING: stored.long_pending(list_id, _before(now, PENDING_MONTHS)),
        Kind.OLD_CONSENT: stored.old_consent(list_id, _before(now, options.consent_months)),
        Kind.NO_EVIDENCE: stored.no_evidence(list_id),
        Kind.NEVER_OPENED: stored.never_opened(list_id, _before(now, SILENT_MONTHS)),
    }


def _unanswerable(program: Program, connection: Connection, year: datetime) -> dict[str, str]:
    reason = _untracked(program, connection, year)
    return {Kind.NEVER_OPENED.value: reason} if reason else {}


def _untracked(program: Program, connection: Connection, year: datetime) -> str:
    """Why nobody can say who never opens; empty when it is known."""
    if not program.settings.privacy.tracking:
        return "opens are not counted: [privacy] tracking is off"
    if not program.settings.privacy.individual:
        return "who opens is not kept: [privacy] individual is off"
    first = stored.first_engagement(connection)
    if first is None:
        return "no open was ever counted"
    return "" if first <= year else f"opens are counted since {day_label(first.date())} only"


def _refusals(connection: Connection, list_id: int, tally: Examination) -> None:
    for domain in stored.refusing(connection, list_id):
        tally.people[Kind.REFUSING_DOMAIN] += domain.refused
        names = tally.details.setdefault(Kind.REFUSING_DOMAIN, Counter())
        names[f"{domain.domain}: {domain.refused:,} of {domain.sent:,} refused"] = domain.refused


def _before(now: datetime, months: int) -> datetime:
    return datetime.combine(months_before(now.date(), months), now.timetz())
