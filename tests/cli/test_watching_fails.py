"""Who looks after a sender's threads cannot reach the database for a moment: what they have in hand is written down."""

from __future__ import annotations

import time
from typing import Any

import pytest

from mailer.errors import StoreError
from mailer.model import Batch, Receipt
from mailer.providers.outbox import Outbox
from mailer.services.sending.workers import Workers
from tests.cli.campaign import ISSUE, add_people, write_issue


def test_a_send_does_not_leave_its_threads_behind(mailer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    add_people(mailer, "members", "ann@example.org,Ann,Oslo", "bo@example.org,Bo,Bergen")
    write_issue(mailer, "Hello.")
    looks: list[float] = []
    submit, state = Outbox.submit, Workers.state

    def slow(self: Outbox, batch: Batch) -> tuple[Receipt, ...]:
        time.sleep(1.5)
        return submit(self, batch)

    def failing(self: Workers) -> None:
        looks.append(time.monotonic())
        if len(looks) in (2, 3):
            raise StoreError("mailer: the server cannot be reached, or the connection broke")
        state(self)

    monkeypatch.setattr(Outbox, "submit", slow)
    monkeypatch.setattr(Workers, "state", failing)
    run = mailer("send", ISSUE, "--json")
    assert len(looks) >= 3, "it failed twice and went on"
    assert (run.code, run.json["state"], run.json["accepted_now"]) == (0, "sent", 2), run.err


def test_what_is_in_flight_is_written_down_before_another_error_ends_it(
    mailer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_people(mailer, "members", "ann@example.org,Ann,Oslo", "bo@example.org,Bo,Bergen")
    write_issue(mailer, "Hello.")
    submit = Outbox.submit

    def slow(self: Outbox, batch: Batch) -> tuple[Receipt, ...]:
        time.sleep(1.5)
        return submit(self, batch)

    looks: list[float] = []

    def broken(self: Workers) -> None:
        looks.append(time.monotonic())
        if len(looks) > 1:
            raise BrokenPipeError

    monkeypatch.setattr(Outbox, "submit", slow)
    monkeypatch.setattr(Workers, "state", broken)
    mailer("send", ISSUE, "--json")
    assert len(looks) > 1
    assert mailer.done("status", ISSUE, "--json").json["deliveries"] == {"accepted": 2}
