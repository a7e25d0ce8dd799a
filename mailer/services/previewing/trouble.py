"""What is wrong with an issue's files, with the text around the place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailer.errors import IssueFileError, MailerError, TemplateError
from mailer.workspace import Workspace, template_sources

AROUND = 4
"""Lines shown before and after the one at fault."""

LINE_CHARACTERS = 400

PLACE = re.compile(r"([^\s:][^:\n]*\.(?:md|mjml|jinja|toml)):(\d+): ")
PART = re.compile(r"(.+) \((subject|preheader)\)")


@dataclass(frozen=True, slots=True)
class Trouble:
    """One mistake. `file` is empty where no file is at fault, `line` 0 where no line is known; `around` are the
    numbered lines about it."""

    message: str
    hint: str = ""
    file: str = ""
    line: int = 0
    around: tuple[tuple[int, str], ...] = ()


def troubles_of(error: MailerError, workspace: Workspace) -> tuple[Trouble, ...]:
    """The mistakes that an error tells of."""
    return tuple(_placed(*each, workspace) for each in _told(error))


def _told(error: MailerError) -> Iterator[tuple[str, str, str, int]]:
    """Message, hint, file and line of each."""
    hint = error.hint or ""
    if isinstance(error, IssueFileError):
        for mistake in error.mistakes:
            yield mistake.message, hint, error.path, mistake.line
        return
    if isinstance(error, TemplateError) and error.name:
        place = f"{error.name}:{error.line}: " if error.line else f"{error.name}: "
        yield error.message.removeprefix(place), hint, error.name, error.line or 0
        return
    for text in error.message.splitlines():
        found = PLACE.match(text)
        yield (text[found.end() :], hint, found[1], int(found[2])) if found else (text, hint, "", 0)


def _placed(message: str, hint: str, file: str, line: int, workspace: Workspace) -> Trouble:
    part = PART.fullmatch(file)
    name = part[1] if part else file
    lines = _lines(name, workspace)
    if part:
        beginning = f"{part[2]}:"
        line = next((number for number, text in enumerate(lines, 1) if text.startswith(beginning)), line)
    first = max(line - AROUND, 1)
    shown = lines[first - 1 : line + AROUND] if line else []
    around = tuple((number, text[:LINE_CHARACTERS]) for number, text in enumerate(shown, first))
    return Trouble(message, hint, name, line, around)


def _lines(name: str, workspace: Workspace) -> list[str]:
    """The lines of a file of the workspace, or of a shipped template; none where it cannot be read."""
    try:
        path = workspace.inside(name)
        if name and path.is_file():
            return path.read_text("utf-8", "replace").split("\n")
        sources = template_sources(workspace.templates_dir)
    except (MailerError, OSError):
        return []
    return sources.get(name.removeprefix("templates/"), "").split("\n")
