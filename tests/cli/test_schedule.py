"""`mailer send --at`, `--local-time`, `--not-after`: when an issue begins, in a person's words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailer.app import open_mailer
from mailer.store import issues as stored_issues
from mailer.workspace import Workspace
from tests.cli.campaign import ISSUE, Piece, add_articles, add_people, crowd, ledger_rows, mails, write_issue

OSLO = '[organisation]\nname = "Rivers United"\nzone = "Europe/Oslo"\n'
PEOPLE = ("ann@example.org,Ann,Oslo", "bo@example.org,Bo,Bergen")


@pytest.fixture
def issue(mailer: Any) -> Any:
    settings = (mailer.root / "mailer.toml").read_text()
    mailer.write("mailer.toml", settings.replace('[organisation]\nname = "Rivers United"\n', OSLO))
    add_people(mailer, "members", *PEOPLE)
    write_issue(mailer, "Hello {{ subscriber.first_name }}.")
    return mailer


def row(mailer: Any) -> stored_issues.StoredIssue | None:
    with open_mailer(Workspace(mailer.root), {}) as program, program.store.read() as connection:
        return stored_issues.get(connection, ISSUE)


def test_it_is_written_down_now_and_nothing_leaves(issue: Any) -> None:
    run = issue.done("send", ISSUE, "--at", "+14h")
    first, second = run.out.splitlines()
    assert first.startswith(f"{ISSUE} is scheduled for ")
    assert first.endswith("UTC), in 14 h")
    assert "Europe/Oslo (" in first
    assert second == "its content is that of now; who gets it is decided when it begins"
    assert mails(issue) == []
    assert issue.done("send", "--due").out == ""
    told = issue.done("status", ISSUE, "--json").json
    assert told["figures"]["state"] == "scheduled"


def test_a_day_and_a_time_are_those_of_the_office(issue: Any) -> None:
    day = (datetime.now(UTC) + timedelta(days=200)).date()
    offset = 2 if 4 <= day.month <= 9 else 1
    if day.month in (3, 10):
        day, offset = day.replace(day=1), {3: 1, 10: 2}[day.month]
    told = issue.done("send", ISSUE, "--at", f"{day} 09:00", "--json").json
    assert told["schedule"] == {"due_at": f"{day}T0{9 - offset}:00:00Z", "not_after": None, "local_time": ""}
    assert told["zone"] == "Europe/Oslo"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--at", "yesterday 09:00"), 2, '"yesterday 09:00" is not a time'),
        (("--at", "2020-01-01 09:00"), 2, "days ago"),
        (("--at", "+2h", "--not-after", "+1h"), 2, "--not-after is"),
        (("--local-time", "9 am"), 2, '"9 am" is not a time of day'),
        (("--local-time", "09:00", "--at", "09:00"), 2, "beside --local-time, --at is a day"),
        (("--local-time", "00:00", "--at", "today"), 2, "ago"),
        (("--at", "+2h", "--frozen"), 2, "--frozen is for a send that begins now"),
        (("--at", "+2h", "--max-rate", "5"), 2, "--max-rate is for a send that begins now"),
        (("--due",), 2, "--due is for all issues"),
    ],
)
def test_what_cannot_be_is_one_line(issue: Any, words: tuple[str, ...], code: int, says: str) -> None:
    run = issue("send", ISSUE, *words)
    assert run.code == code
    assert says in run.err
    assert row(issue) is None


def test_without_an_issue_it_asks_which(issue: Any) -> None:
    run = issue("send")
    assert (run.code, run.err.splitlines()[0]) == (2, "error: which issue?")


def test_again_replaces_content_and_time_and_says_so(issue: Any) -> None:
    issue.done("send", ISSUE, "--at", "+2h")
    before = row(issue)
    write_issue(issue, "Other words.")
    run = issue.done("plan", ISSUE)
    assert "the file has changed since then: schedule it again" in run.out
    assert "its file has changed since it was scheduled" in issue.done("status", ISSUE).out
    run = issue.done("send", ISSUE, "--at", "+3h")
    assert "content and time are those of now" in run.out
    after = row(issue)
    assert before is not None
    assert after is not None
    assert before.due_at is not None
    assert after.due_at is not None
    assert after.due_at - before.due_at > timedelta(minutes=59)
    assert after.hash != before.hash
    assert "changed since" not in issue.done("plan", ISSUE).out


def test_a_file_that_is_gone_does_not_matter_any_more(issue: Any) -> None:
    issue.done("send", ISSUE, "--at", "now")
    (issue.root / "issues" / f"{ISSUE}.md").unlink()
    assert "its file cannot be read any more" in issue.done("status", ISSUE).out
    issue.done("send", "--due")
    assert len(mails(issue)) == 2


def test_a_dry_run_says_when_and_to_whom_and_writes_nothing(issue: Any) -> None:
    run = issue.done("send", ISSUE, "--local-time", "09:00", "--dry-run")
    assert "recipients  2" in run.out
    assert "it would be scheduled for" in run.out
    assert "no known zone" in run.out
    assert set(ledger_rows(issue).values()) == {0}
    told = issue.done("send", ISSUE, "--at", "+1h", "--dry-run", "--json").json
    assert (told["plan"]["recipients"], told["schedule"]["moments"]) == (2, [])


def test_readers_clocks_are_shown_with_how_many_there_are(issue: Any) -> None:
    rows = (
        "email,timezone,first name\n"
        + "".join(f"p{n}@example.org,Asia/Tokyo,Ann\n" for n in range(3))
        + "q@example.org,America/Lima,Quispe\n"
    )
    issue.done("subscribers", "import", "-", "--list", "members", stdin=rows.encode())
    moments = issue.done("send", ISSUE, "--local-time", "09:00", "--json").json["moments"]
    assert [(each["people"], each["zones"], each["others"]) for each in moments] == [
        (3, ["Asia/Tokyo"], False),
        (2, [], True),
        (1, ["America/Lima"], False),
    ]
    assert [each["due_at"][11:16] for each in moments][::2] == ["00:00", "14:00"]


def test_a_plain_send_of_a_scheduled_issue_is_refused(issue: Any) -> None:
    issue.done("send", ISSUE, "--at", "+2h")
    run = issue("send", ISSUE)
    assert run.code == 1
    assert f'issue "{ISSUE}" is scheduled' in run.err
    assert f"mailer cancel {ISSUE}" in run.err
    assert mails(issue) == []


def test_cancelled_it_is_a_draft_again(issue: Any) -> None:
    issue.done("send", ISSUE, "--at", "+2h")
    issue.done("cancel", ISSUE)
    assert row(issue) is None
    write_issue(issue, "Other words.")
    assert issue.done("send", ISSUE, "--json").json["deliveries"] == {"accepted": 2}


def test_what_was_sent_cannot_be_scheduled(issue: Any) -> None:
    issue.done("send", ISSUE)
    run = issue("send", ISSUE, "--at", "+2h")
    assert run.code == 1
    assert "is sent already and cannot be scheduled" in run.err


def test_many_people_need_a_word_when_it_is_scheduled(issue: Any) -> None:
    issue.add_settings("[limits]\nconfirm_above = 10\n")
    add_people(issue, "members", *crowd(20))
    run = issue("send", ISSUE, "--at", "+2h")
    assert run.code == 2
    assert "goes to 22 people on members, which needs a word: --yes" in run.err
    assert row(issue) is None
    issue.done("send", ISSUE, "--at", "+2h", "--yes")
    assert row(issue) is not None


def test_checks_stop_it_when_it_is_scheduled_and_again(issue: Any) -> None:
    issue.done("send", ISSUE, "--at", "+2h")
    write_issue(issue, "Hello {{ subscriber.firstname }}.")
    run = issue("send", ISSUE, "--at", "+2h")
    assert run.code == 1
    assert "unwritable" in run.err


def test_its_articles_are_taken_and_its_own_plan_does_not_mind(issue: Any) -> None:
    keys = add_articles(issue, Piece("Weir"))
    write_issue(issue, "[articles]", articles=[{"key": keys["Weir"]}])
    issue.done("send", ISSUE, "--at", "+2h")
    assert issue.done("articles", "show", keys["Weir"], "--json").json["sent"] == {"members": ISSUE}
    issue.done("send", ISSUE, "--at", "+3h")
    write_issue(issue, "[articles]", name="2026-11-29-other", articles=[{"key": keys["Weir"]}])
    run = issue("send", "2026-11-29-other", "--at", "+3h")
    assert "repeated" in run.err


def test_a_last_moment_for_a_send_that_begins_now(issue: Any) -> None:
    issue.done("send", ISSUE, "--not-after", "+1h")
    stored = row(issue)
    assert stored is not None
    assert stored.not_after is not None
    run = issue("send", ISSUE, "--not-after", "+1h")
    assert run.code == 2
    assert "--not-after is said when it is first sent" in run.err
