"""What a campaign has before its next issue: articles in the store, people on lists, an issue file."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

ISSUE = "2026-11-22-rivers"


@dataclass(frozen=True)
class Piece:
    """An article to be; `days` is its age."""

    title: str
    tags: str = "Clean Rivers"
    days: float = 1
    url: str = ""


def add_articles(mailer: Any, *pieces: Piece, source: str = "paper") -> dict[str, str]:
    """Imports the articles; title -> key of everything in the store."""
    now = datetime.now(UTC)
    blocks = [
        f"{piece.title}\ndate: {(now - timedelta(days=piece.days)).isoformat()}\ntags: {piece.tags}\n"
        f"url: {piece.url or f'https://rivers.example/{source}/{number}'}\n\nAbout {piece.title}.\n"
        for number, piece in enumerate(pieces)
    ]
    mailer.done("articles", "import", "-", "--source", source, stdin="\n---\n".join(blocks).encode())
    return {article["title"]: article["key"] for article in mailer.done("articles", "list", "--json").json}


def add_people(mailer: Any, list_name: str, *rows: str) -> None:
    """Rows of `email,first name,city`, all confirmed."""
    text = "\n".join(("email,first name,city", *rows)) + "\n"
    words = ("--state", "confirmed") if list_name == "weekly" else ()
    mailer.done("subscribers", "import", "-", "--list", list_name, "--consent", "a test", *words, stdin=text.encode())


def crowd(count: int) -> list[str]:
    return [f"reader{number:04d}@example.org,Ann,Oslo" for number in range(count)]


def write_issue(mailer: Any, body: str = "Hello.", *, name: str = ISSUE, **fields: Any) -> Path:
    """Writes the issue's file by hand, as an editor would."""
    values = {"kind": "bulletin", "subject": "Rivers", "lists": ["members"], **fields}
    front = "".join(f"{field}: {json.dumps(value)}\n" for field, value in values.items())
    written: Path = mailer.write(f"issues/{name}.md", f"---\n{front}---\n\n{body}\n")
    return written


def issues(mailer: Any) -> list[str]:
    return sorted(path.name for path in (mailer.root / "issues").glob("*"))


def article_keys(mailer: Any, name: str) -> list[str]:
    """The keys in an issue's file, in its order."""
    return article_keys_of(mailer.root / "issues" / f"{name}.md")


def article_keys_of(file: Path) -> list[str]:
    return [line.split()[2] for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("  - key: ")]


def mails(mailer: Any, name: str = ISSUE) -> list[EmailMessage]:
    """Everything in the outbox of an issue."""
    return outbox_mails(mailer.root, name)


def outbox_mails(root: Path, name: str) -> list[EmailMessage]:
    folder = root / "outbox" / name / "new"
    parser = BytesParser(policy=policy.default)
    return [read(parser, path) for path in sorted(folder.glob("*.eml"))] if folder.is_dir() else []


def read(parser: Any, path: Path) -> EmailMessage:
    message = parser.parsebytes(path.read_bytes())
    assert isinstance(message, EmailMessage)
    return message


def addressees(mailer: Any, name: str = ISSUE) -> list[str]:
    return sorted(str(mail["To"]).rpartition("<")[2].rstrip(">") for mail in mails(mailer, name))


def part(mail: EmailMessage, kind: str) -> str:
    """The text of the part `plain` or `html`."""
    found = mail.get_body((kind,))
    assert found is not None
    return str(found.get_content()).replace("\r\n", "\n")


def ledger_rows(mailer: Any) -> dict[str, int]:
    """How many rows each table of the ledger has."""
    tables = ("issues", "issue_lists", "issue_articles", "batches", "deliveries", "exclusions")
    with closing(sqlite3.connect(mailer.root / "mailer.db")) as connection:
        return {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}  # noqa: S608
