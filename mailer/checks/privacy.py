"""Findings say nothing about a real person: they are read by colleagues, kept in logs, and sent to forges.

Messages have fixed words and numbers. What stands in a mail is shown only where the made-up reader's has it too, or
where somebody wrote it: then it is the author's and no reader's. Of anything else the line is shown that the author
wrote for everybody, which also tells one fault of a rule from another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from mailer.checks.document import short
from mailer.checks.facts import Facts
from mailer.checks.finding import Finding, Place
from mailer.checks.run import check
from mailer.checks.table import RULES

SOMEBODYS = "in somebody's mail, at: "


def impersonal(
    everything: Sequence[Finding],
    facts: Facts,
    levels: Mapping[str, str],
    wrote: Callable[[str], bool],
    beside: Callable[[Finding], str] = lambda finding: "",
) -> tuple[Finding, ...]:
    """What was found in all mails, without what is a real person's. `wrote`: whether an author wrote a text; `beside`:
    what an author wrote in the line of a finding that says nothing of what stands there.
    """
    if not any(mail.real for mail in facts.mails):
        return tuple(everything)
    own = frozenset(found_made_up(everything, facts, levels))
    shown, said = {excerpt_of(finding) for finding in own} | {""}, {alike(finding) for finding in own}
    found: dict[Finding, None] = {}
    for finding in everything:
        if finding in own:
            found[finding] = None
        elif alike(finding) not in said:  # else the same fault, moved by what somebody's mail has before it
            excerpt = excerpt_of(finding)
            found[finding if excerpt in shown or wrote(excerpt) else without_excerpt(finding, beside)] = None
    return tuple(found)


def found_made_up(everything: Sequence[Finding], facts: Facts, levels: Mapping[str, str]) -> tuple[Finding, ...]:
    """What the same rules find without the mails of real people. What shows nothing of a mail is nobody's."""
    again = {finding.rule for finding in everything if shows(finding)}
    mails = tuple(mail for mail in facts.mails if not mail.real)
    return check(replace(facts, mails=mails), levels, [rule for rule in RULES if rule.id in again])


def shows(finding: Finding) -> bool:
    """Whether it says what stands in a mail, or where."""
    return finding.place is not None and finding.place != Place(finding.place.part)


def excerpt_of(finding: Finding) -> str:
    return finding.place.excerpt if finding.place else ""


def alike(finding: Finding) -> Finding:
    """The finding wherever it is."""
    return replace(finding, place=replace(finding.place, line=0, element=-1)) if finding.place else finding


def without_excerpt(finding: Finding, beside: Callable[[Finding], str]) -> Finding:
    if finding.place is None:
        return finding
    bare = replace(finding, place=replace(finding.place, excerpt=""))
    words = beside(bare)
    return replace(bare, place=replace(finding.place, excerpt=short(f"{SOMEBODYS}{words}"))) if words else bare
