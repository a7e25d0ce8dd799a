"""A campaign's first afternoon: the installed program, its own process for every command, nothing stubbed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

SETTINGS = """
[organisation]
name = "Rivers United"
postal_address = "1 Quay Street, Oslo"

[from.office]
name = "Rivers United"
email = "news@example.org"

[sources.site]
kind = "folder"
path = "content"
url = "https://rivers.example/"
zone = "Europe/Oslo"

[sources.old]
kind = "feed"
path = "old.xml"
"""

LISTING = """The river is clean again

After nine years the salmon is back below the mill.

#CleanRivers: what we do next
url: https://rivers.example/next?utm_source=mail

Three things, and you can help with each.
"""

POST = """+++
title = "Counting fish"
date = 2026-11-20 18:00:00
[taxonomies]
tags = ["clean-rivers", "volunteers"]
+++
Come to the **bridge** on Saturday.
"""

PEOPLE = "Email;First name;City\nann@example.org;Ann;Oslo\nbo@example;Bo;Bergen\ncy@example.org;Cy;\n"


def run(folder: Path, *words: str, code: int = 0, stdin: str = "") -> str:
    """The standard output of one command, started in the workspace."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MAILER_")}
    done = subprocess.run(
        [sys.executable, "-m", "mailer", *words],
        cwd=folder, env=environ, input=stdin.encode(), capture_output=True,
    )  # fmt: skip
    assert done.returncode == code, done.stderr.decode()
    return done.stdout.decode()


def told(folder: Path, *words: str) -> Any:
    return json.loads(run(folder, *words, "--json"))


def test_the_first_afternoon(tmp_path: Path) -> None:
    (tmp_path / "mailer.toml").write_text(SETTINGS)
    for folder in ("subscribers", "content"):
        (tmp_path / folder).mkdir()
    (tmp_path / "subscribers" / "weekly.toml").write_text('title = "Weekly"\n')
    (tmp_path / "content" / "fish.md").write_text(POST)
    (tmp_path / "people.csv").write_text(PEOPLE)
    assert told(tmp_path, "config", "check")["missing"] == ["sources.old reads old.xml, which is not there"]

    # The old site's feed is not there: the folder is read all the same, and the exit code asks for attention.
    run(tmp_path, "articles", "sync", code=3)
    run(tmp_path, "articles", "import", "-", "--tag", "Clean Rivers", stdin=LISTING)
    assert run(tmp_path, "articles", "import", "-", "--tag", "Clean Rivers", stdin=LISTING).split()[-3:] == [
        "0",
        "0",
        "2",
    ]
    articles = told(tmp_path, "articles", "list", "--tag", "#cleanrivers")
    assert [article["title"] for article in articles] == [
        "The river is clean again",
        "#CleanRivers: what we do next",
        "Counting fish",
    ]
    assert articles[2]["published_at"] == "2026-11-20T17:00:00Z"
    assert told(tmp_path, "articles", "tags")[0]["articles"] == 3

    run(tmp_path, "subscribers", "import", "people.csv", "--list", "weekly", code=3)
    assert told(tmp_path, "lists", "show", "weekly")["mailable"] == 0
    words = ("--state", "confirmed", "--consent", "signed the petition on 14 November")
    run(tmp_path, "subscribers", "import", "people.csv", "--list", "weekly", *words, code=3)
    run(tmp_path, "subscribers", "unsubscribe", "-", "--list", "weekly", stdin="cy@example.org\n")
    shown = told(tmp_path, "lists", "show", "weekly")
    assert (shown["mailable"], shown["counts"]) == (1, {"pending": 0, "confirmed": 1, "unsubscribed": 1})

    run(tmp_path, "subscribers", "export", "--list", "weekly", "--output", "export.csv")
    run(tmp_path, "subscribers", "import", "export.csv", "--list", "weekly", *words)
    assert told(tmp_path, "lists", "show", "weekly") == shown
    copy = told(tmp_path, "db", "backup")
    assert Path(copy["file"]).is_file()
    assert told(tmp_path, "db", "status")["state"] == "current"
