"""The folder a campaign lives in: `mailer.toml`, issues, templates, list definitions, database, outbox."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mailer.audience.definition import parse_list
from mailer.errors import ConfigError, ConflictError, IssueFileError, Mistake, NotFoundError, WorkspaceError
from mailer.issues.file import parse_issue
from mailer.model import Issue, MailingList
from mailer.wording import unknown
from mailer.workspace.signing import make_private, secret_keys
from mailer.workspace.writing import make_folder, replace, write_new

SETTINGS = "mailer.toml"
FOLDERS = ("issues", "templates", "subscribers", "outbox")

# Any script, but nothing that a file system or a shell takes for something else.
_ISSUE_NAME = re.compile(r'\w[^\s/\\:*?"<>|\x00-\x1f\x7f]{0,127}')
_SQLITE_FILE = re.compile(r"(sqlite(?:\+\w+)?:///)(?!/|:memory:|file:)([^?]+)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Workspace:
    """Paths of one workspace. `root` is absolute, with symbolic links resolved."""

    root: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", self.root.resolve())

    @classmethod
    def create(cls, root: Path, files: Mapping[str, bytes | str]) -> Workspace:
        """Make a workspace of these files. ConflictError, and nothing written, when one of them is there already."""
        workspace = cls(root)
        targets = {workspace.inside(name): data for name, data in files.items()}
        for path in targets:
            if path.exists():
                raise ConflictError(f"{path} is there already", hint="choose an empty folder")
        for folder in FOLDERS:
            make_folder(workspace.root / folder)
        # The settings last: a folder is a workspace only once everything else is in it.
        for path in sorted(targets, key=lambda path: (path == workspace.settings_file, path)):
            make_folder(path.parent)
            write_new(path, targets[path])
        return workspace

    @property
    def settings_file(self) -> Path:
        return self.root / SETTINGS

    @property
    def issues_dir(self) -> Path:
        return self.root / "issues"

    @property
    def templates_dir(self) -> Path:
        return self.root / "templates"

    @property
    def subscribers_dir(self) -> Path:
        return self.root / "subscribers"

    @property
    def private_dir(self) -> Path:
        """What the program keeps for itself; never in git."""
        return self.root / ".mailer"

    @property
    def backup_dir(self) -> Path:
        return self.private_dir / "backups"

    @property
    def had_database(self) -> bool:
        """Whether there ever was a database here."""
        return self._database_mark.exists()

    def remember_database(self) -> None:
        """Leave word that there is a database, so that its loss is noticed."""
        if not self.had_database:
            make_private(self.private_dir)
            with suppress(ConflictError):  # another process was first
                write_new(self._database_mark, "This workspace has a database. Its loss is noticed by this file.\n")

    @property
    def _database_mark(self) -> Path:
        return self.private_dir / "database"

    def inside(self, path: Path | str) -> Path:
        """The path below the root, links resolved. WorkspaceError when it leads out of the workspace."""
        try:
            found = (self.root / path).resolve()
        except (OSError, RuntimeError, ValueError):  # a NUL, a loop of links
            raise WorkspaceError(f"{str(path)!r} is not a path") from None
        if not found.is_relative_to(self.root):
            raise WorkspaceError(f"{path} leads out of the workspace {self.root}")
        return found

    def database_url(self, url: str) -> str:
        """The URL with a relative SQLite path made absolute, so that it means the same from every folder."""
        if match := _SQLITE_FILE.fullmatch(url):
            return f"{match[1]}{(self.root / match[2]).resolve()}{match[3]}"
        return url

    def issue_file(self, name: str) -> Path:
        """The file of the issue of that name (`.md` may be there), whether it exists or not."""
        bare = name.removesuffix(".md")
        if not _ISSUE_NAME.fullmatch(bare):
            raise WorkspaceError(f"{name!r} is not the name of an issue", hint="such as 2026-11-22-clean-rivers")
        return self.inside(self.issues_dir / f"{bare}.md")

    def issue_names(self) -> list[str]:
        """The issues that have a file, oldest name first."""
        if not self.issues_dir.is_dir():
            return []
        found = (path for path in self.issues_dir.glob("*.md") if path.is_file())
        return sorted(path.stem for path in found if _ISSUE_NAME.fullmatch(path.stem))

    def issue_text(self, name: str) -> str:
        """The file as it is, line ends and all."""
        path = self.issue_file(name)
        if path.exists() and not path.is_file():  # a folder; a pipe would be waited for
            raise NotFoundError(f"{self._shown(path)} is not a file", hint="rename it: an issue is a text file")
        try:
            return path.read_bytes().decode()
        except FileNotFoundError:
            hint = "mailer compose bulletin writes one"
            raise NotFoundError(unknown("issue", path.stem, self.issue_names()), hint=hint) from None
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            mistake = Mistake(line, "the file is not UTF-8")
            raise IssueFileError(self._shown(path), [mistake], hint="save it as UTF-8") from None

    def read_issue(self, name: str) -> Issue:
        """The issue as its file says it. IssueFileError has every mistake in it."""
        return parse_issue(self.issue_text(name), self._shown(self.issue_file(name)))

    def write_issue(self, name: str, text: str) -> Path:
        """Write a new issue file, all of it or nothing. ConflictError when there is one of that name."""
        path = self.issue_file(name)
        make_folder(path.parent)
        return write_new(path, text)

    def change_issue(self, name: str, before: str, after: str) -> Path:
        """Put `after` in the place of `before`. ConflictError when the file changed since it was read."""
        if self.issue_text(name) != before:
            raise ConflictError(f"issue {name} changed while it was being edited", hint="run the command again")
        return replace(self.issue_file(name), after)

    def load_lists(self) -> dict[str, MailingList]:
        """The lists of `subscribers/`, by name."""
        if not self.subscribers_dir.is_dir():
            return {}
        found = {}
        for path in sorted(path for path in self.subscribers_dir.glob("*.toml") if path.is_file()):
            found[path.stem] = parse_list(self._list_text(path), path.stem, self._shown(path))
        return found

    @property
    def key_file(self) -> Path:
        return self.inside(self.private_dir / "secret.key")

    def secret_keys(self, environ: Mapping[str, str]) -> tuple[bytes, ...]:
        """What signs links, newest first: `MAILER_SECRET_KEY`, else `.mailer/secret.key`, made when first asked for."""
        return secret_keys(self.key_file, environ)

    def _list_text(self, path: Path) -> str:
        try:
            return self.inside(path).read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise ConfigError(f"{self._shown(path)}:{line}: the file is not UTF-8", hint="save it as UTF-8") from None

    def _shown(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


def find(start: Path) -> Workspace:
    """The workspace that `start` is in: the nearest folder upwards that holds a `mailer.toml`."""
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / SETTINGS).is_file():
            return Workspace(folder)
    raise WorkspaceError(
        f"there is no {SETTINGS} in {here} or above it", hint="go to your workspace, or make one: mailer init FOLDER"
    )
