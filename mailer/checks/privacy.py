"""Findings say nothing about a real person: they are read by colleagues, kept in logs, and sent to forges.

Messages have fixed words and numbers. What stands in a mail is shown only where the made-up reader's has it too, or
where somebody wrote it: then it is the author's and no reader's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from mailer.checks.facts import Facts
from mailer.checks.finding import Finding
from mailer.checks.run import check


def impersonal(facts: Facts, levels: Mapping[str, str], wrote: Callable[[str], bool]) -> tuple[Finding, ...]:
    """What the rules find in all mails, without what is a real person's. `wrote`: whether an author wrote a text."""
    everything = check(facts, levels)
    if not any(mail.real for mail in facts.mails):
        return everything
    made_up = check(replace(facts, mails=tuple(mail for mail in facts.mails if not mail.real)), levels)
    shown = {excerpt_of(finding) for finding in made_up} | {""}
    own, said = frozenset(made_up), {alike(finding) for finding in made_up}
    found: dict[Finding, None] = {}
    for finding in everything:
        if finding not in own:
            # The same fault, moved by what somebody's mail has before it.
            if alike(finding) in said:
                continue
            if (excerpt := excerpt_of(finding)) not in shown and not wrote(excerpt):
                finding = without_excerpt(finding)
        found[finding] = None
    return tuple(found)


def excerpt_of(finding: Finding) -> str:
    return finding.place.excerpt if finding.place else ""


def alike(finding: Finding) -> Finding:
    """The finding wherever it is."""
    return replace(finding, place=replace(finding.place, line=0, element=-1)) if finding.place else finding


def without_excerpt(finding: Finding) -> Finding:
    return replace(finding, place=replace(finding.place, excerpt="")) if finding.place else finding
