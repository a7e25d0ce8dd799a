"""`safe = true`: SendGrid keeps what it takes for a while, and nobody has to be asked about what is in doubt."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailer.providers.sendgrid.access import HOLD, SEND
from tests.cli.campaign import ISSUE, Piece, add_articles, add_people, crowd, ledger_rows, write_issue
from tests.cli.test_sendgrid import sent, write_settings
from tests.providers.sendgrid_kept import MOST, wrong
from tests.providers.sendgrid_merges import KEY
from tests.providers.sendgrid_site import Says, Site, running

PEOPLE = 100
ONE_AT_A_TIME = "connections = 1\n"


@pytest.fixture
def site() -> Iterator[Site]:
    with running() as made:
        made.scopes = Says(200, json.dumps({"scopes": [*SEND, *HOLD]}).encode())
        yield made


@pytest.fixture
def mailer(mailer: Any, site: Site, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A workspace in safe mode, with a hundred people in three batches."""
    monkeypatch.setenv("SENDGRID_API_KEY", KEY)
    monkeypatch.setattr("mailer.services.sending.workers.KEPT_SECONDS", 0.0)
    monkeypatch.setattr("mailer.providers.sendgrid.provider.PAUSE", 0.1)
    write_settings(mailer, site.url, "safe = true\n" + ONE_AT_A_TIME)
    add_people(mailer, "members", *crowd(PEOPLE))
    add_articles(mailer, Piece("The river is clean"))
    write_issue(mailer, "Dear reader,\n\n[articles]\n", lists=["members"])
    return mailer


def leaving(site: Site) -> Counter[str]:
    assert site.mails == [], "nothing leaves at once"
    return Counter(mail.to for mail in site.kept.left())


def test_everything_is_kept_for_a_while_and_everybody_gets_it_once(mailer: Any, site: Site) -> None:
    before = datetime.now(UTC)
    told = sent(mailer)
    after = datetime.now(UTC)
    assert (told["deliveries"], told["twice"]) == ({"accepted": PEOPLE}, 0)
    assert set(leaving(site).values()) == {1}
    assert len(leaving(site)) == PEOPLE
    assert len(site.kept.made) == len(site.sends) == 3, "a number for each batch"
    for each in site.sends:
        at = datetime.fromtimestamp(each.json["send_at"], UTC)
        assert before + timedelta(minutes=24) < at < after + timedelta(minutes=26)


@pytest.mark.parametrize("takes", [True, False], ids=["taken", "not taken"])
@pytest.mark.parametrize("says", ["500", "dropped"])
def test_a_doubt_is_settled_by_itself(mailer: Any, site: Site, takes: bool, says: str) -> None:
    doubt = Says(500, takes=takes) if says == "500" else Says(drop="after", takes=takes)
    site.plan += [Says(takes=True), doubt]
    told = sent(mailer)
    assert told["deliveries"] == {"accepted": PEOPLE}
    assert told["state"] == "sent"
    assert set(leaving(site).values()) == {1}
    assert len(leaving(site)) == PEOPLE
    assert [word for word, _ in site.kept.words.values()] == ["cancel"]
    run = mailer.done("issues", "show", ISSUE)
    assert "40 mails in doubt were dropped before they left, and go out with batch 4" in run.out


def test_a_doubt_that_cannot_be_dropped_waits_for_a_person(
    mailer: Any, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither now nor later: then it is as without safe mode."""
    monkeypatch.setattr("mailer.services.sending.holding.SLACK", timedelta(minutes=15) - timedelta(seconds=3))
    monkeypatch.setattr("mailer.services.sending.holding.WINDOW", timedelta(minutes=-5))
    monkeypatch.setattr("mailer.services.sending.holding.AGAIN", timedelta(seconds=1))
    # Else it would be waited for the end of the minute.
    monkeypatch.setattr("mailer.services.sending.holding.MINUTE", timedelta(seconds=1))
    site.plan += [Says(takes=True), Says(500, takes=True)]
    site.kept.refuses = lambda method, path: wrong(500, "no") if "scheduled" in path and method != "GET" else None
    told = sent(mailer, code=3)
    assert told["deliveries"] == {"accepted": 60, "doubtful": 40}
    assert set(leaving(site).values()) == {1}
    assert sent(mailer, code=3)["deliveries"] == {"accepted": 60, "doubtful": 40}
    run = mailer("doubts", "list", ISSUE)
    assert run.code == 3
    assert "40 mails may have been sent or not" in run.err


def test_many_doubts_pause_the_issue(mailer: Any, site: Site) -> None:
    write_settings(mailer, site.url, "safe = true\n" + ONE_AT_A_TIME)
    text = (mailer.root / "mailer.toml").read_text(encoding="utf-8").replace("batch_size = 40", "batch_size = 5")
    mailer.write("mailer.toml", text)
    site.plan += [Says(500, takes=True)] * 30
    run = mailer("send", ISSUE, "--yes")
    assert run.code == 3
    assert "8 batches fell into doubt within a short time, and sendgrid drops no more than 10 at once" in run.err
    assert len(site.kept.words) <= MOST
    site.plan.clear()
    assert set(leaving(site).values()) <= {1}
    counts = mailer.done("status", ISSUE, "--json").json["deliveries"]
    assert counts.keys() <= {"pending", "accepted"}, "nobody is in doubt"


def test_it_says_when_the_mails_leave(mailer: Any, site: Site) -> None:
    run = mailer.done("send", ISSUE, "--yes")
    at = datetime.fromtimestamp(site.sends[-1].json["send_at"], UTC)
    assert f"{at:%H:%M} UTC; until ten minutes before, mailer cancel {ISSUE} takes them back" in run.out
    assert "the provider keeps 100 mails, which leave " in run.out
    assert at.second == 0
    assert sum(each["mails"] for each in sent(mailer)["held"]) == PEOPLE
    assert f"{at:%H:%M}" in mailer.done("status", ISSUE).out


def test_an_issue_that_was_sent_is_taken_back(mailer: Any, site: Site) -> None:
    sent(mailer)
    plan = mailer.done("cancel", ISSUE, "--dry-run")
    assert "the provider keeps 100 mails until their time, and would be told to drop them" in plan.out
    assert len(leaving(site)) == PEOPLE
    run = mailer("cancel", ISSUE)
    assert run.code == 2, "it asks first"
    assert "100 mails of" in run.err
    run = mailer.done("cancel", ISSUE, "--yes")
    assert "of these the provider had 100 mails already, and dropped them" in run.out
    assert leaving(site) == Counter()
    told = mailer.done("status", ISSUE, "--json").json
    assert told["deliveries"] == {"cancelled": PEOPLE}
    assert mailer.done("cancel", ISSUE, "--yes").code == 0


def test_one_that_is_stopped_half_way_is_taken_back_as_a_whole(mailer: Any, site: Site) -> None:
    site.plan += [Says(takes=True), Says(401)]
    assert mailer("send", ISSUE, "--yes").code != 0
    assert len(leaving(site)) == 40
    run = mailer.done("cancel", ISSUE, "--yes", "--json")
    assert (run.json["kept_back"], run.json["recalled"]["mails"], run.json["held"]) == (PEOPLE, 40, 0)
    assert leaving(site) == Counter()


def test_a_copy_takes_nothing_back(mailer: Any, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The original would never hear that those mails do not leave."""
    sent(mailer)
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("MAILER_IDENTITY", "a copy")
        run = mailer("cancel", ISSUE, "--yes")
    assert run.code == 1
    assert "a copy must not send" in run.err
    assert len(leaving(site)) == PEOPLE
    assert mailer.done("status", ISSUE, "--json").json["deliveries"] == {"accepted": PEOPLE}


def test_a_copy_takes_nothing_back_of_what_it_stops_half_way(
    mailer: Any, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.plan += [Says(takes=True), Says(401)]
    assert mailer("send", ISSUE, "--yes").code != 0
    monkeypatch.setenv("MAILER_IDENTITY", "a copy")
    assert mailer("cancel", ISSUE, "--yes").code == 1
    assert len(leaving(site)) == 40


def test_what_cannot_be_taken_back_is_told(mailer: Any, site: Site) -> None:
    sent(mailer)
    site.kept.refuses = lambda how, path: wrong(400, "no") if "scheduled" in path and how != "GET" else None
    run = mailer("cancel", ISSUE, "--yes")
    assert run.code == 3
    assert "the provider keeps 100 mails until their time; they go all the same" in run.out
    assert f"while there is time: mailer cancel {ISSUE} asks again" in run.err
    assert mailer.done("status", ISSUE, "--json").json["deliveries"] == {"accepted": PEOPLE}
    site.kept.refuses = lambda how, path: wrong(500, "no") if "scheduled" in path and how != "GET" else None
    run = mailer("cancel", ISSUE, "--yes")
    assert run.code == 3
    assert "whether it dropped 3 batches is not known" in run.out
    assert mailer.done("status", ISSUE, "--json").json["deliveries"] == {"doubtful": PEOPLE}
    assert len(leaving(site)) == PEOPLE


def test_without_safe_mode_what_was_sent_was_sent(mailer: Any, site: Site) -> None:
    write_settings(mailer, site.url)
    sent(mailer)
    run = mailer("cancel", ISSUE, "--yes")
    assert run.code == 1
    assert "was sent; there is nothing left to stop" in run.err


def test_one_who_cannot_be_mailed_is_refused_alone(mailer: Any, site: Site) -> None:
    site.bad = {"reader0007@example.org"}
    told = sent(mailer, code=3)
    assert told["deliveries"] == {"accepted": PEOPLE - 1, "refused": 1}
    assert len(site.kept.made) == 3
    assert set(leaving(site).values()) == {1}


def test_without_a_number_nothing_is_sent(mailer: Any, site: Site) -> None:
    site.kept.refuses = lambda _, path: wrong(403, "access forbidden") if path == "/v3/mail/batch" else None
    run = mailer("send", ISSUE, "--yes")
    assert run.code == 1
    assert "sendgrid gives no number to keep a batch under" in run.err
    assert "mail.batch.create" in run.err
    assert site.sends == []
    site.kept.refuses = lambda _, path: None
    assert sent(mailer)["deliveries"] == {"accepted": PEOPLE}


def test_a_key_without_the_right_to_drop_freezes_nothing(mailer: Any, site: Site) -> None:
    site.scopes = Says(200, json.dumps({"scopes": [*SEND, "mail.batch.create"]}).encode())
    run = mailer("send", ISSUE, "--yes")
    assert run.code == 1
    assert "lacks the scopes user.scheduled_sends.create, user.scheduled_sends.read" in run.err
    assert ledger_rows(mailer)["issues"] == 0


def test_a_wrong_clock_is_told_before_anything_leaves(mailer: Any, site: Site) -> None:
    site.kept.clock, site.kept.now = True, lambda: datetime.now(UTC).timestamp() + 3600
    run = mailer("send", ISSUE, "--yes")
    assert run.code == 1
    assert "this machine's clock is 60 minutes behind sendgrid's" in run.err
    assert site.sends == []


def test_mails_that_ask_people_to_confirm_leave_at_once(mailer: Any, site: Site) -> None:
    mailer.write(
        "subscribers/weekly.toml", 'title = "Weekly"\nopt_in = "double"\nconsent = "You agree to a mail a week."\n'
    )
    mailer.done("subscribers", "add", "new@example.org", "--list", "weekly")
    mailer.done("subscribers", "ask", "--list", "weekly", "--yes")
    assert "new@example.org" in [mail.to for mail in site.mails]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('name = "smtp"\nsafe = true', "cannot be safe with smtp"),
        ('name = "sendgrid"\nsafe_minutes = 19', "provider.safe_minutes must be 20 or more"),
        ('name = "sendgrid"\nsafe_minutes = 1441', "provider.safe_minutes must be 1440 or less"),
    ],
)
def test_wrong_settings_are_told(mailer: Any, settings: str, words: str) -> None:
    text = (mailer.root / "mailer.toml").read_text(encoding="utf-8").partition("\n[provider]")[0]
    mailer.write("mailer.toml", f"{text}\n[provider]\n{settings}\n")
    run = mailer("plan", ISSUE)
    assert run.code == 1
    assert words in run.err


def test_the_outbox_is_safe_by_itself(mailer: Any) -> None:
    text = (mailer.root / "mailer.toml").read_text(encoding="utf-8").partition("\n[provider]")[0]
    mailer.write("mailer.toml", f'{text}\n[provider]\nname = "outbox"\nsafe = true\n')
    assert sent(mailer)["deliveries"] == {"accepted": PEOPLE}
