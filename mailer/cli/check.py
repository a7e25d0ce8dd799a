"""`mailer check`: what must be right before an issue goes, or is to be known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailer.cli import output
from mailer.cli.accepting import AcceptOption, ReasonOption, accepting_of
from mailer.cli.issue import AgainOption, bare
from mailer.cli.options import JsonOption
from mailer.cli.session import Session, open_mailer, workspace_of
from mailer.wording import counted

if TYPE_CHECKING:
    from mailer.checks.finding import Finding
    from mailer.config.checks import Checks
    from mailer.services.checking.accepting import Accepting
    from mailer.services.checking.check import Checked

SubjectArgument = Annotated[
    str,
    typer.Argument(
        metavar="[ISSUE|FILE]",
        help="The issue: the name of its file in issues/; or a file on its own: .html, .mjml or .eml.",
    ),
]


def check(
    context: typer.Context,
    subject: SubjectArgument = "",
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no links; what they answered lately is believed.")
    ] = False,
    again: AgainOption = False,
    accept: AcceptOption = None,
    reason: ReasonOption = "",
    take_back: Annotated[
        str, typer.Option("--take-back", metavar="RULE", help="Let pass no longer what was accepted of this rule.")
    ] = "",
    sarif: Annotated[bool, typer.Option("--sarif", help="Print it as SARIF, which forges show on the lines.")] = False,
    rules: Annotated[bool, typer.Option("--rules", help="List every rule with its level, and check nothing.")] = False,
    explain: Annotated[str, typer.Option("--explain", metavar="RULE", help="Say what a rule is for.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Look over an issue before it goes, or a mail that is a file.

    The exit code is 1 when a check found an error that nobody accepted.
    """
    from mailer.errors import CheckError

    if rules or explain:
        show_rules(settings_around(context), explain, as_json=as_json)
        return
    wanted = Wanted(subject, offline=offline, again=again, take_back=take_back, accepting=accepting_of(accept, reason))
    done = looked_at(context, wanted)
    output.overwrite("")
    if sarif:
        output.data(as_sarif(done))
    else:
        output.result(done, as_json, lambda: show(done))
    if done.errors:
        raise CheckError(f"{counted(len(done.errors), 'error')} to mend in {done.name}", hint=done.errors[0].advice)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look at, and how."""

    subject: str
    offline: bool = False
    again: bool = False
    take_back: str = ""
    accepting: Accepting | None = None


def looked_at(context: typer.Context, wanted: Wanted) -> Checked:
    from datetime import UTC, datetime

    from mailer.errors import UsageError
    from mailer.services.checking.check import Ways, check_issue
    from mailer.services.checking.files import check_file, is_file

    if not wanted.subject:
        raise UsageError("which issue or file?", hint="mailer check ISSUE, or mailer check FILE.html")
    tell = None if wanted.offline else output.overwrite
    if is_file(wanted.subject):
        if wanted.accepting or wanted.take_back:
            raise UsageError("what is accepted is kept for an issue, not for a file", hint="mailer check ISSUE")
        return check_file(Path(wanted.subject), settings_around(context), datetime.now(UTC), tell)
    ways = Ways(tell, again=wanted.again, accepting=wanted.accepting, take_back=wanted.take_back)
    with open_mailer(context) as mailer:
        return check_issue(mailer, bare(wanted.subject), ways)


def as_sarif(done: Checked) -> Mapping[str, Any]:
    from mailer import __version__
    from mailer.checks.sarif import sarif
    from mailer.checks.table import RULES

    return sarif(done.findings, RULES, done.file, __version__)


def show_rules(settings: Checks, explain: str, *, as_json: bool) -> None:
    """All rules, or what one of them is for."""
    from mailer.services.checking.rules import explained, listed

    if explain:
        rule = explained(settings, explain)
        output.result(rule, as_json, lambda: output.fields(rule.shown))
        return
    found = listed(settings)
    rows = [(rule.id, rule.level, rule.family, rule.why) for rule in found]
    output.result(found, as_json, lambda: output.columns(("RULE", "LEVEL", "FAMILY", "WHY"), rows))


def settings_around(context: typer.Context) -> Checks:
    """The settings of the workspace that is named or around; outside of one, those that everybody has."""
    import os

    from mailer.config import load_settings
    from mailer.config.checks import Checks
    from mailer.errors import WorkspaceError

    try:
        workspace = workspace_of(context)
    except WorkspaceError:
        if (context.find_object(Session) or Session()).directory:
            raise
        return Checks()
    return load_settings(workspace.settings_file, os.environ).checks


def show(done: Checked) -> None:
    """The findings family by family, each after the place where an editor can jump to."""
    from mailer.checks.table import BY_ID

    families: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in done.findings:
        families[BY_ID[finding.rule].family.value].append(finding)
    for family, findings in families.items():
        output.lines([f"{family}:"])
        for finding in findings:
            output.lines(lines_of(done, finding))
    output.lines([summary(done)])


def lines_of(done: Checked, finding: Finding) -> list[str]:
    where = f"{finding.source.file}:{finding.source.line}" if finding.source else done.file
    if finding.accepted:
        return [f"{where}: accepted: {finding.words} ({finding.rule}): {finding.accepted}"]
    return [f"{where}: {finding.level.value}: {finding.words} ({finding.rule})", f"    {finding.advice}"]


def summary(done: Checked) -> str:
    if not done.findings:
        return f"{done.name}: all checks passed"
    counts = [counted(number, level.value) for level, number in done.counts.items() if number]
    accepted = sum(bool(finding.accepted) for finding in done.findings)
    return f"{done.name}: {', '.join(counts + [f'{accepted} accepted'] * bool(accepted))}"
