"""A database that is gone is no empty one: everybody would be mailed again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.campaign import ISSUE, add_people, mails, write_issue


@pytest.fixture
def sent(mailer: Any) -> Any:
    """An issue that went out, and then the database was lost."""
    add_people(mailer, "members", "ann@example.org,Ann,Oslo")
    write_issue(mailer)
    mailer.done("send", ISSUE)
    mailer.done("db", "backup")
    for path in mailer.root.glob("mailer.db*"):
        path.unlink()
    return mailer


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("send", ISSUE),
        ("plan", ISSUE),
        ("articles", "list"),
        ("subscribers", "add", "bo@example.org", "--list", "members"),
    ],
)
def test_its_loss_is_noticed(sent: Any, words: tuple[str, ...]) -> None:
    run = sent(*words)
    assert run.code == 1
    assert "mailer.db is missing, and with it who got which issue" in run.err
    assert ".mailer/backups" in run.err
    assert list(sent.root.glob("mailer.db*")) == []


def test_a_backup_knows_who_got_what(sent: Any) -> None:
    (backup,) = (sent.root / ".mailer" / "backups").glob("*.db")
    (sent.root / "mailer.db").write_bytes(backup.read_bytes())
    assert "nothing was sent now" in sent.done("send", ISSUE).out
    assert len(mails(sent)) == 1


def test_a_person_may_begin_anew(sent: Any) -> None:
    sent.done("db", "upgrade")
    assert sent.done("status", "--json").json[0]["state"] == "draft"
