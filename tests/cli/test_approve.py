"""A second person approves: nothing goes on one person's word, and nothing that was edited since."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mailer.app import open_mailer
from mailer.errors import CheckError
from mailer.services.approvals import must_be_approved
from mailer.services.prepare import prepare
from mailer.services.scheduling import When, plan_schedule, schedule_issue
from mailer.services.sending.freezing import freeze_issue, plan_send
from mailer.workspace import Workspace
from tests.cli.campaign import ISSUE, add_people, addressees, ledger_rows, write_issue

# Users that are on every machine, by their numbers: whoever runs the tests is neither.
USERS = {"daemon": 1, "bin": 2}
REQUIRED = "\n[approval]\nrequired = 1\n"
PEOPLE = f'{REQUIRED}[approval.people.maria]\nuser = "daemon"\n[approval.people.tom]\nuser = "bin"\n'


@pytest.fixture
def ready(mailer: Any) -> Any:
    """An issue that could be sent, and the users that may be somebody."""
    add_people(mailer, "members", "ann@example.org,Ann,Oslo")
    write_issue(mailer, "Hello.")
    be(mailer, "bin")
    return mailer


def be(mailer: Any, user: str) -> None:
    mailer.monkeypatch.setattr("os.getuid", lambda: USERS[user])


def hash_of(mailer: Any) -> str:
    found: str = mailer.done("plan", ISSUE, "--json").json["hash"]
    return found


def approve(mailer: Any, *words: str, user: str = "daemon") -> Any:
    """Somebody else looks at what it is now, and approves it."""
    mine = os.getuid()
    be(mailer, user)
    run = mailer.done("approve", ISSUE, "--hash", hash_of(mailer)[:12], *words)
    mailer.monkeypatch.setattr("os.getuid", lambda: mine)
    return run


def history(mailer: Any) -> list[str]:
    changes = mailer.done("issues", "show", ISSUE, "--json").json["status"]["changes"]
    return [f"{each['what']} {each['detail']}".strip() for each in changes]


def test_nobody_sends_on_their_own_word(ready: Any) -> None:
    ready.add_settings(REQUIRED)
    run = ready("send", ISSUE)
    assert run.code == 1 and "needs 1 approval of its content as it is now, has none" in run.err
    assert f"mailer approve {ISSUE} --hash {hash_of(ready)[:12]}" in run.err
    approve(ready, user="bin")
    run = ready("send", ISSUE)
    assert run.code == 1 and "bin's does not count: they send it themselves" in run.err
    assert ledger_rows(ready)["issues"] == 0 and addressees(ready) == []
    approve(ready)
    ready.done("send", ISSUE)
    assert addressees(ready) == ["ann@example.org"]
    assert [each.partition(",")[0] for each in history(ready)] == ["frozen", "approved by daemon", "sent"]


def test_the_ready_made_line_is_one_line(ready: Any) -> None:
    ready.add_settings(PEOPLE)
    lines = ready("send", ISSUE).err.strip().splitlines()
    assert len(lines) == 2 and "for maria: mailer approve" in lines[1]


def test_plan_and_preview_say_how_it_stands(ready: Any) -> None:
    assert "approvals" not in ready.done("plan", ISSUE).out
    ready.add_settings(PEOPLE)
    assert "0 of 1" in ready.done("plan", ISSUE).out and "0 of 1" in ready.done("preview", ISSUE).out
    approve(ready)
    for command in ("plan", "preview"):
        assert "maria, as user, 20" in ready.done(command, ISSUE).out
        (voice,) = ready.done(command, ISSUE, "--json").json["approvals"]["voices"]
        assert (voice["who"], voice["how"], voice["not_counted"]) == ("maria", "user", "")


EDITS: dict[str, Callable[[Any], object]] = {
    "subject": lambda mailer: write_issue(mailer, "Hello.", subject="Other"),
    "body": lambda mailer: write_issue(mailer, "Hello!"),
    "segment": lambda mailer: write_issue(mailer, "Hello.", segment='city == "Oslo"'),
    "lists": lambda mailer: write_issue(mailer, "Hello.", lists=["members", "weekly"]),
    "archive": lambda mailer: write_issue(mailer, "Hello.", archive=True),
    "cap": lambda mailer: mailer.write("subscribers/members.toml", MEMBERS.format("cap = { issues = 2, days = 7 }")),
    "reply_to": lambda mailer: mailer.write("subscribers/members.toml", MEMBERS.format('reply_to = "a@example.org"')),
    "archive of the list": lambda mailer: mailer.write("subscribers/members.toml", MEMBERS.format("archive = true")),
    "theme": lambda mailer: mailer.add_settings('[theme.colours]\nprimary = "#123456"\n'),
    "template": lambda mailer: mailer.write("templates/bulletin.txt.jinja", "Dear reader,"),
}
MEMBERS = 'title = "Members"\nopt_in = "single"\n{}\n'


@pytest.mark.parametrize("edit", EDITS)
def test_any_edit_voids_it(ready: Any, edit: str) -> None:
    ready.add_settings(PEOPLE)
    approve(ready)
    add_people(ready, "weekly", "ben@example.org,Ben,Oslo")
    before = hash_of(ready)
    EDITS[edit](ready)
    with open_mailer(Workspace(ready.root), {}) as program:
        prepared = prepare(program, ISSUE)
        assert prepared.hash != before
        with program.store.read() as connection, pytest.raises(CheckError, match="it was of other content"):
            must_be_approved(connection, program.settings, (ISSUE, prepared.hash))


def test_who_comes_to_a_list_or_leaves_it_voids_nothing(ready: Any) -> None:
    """Approved is the rule by which people are chosen, and who they are is decided when it goes."""
    ready.add_settings(PEOPLE)
    approve(ready)
    add_people(ready, "members", "ben@example.org,Ben,Oslo")
    ready.done("send", ISSUE)
    assert addressees(ready) == ["ann@example.org", "ben@example.org"]


def test_a_hash_of_then_is_refused_with_what_changed(ready: Any) -> None:
    old = hash_of(ready)
    file = write_issue(ready, "Hello there.")
    os.utime(file, (4_000_000_000, 4_000_000_000))
    run = ready("approve", ISSUE, "--hash", old)
    assert run.code == 1 and f"{ISSUE} is not {old[:12]} but {hash_of(ready)[:12]} now" in run.err
    assert f"changed last is issues/{ISSUE}.md, 2096-10-02 07:06 UTC" in run.err
    for short in (old[:11], "xyz" * 6, "g" * 12, ""):
        assert ready("approve", ISSUE, "--hash", short).code == 2


def test_a_scheduled_issue_is_approved_too_and_a_word_taken_back_makes_it_a_draft(ready: Any) -> None:
    ready.add_settings(PEOPLE)
    run = ready("send", ISSUE, "--at", "+2h")
    assert run.code == 1 and "needs 1 approval" in run.err
    approve(ready)
    ready.done("send", ISSUE, "--at", "+2h")
    assert [each.split(",")[0].split(" for")[0] for each in history(ready)] == ["scheduled", "approved by maria"]
    run = ready("approve", ISSUE, "--withdraw")
    assert run.code == 1 and "tom approved nothing" in run.err
    be(ready, "daemon")
    assert "is a draft again" in ready.done("approve", ISSUE, "--withdraw").out
    be(ready, "bin")
    assert ready.done("plan", ISSUE, "--json").json["state"] is None
    assert ready("send", ISSUE).code == 1
    approve(ready)
    ready.done("send", ISSUE)


def test_a_word_for_an_edited_file_can_be_taken_back_and_what_is_scheduled_stays(ready: Any) -> None:
    ready.add_settings(PEOPLE)
    approve(ready)
    ready.done("send", ISSUE, "--at", "+2h")
    write_issue(ready, "Hello again.")
    approve(ready, user="bin")
    assert "draft" not in ready.done("approve", ISSUE, "--withdraw").out
    assert ready.done("plan", ISSUE, "--json").json["state"] == "scheduled"


def test_what_was_sent_can_neither_be_approved_nor_taken_back(ready: Any) -> None:
    approve(ready)
    ready.done("send", ISSUE)
    run = ready("approve", ISSUE, "--hash", "a" * 12)
    assert run.code == 1 and "is sent already" in run.err
    be(ready, "daemon")
    run = ready("approve", ISSUE, "--withdraw")
    assert run.code == 1 and "cannot be taken back" in run.err


def test_a_scheduled_issue_whose_approver_is_gone_is_paused_when_it_begins(ready: Any) -> None:
    ready.add_settings(PEOPLE)
    approve(ready)
    ready.done("send", ISSUE, "--at", "+1s")
    ready.write("mailer.toml", (ready.root / "mailer.toml").read_text().replace("people.maria", "people.mary"))
    with closing(sqlite3.connect(ready.root / "mailer.db")) as connection:
        connection.execute("UPDATE issues SET due_at = due_at - 60000000")
        connection.commit()
    assert "it has 0 of 1 approval" in (run := ready("send", "--due")).out + run.err
    assert addressees(ready) == []
    run = ready("resume", ISSUE)
    assert run.code == 1 and "it has 0 of 1 approval" in run.err
    approve(ready)
    assert history(ready)[-1].startswith("approved by mary, as user"), "given late, and there at once"
    ready.done("resume", ISSUE)
    ready.done("send", ISSUE)
    assert addressees(ready) == ["ann@example.org"]


def test_it_is_asked_where_it_is_written_down_and_not_only_by_the_command(ready: Any) -> None:
    ready.add_settings(PEOPLE)
    with open_mailer(Workspace(ready.root), {}) as program:
        prepared = plan_send(program, ISSUE)[0]
        with pytest.raises(CheckError, match="needs 1 approval"):
            freeze_issue(program, prepared)
        with pytest.raises(CheckError, match="needs 1 approval"):
            schedule_issue(program, prepared, plan_schedule(program, prepared, When("+2h")))
    assert set(ledger_rows(ready).values()) == {0}


def test_tests_and_dry_runs_need_nobody(ready: Any) -> None:
    ready.add_settings(PEOPLE)
    ready.done("send", ISSUE, "--dry-run")
    ready.done("test", ISSUE, "--to", "office@example.org")


def test_a_second_time_is_the_first(ready: Any) -> None:
    assert " is approved by daemon" in approve(ready).out
    assert " was approved by daemon" in approve(ready).out
    assert len(ready.done("plan", ISSUE, "--json").json["approvals"]["voices"]) == 1


def test_either_a_hash_or_taking_back(ready: Any) -> None:
    for words in ((), ("--hash", "a" * 12, "--withdraw")):
        run = ready("approve", ISSUE, *words)
        assert run.code == 2 and "either --hash or --withdraw" in run.err


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "id"
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "maria@desk", "-f", str(file)]
    subprocess.run(make, check=True, capture_output=True)
    return file


def test_a_key_approves_on_an_account_that_many_share(ready: Any, key: Path) -> None:
    public = key.with_suffix(".pub").read_text().strip()
    ready.add_settings(f'{REQUIRED}[approval.people.maria]\nkey = "{public}"\n')
    run = ready("approve", ISSUE, "--hash", hash_of(ready))
    assert run.code == 2 and "the user bin is nobody of [approval.people]" in run.err
    assert "approved by maria, by key" in approve(ready, "--key", str(key), user="bin").out
    ready.done("send", ISSUE)
    assert [each.partition(", 20")[0] for each in history(ready)][1] == "approved by maria, by key"


def test_who_has_a_key_is_told_to_use_it(ready: Any, key: Path) -> None:
    public = key.with_suffix(".pub").read_text().strip()
    ready.add_settings(f'{REQUIRED}[approval.people.maria]\nuser = "bin"\nkey = "{public}"\n')
    run = ready("approve", ISSUE, "--hash", hash_of(ready))
    assert run.code == 2 and "maria approves with a key" in run.err


def test_a_signature_that_was_written_into_the_database_does_not_count(ready: Any, key: Path) -> None:
    public = key.with_suffix(".pub").read_text().strip()
    ready.add_settings(f'{REQUIRED}[approval.people.maria]\nkey = "{public}"\n')
    approve(ready, "--key", str(key), user="bin")
    before = hash_of(ready)
    write_issue(ready, "Buy this.")
    after = hash_of(ready)
    with closing(sqlite3.connect(ready.root / "mailer.db")) as connection:
        moved = "UPDATE approvals SET hash = ?, statement = replace(statement, ?, ?)"
        connection.execute(moved, (after, before, after))
        connection.commit()
    run = ready("send", ISSUE)
    assert run.code == 1 and "it is not signed with their key" in run.err


def test_keys_that_are_nobodys_or_none_are_said(ready: Any, key: Path) -> None:
    ready.add_settings(PEOPLE)
    for words, says in (
        (("--key", str(key)), "that key is nobody's"),
        (("--key", str(key.with_suffix(".pub"))), "no private key of OpenSSH"),
        (("--key", str(ready.root / "absent")), "absent"),
    ):
        run = ready("approve", ISSUE, "--hash", "a" * 12, *words)
        assert run.code in (1, 2) and says in run.err, run.err
        assert len(run.err.strip().splitlines()) <= 2
