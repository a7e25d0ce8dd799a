"""`mailer bounces`: from a mail server's pipe, an mbox and a Maildir, and what waits for a person."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mailer.render.bounces import BounceAddresses
from mailer.workspace import Workspace
from tests.cli.campaign import ISSUE, add_people, write_issue
from tests.unit.bounces.letters import away, dsn

BOUNCES = "bounces@example.org"
STRAY = b"From: Eve <eve@example.net>\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= \x1b[31m\n\nA question.\n"


@pytest.fixture
def mailer(mailer: Any) -> Any:
    """An issue that two people got."""
    add_people(mailer, "members", "ada@example.org,Ada,Oslo", "ben@example.org,Ben,Oslo")
    mailer.add_settings(f'\n[provider]\nname = "outbox"\nbounces = "{BOUNCES}"\n')
    write_issue(mailer)
    mailer.done("send", ISSUE, "--yes")
    return mailer


def bounce(mailer: Any, number: int = 1, **values: str) -> bytes:
    keys = Workspace(mailer.root).secret_keys({})
    to = BounceAddresses(keys, BOUNCES).address(number)
    return dsn(**{"to": to, "recipient": "", "original": "", "returned": "Subject: x", "id": f"n{number}", **values})


def suppressed(mailer: Any) -> int:
    return len(mailer.done("suppressions", "list", "--json").json)


def mbox(*mails: bytes) -> bytes:
    return b"".join(b"From MAILER-DAEMON Sun Nov 22 08:30:00 2026\n" + mail + b"\n" for mail in mails)


def maildir(folder: Path, *mails: bytes) -> Path:
    for name in ("new", "cur", "tmp"):
        (folder / name).mkdir(parents=True)
    for number, mail in enumerate(mails):
        (folder / "new" / f"{number}.host").write_bytes(mail)
    return folder


def test_one_mail_on_standard_input(mailer: Any) -> None:
    run = mailer.done("bounces", "read", "-", "--dry-run", stdin=bounce(mailer))
    assert run.out.splitlines() == ["1 mail read, 1 bounced hard", "nothing was changed"]
    assert suppressed(mailer) == 0
    run = mailer.done("bounces", "read", "-", stdin=b"From MAILER-DAEMON Sun Nov 22 08:30:00 2026\n" + bounce(mailer))
    assert run.out.splitlines()[0] == "1 mail read, 1 bounced hard"
    assert suppressed(mailer) == 1
    assert mailer.done("bounces", "read", "-", "--json", stdin=bounce(mailer)).json["known"] == 1


def test_a_file_with_whom_the_mail_server_delivered_it_to(mailer: Any, tmp_path: Path) -> None:
    to = BounceAddresses(Workspace(mailer.root).secret_keys({}), BOUNCES).address(2)
    (tmp_path / "mail").write_bytes(bounce(mailer, to="postmaster@example.org"))
    run = mailer.done("bounces", "read", str(tmp_path / "mail"), "--recipient", to, "--json")
    assert run.json["new"] == {"bounced_hard": 1}


def test_a_mail_servers_pipe_in_a_process_of_its_own(mailer: Any) -> None:
    """Exit code 0 also for what nobody understands: anything else makes the server send a bounce of its own."""
    command = [sys.executable, "-m", "mailer", "-w", str(mailer.root), "bounces", "read", "-"]
    for mail in (STRAY, bounce(mailer, 2) + b"x" * (3 << 20)):
        done = subprocess.run(command, input=mail, capture_output=True, check=False, env={**os.environ, "LANG": "C"})
        assert (done.returncode, done.stderr) == (0, b""), done.stderr
    assert suppressed(mailer) == 1


def test_an_mbox_is_read_to_its_end_and_left_as_it_is(mailer: Any, tmp_path: Path) -> None:
    body = b"From: eve@example.net\nSubject: x\n\n>From here on\nFrom what I see\n"
    data = mbox(bounce(mailer, 1), bounce(mailer, 2), away(), body)
    (tmp_path / "mbox").write_bytes(data)
    run = mailer.done("bounces", "read", "--mbox", str(tmp_path / "mbox"), "--json")
    assert (run.json["read"], run.json["new"], run.json["replies"]) == (4, {"bounced_hard": 2}, 1)
    assert (tmp_path / "mbox").read_bytes() == data
    assert "From here on\nFrom what I see" in mailer.done("bounces", "show", "1").out
    again = mailer.done("bounces", "read", "--mbox", str(tmp_path / "mbox"), "--json").json
    assert (again["known"], again["new"]) == (3, {})


def test_what_is_no_mbox_is_told(mailer: Any, tmp_path: Path) -> None:
    (tmp_path / "mbox").write_bytes(bounce(mailer))
    run = mailer("bounces", "read", "--mbox", str(tmp_path / "mbox"))
    assert (run.code, "is no mbox" in run.err) == (1, True)


def test_a_maildir_is_marked_as_seen(mailer: Any, tmp_path: Path) -> None:
    folder = maildir(tmp_path / "Maildir", bounce(mailer, 1), STRAY, away())
    (folder / "new" / "0.host").rename(folder / "cur" / "0.host:2,F")
    (folder / "cur" / "9.host:2,S").write_bytes(bounce(mailer, 2))
    (folder / "new" / "8.link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").write_bytes(bounce(mailer, 2))
    (folder / "new" / ".hidden").write_bytes(b"")
    os.mkfifo(folder / "new" / "7.pipe")
    run = mailer.done("bounces", "read", "--maildir", str(folder), "--dry-run", "--json")
    assert (run.json["read"], len(list((folder / "new").iterdir()))) == (3, 5)
    run = mailer.done("bounces", "read", "--maildir", str(folder), "--limit", "2", "--json")
    assert run.json["read"] == 2
    run = mailer.done("bounces", "read", "--maildir", str(folder), "--json")
    assert (run.json["read"], suppressed(mailer)) == (1, 1)
    names = sorted(path.name for path in (folder / "cur").iterdir())
    assert names == ["0.host:2,FS", "1.host:2,S", "2.host:2,S", "9.host:2,S"]


def test_what_waits_is_listed_shown_and_dropped(mailer: Any) -> None:
    mailer.done("bounces", "read", "-", stdin=STRAY)
    run = mailer.done("bounces", "list")
    assert "Eve <eve@example.net>" in run.out and "Grüße" in run.out and "\x1b" not in run.out
    run = mailer.done("bounces", "show", "1")
    assert "A question." in run.out and "\x1b" not in run.out
    assert mailer.done("bounces", "show", "1", "--raw").out.startswith("From: Eve")
    assert mailer.done("bounces", "list", "--json").json[0]["number"] == 1
    assert mailer("bounces", "show", "7").code == 1
    assert mailer("bounces", "drop").code == 2
    assert "would be deleted" in mailer.done("bounces", "drop", "--all", "--dry-run").out
    assert mailer.done("bounces", "drop", "1", "--json").json == {"dry_run": False, "dropped": 1}
    assert mailer.done("bounces", "list").out == "nothing waits\n"


@pytest.mark.parametrize("words", [(), ("-", "--imap"), ("--mbox", "a", "--maildir", "b")])
def test_one_place_is_named(mailer: Any, words: tuple[str, ...]) -> None:
    run = mailer("bounces", "read", *words, stdin=b"")
    assert (run.code, "name one of" in run.err) == (2, True)


def test_a_mailbox_that_is_not_set_is_told(mailer: Any) -> None:
    run = mailer("bounces", "read", "--imap")
    assert (run.code, "[bounces.imap]" in run.err) == (1, True)


def test_attack_58_no_event_keeps_an_address(mailer: Any) -> None:
    mailer.done(
        "bounces", "read", "-", stdin=bounce(mailer, said="550 5.1.1 <ada@example.org> unknown, see ben@example.org")
    )
    with closing(sqlite3.connect(mailer.root / "mailer.db")) as connection:
        rows = [json.dumps(row, default=str) for row in connection.execute("SELECT * FROM events")]
    assert len(rows) == 1 and "@" not in rows[0]
