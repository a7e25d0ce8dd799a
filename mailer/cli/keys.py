"""`mailer keys list, rotate, retire`: what signs the links in mails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from mailer.cli import output
from mailer.cli.options import JsonOption
from mailer.cli.session import open_mailer

if TYPE_CHECKING:
    from mailer.services.keys import KeyInfo

app = typer.Typer()


@app.command("list")
def list_keys(context: typer.Context, as_json: JsonOption = False) -> None:
    """Show the keys by their fingerprints, newest first. The first one signs, all of them verify."""
    from mailer.services.keys import key_list

    with open_mailer(context) as mailer:
        found = key_list(mailer)
    output.result(found, as_json, lambda: show(found))


@app.command("rotate")
def rotate_keys(context: typer.Context, as_json: JsonOption = False) -> None:
    """Sign with a new key from now on. Links that went out before go on working."""
    from mailer.services.keys import rotate

    with open_mailer(context) as mailer:
        found = rotate(mailer)
    output.result(found, as_json, lambda: show(found))


@app.command("retire")
def retire_key(
    context: typer.Context,
    fingerprint: Annotated[str, typer.Argument(metavar="FINGERPRINT", help="The key, as `keys list` names it.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen and change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Give up a key, for one that somebody else may have seen. What it signed is worth nothing from then on."""
    from mailer.errors import UsageError
    from mailer.services.keys import costs, retire

    with open_mailer(context) as mailer:
        key = retire(mailer, fingerprint, dry_run=True)
        output.warn(f"without the key {key.fingerprint}, {costs(mailer, key.fingerprint)}")
        if not dry_run:
            if not yes and not output.interactive():
                raise UsageError("giving up a key needs a word: --yes")
            if not yes and not typer.confirm("Give it up?", err=True):
                raise UsageError("nothing was changed")
            retire(mailer, fingerprint)
    done = "would be given up" if dry_run else "given up"
    output.result(key, as_json, lambda: output.lines([f"key {key.fingerprint} {done}"]))


def show(keys: Sequence[KeyInfo]) -> None:
    output.columns(
        ("FINGERPRINT", "USE", "MADE (UTC)", "DAYS OLD"),
        [
            (key.fingerprint, "signs and verifies" if key.signs else "verifies", key.made_at or "unknown", key.age_days)
            for key in keys
        ],
        right=("DAYS OLD",),
    )
