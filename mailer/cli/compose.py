"""`mailer compose`: from articles to an issue file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailer.cli import output
from mailer.cli.options import JsonOption
from mailer.cli.pointing import pointing
from mailer.cli.session import open_mailer
from mailer.wording import counted

if TYPE_CHECKING:
    from mailer.services.compose import Composed, Wish

app = typer.Typer()

ToOption = Annotated[list[str], typer.Option("--to", metavar="LIST", help="A list to send it to; repeatable.")]
TagOption = Annotated[list[str] | None, typer.Option("--tag", "-t", metavar="TAG", help="A campaign tag; repeatable.")]
AllOption = Annotated[bool, typer.Option("--all/--any", help="Articles with all of the tags, or with any of them.")]
SinceOption = Annotated[
    str, typer.Option("--since", metavar="WHEN", help="Published since: 7d, 24h, 2w or 2026-11-01.")
]
UntilOption = Annotated[str, typer.Option("--until", metavar="WHEN", help="Published before, in the same forms.")]
SourceOption = Annotated[str | None, typer.Option("--source", metavar="NAME", help="Only articles of this source.")]
PinOption = Annotated[
    list[str] | None, typer.Option("--pin", metavar="KEY", help="Take this article in any case, first; repeatable.")
]
SkipOption = Annotated[list[str] | None, typer.Option("--skip", metavar="KEY", help="Leave it out; repeatable.")]
OrderOption = Annotated[
    list[str] | None, typer.Option("--order", metavar="KEY", help="These first, in this order; repeatable.")
]
LimitOption = Annotated[
    int | None, typer.Option("--limit", "-n", metavar="N", min=0, help="At most this many articles.")
]
AtLeastOption = Annotated[
    int, typer.Option("--at-least", min=0, help="With fewer articles write nothing; the exit code is 3 then.")
]
AgainOption = Annotated[bool, typer.Option("--again", help="Also articles that one of the lists got before.")]
SubjectOption = Annotated[str, typer.Option("--subject", metavar="TEXT", help="The subject; it can be edited later.")]
NameOption = Annotated[
    str, typer.Option("--name", metavar="NAME", help="The file's name. Default: the date and the tag.")
]
FromOption = Annotated[str, typer.Option("--from", metavar="NAME", help="Who writes: a [from.NAME] of mailer.toml.")]
TemplateOption = Annotated[str, typer.Option("--template", metavar="NAME", help="Another design than the kind's own.")]
LanguageOption = Annotated[str, typer.Option("--language", metavar="CODE", help="Its language; default: the list's.")]
SegmentOption = Annotated[
    str,
    typer.Option(
        "--segment", metavar="SEGMENT", help="Only to these people: an expression, or a name in the lists' files."
    ),
]
EditOption = Annotated[bool, typer.Option("--edit", "-e", help="Open the file in $EDITOR.")]


@app.command("bulletin")
def bulletin(
    context: typer.Context,
    to: ToOption,
    tags: TagOption = None,
    every: AllOption = False,
    since: SinceOption = "",
    until: UntilOption = "",
    source: SourceOption = None,
    pin: PinOption = None,
    skip: SkipOption = None,
    order: OrderOption = None,
    limit: LimitOption = None,
    at_least: AtLeastOption = 0,
    again: AgainOption = False,
    subject: SubjectOption = "",
    name: NameOption = "",
    sender: FromOption = "",
    template: TemplateOption = "",
    language: LanguageOption = "",
    segment: SegmentOption = "",
    edit: EditOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a bulletin: several articles, newest first.

    What one of the lists got before is left out.
    """
    from mailer.model import IssueKind
    from mailer.services.compose import Wish

    wish = Wish(
        IssueKind.BULLETIN, tuple(to), tuple(tags or ()), every, since, until, source, tuple(pin or ()),
        tuple(skip or ()), tuple(order or ()), limit, at_least, again, subject, name, sender, template, language,
        segment,
    )  # fmt: skip
    compose(context, wish, edit=edit, as_json=as_json)


@app.command("alert")
def alert(
    context: typer.Context,
    to: ToOption,
    tags: TagOption = None,
    every: AllOption = False,
    since: SinceOption = "",
    source: SourceOption = None,
    pin: PinOption = None,
    skip: SkipOption = None,
    limit: LimitOption = None,
    again: AgainOption = False,
    subject: SubjectOption = "",
    name: NameOption = "",
    sender: FromOption = "",
    template: TemplateOption = "",
    language: LanguageOption = "",
    segment: SegmentOption = "",
    edit: EditOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write an alert: one thing that has to happen quickly, with the newest matching article or none.

    `--limit 0` writes one without an article.
    """
    from mailer.model import IssueKind
    from mailer.services.compose import Wish

    wish = Wish(
        kind=IssueKind.ALERT, lists=tuple(to), tags=tuple(tags or ()), every=every, since=since, source=source,
        pin=tuple(pin or ()), skip=tuple(skip or ()), limit=limit, again=again, subject=subject, name=name,
        sender=sender, template=template, language=language, segment=segment,
    )  # fmt: skip
    compose(context, wish, edit=edit, as_json=as_json)


def compose(context: typer.Context, wish: Wish, *, edit: bool, as_json: bool) -> None:
    from mailer.services.compose import compose_issue

    editor = editor_command() if edit else []  # asked first: without an editor nothing is written
    with pointing(), open_mailer(context) as mailer:
        composed = compose_issue(mailer, wish)
        shown = relative(composed.file)
    if editor:
        open_editor(editor, composed.file)
    output.result(composed, as_json, lambda: show_composed(composed, shown))


def show_composed(composed: Composed, shown: str) -> None:
    output.lines([f"{shown}: {counted(len(composed.articles), 'article')}"])
    output.columns(("KEY", "WHEN (UTC)", "TITLE"), [(each.key, each.when, each.title) for each in composed.articles])
    if composed.left_out:
        from mailer.services.compose import reasons_of

        output.note(f"left out: {reasons_of(composed.left_out)}")
    output.note(f"next: edit the file, then  mailer plan {composed.name}")


def relative(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def editor_command() -> list[str]:
    """The person's own editor, as `git commit` finds it."""
    import os
    import shlex

    from mailer.errors import UsageError

    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
    try:
        words = shlex.split(editor)
    except ValueError:
        raise UsageError(f"the editor {editor!r} cannot be read as a command; nothing was written") from None
    if not words:
        raise UsageError(
            "--edit needs the environment variable EDITOR; nothing was written", hint="such as EDITOR=nano mailer ..."
        )
    return words


def open_editor(editor: list[str], path: Path) -> None:
    """Open the file and wait until the person is done."""
    import subprocess

    from mailer.errors import UsageError

    there = f"the file is there: {path}"
    try:
        code = subprocess.call([*editor, str(path)])  # noqa: S603 (the person's own setting)
    except OSError as error:
        raise UsageError(f"the editor {editor[0]!r} cannot be started: {error.strerror}", hint=there) from None
    if code:
        raise UsageError(f"the editor ended with code {code}", hint=there)
