"""`mailer doubts` and `events`: from a lost answer to its end, by evidence and by a person's word."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.cli.campaign import ISSUE, Piece, add_articles, add_people, crowd, write_issue
from tests.cli.test_sendgrid import write_settings
from tests.providers.sendgrid_merges import KEY
from tests.providers.sendgrid_site import Says, Site, running

AN_HOUR_AGO = "UPDATE deliveries SET updated_at = updated_at - 3600000000 WHERE state = 'doubtful'"


@pytest.fixture
def site() -> Iterator[Site]:
    with running() as made:
        yield made


@pytest.fixture
def mailer(mailer: Any, site: Site, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An issue whose first batch of 40 was taken by SendGrid, which then answered that it broke."""
    monkeypatch.setenv("SENDGRID_API_KEY", KEY)
    monkeypatch.setenv("USER", "kim")
    write_settings(mailer, site.url)
    add_people(mailer, "members", *crowd(100))
    add_articles(mailer, Piece("The river is clean"))
    write_issue(mailer, "Dear {{ subscriber.first_name }},\n\n[articles]")
    site.plan += [Says(500, takes=True)]
    run = mailer("send", ISSUE, "--yes")
    assert run.code == 3, run.err
    return mailer


def sql(mailer: Any, statement: str) -> list[Any]:
    with closing(sqlite3.connect(mailer.root / "mailer.db")) as connection, connection:
        return connection.execute(statement).fetchall()


def age(mailer: Any) -> None:
    sql(mailer, AN_HOUR_AGO)


def states(mailer: Any) -> dict[str, int]:
    return dict(sql(mailer, "SELECT state, count(*) FROM deliveries GROUP BY state"))


def posted(site: Site, *names: str, count: int = 100) -> bytes:
    """What the webhook would post of the mails that the stand-in took."""
    return json.dumps(
        [
            {"event": name, "timestamp": 1795000000 + number, "email": mail.to, **mail.arguments, "sg_event_id": "x"}
            for number, mail in enumerate(site.mails[:count])
            for name in names
        ]
    ).encode()


def doubted(site: Site) -> list[str]:
    """The references of the batch that is in doubt."""
    return [each["custom_args"]["mailer_delivery"] for each in site.sends[0].json["personalizations"]]


def test_the_list_says_where_and_why(mailer: Any) -> None:
    run = mailer("doubts", "list")
    assert run.code == 3
    assert "40 mails may have been sent or not" in run.err
    assert "hint: SendGrid's events may settle them: mailer events import FILE; else a person does: " in run.err
    assert f"mailer doubts resolve {ISSUE} --as sent, or --as resend" in run.err
    (doubt,) = mailer("doubts", "list", ISSUE, "--json").json
    assert (doubt["issue"], doubt["people"], doubt["provider"]) == (ISSUE, 40, "sendgrid")
    assert list(doubt["reasons"].values()) == [40]
    assert "HTTP 500" in next(iter(doubt["reasons"]))


def test_what_the_webhook_posts_settles_it(mailer: Any, site: Site) -> None:
    assert states(mailer) == {"accepted": 60, "doubtful": 40}
    arguments = [{"mailer_delivery": reference, "mailer_batch": "1"} for reference in doubted(site)]
    about = [{"event": "delivered", "timestamp": 1795000000, "response": "250 OK", **each} for each in arguments]
    body = json.dumps(about[:30]).encode() + b"\n" + json.dumps(about[20:]).encode() + b"\n" + posted(site, "processed")
    run = mailer.done("events", "import", "-", stdin=body)
    assert "110 events read" not in run.out
    assert f"{ISSUE}: 40 in doubt were accepted after all" in run.out
    assert states(mailer) == {"accepted": 100}
    assert mailer.done("doubts", "list").out == "nothing is in doubt\n"
    again = mailer.done("events", "import", "-", "--json", stdin=body).json
    assert (again["new"], again["settled"], again["known"]) == ({}, {}, again["read"])


def test_a_forged_post_settles_nothing(mailer: Any, site: Site) -> None:
    tag = doubted(site)[0].partition(".")[2]
    numbers = [reference.partition(".")[0] for reference in doubted(site)]
    forged = [
        {"event": "delivered", "timestamp": 1795000000, "mailer_delivery": f"{number}.{tag}"} for number in numbers[1:]
    ]
    told = mailer.done("events", "import", "-", "--json", stdin=json.dumps(forged).encode()).json
    assert (told["new"], told["foreign"]) == ({}, 39)
    assert states(mailer)["doubtful"] == 40


def test_a_file_with_broken_lines_is_taken_in_and_said(mailer: Any, site: Site) -> None:
    file = mailer.write("posts.json", posted(site, "delivered") + b"\n{broken")
    run = mailer("events", "import", str(file))
    assert run.code == 3
    assert "line 2: not JSON" in run.err
    assert sql(mailer, "SELECT count(*) FROM events") == [(100,)]
    run = mailer("events", "import", "-", stdin=b"email,first name\n")
    assert (run.code, "no file of events" in run.err) == (2, True)
    assert "@" not in run.err


def test_resolving_as_sent(mailer: Any) -> None:
    run = mailer("doubts", "resolve", ISSUE, "--as", "sent")
    assert run.code == 2
    assert "40 people" in run.err
    assert "--yes" in run.err
    planned = mailer.done("doubts", "resolve", ISSUE, "--as", "sent", "--dry-run").out
    assert "40 people" in planned
    assert states(mailer)["doubtful"] == 40
    done = mailer.done("doubts", "resolve", ISSUE, "--as", "sent", "--yes", "--json").json
    assert (done["people"], done["batches"], done["done"]) == (40, 1, True)
    assert states(mailer) == {"accepted": 100}
    ((detail,),) = sql(mailer, "SELECT DISTINCT detail FROM deliveries WHERE detail != ''")
    assert detail.startswith("taken as sent on the word of kim, ")
    ((address,),) = sql(
        mailer,
        "SELECT email FROM subscribers JOIN deliveries ON subscriber_id = subscribers.id WHERE detail != '' LIMIT 1",
    )
    explained = mailer.done("explain", address, ISSUE).out
    assert "nobody knew whether they got it; taken as sent on the word of kim, " in explained
    assert "accepted by" not in explained, "nobody has said so"


def test_resolving_as_resend_sends_it_again(mailer: Any, site: Site) -> None:
    tried = mailer.done("doubts", "resolve", ISSUE, "--as", "resend", "--dry-run")
    assert "not before" in tried.err
    run = mailer("doubts", "resolve", ISSUE, "--as", "resend", "--yes")
    assert (run.code, "too young" in run.err) == (1, True)
    age(mailer)
    done = mailer.done("doubts", "resolve", ISSUE, "--as", "resend", "--yes")
    assert "40 people of" in done.out
    assert f"mailer send {ISSUE} --frozen" in done.out
    assert mailer.done("send", ISSUE, "--frozen", "--json").json["accepted_now"] == 40
    assert states(mailer) == {"accepted": 100}
    copies = Counter(Counter(mail.to for mail in site.mails).values())
    assert copies == {1: 60, 2: 40}, "SendGrid had taken them: what a person said led to second copies"


def test_one_person_from_standard_input(mailer: Any) -> None:
    age(mailer)
    words = ("doubts", "resolve", ISSUE, "--email", "-", "--yes", "--json")
    doubtful = sql(
        mailer, "SELECT email FROM subscribers s JOIN deliveries d ON d.subscriber_id = s.id WHERE d.state = 'doubtful'"
    )
    one, two = (row[0].encode() for row in doubtful[:2])
    assert mailer.done(*words, "--as", "sent", stdin=one).json["people"] == 1
    assert mailer.done(*words, "--as", "resend", stdin=two).json["people"] == 1
    assert states(mailer) == {"accepted": 61, "doubtful": 38, "pending": 1}
    run = mailer(*words, "--as", "sent", stdin=one)
    assert (run.code, "is not in doubt for that person" in run.err) == (1, True)
    assert one.decode() not in run.err


def test_now_warns_and_does_it(mailer: Any) -> None:
    run = mailer("doubts", "resolve", ISSUE, "--as", "resend", "--yes", "--now")
    assert run.code == 0
    assert "may still be at work" in run.err
    assert states(mailer)["pending"] == 40


def test_a_number_is_typed_above_the_limit(mailer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    mailer.add_settings("\n[limits]\nconfirm_above = 10\n")
    monkeypatch.setattr("mailer.cli.output.interactive", lambda: True)
    asked: list[str] = []

    def answer(text: str, **_: Any) -> str:
        asked.append(text)
        return "39" if len(asked) == 1 else "40"

    monkeypatch.setattr("typer.prompt", answer)
    run = mailer("doubts", "resolve", ISSUE, "--as", "sent")
    assert (run.code, "nothing was changed" in run.err) == (2, True)
    assert states(mailer)["doubtful"] == 40
    mailer.done("doubts", "resolve", ISSUE, "--as", "sent")
    assert states(mailer) == {"accepted": 100}
    assert "40 people" in asked[0]


def test_a_batch_that_is_not_in_doubt(mailer: Any) -> None:
    run = mailer("doubts", "resolve", ISSUE, "--as", "sent", "--batch", "99", "--yes")
    assert run.code == 1
    assert "batch 99" in run.err
