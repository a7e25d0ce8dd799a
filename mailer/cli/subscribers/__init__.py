"""`mailer subscribers`: people and the lists they are on. One module for each thing done to them."""

from __future__ import annotations

import typer

from mailer.cli.subscribers import asking, consent, editing, erasing, history, importing, people

PARTS = (importing, consent, asking, people, history, editing, erasing)
# In the order of a person's way: onto a list, looked at, changed, off it, out of our hands.
ORDER = (
    "add", "import", "imports", "ask", "confirm",
    "list", "show", "history", "tags",
    "set", "tag", "untag", "rename",
    "unsubscribe", "export", "data", "forget",
)  # fmt: skip

app = typer.Typer()
app.registered_commands = sorted(
    (command for part in PARTS for command in part.app.registered_commands),
    key=lambda command: ORDER.index(str(command.name)),
)
