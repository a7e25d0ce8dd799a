"""`mailer subscribers`: people and the lists they are on. One module for each thing done to them."""

from __future__ import annotations

import typer

from mailer.cli.subscribers import asking, consent, erasing, history, importing, people

app = typer.Typer()
for part in (importing, consent, asking, history, people, erasing):
    app.add_typer(part.app)
