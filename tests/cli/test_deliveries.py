"""`mailer deliveries list`: the ledger's rows of an issue, filtered, as a table, JSON and CSV."""

from __future__ import annotations

import csv
import io
import resource
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from mailer.app import open_mailer
from mailer.services.deliveries import csv_lines, deliveries
from mailer.services.sending.freezing import freeze_issue, plan_send
from mailer.store.listing import Wanted
from mailer.workspace import Workspace
from tests.cli.campaign import ISSUE, add_people, crowd, write_issue

SETTINGS = "\n[provider]\nname = 'outbox'\nbatch_size = 2\n"


@pytest.fixture
def sent(mailer: Any) -> Any:
    """Three people got an issue; the mail to a fourth could not be written, who has moved away since the freeze."""
    mailer.add_settings(SETTINGS)
    people = ("ann@example.org,Ann,Oslo", "bo@grønn.example,Bo,Ås", "=cy@example.org,Cy,Oslo", "di@example.org,Di,Oslo")
    add_people(mailer, "members", *people)
    write_issue(mailer, "Dear {{ subscriber.city }},")
    freeze(mailer)
    with closing(sqlite3.connect(mailer.root / "mailer.db")) as connection, connection:
        connection.execute("UPDATE subscribers SET attributes = '{}' WHERE email LIKE 'bo%'")
    assert mailer("send", ISSUE, "--yes").code == 3
    return mailer


def freeze(mailer: Any) -> None:
    with open_mailer(Workspace(mailer.root), {}) as program:
        freeze_issue(program, plan_send(program, ISSUE)[0])


def rows(mailer: Any, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = mailer.done("deliveries", "list", ISSUE, *words, "--json").json
    return found


def test_every_delivery(sent: Any) -> None:
    told = rows(sent)
    assert [(each["email"], each["state"], each["batch"]) for each in told] == [
        ("ann@example.org", "accepted", 1),
        ("bo@grønn.example", "refused", 1),
        ("=cy@example.org", "accepted", 2),
        ("di@example.org", "accepted", 2),
    ]
    assert "not written" in told[1]["detail"]
    assert told[0]["provider_id"] == "new/000001.eml"
    table = sent.done("deliveries", "list", ISSUE).out.splitlines()
    assert table[0].split() == ["ADDRESS", "STATE", "BATCH", "WHEN", "(UTC)", "DETAIL", "PROVIDER", "ID"]
    assert [line.split()[0] for line in table[1:]] == [each["email"] for each in told]


def test_filters(sent: Any) -> None:
    assert [each["email"] for each in rows(sent, "--state", "refused")] == ["bo@grønn.example"]
    assert len(rows(sent, "--state", "refused", "--state", "accepted")) == 4
    assert [each["email"] for each in rows(sent, "--domain", "@GRØNN.example")] == ["bo@grønn.example"]
    assert len(rows(sent, "--domain", "example.org", "--batch", "2")) == 2
    assert len(rows(sent, "--limit", "1")) == 1
    assert rows(sent, "--domain", "example.com") == []


def test_csv_runs_nothing(sent: Any) -> None:
    text = sent.done("deliveries", "list", ISSUE, "--csv").out
    read = list(csv.DictReader(io.StringIO(text)))
    assert [each["email"] for each in read][2] == "<=cy@example.org>"
    assert [each["state"] for each in read] == ["accepted", "refused", "accepted", "accepted"]
    assert read[0]["at"].endswith("Z")


def test_somebody_forgotten_is_told_as_that(sent: Any) -> None:
    sent.done("subscribers", "forget", "ann@example.org", "--yes")
    assert rows(sent)[0]["email"] is None
    assert "(forgotten)" in sent.done("deliveries", "list", ISSUE).out
    assert sent.done("deliveries", "list", ISSUE, "--csv").out.splitlines()[1].startswith("(forgotten),accepted,1,")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--state", "refusd"), 2, 'unknown state "refusd": did you mean "refused"?'),
        (("--domain", "a b"), 2, "--domain: "),
        (("--csv", "--json"), 2, "two ways of printing one thing"),
    ],
)
def test_mistakes(sent: Any, words: tuple[str, ...], code: int, said: str) -> None:
    run = sent("deliveries", "list", ISSUE, *words)
    assert run.code == code
    assert said in run.err


def test_an_issue_that_was_not_sent(sent: Any) -> None:
    write_issue(sent, name="later")
    run = sent("deliveries", "list", "later")
    assert (run.code, run.out) == (1, "")
    assert "issue later was not sent yet" in run.err


def test_many_rows_need_no_memory(mailer: Any) -> None:
    add_people(mailer, "members", *(f"reader{number:05d}@example.org,Ann,Oslo" for number in range(20_000)))
    write_issue(mailer)
    freeze(mailer)
    with open_mailer(Workspace(mailer.root), {}) as program, deliveries(program, ISSUE, Wanted()) as found:
        lines = csv_lines(found)
        for _ in range(2000):
            next(lines)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert sum(1 for _ in lines) == 18_001
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (after - before) * 1024 < 4_000_000


def test_a_crowd_is_whole(mailer: Any) -> None:
    add_people(mailer, "members", *crowd(30))
    write_issue(mailer)
    mailer.done("send", ISSUE, "--yes")
    assert len({each["id"] for each in rows(mailer)}) == 30
