"""What the program brings along, and the templates of a workspace laid over it."""

from __future__ import annotations

from pathlib import Path

from mailer.errors import TemplateError, WorkspaceError

TEMPLATE_SUFFIXES = (".mjml", ".jinja")
_PACKAGE = Path(__file__).parent.parent


def shipped(kind: str) -> Path:
    """The folder of the shipped `templates` or `subscribers`: in the installed package, else in the repository."""
    for folder in (_PACKAGE / "_shipped" / kind, _PACKAGE.parent / kind):
        if folder.is_dir():
            return folder
    raise WorkspaceError(f"the shipped {kind} are missing", hint="install campaign-mailer again")


def template_sources(directory: Path | None = None) -> dict[str, str]:
    """Template name -> text: the shipped ones, each replaced by the one of that name in `directory`."""
    found = _templates(shipped("templates"))
    if directory is not None and directory.is_dir():
        found |= _templates(directory)
    return found


def _templates(directory: Path) -> dict[str, str]:
    home = directory.resolve()
    found = {}
    for path in sorted(directory.rglob("*")):
        if path.suffix in TEMPLATE_SUFFIXES and path.is_file():
            if not path.resolve().is_relative_to(home):
                raise WorkspaceError(f"the template {path} is a link that leads out of its folder")
            name = path.relative_to(directory).as_posix()
            found[name] = _text(path, name)
    return found


def _text(path: Path, name: str) -> str:
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TemplateError("the file is not UTF-8", name=name, line=line, hint="save it as UTF-8") from None
