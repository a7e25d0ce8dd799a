"""What the rules find: as the workspace weighs it, without what is a person's, with lines, and what was accepted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mailer.checks.facts import Facts, Mail
from mailer.checks.finding import Finding
from mailer.checks.locate import Authored, locate
from mailer.checks.privacy import impersonal
from mailer.checks.run import check
from mailer.services.checking.accepting import marked
from mailer.services.checking.levels import levels_of
from mailer.services.checking.locating import authored_of, said_at
from mailer.services.prepare import Prepared
from mailer.services.program import Program


def findings_of(program: Program, prepared: Prepared, facts: Facts) -> tuple[Finding, ...]:
    """What the rules find in an issue, errors first."""
    authored = authored_of(program, prepared)
    found = impersonal(facts, levels_of(program.settings.checks), authored.wrote)
    return marked(program, prepared.issue.name, placed(authored, found, facts.mails))


def findings_for_asker(program: Program, prepared: Prepared, facts: Facts) -> tuple[Finding, ...]:
    """The same about mails that are shown beside it anyway: what stands in them is repeated."""
    found = check(facts, levels_of(program.settings.checks))
    return marked(program, prepared.issue.name, placed(authored_of(program, prepared), found, facts.mails))


def placed(authored: Authored, found: Sequence[Finding], mails: Sequence[Mail]) -> list[Finding]:
    """The findings with the lines where an author can mend them."""
    return [replace(each, source=locate(each, authored, said_at(each, mails))) for each in found]
