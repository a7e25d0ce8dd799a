"""`mailer serve` as a process of its own, and people who sign up at it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.acceptance.commands import command, environment

HIDDEN = re.compile(r'name="(stamp|agree|language)" value="([^"]*)"')


@dataclass
class Serving:
    """One process that serves, on a port of its own."""

    process: subprocess.Popen[str]
    port: int

    def ask(self, method: str, path: str, body: str | bytes = b"", **headers: str) -> tuple[int, str]:
        """What it answers to one request on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def sign_up(self, email: str, list_name: str = "weekly") -> bool:
        """Fill in the form and send it; whether it was answered that a mail comes. False also when it hung up."""
        try:
            _, page = self.ask("GET", f"/subscribe/{list_name}")
            fields = {**{name: unescape(value) for name, value in HIDDEN.findall(page)}, "email": email}
            kind = "application/x-www-form-urlencoded"
            status, page = self.ask("POST", f"/subscribe/{list_name}", urlencode(fields), Content_Type=kind)
        except (OSError, HTTPException):  # before its answer, or in the middle of that
            return False
        assert status == 200, page
        assert email in page
        return True


@contextmanager
def serving(folder: Path, *words: str, **variables: str) -> Iterator[Serving]:
    """A process that serves until the end of the test; its port is taken when this begins."""
    process = subprocess.Popen(
        command("--workspace", str(folder), "serve", "--port", "0", "--json", *words),
        env=environment() | variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        found = re.fullmatch(r"serving on http://127\.0\.0\.1:(\d+); .*\n", said)
        assert found, said + process.stderr.read()
        yield Serving(process, int(found[1]))
    finally:
        process.kill()
        process.communicate()


def furnish(folder: Path, more: str = "") -> Path:
    """A workspace with a list that takes people by forms, however many come."""
    from tests.web.house import furnish as furnish_house

    furnish_house(folder)
    settings = folder / "mailer.toml"
    bounds = "signups_of_network = 100000\nsignups_to_list = 100000\n"
    settings.write_text(settings.read_text() + bounds + more)
    return folder


def told(process: subprocess.Popen[str]) -> tuple[list[dict[str, Any]], str]:
    """What it wrote, once it has ended."""
    import json

    out, err = process.communicate(timeout=60)
    return [json.loads(line) for line in out.splitlines()], err
