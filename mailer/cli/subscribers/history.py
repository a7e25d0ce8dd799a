"""`mailer subscribers history`: how one person came to be on lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from mailer.cli import output
from mailer.cli.arguments import address_text
from mailer.cli.options import EmailArgument, JsonOption
from mailer.cli.session import open_mailer
from mailer.cli.text import shown

if TYPE_CHECKING:
    from mailer.services.history import Change, History

app = typer.Typer()


@app.command("history")
def show_history(
    context: typer.Context,
    email: EmailArgument,
    texts: Annotated[bool, typer.Option("--texts", help="Print the consent texts as well.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show how a person came to be on lists and left them: when, how, with which proof."""
    from mailer.services.history import history
    from mailer.services.subscribers import checked_address

    address = checked_address(address_text(email))
    with open_mailer(context) as mailer:
        found = history(mailer.store, address)
    output.result(found, as_json, lambda: show(found, texts))


def show(found: History, texts: bool) -> None:
    output.columns(
        ("WHEN (UTC)", "LIST", "BECAME", "HOW", "IN WORDS", "CONSENT TEXT", "PROOF"),
        [
            (
                change.at,
                change.list_name,
                change.became,
                change.how.replace("_", " "),
                words(change),
                change.consent_version,
                proof(change),
            )
            for change in found.changes
        ],
    )
    if found.asks:
        output.lines(["", "mails that asked to confirm:"])
        output.columns(
            ("WHEN (UTC)", "LIST", "OUTCOME", "CONSENT TEXT", "MESSAGE-ID"),
            [(ask.at, ask.list_name, ask.outcome, ask.consent_version, ask.message_id) for ask in found.asks],
        )
    if texts:
        output.lines(text_lines(found))


def words(change: Change) -> str:
    """How it came in words; the file's name where the words do not have it already."""
    name = change.import_name
    return f"{change.words} (import of {name})" if name and name not in change.words else change.words


def proof(change: Change) -> str:
    return "; ".join(f"{name.replace('_', ' ')} {shown(value)}" for name, value in (change.evidence or {}).items())


def text_lines(found: History) -> Iterator[str]:
    told = [(one.consent_version, one.consent_text) for one in found.changes]
    told += [(one.consent_version, one.consent_text) for one in found.asks]
    texts = {version: text for version, text in told if version}
    for version, text in texts.items():
        yield ""
        yield f"consent text {version}:"
        yield from (f"  | {line}" for line in (text or "").splitlines())
    if not texts:
        yield ""
        yield "no consent text stands behind any of this"
