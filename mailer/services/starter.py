"""The files of a new workspace."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mailer.workspace import Workspace, shipped

SETTINGS = """\
# Settings of this workspace. `mailer config check` reads them, `mailer config schema` describes every key.
# Secrets never stand here: they come from the environment.

[organisation]
name = "Your organisation"
postal_address = "Street 1, 1000 Town, Country"   # the law asks for it at the foot of every mail
contact = "office@example.org"                     # a person answers there
website = "https://example.org"

[from.office]                                      # who writes; add more as [from.NAME]
name = "Your organisation"
email = "news@example.org"

[sources.site]                                     # where articles come from; add more as [sources.NAME]
kind = "feed"                                      # feed, jsonfeed, folder (Markdown) or listing (plain text)
url = "https://example.org/feed.xml"

[tags.aliases]                                     # other spellings of a campaign tag
# clean-rivers = ["rivers", "#CleanRiversNow"]

[provider]
name = "outbox"                                    # writes the mails as files and needs no account

[web]
# base_url = "https://news.example.org"            # where people reach your pages: mailer serve

[theme.colours]
primary = "#1d5c63"
"""

MADE_UP = ("organisation.", "from.")
"""What stands under these is for somebody to replace before mails leave."""

IGNORED = """\
# People's data and what the program makes do not belong into git.
mailer.db*
.mailer/
outbox/
preview/
*.csv
"""

COPIED = {"subscribers": ("README.md", "weekly.toml", "alerts.toml", "sample.csv"), "templates": ("README.md",)}


def starter_files(settings: str = SETTINGS) -> dict[str, str]:
    """Path in the workspace -> text."""
    files = {"mailer.toml": settings, ".gitignore": IGNORED}
    for kind, names in COPIED.items():
        folder = shipped(kind)
        files |= {f"{kind}/{name}": (folder / name).read_text(encoding="utf-8") for name in names}
    return files


@dataclass(frozen=True, slots=True)
class Created:
    """A new workspace and the files that were put into it."""

    folder: Path
    files: tuple[str, ...]


def create_workspace(folder: Path) -> Created:
    """A new workspace. ConflictError, and nothing written, when one of its files is there already."""
    files = starter_files()
    return Created(Workspace.create(folder, files).root, tuple(sorted(files)))
