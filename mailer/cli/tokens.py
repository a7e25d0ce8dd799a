"""`mailer tokens create, list, revoke`: who may use the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from mailer.cli import output
from mailer.cli.options import JsonOption
from mailer.cli.session import open_mailer

if TYPE_CHECKING:
    from mailer.services.tokens import Made, TokenInfo

app = typer.Typer()

SCOPES = "subscribers:read, subscribers:write, lists:read, issues:read or metrics:read"

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What the token is for, such as website.")]


@app.command("create")
def create_token(
    context: typer.Context,
    name: NameArgument,
    scopes: Annotated[
        list[str] | None, typer.Option("--scope", metavar="SCOPE", help=f"What it may do: {SCOPES}; repeatable.")
    ] = None,
    expires: Annotated[
        str,
        typer.Option(
            "--expires", metavar="TIME", help="Until when it is good: 90d, or a time. Default: until revoked."
        ),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Make a token for the API and show it, once: it is kept nowhere."""
    from mailer.services.tokens import create

    with open_mailer(context) as mailer:
        made = create(mailer, name, scopes or [], expires)
    output.result(made, as_json, lambda: show_made(made))
    output.note("keep it where secrets are kept: it is not shown again")


def show_made(made: Made) -> None:
    output.fields(
        {
            "token": made.token,
            "name": made.name,
            "may": ", ".join(made.scopes),
            "until": made.expires_at or "it is revoked",
        }
    )


@app.command("list")
def list_tokens(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the tokens of the API, newest first: what each may do, until when, and when it was last used."""
    from mailer.services.tokens import token_list

    with open_mailer(context) as mailer:
        found = token_list(mailer)
    output.result(found, as_json, lambda: show(found))


@app.command("revoke")
def revoke_token(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The token, as `tokens list` names it.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen and change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """End a token: from this moment on nobody can ask with it."""
    from mailer.services.tokens import revoke

    with open_mailer(context) as mailer:
        token = revoke(mailer, name, dry_run=dry_run)
    words = f"token {token.name} would be revoked" if dry_run else f"token {token.name} is revoked"
    output.result({"dry_run": dry_run, "token": token}, as_json, lambda: output.lines([words]))


def show(tokens: Sequence[TokenInfo]) -> None:
    if not tokens:
        output.lines(["no tokens: nobody can ask the API. mailer tokens create NAME --scope SCOPE makes one"])
        return
    output.columns(
        ("NAME", "STATE", "MAY", "MADE (UTC)", "UNTIL (UTC)", "LAST USED (UTC)"),
        [
            (
                token.name,
                token.state,
                ", ".join(token.scopes),
                token.created_at,
                token.expires_at or "",
                f"{token.used_at:%Y-%m-%d %H}:00" if token.used_at else "never",
            )
            for token in tokens
        ],
    )
