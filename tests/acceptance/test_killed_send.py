"""The promise, with real processes that are killed: each recipient once, and the ledger adds up."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.commands import command, environment, header, told
from tests.acceptance.killing import campaign as campaign
from tests.cli.campaign import ISSUE
from tests.thoroughness import sized

SEED = 20261122
PEOPLE = sized(1000, 2000)
KILLS = 4


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command("send", ISSUE, "--yes", "--json"),
        cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def end(sender: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = sender.communicate(timeout=120)
    return sender.returncode, out, err


def files(folder: Path) -> list[Path]:
    new = folder / "outbox" / ISSUE / "new"
    return sorted(new.glob("*.eml")) if new.is_dir() else []


def wait_for(sender: subprocess.Popen[str], ready: Callable[[], bool]) -> None:
    while sender.poll() is None and not ready():
        time.sleep(0.002)


def addressees(folder: Path) -> Counter[str]:
    """How many mails there are for each address: from the header of every file."""
    return Counter(header(path, "To") for path in files(folder))


def check_everybody_once(folder: Path, people: list[str]) -> None:
    assert addressees(folder) == Counter(people)
    ids = Counter(header(path, "Message-ID") for path in files(folder))
    assert set(ids.values()) == {1}
    status = told(folder, "status", ISSUE)
    assert status["figures"]["state"] == "sent"
    assert status["deliveries"] == {"accepted": len(people)}
    assert status["left_out"] == {}
    again = told(folder, "send", ISSUE)
    assert (again["accepted_now"], again["twice"], again["recipients"]) == (0, 0, len(people))


def test_killed_again_and_again_it_sends_each_mail_once(tmp_path: Path) -> None:
    """The moments: once so many mails are there, and then a little later, so that every step is hit.

    All of them in the first half, so that on a slow machine as well there is something left to do.
    """
    people = campaign(tmp_path, PEOPLE, batch_size=100, lease=3)
    moments = random.Random(SEED)
    for number in sorted(moments.sample(range(PEOPLE // 2), KILLS)):
        sender = start(tmp_path)
        wait_for(sender, lambda number=number: len(files(tmp_path)) > number)  # type: ignore[misc]
        time.sleep(moments.uniform(0, 0.03))
        sender.send_signal(signal.SIGKILL)
        assert end(sender)[0] == -signal.SIGKILL
        assert set(addressees(tmp_path).values()) <= {1}
    figures = told(tmp_path, "status", ISSUE)["figures"]
    assert figures["state"] == "sending"
    assert figures["accepted"] + figures["waiting"] + figures["doubtful"] == PEOPLE
    assert figures["accepted"] <= len(files(tmp_path)) < PEOPLE
    code, _, err = end(start(tmp_path))
    assert code == 0, err
    check_everybody_once(tmp_path, people)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_ends_its_batch_and_says_how_to_go_on(tmp_path: Path, number: signal.Signals) -> None:
    people = campaign(tmp_path, 400, batch_size=10, lease=30)
    sender = start(tmp_path)
    wait_for(sender, lambda: len(files(tmp_path)) >= 20)
    sender.send_signal(number)
    code, out, err = end(sender)
    assert code == 3, err
    assert "stopping after this batch" in err
    assert f"hint: go on: mailer send {ISSUE}" in err
    status = told(tmp_path, "status", ISSUE)
    assert status["deliveries"] == {"accepted": len(files(tmp_path)), "pending": 400 - len(files(tmp_path))}
    assert f'"accepted_now": {len(files(tmp_path))}' in out
    assert len(files(tmp_path)) % 10 == 0
    assert told(tmp_path, "send", ISSUE, "--yes")["accepted_now"] == 400 - status["deliveries"]["accepted"]
    check_everybody_once(tmp_path, people)


def test_of_two_senders_at_once_one_works_and_the_other_says_so(tmp_path: Path) -> None:
    people = campaign(tmp_path, 3000, batch_size=20, lease=30)
    answers = [end(sender) for sender in [start(tmp_path), start(tmp_path)]]
    assert sorted(code for code, _, _ in answers) == [0, 3], [err for _, _, err in answers]
    told_by = {code: (json.loads(out), err) for code, out, err in answers}
    assert told_by[0][0]["accepted_now"] == 3000, "nobody was handed over by both"
    assert (told_by[3][0]["accepted_now"], told_by[3][0]["ended"]) == (0, "elsewhere")
    assert "another sender is at work on it" in told_by[3][1]
    check_everybody_once(tmp_path, people)
