"""`mailer suppressions`: every command, over a real database."""

from __future__ import annotations

import json
import stat
from typing import Any

import pytest
import typer

from tests.cli.campaign import ISSUE, add_people, addressees, write_issue
from tests.unit.audience.workbooks import rows, workbook

PEOPLE = ("ann@example.org,Ann,Oslo", "bo@example.org,Bo,Bergen", "cy@other.org,Cy,")
ANN = "ann@example.org"


@pytest.fixture
def mailer(mailer: Any) -> Any:
    add_people(mailer, "members", *PEOPLE)
    return mailer


def listed(mailer: Any, *words: str) -> list[tuple[str, str | None, str]]:
    found = mailer.done("suppressions", "list", *words, "--json").json
    return [(one["value"], one["list_name"], one["reason"]) for one in found]


def test_adding_tells_whom_it_concerns(mailer: Any) -> None:
    told = mailer.done("suppressions", "add", ANN, "--reason", "complained", "--note", "by phone").out
    assert told == "the address is suppressed on every list: that concerns 1 confirmed subscriber\n"
    told = mailer.done("suppressions", "add", "@Example.org", "--list", "members").out
    assert told == "everybody at @example.org is suppressed on members: that concerns 2 confirmed subscribers\n"
    assert mailer.done("suppressions", "add", ANN).out == "the address was suppressed on every list already\n"
    assert listed(mailer) == [("@example.org", "members", "manual"), (ANN, None, "complained")]


def test_nobody_suppressed_is_mailed(mailer: Any) -> None:
    mailer.done("suppressions", "add", "-", stdin=f" {ANN}\n".encode())
    mailer.done("suppressions", "add", "@other.org", "--list", "members")
    write_issue(mailer, "Hello.")
    assert mailer.done("plan", ISSUE, "--json").json["exclusions"] == {"suppressed": 2}
    mailer.done("send", ISSUE, "--yes")
    assert addressees(mailer) == ["bo@example.org"]
    assert mailer.done("lists", "show", "members", "--json").json["mailable"] == 1


def test_a_dry_run_tells_and_changes_nothing(mailer: Any) -> None:
    told = mailer.done("suppressions", "add", "@example.org", "--dry-run").out
    assert (
        told == "everybody at @example.org would be suppressed on every list: that concerns 2 confirmed subscribers\n"
    )
    file = mailer.write("bounces.csv", f"email\n{ANN}\n")
    assert "1 would be added" in mailer.done("suppressions", "import", str(file), "--dry-run").out
    assert listed(mailer) == []
    mailer.done("suppressions", "add", ANN)
    told = mailer.done("suppressions", "remove", ANN, "--note", "a mistake", "--dry-run").out
    assert told.startswith("would be lifted on every list")
    assert listed(mailer) == [(ANN, None, "manual")]


def test_lifting_needs_a_reason_which_is_kept(mailer: Any) -> None:
    mailer.done("suppressions", "add", ANN, "--reason", "bounced")
    assert mailer("suppressions", "remove", ANN).code == 2
    assert mailer("suppressions", "remove", ANN, "--note", " ").code == 2
    told = mailer.done("suppressions", "remove", ANN, "--note", "the mailbox works again").out
    assert told == "lifted on every list; subscriptions are as they were\n"
    shown = mailer.done("suppressions", "show", ANN, "--json").json
    assert shown["entries"] == []
    assert [(one["added"], one["reason"], one["note"]) for one in shown["history"]] == [
        (True, "bounced", ""),
        (False, "bounced", "the mailbox works again"),
    ]
    assert mailer.done("suppressions", "show", ANN).out.startswith("not suppressed\n")


def test_what_still_keeps_somebody_out_is_told(mailer: Any) -> None:
    mailer.done("suppressions", "add", ANN)
    mailer.done("suppressions", "add", "@example.org", "--list", "members")
    told = mailer.done("suppressions", "remove", ANN, "--note", "asked for it").out
    assert told.splitlines()[1] == "still suppressed on members: the domain @example.org, manual"
    run = mailer("suppressions", "remove", ANN, "--note", "asked for it")
    assert run.code == 1
    assert "there is no entry of it for every list" in run.err
    assert "by its domain: mailer suppressions remove @example.org --list members --note" in run.err
    mailer.done("suppressions", "add", ANN, "--list", "members")
    run = mailer("suppressions", "remove", ANN, "--note", "asked for it")
    assert "It is suppressed on members: --list members" in run.err
    mailer.done("suppressions", "remove", ANN, "--list", "members", "--note", "why not")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("add", "nobody"), "that is no address and no domain"),
        (("add", ANN, "--reason", "bouncd"), 'did you mean "bounced"?'),
        (("add", ANN, "--reason", "forgotten"), "unknown reason"),
        (("add", ANN, "--list", "nope"), 'unknown list "nope"'),
        (("list", "--list", "nope"), 'unknown list "nope"'),
        (("import", "nofile.csv"), "cannot be read"),
        (("remove", "zoe@example.org", "--note", "why not"), "Check the spelling"),
    ],
)
def test_mistakes_are_told_without_the_address(mailer: Any, words: tuple[str, ...], message: str) -> None:
    run = mailer("suppressions", *words)
    assert run.code in (1, 2)
    assert message in run.err
    assert ANN not in run.err
    assert "zoe@" not in run.err


def test_listing_by_list_and_reason(mailer: Any) -> None:
    mailer.done("suppressions", "add", ANN, "--reason", "bounced")
    mailer.done("suppressions", "add", "bo@example.org", "--list", "members")
    assert listed(mailer, "--list", "members") == [("bo@example.org", "members", "manual")]
    assert listed(mailer, "--reason", "bounced") == [(ANN, None, "bounced")]
    assert listed(mailer, "--reason", "forgotten") == []
    assert listed(mailer, "--list", "weekly") == []
    assert len(mailer.done("suppressions", "list", "-n", "1").out.splitlines()) == 2


BOUNCES = f"""status,reason,email,created
5.1.1,"550 5.1.1 user unknown, bye",{ANN},1700000000
5.1.1,=HYPERLINK("x"),gone@example.org,1700000001
,,not an address,1700000002
"""


def test_a_provider_s_export_is_taken_and_what_is_wrong_is_told(mailer: Any) -> None:
    file = mailer.write("suppression_bounces.csv", BOUNCES)
    run = mailer("suppressions", "import", str(file))
    assert run.code == 3
    assert run.out == "2 added, 0 there already, 1 refused\nreasons: 2 bounced\n"
    assert "line 4: there is no @" in run.err
    assert "not an address" not in run.err
    assert mailer("suppressions", "import", str(file)).out.startswith("0 added, 2 there already, 1 refused")
    found = mailer.done("suppressions", "list", "--json").json
    assert [(one["note"], one["created_at"]) for one in found] == [
        ("550 5.1.1 user unknown, bye", "2023-11-14T22:13:20Z"),
        ('=HYPERLINK("x")', "2023-11-14T22:13:21Z"),
    ]


def test_an_import_lifts_nothing_and_changes_no_reason(mailer: Any) -> None:
    mailer.done("suppressions", "add", ANN, "--reason", "complained")
    file = mailer.write("list.csv", f"email,reason,list\n{ANN},unsubscribed,\n{ANN},,members\nbo@example.org,,nope\n")
    run = mailer("suppressions", "import", str(file), "--reason", "invalid")
    assert run.code == 3
    assert 'line 4: there is no list "nope"' in run.err
    assert listed(mailer) == [(ANN, None, "complained"), (ANN, "members", "invalid")]


def test_an_export_comes_back_in_another_workspace(mailer: Any, tmp_path: Any) -> None:
    mailer.done("suppressions", "add", "@example.org", "--list", "weekly", "--note", "=1+1 closed")
    mailer.done("suppressions", "add", "bo@example.org", "--reason", "bounced")
    mailer.done("subscribers", "forget", ANN, "--yes")
    target = tmp_path / "out.csv"
    mailer.done("suppressions", "export", "--output", str(target))
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    text = target.read_text(encoding="utf-8-sig")
    assert ANN not in text
    assert not any(cell.startswith(("=", "@", "+", "-")) for line in text.splitlines() for cell in line.split(","))
    before = mailer.done("suppressions", "list", "--json").json
    for path in mailer.root.glob("mailer.db*"):
        path.unlink()
    (mailer.root / ".mailer" / "database").unlink()
    assert "3 added" in mailer.done("suppressions", "import", str(target)).out
    assert mailer.done("suppressions", "list", "--json").json == before
    told = mailer.done("subscribers", "add", "-", "--list", "members", stdin=ANN.encode()).out
    assert told.startswith("kept out of members"), "the same key knows the hash"
    assert mailer.done("suppressions", "export").out == text.replace("\n", "\r\n").replace("\r\r", "\r")


def test_hashes_of_another_key_keep_nobody_out_which_is_told(mailer: Any) -> None:
    value = f"hash:aaaabbbbcccc:{'0' * 64}"
    run = mailer.done("suppressions", "import", "-", stdin=f"email\n{value}\n".encode())
    assert "1 hash of a key that this workspace does not have: keeps nobody out" in run.err
    assert listed(mailer) == [(value, None, "forgotten")]


def test_a_hash_that_is_put_back_keeps_them_out_again(mailer: Any) -> None:
    mailer.done("subscribers", "forget", ANN, "--yes")
    ((value, _, _),) = listed(mailer)
    mailer.done("suppressions", "remove", value, "--note", "wrote to us")
    mailer.done("suppressions", "add", value, "--reason", "manual", "--note", "no after all")
    assert listed(mailer) == [(value, None, "forgotten")]
    assert mailer.done("subscribers", "add", ANN, "--list", "members", "--json").json["kept_out"]


@pytest.mark.parametrize("by_file", [False, True])
def test_who_was_forgotten_and_is_here_again_out_of_a_backup_is_not_mailed(mailer: Any, by_file: bool) -> None:
    """A hash finds nobody at the freeze, so the address is suppressed until somebody erases them again."""
    mailer.done("db", "backup", str(mailer.root / "before.db"))
    mailer.done("subscribers", "forget", ANN, "--yes")
    ((value, _, _),) = listed(mailer)
    for name in ("mailer.db-wal", "mailer.db-shm"):
        (mailer.root / name).unlink(missing_ok=True)
    (mailer.root / "mailer.db").write_bytes((mailer.root / "before.db").read_bytes())
    words = ("import", "-") if by_file else ("add", "-")
    run = mailer.done("suppressions", *words, stdin=f"{value}\n".encode())
    assert "1 person who was forgotten is still here, and not mailed from now on" in run.err
    assert ANN not in run.err
    assert mailer.done("lists", "show", "members", "--json").json["mailable"] == 2
    assert set(listed(mailer, "--reason", "forgotten")) == {(ANN, None, "forgotten"), (value, None, "forgotten")}
    mailer.done("subscribers", "forget", ANN, "--yes")
    assert listed(mailer) == [(value, None, "forgotten")]
    assert "still here" not in mailer.done("suppressions", *words, stdin=f"{value}\n".encode()).err


def test_a_hash_of_another_key_is_not_said_to_keep_anybody_out(mailer: Any) -> None:
    refused = mailer("suppressions", "add", f"hash:{'a' * 12}:{'b' * 64}")
    assert (refused.code, listed(mailer)) == (2, [])
    assert "a key that this workspace does not have" in refused.err


def test_a_dash_at_a_terminal_asks_for_one_line(mailer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not wait for the end of a file, which looks like a program that hangs."""
    asked = []

    def prompt(text: str, *, err: bool) -> str:
        asked.append((text, err))
        return f" {ANN} "

    monkeypatch.setattr("mailer.cli.output.interactive", lambda: True)
    monkeypatch.setattr(typer, "prompt", prompt)
    mailer.done("suppressions", "add", "-")
    mailer.done("subscribers", "history", "-")
    assert asked == [("Address or @domain", True), ("E-mail address", True)]
    assert listed(mailer) == [(ANN, None, "manual")]


def test_a_workbook_is_told_apart_from_a_wrong_encoding(mailer: Any) -> None:
    path = mailer.write("people.csv", workbook({"One": rows(["email"], ["ann@example.org"])}))
    run = mailer("suppressions", "import", str(path))
    assert run.code == 1
    assert "workbook" in run.err and "encoding" not in run.err


def test_a_column_of_domains_on_standard_input(mailer: Any) -> None:
    run = mailer.done("suppressions", "import", "-", "--list", "members", "--json", stdin=b"@example.org\n@other.org\n")
    assert (run.json["new"], run.json["reasons"]) == (2, {"manual": 2})
    assert json.loads(mailer.done("lists", "show", "members", "--json").out)["mailable"] == 0
