"""What the options before the command say, and how a command gets the opened program from it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:  # imported by the command that needs them: `mailer --help` opens nothing
    from mailer.app import Mailer
    from mailer.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Session:
    directory: Path | None = None


def workspace_of(context: typer.Context) -> Workspace:
    """The workspace that `--workspace` names, or the one around the current folder."""
    from mailer.errors import WorkspaceError
    from mailer.workspace import Workspace, find

    directory = (context.find_object(Session) or Session()).directory
    if directory is None:
        return find(Path.cwd())
    workspace = Workspace(directory)
    if not workspace.settings_file.is_file():
        # A parent's workspace is not looked for: a mistyped folder must not send from another campaign.
        raise WorkspaceError(
            f"{directory} holds no {workspace.settings_file.name}", hint="make one: mailer init FOLDER"
        )
    return workspace


def open_mailer(context: typer.Context) -> Mailer:
    """The program over that workspace; a context manager that closes the store."""
    from mailer.app import open_mailer as opened

    return opened(workspace_of(context), os.environ)
