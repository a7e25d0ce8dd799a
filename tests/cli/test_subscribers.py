"""`mailer subscribers` and `mailer lists`: people in and out, each once, nobody against their will."""

from __future__ import annotations

import csv
import io
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PEOPLE = "E-Mail,First name,City\nann@example.org,Ann,Oslo\nBo@Example.org,Bo,\ncy@example.org,Cy,Bergen\n"


def people(mailer: Any, name: str, *words: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Everybody on a list: address -> state and attributes."""
    found = mailer.done("subscribers", "list", "--list", name, *words, "--json").json
    return {each["email"]: (each["state"], each["attributes"]) for each in found}


def figures(run: Any) -> tuple[int, int, int, int, int]:
    told = run.json
    return told["new"], told["updated"], told["unchanged"], told["kept_out"], len(told["rejected"])


def test_import_onto_a_single_opt_in_list(mailer: Any) -> None:
    path = mailer.write("people.csv", PEOPLE)
    run = mailer.done("subscribers", "import", str(path), "--list", "members", "--json")
    assert figures(run) == (3, 0, 0, 0, 0)
    assert run.json["state"] == "confirmed"
    assert run.json["after"]["mailable"] == 3
    assert people(mailer, "members") == {
        "ann@example.org": ("confirmed", {"first_name": "Ann", "city": "Oslo"}),
        "Bo@example.org": ("confirmed", {"first_name": "Bo"}),
        "cy@example.org": ("confirmed", {"first_name": "Cy", "city": "Bergen"}),
    }


def test_import_again_changes_nothing_and_counts_it(mailer: Any) -> None:
    path = mailer.write("people.csv", PEOPLE)
    mailer.done("subscribers", "import", str(path), "--list", "members")
    mailer.write("people.csv", PEOPLE.replace("Bergen", "Tromsø"))
    run = mailer.done("subscribers", "import", str(path), "--list", "members", "--json")
    assert figures(run) == (0, 1, 2, 0, 0)


def test_people_wait_on_a_double_opt_in_list(mailer: Any) -> None:
    path = mailer.write("people.csv", PEOPLE)
    run = mailer.done("subscribers", "import", str(path), "--list", "weekly")
    assert "0 people on weekly can be mailed; 3 wait until they confirm" in run.out
    assert {state for state, _ in people(mailer, "weekly").values()} == {"pending"}


def test_confirmed_on_a_double_opt_in_list_needs_words(mailer: Any) -> None:
    path = mailer.write("people.csv", PEOPLE)
    words = ("subscribers", "import", str(path), "--list", "weekly", "--state", "confirmed")
    refused = mailer(*words)
    assert refused.code == 2
    assert "weekly is a double opt-in list" in refused.err
    assert "--consent" in refused.err
    assert mailer(*words, "--consent", "  ").code == 2
    assert people(mailer, "weekly") == {}
    run = mailer.done(*words, "--consent", "signed at the fair, 14 November 2026", "--json")
    assert run.json["after"]["mailable"] == 3


def test_the_words_of_consent_are_kept_with_each_subscription(mailer: Any) -> None:
    from mailer.store import subscriptions
    from mailer.store.database import open_store

    words = ("--state", "confirmed", "--consent", "signed at the fair")
    path = mailer.write("people.csv", PEOPLE)
    mailer.done("subscribers", "import", str(path), "--list", "weekly", *words)
    store = open_store(f"sqlite:///{mailer.root}/mailer.db")
    with store.read() as connection:
        (event,) = subscriptions.history(connection, "ann@example.org")
    store.close()
    assert (event.state.value, event.source) == ("confirmed", "import of people.csv: signed at the fair")


MIXED = (
    'email,name,note\nann@example.org,Ann,"=HYPERLINK(""http://evil.example"")"\n'
    "not an address,Bo,=1+1\ncy@example.org,Cy,ok,too,many\n=cmd@@x,Dee,\ned@example.org,Ed,\n"
)


def test_refused_rows_are_reported_and_the_rest_is_in(mailer: Any) -> None:
    path = mailer.write("people.csv", MIXED)
    run = mailer("subscribers", "import", str(path), "--list", "members", "--json")
    assert run.code == 3
    assert figures(run) == (2, 0, 0, 0, 3)
    assert [row["line"] for row in run.json["rejected"]] == [3, 4, 5]
    assert set(people(mailer, "members")) == {"ann@example.org", "ed@example.org"}
    assert "warning: line 3: " in run.err
    assert "3 rows refused, all others are in" in run.err
    rejected = Path(*run.json["rejected_files"])
    assert rejected == path.with_name("people.csv.rejected.csv")
    assert stat.S_IMODE(rejected.stat().st_mode) == 0o600
    header, *rows = csv.reader(io.StringIO(rejected.read_text("utf-8-sig"), newline=""))
    assert header[:5] == ["rejected_line", "rejected_reason", "email", "name", "note"]
    assert [row[0] for row in rows] == ["3", "4", "5"]
    assert rows[0][2:5] == ["not an address", "Bo", "'=1+1"]
    assert rows[1][2:] == ["cy@example.org", "Cy", "ok", "too", "many"]
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)


def test_no_address_stands_in_the_report_of_refused_rows(mailer: Any) -> None:
    path = mailer.write("people.csv", "email,city\nann@@example.org,Oslo\n")
    run = mailer("subscribers", "import", str(path), "--list", "members")
    assert run.code == 3
    assert "ann@" not in run.err + run.out


def test_corrected_rows_can_be_imported(mailer: Any) -> None:
    path = mailer.write("people.csv", MIXED)
    mailer("subscribers", "import", str(path), "--list", "members")
    rejected = path.with_name("people.csv.rejected.csv")
    text = rejected.read_text("utf-8-sig").replace("not an address", "bo@example.org")
    mailer.write("corrected.csv", "\n".join(text.splitlines()[:2]))
    mailer.done("subscribers", "import", str(mailer.root / "corrected.csv"), "--list", "members")
    assert people(mailer, "members")["bo@example.org"] == ("confirmed", {"name": "Bo", "note": "=1+1"})


def test_a_file_that_is_being_corrected_is_not_overwritten(mailer: Any) -> None:
    path = mailer.write("people.csv", MIXED)
    mailer.write("people.csv.rejected.csv", "somebody's work")
    run = mailer("subscribers", "import", str(path), "--list", "members", "--json")
    assert run.json["rejected_files"][0].endswith("people.csv.rejected-2.csv")
    assert path.with_name("people.csv.rejected.csv").read_text() == "somebody's work"


def test_a_dry_run_says_the_same_and_changes_nothing(mailer: Any) -> None:
    path = mailer.write("people.csv", MIXED)
    words = ("subscribers", "import", str(path), "--list", "members", "--json")
    dry = mailer(*words, "--dry-run")
    assert dry.code == 3
    assert people(mailer, "members") == {}
    assert not path.with_name("people.csv.rejected.csv").exists()
    real = mailer(*words)
    for told in (dry.json, real.json):
        del told["dry_run"], told["rejected_files"]
    assert figures(dry) == figures(real)


def test_nothing_is_in_when_the_refused_rows_cannot_be_written(mailer: Any) -> None:
    # With ".rejected.csv" behind it the name is longer than a file system takes (255 bytes).
    path = mailer.write("p" * 245 + ".csv", MIXED)
    run = mailer("subscribers", "import", str(path), "--list", "members")
    assert run.code == 1
    assert "cannot be written" in run.err
    assert "copy it to a folder of yours" in run.err
    assert people(mailer, "members") == {}


def test_a_file_that_cannot_be_read_at_all(mailer: Any) -> None:
    path = mailer.write("people.csv", b"email,name\nann@example.org,Bj\xf8rn\n")
    run = mailer("subscribers", "import", str(path), "--list", "members")
    assert (run.code, run.out) == (1, "")
    assert "--encoding" in run.err
    mailer.done("subscribers", "import", str(path), "--list", "members", "--encoding", "cp1252")
    assert people(mailer, "members")["ann@example.org"] == ("confirmed", {"name": "Bjørn"})


def test_import_from_standard_input(mailer: Any) -> None:
    run = mailer.done("subscribers", "import", "-", "--list", "members", "--json", stdin=PEOPLE.encode())
    assert figures(run)[0] == 3


@pytest.mark.parametrize("words", [["--list", "membrs"], []])
def test_import_needs_a_list_that_is_defined(mailer: Any, words: list[str]) -> None:
    run = mailer("subscribers", "import", str(mailer.write("people.csv", PEOPLE)), *words)
    assert run.code == (1 if words else 2)
    assert ("did you mean" in run.err) is bool(words)


def test_add_with_attributes(mailer: Any) -> None:
    words = ("subscribers", "add", "ann@example.org", "--list", "members", "--set", "city=Oslo")
    run = mailer.done(*words, "--set", "Postal code=0150", "--json")
    assert run.json == {
        "list_name": "members", "state": "confirmed", "new": True, "updated": False, "kept_out": False, "asked": None
    }  # fmt: skip
    assert people(mailer, "members") == {"ann@example.org": ("confirmed", {"city": "Oslo", "postal_code": "0150"})}
    assert mailer.done(*words).out == "already on members as confirmed\n"
    assert mailer.done(*words, "--set", "city=Bergen").out == "updated on members as confirmed\n"


def test_the_address_may_come_from_standard_input(mailer: Any) -> None:
    run = mailer.done("subscribers", "add", "-", "--list", "weekly", stdin=b"ann@example.org\n")
    assert run.out == "added to weekly as pending; not mailed until they confirm; asked by mail to confirm\n"
    assert people(mailer, "weekly") == {"ann@example.org": ("pending", {})}


@pytest.mark.parametrize(
    "words", [["nobody"], ["a@example.org", "--set", "city"], ["a@example.org", "--set", "email=x@example.org"]]
)
def test_add_refuses_what_makes_no_sense(mailer: Any, words: list[str]) -> None:
    run = mailer("subscribers", "add", *words, "--list", "members")
    assert run.code == 2
    assert "example.org" not in run.err


def test_unsubscribing_lasts(mailer: Any) -> None:
    path = mailer.write("people.csv", PEOPLE)
    importing = ("subscribers", "import", str(path), "--list", "members", "--json")
    mailer.done(*importing)
    mailer.done("subscribers", "unsubscribe", "ANN@example.org", "--list", "members", "--reason", "by phone")
    again = mailer.done("subscribers", "unsubscribe", "ann@example.org", "--list", "members", "--json")
    assert again.json["before"] == "unsubscribed"
    assert figures(mailer.done(*importing)) == (0, 0, 2, 1, 0)
    assert "kept out" in mailer.done("subscribers", "add", "ann@example.org", "--list", "members").out
    assert set(people(mailer, "members", "--state", "unsubscribed")) == {"ann@example.org"}
    assert mailer.done("lists", "show", "members", "--json").json["mailable"] == 2


def test_unsubscribing_somebody_who_is_not_there(mailer: Any) -> None:
    run = mailer("subscribers", "unsubscribe", "ann@example.org", "--list", "members")
    assert run.code == 1
    assert "not on the list members" in run.err
    assert "ann@" not in run.err


def test_list_and_limit(mailer: Any) -> None:
    path = mailer.write("people.csv", PEOPLE)
    mailer.done("subscribers", "import", str(path), "--list", "members")
    assert list(people(mailer, "members", "--limit", "2")) == ["ann@example.org", "Bo@example.org"]
    assert people(mailer, "weekly") == {}
    text = mailer.done("subscribers", "list", "--list", "members").out
    assert text.splitlines()[0].split() == ["EMAIL", "STATE", "JOINED", "(UTC)", "TAGS", "ATTRIBUTES"]
    assert "first_name=Cy, city=Bergen" in text


AWKWARD = {
    "a@example.org": {"note": "=1+1", "phone": "+47 22 33", "twitter": "@ann"},
    "+b@example.org": {"note": "'=quoted", "city": 'say "hi", then\nleave'},
    "=c|'/x'!A0@example.org": {"note": "''", "city": "東京"},
    "d@example.org": {"note": "-5"},
}


def test_export_is_safe_in_a_spreadsheet_and_comes_back_the_same(mailer: Any) -> None:
    for email, attributes in AWKWARD.items():
        settings = [part for name, value in attributes.items() for part in ("--set", f"{name}={value}")]
        mailer.done("subscribers", "add", "-", "--list", "members", *settings, stdin=email.encode())
    mailer.done("subscribers", "unsubscribe", "d@example.org", "--list", "members")
    before = people(mailer, "members")
    assert {email: attributes for email, (_, attributes) in before.items()} == AWKWARD
    target = mailer.root / "out.csv"
    run = mailer.done("subscribers", "export", "--list", "members", "--output", str(target))
    assert run.err == f"4 subscribers written to {target}\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    for row in csv.reader(io.StringIO(target.read_text("utf-8-sig"), newline="")):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)
    os.remove(mailer.root / "mailer.db")
    mailer.done("db", "upgrade")
    mailer.done("subscribers", "import", str(target), "--list", "members")
    assert people(mailer, "members") == before


def test_export_refuses_to_overwrite(mailer: Any) -> None:
    target = mailer.write("out.csv", "mine")
    run = mailer("subscribers", "export", "--list", "members", "--output", str(target))
    assert run.code == 1
    assert target.read_text() == "mine"


def test_export_to_a_pipe(mailer: Any) -> None:
    mailer.done("subscribers", "add", "ann@example.org", "--list", "members", "--set", "city=Ås")
    command = [sys.executable, "-m", "mailer", "-w", str(mailer.root), "subscribers", "export", "--list", "members"]
    done = subprocess.run(command, capture_output=True, check=True)
    expected = "email,subscription_state,city\r\nann@example.org,confirmed,Ås\r\n"
    assert (done.stdout.decode(), done.stderr) == (expected, b"")


def test_lists(mailer: Any) -> None:
    mailer.done("subscribers", "add", "ann@example.org", "--list", "members")
    told = mailer.done("lists", "list", "--json").json
    assert [(each["definition"]["name"], each["mailable"]) for each in told] == [("members", 1), ("weekly", 0)]
    assert told[0]["counts"] == {"pending": 0, "confirmed": 1, "unsubscribed": 0}
    text = mailer.done("lists", "list").out.splitlines()
    assert text[1].split() == ["members", "Members", "single", "0", "1", "0", "1"]
    shown = mailer.done("lists", "show", "weekly").out
    assert "Every Sunday." in shown and "double" in shown


def test_an_unknown_list_names_the_near_one(mailer: Any) -> None:
    run = mailer("lists", "show", "weekyl")
    assert run.code == 1
    assert 'unknown list "weekyl": did you mean "weekly"?' in run.err
