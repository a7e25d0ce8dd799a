"""`mailer jobs`: what workers do beside sending."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailer.cli import output
from mailer.cli.options import JsonOption, LimitOption
from mailer.cli.session import open_mailer
from mailer.errors import UsageError

if TYPE_CHECKING:
    from mailer.app import Mailer
    from mailer.services.jobs.looking import JobLine

app = typer.Typer()

QueueOption = Annotated[bool, typer.Option("--queue", help="Leave it to the workers, on whichever host they are.")]
NumberArgument = Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="The job, as jobs list names it.")]

NOBODY = "no worker is at work: mailer work"


@app.command("list")
def list_jobs(
    context: typer.Context,
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATE", help="Only those: waiting, running, done or failed.")
    ] = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the jobs, newest first: imports, reports of providers, reading sources, pruning."""
    from mailer.model import JobState
    from mailer.services.jobs.looking import listed, workers_at_work

    if state is not None and state not in list(JobState):
        raise UsageError(f"--state is one of {', '.join(JobState)}")
    with open_mailer(context) as mailer:
        found = listed(mailer, JobState(state) if state else None, limit)
        alone = any(job.state is JobState.WAITING for job in found) and not workers_at_work(mailer)
    output.result(found, as_json, lambda: show_list(found))
    if alone:
        output.note(NOBODY)


def show_list(found: list[JobLine]) -> None:
    if not found:
        output.lines(["no jobs: an import or a file of events becomes one with --queue"])
        return
    output.columns(
        ("JOB", "KIND", "WHAT", "STATE", "SINCE (UTC)", "DETAIL"),
        [(job.id, job.kind.value, job.what, job.state.value, job.updated_at, job.detail) for job in found],
        right=("JOB",),
    )


@app.command("show")
def show_job(
    context: typer.Context,
    number: NumberArgument,
    refused: Annotated[
        Path | None,
        typer.Option("--refused", metavar="FOLDER", help="Write the rows that an import refused into this folder."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show how a job stands, and get the rows that an import refused."""
    from mailer.model import JobState
    from mailer.services.jobs.looking import shown, workers_at_work, write_refused

    with open_mailer(context) as mailer:
        job = shown(mailer, number)
        files = write_refused(mailer, number, refused) if refused else ()
        alone = job.state is JobState.WAITING and not workers_at_work(mailer)
    output.result(job, as_json, lambda: show(job))
    for file in files:
        output.note(f"{file} was written; correct it and import it")
    if alone:
        output.note(NOBODY)


def show(job: JobLine) -> None:
    ended = job.finished_at is not None
    output.fields(
        {
            "job": job.id,
            "kind": job.kind.value,
            "what": job.what,
            "state": job.state.value,
            "attempts": job.attempts,
            "worker": job.worker,
            "left": job.created_at,
            "due": None if ended else job.due_at,
            "last word": None if ended else job.updated_at,
            "ended": job.finished_at,
            "detail": job.detail,
            "refused": ", ".join(job.refused),
        }
    )


@app.command("retry")
def retry_job(context: typer.Context, number: NumberArgument, as_json: JsonOption = False) -> None:
    """Have a failed job tried again, or one that waits for its next attempt tried at once."""
    from mailer.services.jobs.looking import retry

    with open_mailer(context) as mailer:
        job = retry(mailer, number)
        told = tell(mailer, f"job {number} waits for a worker: mailer jobs show {number}")
    output.result(job, as_json, lambda: output.lines([told]))


@app.command("drop")
def drop_job(
    context: typer.Context,
    number: NumberArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen and change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete a job with the file it was left with, and the rows it refused."""
    from mailer.services.jobs.looking import drop

    with open_mailer(context) as mailer:
        job = drop(mailer, number, dry_run=dry_run)
    done = "would be deleted" if dry_run else "deleted"
    words = f"{done}: job {job.id}, {job.kind.value} of {job.what}, which is {job.state.value}"
    output.result({"dry_run": dry_run, "job": job}, as_json, lambda: output.lines([words]))


def tell_left(mailer: Mailer, number: int, as_json: bool) -> None:
    """Which job was left, and how to follow it."""
    words = tell(mailer, f"job {number} waits for a worker: mailer jobs show {number}")
    output.result({"job": number}, as_json, lambda: output.lines([words]))


def tell(mailer: Mailer, words: str) -> str:
    """The words, after a note when nobody is there to do it."""
    from mailer.services.jobs.looking import workers_at_work

    if not workers_at_work(mailer):
        output.note(NOBODY)
    return words
