"""The program over a workspace of a test: in this process, or in one of its own where that is the point."""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from mailer.cli import main
from tests import migrated

SETTINGS = """
[organisation]
name = "Rivers United"
postal_address = "1 Quay Street, Oslo"
contact = "office@example.org"

[from.office]
name = "Rivers United"
email = "news@example.org"
"""


def workspace(folder: Path, settings: str = "") -> Path:
    """A workspace with a database and the lists weekly and members, to which people are added without asking them."""
    (folder / "mailer.toml").write_text(SETTINGS + settings)
    database = folder / "mailer.db"
    database.write_bytes(migrated.file())
    database.chmod(0o600)  # as the program itself makes it
    (folder / "subscribers").mkdir()
    for name in ("weekly", "members"):
        text = f'title = "{name.title()}"\nopt_in = "single"\n'
        (folder / "subscribers" / f"{name}.toml").write_text(text)
    return folder


def environment() -> dict[str, str]:
    kept = os.environ.items()
    return {name: value for name, value in kept if not name.startswith("MAILER_") and name != "DATABASE_URL"}


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "mailer", *words]


def run(folder: Path, *words: str, code: int = 0, stdin: str = "") -> str:
    """What one command prints; both streams, for one that fails."""
    out, err = io.StringIO(), io.StringIO()
    given = io.TextIOWrapper(io.BytesIO(stdin.encode()))
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        for name in os.environ.keys() - environment().keys():
            patch.delenv(name)
        patch.setattr("sys.stdin", given)
        found = main(["--workspace", str(folder), *words])
    assert found == code, err.getvalue()
    return out.getvalue() + (err.getvalue() if code else "")


def told(folder: Path, *words: str, code: int = 0, stdin: str = "") -> Any:
    printed = run(folder, *words, "--json", code=code, stdin=stdin)
    return json.JSONDecoder().raw_decode(printed)[0]


def fill(folder: Path, list_name: str, count: int, first: int = 0) -> list[str]:
    """Puts people onto a list; their addresses."""
    people = [f"reader{number:05d}@example.org" for number in range(first, first + count)]
    told(folder, "subscribers", "import", "-", "--list", list_name, stdin="\n".join(("email", *people)) + "\n")
    return people


def header(mail: Path, name: str) -> str:
    """A header that stands on one line, without parsing the whole mail: a thousand of them take seconds."""
    start = f"{name}:".encode()
    (line,) = [line for line in mail.read_bytes().split(b"\r\n\r\n")[0].split(b"\r\n") if line.startswith(start)]
    return line.partition(b":")[2].strip().decode()
