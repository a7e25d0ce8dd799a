"""The table of commands. Registering one is one line in `COMMANDS`.

Only the modules whose command is named on the command line are imported; the others stand in the help as empty
places. That keeps `mailer --help` as fast as a program with two commands, and every other command faster than a
program that knows them all.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from mailer import __version__
from mailer.cli import output
from mailer.cli.session import Session


@dataclass(frozen=True, slots=True)
class Command:
    """`target` is MODULE:NAME, where the name `app` means a group and any other a single command.

    `acts`: a group that does something by itself, without a word after it.
    """

    name: str
    target: str
    help: str
    acts: bool = False

    @property
    def is_group(self) -> bool:
        return self.target.endswith(":app")

    def load(self) -> Any:
        module, _, name = self.target.partition(":")
        return getattr(import_module(module), name)


COMMANDS = (
    Command("init", "mailer.cli.setup:init", "Make a workspace: settings to fill in, example lists, folders."),
    Command("demo", "mailer.cli.setup:demo", "Do the main job once, from tag to inbox, with a made-up organisation."),
    Command("compose", "mailer.cli.compose:app", "Write a bulletin or an alert from articles."),
    Command("issues", "mailer.cli.issues:app", "List issues with their figures, and change which articles they have."),
    Command("plan", "mailer.cli.issue:plan", "Show exactly what send would do: content, audience, checks."),
    Command("check", "mailer.cli.check:check", "Look over an issue before it goes, or a mail that is a file."),
    Command(
        "preview",
        "mailer.cli.preview:preview",
        "Look at an issue as its readers get it: as files, as pictures, or on a page that follows what you write.",
    ),
    Command("approve", "mailer.cli.approve:approve", "Agree to an issue as it is now, as a second person."),
    Command("send", "mailer.cli.send:send", "Send an issue to everybody on its lists, each person once."),
    Command("test", "mailer.cli.testing:test", "Send an issue to addresses you name, marked as a test."),
    Command("pause", "mailer.cli.control:pause", "Stop sending an issue for a while."),
    Command("resume", "mailer.cli.control:resume", "Let a paused issue go on where it stopped."),
    Command("cancel", "mailer.cli.control:cancel", "Stop an issue for good: what has not left never does."),
    Command("work", "mailer.cli.work:work", "Send scheduled issues when they are due, until it is stopped."),
    Command(
        "serve",
        "mailer.cli.serve:serve",
        "Serve the public pages, the API and the intake of events, until it is stopped.",
    ),
    Command("jobs", "mailer.cli.jobs:app", "See what workers do beside sending, and settle what failed."),
    Command("status", "mailer.cli.status:status", "Show what became of the issues: who got them, who did not and why."),
    Command("deliveries", "mailer.cli.deliveries:app", "List what became of each mail of an issue."),
    Command("events", "mailer.cli.events:app", "Take in what a provider reports of mails it took."),
    Command("bounces", "mailer.cli.bounces:app", "Read the mails that came back, and see those nobody understood."),
    Command("explain", "mailer.cli.explain:explain", "Say why a person got an issue, or did not."),
    Command("doubts", "mailer.cli.doubts:app", "See the mails that may have been sent or not, and settle them."),
    Command("articles", "mailer.cli.articles:app", "Fetch, import, list and look at articles."),
    Command("lists", "mailer.cli.lists:app", "Look at the subscriber lists."),
    Command("subscribers", "mailer.cli.subscribers:app", "Import people, look at them, change and forget them."),
    Command("segments", "mailer.cli.segments:app", "Count and look at the people whom an expression chooses."),
    Command("attributes", "mailer.cli.attributes:app", "See what is known of people, and make it fast to find."),
    Command("suppressions", "mailer.cli.suppressions:app", "Keep addresses and domains from being mailed."),
    Command("templates", "mailer.cli.templates:app", "List the templates, and copy one to change it."),
    Command("doctor", "mailer.cli.doctor:app", "Look whether everything that sending needs is there.", acts=True),
    Command("config", "mailer.cli.config:app", "Check and show the settings."),
    Command("keys", "mailer.cli.keys:app", "Look after the keys that sign the links in mails."),
    Command("tokens", "mailer.cli.tokens:app", "Say which programs may use the API, and what each may do."),
    Command("db", "mailer.cli.pruning:app", "Look after the database."),
)


def build_app(words: Collection[str] | None = None) -> typer.Typer:
    """The program with the commands that occur in `words`; with all of them when it is None."""
    app = typer.Typer(
        callback=program,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        # Rich would cost a third of the start-up time, and boxes do not survive a pipe.
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    for command in COMMANDS:
        loaded = command.load() if words is None or command.name in words else None
        if command.is_group:
            help_alone = not command.acts
            app.add_typer(loaded or typer.Typer(), name=command.name, help=command.help, no_args_is_help=help_alone)
        else:
            app.command(command.name, short_help=command.help)(loaded or absent)
    return app


def absent() -> None:
    """Stands in the help for a command that is not on the command line, and so is never run."""


def show_version(wanted: bool) -> None:
    if wanted:
        output.lines([f"mailer {__version__}"])
        raise typer.Exit


def program(
    context: typer.Context,
    workspace: Annotated[
        Path | None,
        typer.Option(
            "--workspace",
            "-w",
            envvar="MAILER_WORKSPACE",
            metavar="DIR",
            help="The folder with mailer.toml. Otherwise the current folder or the nearest one above that has it.",
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Campaign newsletters from tag to inbox: every subscriber once, with proof."""
    context.obj = Session(workspace)
