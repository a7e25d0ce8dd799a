"""A sender killed at any moment: of the mails in order, only the first one that nobody heard of may have been taken."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.providers.smtp_server import MailServer, listening, slowly

SEED = 20261122
MAILS = 2000

# Hears of each mail by a line of a file, as the ledger hears of it by a row.
SENDER = f"""
import os, sys
from tests.providers.smtp_server import MailServer, provider
from mailer.model import Batch, Envelope

text = b"From: a@example.org\\r\\n\\r\\n" + b"hello\\r\\n" * 500
mails = tuple(Envelope(n, "a@example.org", f"reader{{n}}@example.net", text) for n in range({MAILS}))
file = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def tell(receipt):
    os.write(file, f"{{receipt.delivery_id}} {{receipt.outcome}}\\n".encode())
    return True

provider(MailServer(port=int(sys.argv[1]))).submit_each(Batch(1, "i", 1, mails), tell)
"""


@pytest.mark.parametrize("kill", range(8))
@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "step by step"])
def test_a_kill_leaves_one_mail_in_doubt(tmp_path: Path, kill: int, pipelining: bool) -> None:
    chance = random.Random(SEED + kill)
    slow = chance.choice(["MAIL", "RCPT", "DATA", "END"])
    server = MailServer(slowly(0.0005, slow), ("PIPELINING",) if pipelining else ())
    heard = tmp_path / "heard"
    with listening(server):
        sender = subprocess.Popen([sys.executable, "-c", SENDER, str(server.port), str(heard)])
        while len(server.taken) < 5 and sender.poll() is None:
            time.sleep(0.002)
        time.sleep(chance.uniform(0.0, 0.3))
        sender.send_signal(signal.SIGKILL)
        sender.wait()
        time.sleep(0.1)  # what had left arrives
    told = [int(line.split()[0]) for line in heard.read_text().splitlines() if line.endswith(" accepted")]
    taken = [int(recipient.removeprefix("reader").partition("@")[0]) for recipient in server.recipients()]
    assert 5 <= len(told) < MAILS, "it was killed in the middle"
    assert told == list(range(len(told)))
    assert taken in (told, [*told, len(told)])
