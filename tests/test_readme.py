"""The first hour of the README, run line by line in an empty folder: what it prints is what the page says.

The only thing put in the place of another is the site, which is a file here.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import NamedTuple

import pytest

from mailer.services.demo_site import feed

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What differs from day to day and from machine to machine, in the page as well as in the output.
CHANGING = (
    (re.compile(r"20\d\d-\d\d-\d\d"), "DAY"),
    (re.compile(r"\b[A-Z][a-z]+ \d{1,2}, 20\d\d\b"), "DAY"),
    (re.compile(r"\b\d\d:\d\d\b"), "TIME"),
    (re.compile(r"(?<=hash        )[0-9a-f]{12}"), "HASH"),
    (re.compile(r"[\d,]+ bytes of HTML, [\d,]+ of text"), "SIZE"),
    (re.compile(r"\S*/newsletter\b"), "FOLDER"),
    (re.compile(r"(?<=/[upv]/)[A-Za-z0-9_-]{40,}"), "TOKEN"),
)


class Block(NamedTuple):
    """A fenced block: its language, the file it is, if it is one, and its text."""

    language: str
    file: str
    text: str


class Step(NamedTuple):
    command: str
    output: str


def blocks(text: str) -> list[Block]:
    return [Block(*found.groups(default="")) for found in BLOCK.finditer(text)]


def steps(text: str) -> Iterator[Step]:
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield Step(command, output)


def settled(text: str) -> str:
    for pattern, word in CHANGING:
        text = pattern.sub(word, text)
    return text


class Shell:
    """Runs the commands as they stand, with the program of this Python first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        scripts = Path(sys.executable).parent
        self.environ = {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder), "LC_ALL": "C.UTF-8"}

    def run(self, command: str) -> str:
        if command.startswith("cd "):
            self.folder = self.folder / command.removeprefix("cd ")
            return ""
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        # Separate pipes and not one, so that the order does not depend on buffers: results, then notes.
        return done.stdout + done.stderr

    def write(self, file: str, text: str) -> None:
        if file == "mailer.toml":
            (self.folder / "feed.xml").write_text(feed(datetime.now(UTC)), encoding="utf-8")
            text = text.replace('kind = "feed"\n', 'kind = "feed"\npath = "feed.xml"\n')
        (self.folder / file).write_text(text, encoding="utf-8")


@pytest.mark.skipif(os.name != "posix", reason="links and shells as POSIX has them")
def test_the_first_hour(tmp_path: Path) -> None:
    text = README.read_text(encoding="utf-8")
    hour = text[text.index("## The first hour") : text.index("## Beside others")]
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    shell, ran = Shell(tmp_path), 0
    for block in blocks(hour):
        if block.file:
            shell.write(block.file.replace("2026-11-22", today), block.text)
            continue
        for step in steps(block.text):
            assert settled(shell.run(step.command.replace("2026-11-22", today))) == settled(step.output), step.command
            ran += 1
    assert ran >= 10
    folder = shell.folder / "outbox" / f"{today}-clean-rivers" / "new"
    mails = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in folder.iterdir()]
    texts = {str(mail["To"]): mail.get_body(("plain",)).get_content() for mail in mails}  # type: ignore[union-attr]
    assert sorted(texts) == [
        "Ada <ada@example.org>", "Bo <bo.lind@example.org>", "Elif <elif@example.org>", "hana@example.org",
    ]  # fmt: skip
    assert [to for to, body in texts.items() if "in Oslo is on the 29th" in body] == ["Ada <ada@example.org>"]
    assert "Dear friend," in texts["hana@example.org"]


def test_the_two_commands_for_a_new_user_are_those_of_the_gate() -> None:
    """What the README asks for first is what `.ci/run` runs, and both are targets of the Makefile."""
    commands = re.findall(r"^make (\w+)", README.read_text(encoding="utf-8"), re.MULTILINE)
    targets = re.findall(r"^(\w+):", (README.parent / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    gate = re.findall(r"^make (\w+)", (README.parent / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)
    assert commands == ["demo", "test"]
    assert gate == ["test"]
    assert set(commands) <= set(targets)
