"""`mailer check`: what must be right before an issue goes, or is to be known."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailer.cli import output
from mailer.cli.issue import AgainOption, bare
from mailer.cli.options import JsonOption
from mailer.cli.session import Session, open_mailer, workspace_of
from mailer.wording import counted

if TYPE_CHECKING:
    from mailer.checks.finding import Finding
    from mailer.config.checks import Checks
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
    as_json: JsonOption = False,
) -> None:
    """Look an issue over as every rule does, before it goes; or a mail that is a file on its own.

    The exit code is 1 when a check found an error.
    """
    from mailer.errors import CheckError, UsageError

    if not subject:
        raise UsageError("which issue or file?", hint="mailer check ISSUE, or mailer check FILE.html")
    done = looked_at(context, subject, again=again, offline=offline)
    output.result(done, as_json, lambda: show(done))
    if done.errors:
        raise CheckError(f"{counted(len(done.errors), 'error')} to mend in {done.name}", hint=done.errors[0].advice)


def looked_at(context: typer.Context, subject: str, *, again: bool, offline: bool) -> Checked:
    from datetime import UTC, datetime

    from mailer.services.checking.check import check_issue
    from mailer.services.checking.files import check_file, is_file

    if is_file(subject):
        return check_file(Path(subject), settings_around(context), datetime.now(UTC))
    with open_mailer(context) as mailer:
        return check_issue(mailer, bare(subject), again=again, tell=None if offline else output.progress)


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
