"""Every way in which a call to SendGrid goes wrong, in the middle of a send: what it took and what the ledger says."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import pytest

from mailer.model import DeliveryState
from tests.acceptance.forking import Fork
from tests.acceptance.killing import Bench, Cell, over
from tests.providers.sendgrid_site import Says, Site, running

HTML = b"<html><head><title>413 Request Entity Too Large</title></head><body>nginx</body></html>"
BATCH = 4
GOOD = Says(takes=True)
IN_DOUBT = {
    "slower than the time-out": Says(takes=True, wait=1.5),
    "dropped before it is read": Says(drop="before"),
    "dropped after it is read": Says(drop="after"),
    "taken, then dropped": Says(takes=True, drop="after"),
    "taken, then 500": Says(500, b'{"errors": [{"message": "oops"}]}', takes=True),
    "502 in HTML": Says(502, HTML),
    "503 without a body": Says(503),
    "redirected": Says(302, headers={"Location": "/v3/elsewhere"}),
    "200, which no send is answered with": Says(200, b"{}", takes=True),
}
DIVIDED = {"413 in HTML": Says(413, HTML), "400 without a body": Says(400)}
CELLS = [Cell("sendgrid", 1, "sqlite"), Cell("sendgrid", 4, "postgresql")]


def limited(seconds: float) -> Says:
    """Too many requests; the time until when is told in whole seconds."""
    headers = {"X-RateLimit-Limit": "600", "X-RateLimit-Remaining": "0"}
    return Says(429, headers={**headers, "X-RateLimit-Reset": str(int(time.time() + seconds) + 1)})


def sent_to_the_end(bench: Bench) -> dict[str, object]:
    sender = bench.start()
    assert sender.wait() in (0, 3), sender.err.read_text()
    assert "Traceback" not in sender.err.read_text()
    told: dict[str, object] = json.loads(sender.out.read_text())
    return told


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_an_answer_that_says_nothing_leaves_its_batch_in_doubt(cell: Cell, tmp_path: Path, fork: Fork) -> None:
    cell = Cell(cell.provider, cell.connections, cell.database, people=40 * BATCH, batch=BATCH)
    with running() as site:
        with over(cell, tmp_path, fork, port(site), lambda: [mail.to for mail in site.mails]) as bench:
            # A good one between them: it is not the provider that is broken.
            site.plan.extend(each for fault in IN_DOUBT.values() for each in (GOOD, fault, GOOD))
            said = sent_to_the_end(bench)
            assert bench.faults(len(IN_DOUBT) * BATCH) == []
            counts = bench.ledger().counts()
        paths = {asked.path for asked in site.asked}
    assert counts == {
        DeliveryState.DOUBTFUL: len(IN_DOUBT) * BATCH,
        DeliveryState.ACCEPTED: (40 - len(IN_DOUBT)) * BATCH,
    }
    assert said["twice"] == 0
    assert "/v3/elsewhere" not in paths


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_what_was_certainly_not_taken_is_sent_in_the_end(cell: Cell, tmp_path: Path, fork: Fork) -> None:
    cell = Cell(cell.provider, cell.connections, cell.database, people=40 * BATCH, batch=BATCH)
    with running() as site:
        with over(cell, tmp_path, fork, port(site), lambda: [mail.to for mail in site.mails]) as bench:
            site.plan.extend(each for fault in (*DIVIDED.values(), limited(1)) for each in (GOOD, fault, GOOD, GOOD))
            said = sent_to_the_end(bench)
            assert bench.faults(0) == []
            counts = bench.ledger().counts()
        answers = len(site.sends)
    assert counts == Counter({DeliveryState.ACCEPTED: cell.people})
    assert said["twice"] == 0
    assert answers >= 40 + len(DIVIDED) + 1


def port(site: Site) -> int:
    return int(site.url.rpartition(":")[2])
