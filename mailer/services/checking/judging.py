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
    levels = levels_of(program.settings.checks)
    everything = check(facts, levels)
    if not everything:
        return ()
    authored = authored_of(program, prepared)
    found = impersonal(everything, facts, levels, authored.wrote, lambda each: written_at(each, authored, facts.mails))
    return marked(program, prepared.issue.name, placed(authored, found, facts.mails))


def written_at(finding: Finding, authored: Authored, mails: Sequence[Mail]) -> str:
    """What an author wrote for everybody in the line of a finding."""
    source = locate(finding, authored, said_at(finding, mails))
    return authored.words_at(source) if source else ""


def placed(authored: Authored, found: Sequence[Finding], mails: Sequence[Mail]) -> list[Finding]:
    """The findings with the lines where an author can mend them."""
    return [replace(each, source=locate(each, authored, said_at(each, mails))) for each in found]
