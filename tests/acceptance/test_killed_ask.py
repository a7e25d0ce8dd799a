"""Asking people to confirm in real processes that are killed: nobody is asked twice, and everybody else is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.acceptance.commands import command, environment, header, told, workspace

FOLDER = "confirmations.weekly"
PEOPLE = 350
# The program, with an outbox that ends the process in the middle of the batch of that number.
DYING = """
import os, signal, sys
from mailer.cli import main
from mailer.providers import outbox

batches, last, when = 0, int(sys.argv[1]), sys.argv[2]
submit = outbox.Outbox.submit

def dying(self, batch):
    global batches
    batches += 1
    if batches == last and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    receipts = submit(self, batch)
    if batches == last and when == "after":
        os.kill(os.getpid(), signal.SIGKILL)
    return receipts

outbox.Outbox.submit = dying
sys.exit(main(sys.argv[3:]))
"""


def double_opt_in(folder: Path, count: int) -> list[str]:
    workspace(folder)
    (folder / "subscribers" / "weekly.toml").write_text('title = "Weekly"\nopt_in = "double"\n')
    people = [f"reader{number:05d}@example.org" for number in range(count)]
    told(folder, "subscribers", "import", "-", "--list", "weekly", stdin="\n".join(("email", *people)) + "\n")
    return people


def mailed(folder: Path) -> Counter[str]:
    return Counter(header(path, "To") for path in (folder / "outbox" / FOLDER / "new").glob("*.eml"))


ASK = ("subscribers", "ask", "--list", "weekly", "--yes", "--json")


@pytest.mark.parametrize(("when", "written"), [("before", 100), ("after", 200)])
def test_killed_between_writing_down_and_handing_over(tmp_path: Path, when: str, written: int) -> None:
    people = double_opt_in(tmp_path, PEOPLE)
    dying = [sys.executable, "-c", DYING, "2", when, "--workspace", str(tmp_path), *ASK]
    ended = subprocess.run(dying, env=environment(), capture_output=True, check=False, timeout=120)
    assert ended.returncode == -signal.SIGKILL
    assert sum(mailed(tmp_path).values()) == written
    again = told(tmp_path, *ASK[:-1])
    # The hundred that were in its hands count as asked, whether or not their mails were written.
    assert (again["due"], again["asked"]) == (150, 150)
    got = mailed(tmp_path)
    assert set(got.values()) == {1}
    assert len(got) == (250 if when == "before" else PEOPLE)
    assert set(got) <= set(people)


def test_asked_to_stop_it_stops_after_a_batch_and_goes_on_later(tmp_path: Path) -> None:
    people = double_opt_in(tmp_path, 1200)
    asking = subprocess.Popen(
        command(*ASK), cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while asking.poll() is None and not mailed(tmp_path):
        time.sleep(0.005)
    os.kill(asking.pid, signal.SIGINT)
    out, err = asking.communicate(timeout=120)
    done = json.loads(out)
    assert (asking.returncode, done["stopped"]) == (3, True), err
    assert 0 < done["asked"] < len(people)
    assert sum(mailed(tmp_path).values()) == done["asked"]
    assert told(tmp_path, *ASK[:-1])["asked"] == len(people) - done["asked"]
    assert mailed(tmp_path) == Counter(people)
