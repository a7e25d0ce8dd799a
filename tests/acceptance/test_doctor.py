"""The doctor beside a real `mailer serve`: the pages are asked as mail programs ask them, and nobody is touched."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.acceptance.commands import command, environment
from tests.acceptance.serving import furnish, serving


def test_our_own_pages_are_found_in_order(tmp_path: Path) -> None:
    folder = furnish(tmp_path / "house")
    key = {"MAILER_SECRET_KEY": "k" * 64}
    with serving(folder, **key) as server:
        here = key | {"MAILER_WEB__BASE_URL": f"http://127.0.0.1:{server.port}"}
        run = subprocess.run(
            command("--workspace", str(folder), "doctor", "--json"),
            env=environment() | here, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    found = [(each["area"], each["state"], each["words"]) for each in json.loads(run.stdout)["verdicts"]]
    assert ("web", "ok", "127.0.0.1 answers") in found
    assert ("one click", "ok", "unsubscribing answers, shown and posted") in found
    assert ("web", "error", "base_url has no https, which one click needs (RFC 8058)") in found
    assert run.returncode == 1, run.stderr
