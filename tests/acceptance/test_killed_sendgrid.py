"""The promise with a provider that cannot be asked twice: real processes killed in the middle of real calls."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

from tests.acceptance.commands import command, environment, told
from tests.acceptance.killing import campaign
from tests.acceptance.test_killed_send import end
from tests.cli.campaign import ISSUE
from tests.providers.sendgrid_merges import KEY
from tests.providers.sendgrid_site import Says, Site, running

SEED = 20261123
PEOPLE = 600
BATCH = 20
KILLS = 4
IN_FLIGHT = 4 * BATCH  # calls at once, unless the settings say otherwise
LEASE = 2


def workspace(folder: Path, site: Site) -> list[str]:
    people = campaign(folder, PEOPLE, batch_size=BATCH, lease=LEASE)
    settings = (folder / "mailer.toml").read_text()
    sendgrid = f'[provider]\nname = "sendgrid"\nbase_url = "{site.url}"\ntimeout = 1\n'
    web = '[web]\nbase_url = "https://news.example.org"\n'
    (folder / "mailer.toml").write_text(web + settings.replace("[provider]\n", sendgrid))
    return people


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command("send", ISSUE, "--yes", "--json"), cwd=folder, env={**environment(), "SENDGRID_API_KEY": KEY},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_killed_in_the_middle_of_calls_nobody_gets_it_twice_and_nobody_is_lost(tmp_path: Path) -> None:
    moments = random.Random(SEED)
    with running() as site:
        people = workspace(tmp_path, site)
        for kill in range(KILLS):
            # Half of the calls take their time after the mails are taken, so that most kills hit one.
            site.plan.extend(Says(takes=True, wait=moments.choice([0, 0.15])) for _ in range(100))
            goal = len(site.sends) + moments.randint(1, 5)
            sender = start(tmp_path)
            while sender.poll() is None and len(site.sends) < goal:
                time.sleep(0.002)
            time.sleep(moments.uniform(0, 0.1))
            sender.send_signal(signal.SIGKILL)
            code, _, err = end(sender)
            assert code == -signal.SIGKILL, err
            site.plan.clear()
            counts = told(tmp_path, "status", ISSUE)["deliveries"]
            assert counts.get("doubtful", 0) + counts.get("submitting", 0) <= IN_FLIGHT * (kill + 1)
        code, out, err = end(start(tmp_path))
        assert code in (0, 3), err
        taken = Counter(mail.to for mail in site.mails)
    assert max(taken.values()) == 1, "somebody got it twice"
    counts = told(tmp_path, "status", ISSUE)["deliveries"]
    assert counts.keys() <= {"accepted", "doubtful"}, out
    assert sum(counts.values()) == PEOPLE
    assert counts.get("doubtful", 0) <= IN_FLIGHT * KILLS
    # Whoever is accepted has it; whoever does not have it is among those in doubt.
    missing = set(people) - taken.keys()
    assert counts["accepted"] <= len(taken)
    assert len(missing) <= counts.get("doubtful", 0)
