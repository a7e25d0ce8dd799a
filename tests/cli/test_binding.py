"""A database that was copied elsewhere refuses to send, and says what to do where it was moved."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests import postgres
from tests.cli.campaign import ISSUE, add_people, addressees, write_issue
from tests.cli.conftest import Program

REFUSED = "a copy must not send"


@pytest.fixture
def sender(mailer: Program) -> Program:
    """A workspace that has sent."""
    ask(mailer, "ada")
    return mailer


def ask(mailer: Program, name: str) -> None:
    mailer.done("subscribers", "add", f"{name}@example.org", "--list", "weekly")


def known(mailer: Program) -> set[str]:
    """Who was asked."""
    found = mailer.done("subscribers", "list", "--list", "weekly", "--json").json
    return {each["email"].partition("@")[0] for each in found}


def refused(mailer: Program) -> str:
    """Asks somebody, which must be refused with one line and a hint; both."""
    run = mailer("subscribers", "add", "zoe@example.org", "--list", "weekly")
    assert (run.code, REFUSED in run.err) == (1, True), run.err
    assert len(run.err.strip().splitlines()) == 2
    assert "zoe@" not in mailer.done("subscribers", "list", "--list", "weekly").out, "nothing was written"
    return run.err


def over(mailer: Program, root: Path) -> Program:
    return Program(root, mailer.capsys, mailer.monkeypatch)


def test_a_copied_folder_refuses_and_can_be_told_otherwise(sender: Program, tmp_path: Path) -> None:
    copy = over(sender, tmp_path / "staging")
    shutil.copytree(sender.root, copy.root)
    told = refused(copy)
    assert str(sender.root) in told
    assert "mailer db bind" in told
    ask(sender, "ben")
    copy.done("db", "bind", "--yes")
    ask(copy, "cy")
    ask(sender, "dee")


def test_a_moved_folder_is_bound_with_one_command(sender: Program, tmp_path: Path) -> None:
    moved = over(sender, tmp_path / "campaign")
    sender.root.rename(moved.root)
    refused(moved)
    run = moved("db", "bind")
    assert (run.code, "--yes" in run.err) == (2, True)
    refused(moved)
    done = moved.done("db", "bind", "--yes", "--json").json
    assert [len(done["places"]), len(done["removed"])] == [1, 1]
    ask(moved, "ben")
    assert "may send" in moved.done("db", "status").out


def test_a_copied_file_beside_the_other_refuses(sender: Program) -> None:
    shutil.copy(sender.root / "mailer.db", sender.root / "staging.db")
    sender.monkeypatch.setenv("DATABASE_URL", "sqlite:///staging.db")
    assert "staging.db" in refused(sender)


def test_a_backup_put_back_in_place_goes_on(sender: Program) -> None:
    copy = Path(sender.done("db", "backup").out.strip())
    ask(sender, "ben")
    for name in ("mailer.db", "mailer.db-wal", "mailer.db-shm"):
        (sender.root / name).unlink(missing_ok=True)
    shutil.copy(copy, sender.root / "mailer.db")
    ask(sender, "cy")
    assert known(sender) == {"ada", "cy"}


def test_a_name_in_the_environment_stands_for_the_machine(mailer: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILER_IDENTITY", "production")
    ask(mailer, "ada")
    monkeypatch.setattr("mailer.services.binding.machine", lambda: "another container")
    ask(mailer, "ben")
    monkeypatch.setenv("MAILER_IDENTITY", "staging")
    assert "bound to production:" in refused(mailer)
    monkeypatch.delenv("MAILER_IDENTITY")
    refused(mailer)


def test_another_machine_with_the_same_folder_refuses(sender: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as there:
        there.setattr("mailer.services.binding.machine", lambda: "another")
        refused(sender)
        sender.done("db", "bind", "--keep")
        ask(sender, "ben")
    ask(sender, "cy")
    assert known(sender) == {"ada", "ben", "cy"}


def test_showing_binds_nothing(mailer: Program) -> None:
    assert "no place yet" in mailer.done("db", "status").out
    planned = mailer.done("db", "bind", "--dry-run", "--json").json
    assert [len(planned["places"]), planned["removed"]] == [1, []]
    assert "no place yet" in mailer.done("db", "status", "--json").json["sends_from"]
    mailer.done("db", "bind")
    assert str(mailer.root) in mailer.done("db", "status", "--json").json["sends_from"]


@pytest.fixture
def on_server(mailer: Program, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Program, str]]:
    server = postgres.shared()
    urls = [server.create()]
    monkeypatch.setenv("DATABASE_URL", urls[0])
    ask(mailer, "ada")
    server.cut(urls[0])
    urls.append(server.create(postgres.name_of(urls[0])))
    yield mailer, urls[1]
    for url in urls:
        server.drop(url)


def test_a_copy_on_the_server_refuses(on_server: tuple[Program, str], monkeypatch: pytest.MonkeyPatch) -> None:
    mailer, copy = on_server
    monkeypatch.setenv("DATABASE_URL", copy)
    assert postgres.name_of(copy) in refused(mailer)
    with closing(psycopg.connect(copy)) as connection:
        assert connection.execute("SELECT count(*) FROM bindings").fetchone() == (1,)
    mailer.done("db", "bind", "--yes")
    ask(mailer, "ben")


def test_a_copy_sends_no_issue(mailer: Program, tmp_path: Path) -> None:
    add_people(mailer, "members", "ada@example.org,Ada,Oslo")
    write_issue(mailer, name="first")
    mailer.done("send", "first", "--yes")
    write_issue(mailer)
    copy = over(mailer, tmp_path / "staging")
    shutil.copytree(mailer.root, copy.root)
    run = copy("send", ISSUE, "--yes")
    assert (run.code, REFUSED in run.err) == (1, True), run.err
    assert addressees(copy) == []
    mailer.done("send", ISSUE, "--yes")
    assert addressees(mailer) == ["ada@example.org"]


def test_a_copy_freezes_and_schedules_nothing(sender: Program, tmp_path: Path) -> None:
    add_people(sender, "members", "ben@example.org,Ben,Oslo")
    write_issue(sender)
    copy = over(sender, tmp_path / "staging")
    shutil.copytree(sender.root, copy.root)
    for words in (("send", ISSUE), ("send", ISSUE, "--at", "+2h")):
        run = copy(*words)
        assert (run.code, REFUSED in run.err) == (1, True), run.err
        assert "not sent" in copy.done("plan", ISSUE).out
