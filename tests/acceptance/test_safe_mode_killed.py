"""Safe mode under real kills: nobody twice, nobody lost, and nobody in doubt in the end."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from mailer.providers.sendgrid.access import HOLD, SEND
from tests.acceptance.commands import environment, told
from tests.acceptance.killing import campaign
from tests.acceptance.test_killed_send import end
from tests.cli.campaign import ISSUE
from tests.providers.sendgrid_kept import MOST, Said
from tests.providers.sendgrid_merges import KEY
from tests.providers.sendgrid_site import Says, Site, running

SEED = 20261124
KILLS = 4
SETTINGS = """name = "sendgrid"
base_url = "{url}"
timeout = 1
connections = 1
safe = true
[web]
base_url = "https://news.example.org"
"""


# The program, which tries a drop again after a sender that was killed at it: after two seconds and not fifteen.
MAILER = """
import sys
from datetime import timedelta
from mailer.services.sending import holding
holding.AGAIN = timedelta(seconds=2)
from mailer.cli import main
sys.exit(main())
"""


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", MAILER, "send", ISSUE, "--yes", "--json"],
        cwd=folder, env={**environment(), "SENDGRID_API_KEY": KEY},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def calls(site: Site) -> int:
    return len(site.asked)


def drops(site: Site) -> int:
    return sum("scheduled_sends" in each.path and each.method != "GET" for each in site.asked)


def slowly(moments: random.Random) -> Callable[[Callable[[], Said]], Said | None]:
    """Some calls about batches take their time before or after what they do, so that kills hit them."""
    before, after = moments.choice([(0, 0), (0.1, 0), (0, 0.1)])

    def answer(do: Callable[[], Said]) -> Said:
        time.sleep(before)
        said = do()
        time.sleep(after)
        return said

    return answer


def kill(folder: Path, site: Site, moments: random.Random, at_a_drop: bool) -> None:
    """One sender, killed at some call; `at_a_drop`: where one before it left a doubt behind, while that is dropped."""
    site.plan.extend(Says(takes=True, wait=moments.choice([0, 0.15])) for _ in range(100))
    site.kept.plan.extend(slowly(moments) for _ in range(100))
    count, more = (drops, 1) if at_a_drop else (calls, moments.randint(3, 14))
    goal = count(site) + more
    sender = start(folder)
    while sender.poll() is None and count(site) < goal:
        time.sleep(0.002)
    time.sleep(moments.uniform(0, 0.1))
    sender.send_signal(signal.SIGKILL)
    code, _, err = end(sender)
    assert code == -signal.SIGKILL, err
    site.plan.clear()
    site.kept.plan.clear()


def test_killed_anywhere_everybody_gets_it_once_and_nobody_has_to_be_asked(tmp_path: Path) -> None:
    moments = random.Random(SEED)
    with running() as site:
        site.scopes = Says(200, json.dumps({"scopes": [*SEND, *HOLD]}).encode())
        people = campaign(tmp_path, 400, batch_size=20, lease=2, provider=SETTINGS.format(url=site.url))
        for number in range(KILLS):
            kill(tmp_path, site, moments, at_a_drop=number % 2 == 1 and bool(doubts(tmp_path)))
        code, out, err = end(start(tmp_path))
        assert code == 0, err
        assert len(site.kept.words) < MOST - 2, "so many doubts that it would have been paused"
        left = Counter(mail.to for mail in site.kept.left())
    assert site.mails == []
    assert max(left.values()) == 1, "somebody gets it twice"
    assert set(left) == set(people), "somebody does not get it"
    counts = told(tmp_path, "status", ISSUE)["deliveries"]
    assert counts == {"accepted": len(people)}, out


def doubts(folder: Path) -> int:
    """Deliveries that the senders that were killed left behind."""
    counts = told(folder, "status", ISSUE)["deliveries"]
    return int(counts.get("doubtful", 0) + counts.get("submitting", 0))
