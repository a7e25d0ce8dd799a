"""The files of an issue, watched."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import anyio
from watchfiles import Change, awatch

from mailer.workspace import Workspace

QUIET_MS: Final = 30
"""An editor that writes a file in several steps is done after so long without one."""

AT_MOST_MS: Final = 200
"""What goes on longer is looked at while it goes on."""

NOT_OURS: Final = ("~", ".swp", ".swx", ".tmp", ".bak")


async def changes(workspace: Workspace, stop: anyio.Event) -> AsyncIterator[frozenset[Path]]:
    """The files that changed, each time that some did, until `stop`. Folders made later are watched as well."""
    while not stop.is_set():
        folders = [each for each in folders_of(workspace) if each.is_dir()]
        async for found in awatch(
            workspace.root,
            *folders,
            watch_filter=lambda change, path: counts(workspace, change, path),
            debounce=AT_MOST_MS,
            step=QUIET_MS,
            stop_event=stop,
            recursive=False,
        ):
            paths = frozenset(Path(path) for _, path in found)
            yield paths
            if [each for each in folders_of(workspace) if each.is_dir()] != folders:
                break


def folders_of(workspace: Workspace) -> list[Path]:
    """The folders with what an issue is made of, and those below templates."""
    templates = workspace.templates_dir
    below = sorted(path for path in templates.rglob("*") if path.is_dir()) if templates.is_dir() else []
    return [workspace.issues_dir, workspace.subscribers_dir, templates, *below]


def counts(workspace: Workspace, change: Change, path: str) -> bool:
    """Whether it is a file that an issue is made of; the database lies in the same folder."""
    found = Path(path)
    if found.name.startswith(".") or found.name.endswith(NOT_OURS):
        return False
    if found.parent == workspace.root:
        return found in (workspace.settings_file, *folders_of(workspace)[:3])
    return True


def asks_to_reopen(workspace: Workspace, paths: frozenset[Path]) -> bool:
    """Whether settings or lists are among them, which are read once."""
    return any(path == workspace.settings_file or workspace.subscribers_dir in path.parents for path in paths)
