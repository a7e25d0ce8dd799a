"""`mailer init` and `mailer demo`: a new workspace, empty or with everything in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailer.cli import output
from mailer.cli.options import JsonOption

if TYPE_CHECKING:
    from mailer.services.demo import Demo
    from mailer.services.starter import Created


def init(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="A new or empty folder.")] = Path("."),
    as_json: JsonOption = False,
) -> None:
    """Make a workspace: settings to fill in, example lists, folders.

    Nothing that is there already is overwritten.
    """
    from mailer.services.starter import create_workspace

    created = create_workspace(folder)
    output.result(created, as_json, lambda: show_created(created))


def show_created(created: Created) -> None:
    output.lines(
        [
            f"a workspace is ready in {created.folder}",
            "1. fill in mailer.toml, then:   mailer config check",
            "2. fetch articles:              mailer articles sync",
            "3. people who agreed before:    mailer subscribers import subscribers/sample.csv --list weekly "
            '--state confirmed --consent "how and when"',
            "4. write an issue:              mailer compose bulletin --tag TAG --since 7d --to weekly",
            "5. look at it, then send it:    mailer plan ISSUE; mailer preview ISSUE --open; mailer send ISSUE",
        ]
    )


def demo(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="A new folder.")] = Path("demo"),
    as_json: JsonOption = False,
) -> None:
    """Do the main job once, from tag to inbox, with a made-up organisation.

    It needs neither a network nor an account, and changes nothing outside its folder.
    """
    from time import perf_counter

    from mailer.app import open_mailer
    from mailer.services.demo import create_demo, run_demo

    began = perf_counter()
    workspace = create_demo(folder)
    # Without the environment: a DATABASE_URL of the real campaign must not get a thousand made-up people.
    with open_mailer(workspace, {}) as mailer:
        done = run_demo(mailer)
    output.result(done, as_json, lambda: show_demo(done, folder, perf_counter() - began))


def show_demo(done: Demo, folder: Path, seconds: float) -> None:
    from shlex import quote

    from mailer.checks.finding import Level

    issue = done.composed.name
    files = len(list((done.outbox / "new").iterdir()))
    weighty = [finding for finding in done.plan.findings if finding.level is not Level.NOTE]
    passed = "all checks passed" if not weighty else f"{len(weighty)} warnings"
    output.lines(
        [
            f"made a workspace in {folder}/ for Riverside Together, who do not exist",
            f"fetched {done.fetched.new} articles from {folder}/site/feed.xml",
            f"imported {done.imported.new:,} people onto the list {done.imported.list_name}",
            f"picked {len(done.composed.articles)} articles of the last 7 days with the campaign tag clean-rivers",
            f"wrote {folder}/issues/{issue}.md, a file to edit and to keep in git",
            f"rendered it through Jinja2 and MJML: {done.plan.html_bytes:,} bytes of HTML; {passed}",
            f"sent it to {done.sent.figures.recipients:,} people: {files:,} files in {folder}/outbox ({seconds:.1f} s)",
            f"look at it:    {done.outbox / 'index.html'}",
            f"try next:      cd {quote(str(folder))}; mailer status; mailer articles tags; mailer send {issue}",
            "               mailer compose bulletin --tag library-for-all --since 14d --to weekly",
        ]
    )
