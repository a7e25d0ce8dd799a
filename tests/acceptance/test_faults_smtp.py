"""Every way in which a mail server fails in the middle of a send: what it took and what the ledger says."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import pytest

from mailer.model import DeliveryState
from mailer.providers.smtp.connection import FINAL_FACTOR
from tests.acceptance.forking import Fork
from tests.acceptance.killing import Cell, over
from tests.providers.smtp_server import Answer, Close, MailServer, Step, Take, answers, listening

PEOPLE = 120
CELLS = [
    Cell("smtp", 1, "sqlite", people=PEOPLE, batch=40),
    Cell("smtp", 4, "postgresql", people=PEOPLE, batch=40),
]
SOON = "try again in 1 seconds"


def sent(cell: Cell, folder: Path, fork: Fork, step: Step, most_doubts: int = 0) -> tuple[Counter[DeliveryState], str]:
    """One sender to the end over a server that answers like this: the states, and what stood on standard error."""
    with listening(MailServer(step)) as server, over(cell, folder, fork, server.port, server.recipients) as bench:
        sender = bench.start()
        code, err = sender.wait(), sender.err.read_text()
        assert bench.faults(most_doubts) == [], err
        assert "Traceback" not in err
        counts = bench.ledger().counts()
        states = {state.value: count for state, count in counts.items()}
        assert json.loads(sender.out.read_text())["deliveries"] == states
        assert code == (0 if counts == {DeliveryState.ACCEPTED: PEOPLE} else 3)
        return counts, err


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_goodbyes_in_the_middle_lose_nobody(cell: Cell, tmp_path: Path, fork: Fork) -> None:
    """421 at every step but the last, and connections that end without a word before the text."""
    table: dict[tuple[str, int], Answer] = {
        ("MAIL", 9): "421 4.3.2 going down", ("RCPT", 25): "421 4.7.0 idle for too long",
        ("DATA", 40): "421 4.3.2 going down", ("MAIL", 60): Close, ("RCPT", 75): Close, ("DATA", 90): Close,
    }  # fmt: skip
    counts, _ = sent(cell, tmp_path, fork, answers(table))
    assert counts == {DeliveryState.ACCEPTED: PEOPLE}


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_taken_without_a_word_is_in_doubt_and_nothing_else_is(cell: Cell, tmp_path: Path, fork: Fork) -> None:
    """The connection ends after the dot, with the mail or without it."""
    counts, _ = sent(cell, tmp_path, fork, answers({("END", 20): Take, ("END", 45): Close}), most_doubts=2)
    assert counts == {DeliveryState.ACCEPTED: PEOPLE - 2, DeliveryState.DOUBTFUL: 2}


def test_an_answer_that_comes_too_late_is_a_doubt(tmp_path: Path, fork: Fork) -> None:
    """Later than a server may take to scan a mail, and than the lease."""

    def step(word: str, count: int) -> Answer | None:
        if (word, count) == ("END", 70):
            time.sleep(FINAL_FACTOR * 1.0 + 3)
        return None

    counts, _ = sent(CELLS[0], tmp_path, fork, step, most_doubts=1)
    assert counts == {DeliveryState.ACCEPTED: PEOPLE - 1, DeliveryState.DOUBTFUL: 1}


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_refused_and_put_off_alone(cell: Cell, tmp_path: Path, fork: Fork) -> None:
    """An address that does not exist, a greylist, a server that has no time for the moment, slow answers."""

    def step(word: str, count: int) -> Answer | None:
        if word == "END" and count % 10 == 0:
            time.sleep(0.1)
        return {
            ("RCPT", 10): "550 5.1.1 no such user", ("RCPT", 30): f"450 4.2.1 greylisted, {SOON}",
            ("RCPT", 50): f"451 4.7.1 {SOON}", ("END", 60): f"452 4.2.2 mailbox full, {SOON}",
        }.get((word, count))  # fmt: skip

    counts, _ = sent(cell, tmp_path, fork, step)
    assert counts == {DeliveryState.ACCEPTED: PEOPLE - 1, DeliveryState.REFUSED: 1}
