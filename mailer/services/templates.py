"""Template files: the shipped ones and the workspace's own, which replace them one by one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mailer.errors import NotFoundError
from mailer.wording import unknown
from mailer.workspace import Workspace, shipped
from mailer.workspace.shipped import TEMPLATE_SUFFIXES
from mailer.workspace.writing import make_folder, write_new


class Origin(StrEnum):
    SHIPPED = "shipped"
    OVERRIDDEN = "overridden"  # the workspace's file replaces the shipped one of that name
    OWN = "own"


@dataclass(frozen=True, slots=True)
class TemplateFile:
    name: str
    origin: Origin
    path: Path


def template_files(workspace: Workspace) -> tuple[TemplateFile, ...]:
    """Every template file by name, each from where it would be used."""
    ours, theirs = files_in(shipped("templates")), files_in(workspace.templates_dir)
    files = [TemplateFile(name, Origin.SHIPPED, path) for name, path in ours.items() if name not in theirs]
    files += [
        TemplateFile(name, Origin.OVERRIDDEN if name in ours else Origin.OWN, path) for name, path in theirs.items()
    ]
    return tuple(sorted(files, key=lambda file: file.name))


def files_in(directory: Path) -> dict[str, Path]:
    if not directory.is_dir():
        return {}
    return {
        path.relative_to(directory).as_posix(): path
        for path in directory.rglob("*")
        if path.suffix in TEMPLATE_SUFFIXES and path.is_file()
    }


def eject(workspace: Workspace, name: str) -> TemplateFile:
    """Copies the shipped file into the workspace. Raises ConflictError when the workspace has its own already."""
    ours = files_in(shipped("templates"))
    if name not in ours:
        raise NotFoundError(unknown("template", name, ours), hint="See: mailer templates list")
    target = workspace.inside(workspace.templates_dir / name)
    make_folder(target.parent)
    write_new(target, ours[name].read_bytes())
    return TemplateFile(name, Origin.OVERRIDDEN, target)
