"""`mailer subscribers forget, data`: over a real database file, real mails in files, and all later ways in."""

from __future__ import annotations

import json
import random
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mailer.store import sqlite
from tests.cli.campaign import ISSUE, add_people, addressees, write_issue

ADA = "ada.lovelace@example.org"
PEOPLE = (f"{ADA},Augusta,Oslo", "bo@example.org,Bo,Bergen", "cy@example.org,Cy,")


@pytest.fixture
def mailer(mailer: Any) -> Any:
    add_people(mailer, "members", *PEOPLE)
    return mailer


def forget(mailer: Any, *words: str, code: int = 0) -> Any:
    run = mailer("subscribers", "forget", "-", *words, "--json", stdin=ADA.encode())
    assert run.code == code, run.err
    return run


def database_bytes(mailer: Any) -> bytes:
    return b"".join(path.read_bytes() for path in mailer.root.glob("mailer.db*"))


def files_with(mailer: Any, *texts: str) -> list[str]:
    """Every file of the workspace in which any of the texts stands, whatever its case."""
    return [
        str(path.relative_to(mailer.root))
        for path in sorted(mailer.root.rglob("*"))
        if path.is_file() and any(text.lower().encode() in path.read_bytes().lower() for text in texts)
    ]


def test_nothing_of_the_person_is_left_in_the_files_of_the_workspace(mailer: Any) -> None:
    mailer.done("suppressions", "add", "-", "--list", "weekly", "--note", f"{ADA} rang", stdin=ADA.encode())
    write_issue(mailer, "Dear {{ subscriber.first_name }}, hello.")
    mailer.done("send", ISSUE, "--yes")
    assert ADA in addressees(mailer)
    assert {f"outbox/{ISSUE}/new/000001.eml", "mailer.db"} <= set(files_with(mailer, ADA, "Augusta"))
    done = forget(mailer, "--yes").json
    assert (done["files"], done["lists"], done["purged"]) == (1, ["members"], True)
    assert files_with(mailer, ADA, "Augusta") == []
    assert addressees(mailer) == ["bo@example.org", "cy@example.org"]
    assert "bo@example.org" in (mailer.root / "outbox" / ISSUE / "index.html").read_text()
    assert mailer.done("status", ISSUE, "--json").json["deliveries"]["accepted"] == 3
    assert "Traceback" not in mailer.done("send", ISSUE, "--yes").err


def test_a_file_from_before_deleted_content_was_overwritten_is_cleaned_too(
    mailer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite as many systems build it leaves what was deleted where it stood."""
    with closing(sqlite3.connect(mailer.root / "mailer.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        # The same people written many times over leave copies in pages that split.
        attributes = [json.dumps({"first_name": "Augusta", "note": "x" * random.randrange(900)}) for _ in range(200)]
        for text in attributes:
            connection.execute("UPDATE subscribers SET attributes = ? WHERE email_key = ?", (text, ADA))
    real = sqlite._holds
    purged: list[bool] = []

    def holds(file: Path, trace: bytes) -> bool:
        purged.append(real(file, trace))
        return purged[-1]

    monkeypatch.setattr(sqlite, "_holds", holds)
    assert b"Augusta" in database_bytes(mailer)
    forget(mailer, "--yes")
    assert purged == [True], "it stood in unused space"
    assert files_with(mailer, ADA, "Augusta") == []


def test_who_else_reads_the_database_is_told_about(mailer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailer.app.open_store", quick_store)
    with closing(sqlite3.connect(mailer.root / "mailer.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM subscribers").fetchone()
        run = forget(mailer, "--yes", code=3)
        assert "whose journal still holds what was there" in run.err
        reader.execute("COMMIT")
    again = forget(mailer, "--yes").json
    assert (again["again"], again["purged"]) == (True, True)
    assert ADA.encode() not in database_bytes(mailer)


def quick_store(url: str, **named: Any) -> Any:
    from mailer.store.database import open_store

    return open_store(url, **named, busy_timeout=0.2)


def test_no_way_in_brings_them_back(mailer: Any) -> None:
    forget(mailer, "--yes")
    told = mailer.done("subscribers", "add", "-", "--list", "weekly", stdin=ADA.encode()).out
    assert told.startswith("kept out of weekly")
    people = mailer.write("people.csv", f"email,name\n{ADA.upper()},Ada\nnew@example.org,New\n")
    done = mailer.done("subscribers", "import", str(people), "--list", "members", "--json").json
    assert done["new"] == 1
    text = json.dumps({"email": ADA, "name": "Ada"}) + "\n"
    lines = mailer.write("people.jsonl", text)
    mailer("subscribers", "import", str(lines), "--list", "members")
    banned = mailer.write("bounces.csv", f"email\n{ADA}\n")
    mailer.done("suppressions", "import", str(banned))
    mailer.done("suppressions", "add", "-", stdin=ADA.encode())
    for path in (people, lines, banned):
        path.unlink()
    assert files_with(mailer, ADA) == []


def test_their_own_act_lets_them_in_again(mailer: Any) -> None:
    forget(mailer, "--yes")
    mailer.done("suppressions", "remove", "-", "--note", "signed up again at the fair", stdin=ADA.encode())
    told = mailer.done("subscribers", "add", "-", "--list", "members", stdin=ADA.encode()).out
    assert told.startswith("added to members as confirmed")
    forget(mailer, "--yes")
    assert files_with(mailer, ADA) == []


def test_a_rotated_key_still_keeps_them_out(mailer: Any) -> None:
    forget(mailer, "--yes")
    mailer.done("keys", "rotate")
    assert "kept out" in mailer.done("subscribers", "add", "-", "--list", "weekly", stdin=ADA.encode()).out
    assert "forgotten" in mailer.done("suppressions", "show", "-", stdin=ADA.encode()).out
    mailer.done("suppressions", "remove", "-", "--note", "wrote to us", stdin=ADA.encode())
    assert "added" in mailer.done("subscribers", "add", "-", "--list", "members", stdin=ADA.encode()).out


def test_a_dry_run_tells_and_changes_nothing(mailer: Any) -> None:
    before = mailer.done("subscribers", "data", ADA).json
    told = mailer.done("subscribers", "forget", ADA, "--dry-run").out
    assert told.startswith("would be erased: the person, on members, with 1 line of the consent log\n")
    after = mailer.done("subscribers", "data", ADA).json
    assert {**after, "as_of": ""} == {**before, "as_of": ""}


def test_it_needs_a_word(mailer: Any) -> None:
    run = forget(mailer, code=2)
    assert "needs a word: --yes" in run.err
    assert mailer.done("subscribers", "data", ADA).json["person"]["email"] == ADA


def test_what_is_out_of_reach_is_named(mailer: Any) -> None:
    mailer.done("db", "backup")
    (backup,) = (mailer.root / ".mailer" / "backups").iterdir()
    told = mailer.done("subscribers", "forget", ADA, "--yes").out
    assert f"out of reach: the backup {backup}" in told
    assert "out of reach: files that were exported" in told
    assert ADA not in told


def test_who_is_not_known_is_told_without_the_address(mailer: Any) -> None:
    for command in (["forget", "--yes"], ["data"]):
        run = mailer("subscribers", command[0], "nobody@example.org", *command[1:])
        assert run.code == 1
        assert "nothing is held about that address" in run.err
        assert "nobody@" not in run.err


def test_a_mail_that_cannot_be_deleted_leaves_everything_as_it_was(
    mailer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_issue(mailer, "Hello.")
    mailer.done("send", ISSUE, "--yes")

    def refuse(*_given: object, **_named: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        assert "cannot be deleted" in forget(mailer, "--yes", code=1).err
    assert mailer.done("subscribers", "data", ADA).json["person"]["email"] == ADA
    assert forget(mailer, "--yes").json["files"] == 1


def test_every_listing_goes_on_without_them(mailer: Any) -> None:
    forget(mailer, "--yes")
    write_issue(mailer, "Hello.")
    for words in (
        ("subscribers", "list", "--list", "members"),
        ("subscribers", "export", "--list", "members"),
        ("lists", "list"),
        ("lists", "show", "members"),
        ("plan", ISSUE),
        ("suppressions", "list"),
    ):
        run = mailer(*words)
        assert run.code == 0, (words, run.err)
        assert "forgotten:" not in run.out
        assert "lovelace" not in run.out.lower()


def test_data_is_everything_that_is_held(mailer: Any) -> None:
    write_issue(mailer, "Hello.")
    mailer.done("send", ISSUE, "--yes")
    mailer.done("suppressions", "add", "@example.org", "--list", "weekly", "--note", "closed down")
    mailer.done("suppressions", "add", "-", "--reason", "complained", stdin=ADA.encode())
    found = mailer.done("subscribers", "data", "-", stdin=ADA.encode()).json
    assert found["organisation"] == "Rivers United"
    assert found["person"]["attributes"] == {"first_name": "Augusta", "city": "Oslo"}
    assert [(one["list"], one["state"]) for one in found["lists"]] == [("members", "confirmed")]
    assert [(one["issue"], one["state"]) for one in found["issues_sent"]] == [(ISSUE, "accepted")]
    assert found["consent_log"][0]["how"] == "import"
    assert sorted((one["value"], one["list"]) for one in found["suppressions"]) == [
        ("@example.org", "weekly"),
        (ADA, None),
    ]
    assert [one["note"] for one in found["suppression_history"]] == ["closed down", ""]
    assert "id" not in found["person"]


def test_data_goes_into_a_file_for_its_owner_only(mailer: Any) -> None:
    target = mailer.root / "ada.json"
    run = mailer.done("subscribers", "data", ADA, "--output", str(target))
    assert (run.out, json.loads(target.read_text())["person"]["email"]) == ("", ADA)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert mailer("subscribers", "data", ADA, "--output", str(target)).code == 1
