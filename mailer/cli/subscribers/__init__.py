"""`mailer subscribers`: people and the lists they are on. One module for each thing done to them."""

from __future__ import annotations

import typer

from mailer.cli.subscribers import consent, importing, people

app = typer.Typer()
for part in (importing, consent, people):
    app.add_typer(part.app)
