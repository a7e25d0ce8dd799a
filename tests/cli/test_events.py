"""`mailer events import` and `doubts list` where nothing was sent."""

from __future__ import annotations

import json

from tests.cli.conftest import Program

EVENT = {"event": "delivered", "timestamp": 1795000000, "email": "ada@example.org", "sg_event_id": "x"}


def test_events_of_others_are_counted_and_not_kept(mailer: Program) -> None:
    told = [
        EVENT,
        {**EVENT, "mailer_delivery": "1.0123456789abcdef"},
        {**EVENT, "mailer_delivery": "confirm." + "a" * 32},
        {**EVENT, "event": "account_status_change"},
    ]
    run = mailer.done("events", "import", "-", stdin=json.dumps(told).encode())
    assert run.out.splitlines() == [
        "4 events read, 0 new",
        "1 about mails that ask to confirm; of those nothing is kept but what follows",
        "2 about mails that were not sent from this database",
        "1 about no mail",
    ]
    assert "ada" not in run.out + run.err


def test_an_empty_post(mailer: Program) -> None:
    assert mailer.done("events", "import", "-", stdin=b"[]").out == "0 events read, 0 new\n"
    assert mailer.done("events", "import", "-", stdin=b"").out == "0 events read, 0 new\n"


def test_a_file_that_is_not_there(mailer: Program) -> None:
    run = mailer("events", "import", "nonesuch.json")
    assert (run.code, "nonesuch.json" in run.err) == (1, True)


def test_nothing_in_doubt(mailer: Program) -> None:
    assert mailer.done("doubts", "list").out == "nothing is in doubt\n"
    assert mailer.done("doubts", "list", "--json").json == []
    for words in (("list", "nonesuch"), ("resolve", "nonesuch", "--as", "sent")):
        run = mailer("doubts", *words)
        assert (run.code, "nonesuch" in run.err) == (1, True)
