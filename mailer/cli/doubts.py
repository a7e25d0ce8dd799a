"""`mailer doubts`: mails that may have been sent or not."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from mailer.cli import output
from mailer.cli.issue import IssueArgument, bare
from mailer.cli.options import JsonOption
from mailer.cli.session import open_mailer
from mailer.delivery.doubts import Word
from mailer.wording import counted

if TYPE_CHECKING:
    from mailer.services.doubts import Resolution
    from mailer.store.doubts import Doubt

app = typer.Typer()


@app.command("list")
def list_doubts(
    context: typer.Context,
    issue: Annotated[str | None, typer.Argument(metavar="[ISSUE]", help="Only those of one issue.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List what is in doubt: mails that were being handed over when process or connection died.

    They may have been sent or not. The exit code is 3 while there are any.
    """
    from mailer.errors import NeedsAttention
    from mailer.services.doubts import every

    with open_mailer(context) as mailer:
        found = every(mailer, bare(issue) if issue else None)
    output.result(found, as_json, lambda: show(found))
    if found:
        people = sum(doubt.people for doubt in found)
        raise NeedsAttention(
            f"{counted(people, 'mail')} may have been sent or not",
            hint=f"{settled(found)}mailer doubts resolve {found[0].issue} --as sent, or --as resend",
        )


def settled(found: Sequence[Doubt]) -> str:
    """What may settle doubts without a person: no mail server reports anything."""
    reported = any(doubt.provider == "sendgrid" for doubt in found)
    return "SendGrid's events may settle them: mailer events import FILE; else a person does: " if reported else ""


def show(found: Sequence[Doubt]) -> None:
    if not found:
        output.lines(["nothing is in doubt"])
        return
    output.columns(
        ("ISSUE", "BATCH", "PEOPLE", "SINCE (UTC)", "PROVIDER", "WHY", "MEANWHILE"),
        [
            (each.issue, each.batch, f"{each.people:,}", each.since, each.provider, why(each), meanwhile(each))
            for each in found
        ],
        right=("BATCH", "PEOPLE"),
    )


def why(doubt: Doubt) -> str:
    if len(doubt.reasons) == 1:
        return next(iter(doubt.reasons))
    return "; ".join(f"{count:,} {reason}" for reason, count in doubt.reasons.items())


def meanwhile(doubt: Doubt) -> str:
    """What is known beside the doubt itself."""
    told = []
    if doubt.busy:
        told.append("its sender is still at work")
    if doubt.send_at is not None:
        told.append(f"kept by the provider until {doubt.send_at:%H:%M} UTC")
    if doubt.shown and doubt.shown_at is not None:
        told.append(f"{doubt.shown:,} others of it were accepted, as events until {doubt.shown_at:%H:%M} UTC show")
    return "; ".join(told) or "no event"


@app.command("resolve")
def resolve_doubts(
    context: typer.Context,
    issue: IssueArgument,
    word: Annotated[
        Word,
        typer.Option(
            "--as", help="sent: they got it, and it is over. resend: hand it over again; some may get a second copy."
        ),
    ],
    batch: Annotated[
        int | None, typer.Option("--batch", metavar="NUMBER", min=1, help="Only one batch, as doubts list names it.")
    ] = None,
    email: Annotated[
        str, typer.Option("--email", metavar="EMAIL", help="Only one person; - reads the address from standard input.")
    ] = "",
    now: Annotated[
        bool, typer.Option("--now", help="Send again although the doubt is young and its sender may still be at work.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would do and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, whatever the number of people.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Settle what is in doubt by your word."""
    from mailer.cli.arguments import address_text
    from mailer.services.doubts import plan, resolve
    from mailer.services.subscribers import checked_address
    from mailer.store.doubts import Which

    key = checked_address(address_text(email)).key if email else None
    with open_mailer(context) as mailer:
        which = Which(bare(issue), mailer.now(), batch, key)
        planned = plan(mailer, which, word)
        if not dry_run:
            if planned.too_young is None or now:
                confirm(planned, mailer.settings.limits.confirm_above, yes=yes)
            done = resolve(mailer, planned, user(), early=now)
        else:
            done = planned
            if planned.too_young is not None and not now:
                output.warn(
                    f"not before {planned.too_young:%H:%M} UTC, or with --now: their sender may still be at work"
                )
    output.result(told(done), as_json, lambda: output.lines(done.summary()))


def confirm(planned: Resolution, limit: int, *, yes: bool) -> None:
    """A person says yes, and above the limit the number: what is said cannot be taken back."""
    from mailer.errors import UsageError

    if planned.too_young is not None:
        output.warn("the sender of these mails may still be at work; what it sends now would be sent twice")
    if planned.held:
        output.warn(
            f"the provider still keeps {planned.held:,} of these mails, and will send them if nobody drops them"
        )
    if yes:
        return
    question = planned.question()
    if not output.interactive():
        raise UsageError(f"{question}, which needs a word: --yes", hint="--dry-run says the same and changes nothing.")
    if planned.people > limit:
        number = typer.prompt(f"{output.plain(question)}. Type the number to do so", err=True)
        agreed = number.replace(",", "") == str(planned.people)
    else:
        agreed = typer.confirm(f"{output.plain(question)}. Do so?", err=True)
    if not agreed:
        raise UsageError("nothing was changed")


def user() -> str:
    """Whose word it is, as the machine knows them."""
    return os.environ.get("SUDO_USER") or os.environ.get("USER") or os.environ.get("LOGNAME") or "somebody here"


def told(done: Resolution) -> dict[str, object]:
    return {
        "issue": done.issue,
        "state": done.issue_state,
        "as": done.word,
        "people": done.people,
        "batches": done.batches,
        "not_before": done.too_young,
        "done": done.done,
    }
