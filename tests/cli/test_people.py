"""`mailer subscribers show, list, tags, set, tag, untag, rename`: looking at people and changing them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

LINES = (
    '{"email": "ann@example.org", "city": "Oslo", "age": 34, "tags": ["choir", "press"]}\n'
    '{"email": "Bo@Example.org", "city": "Bergen", "vip": true}\n'
    '{"email": "cy@example.org", "city": "Oslo", "tags": ["Choir"]}\n'
)


@pytest.fixture
def three(mailer: Any) -> Any:
    """Ann, Bo and Cy on members."""
    path = mailer.write("people.jsonl", LINES)
    mailer.done("subscribers", "import", str(path), "--list", "members")
    return mailer


def shown(mailer: Any, email: str = "ann@example.org") -> Any:
    return mailer.done("subscribers", "show", email, "--json").json


def emails(mailer: Any, *words: str) -> list[str]:
    found = mailer.done("subscribers", "list", "--list", "members", *words, "--json").json
    return [each["email"] for each in found]


def attributes(mailer: Any) -> dict[str, Any]:
    found = mailer.done("subscribers", "list", "--list", "members", "--json").json
    return {each["email"]: each["attributes"] for each in found}


def test_show_says_everything_about_one_person(three: Any) -> None:
    three.done("subscribers", "add", "ANN@example.org", "--list", "weekly")
    three.done("subscribers", "unsubscribe", "ann@example.org", "--list", "members")
    person = shown(three)
    assert person["email"] == "ann@example.org"
    assert person["attributes"] == {"city": "Oslo", "age": 34}
    assert person["tags"] == ["choir", "press"]
    assert [(each["list_name"], each["state"]) for each in person["lists"]] == [
        ("members", "unsubscribed"),
        ("weekly", "pending"),
    ]
    assert person["lists"][0]["since"] > person["lists"][0]["joined"]
    assert person["lists"][1]["asked_at"] is not None
    assert (person["suppressed"], person["issues"]) == ([], [])
    text = three.done("subscribers", "show", "ann@example.org").out
    for words in ("ann@example.org", "choir, press", "age   34", "unsubscribed", "no issue was sent to them yet"):
        assert words in text


def test_show_says_until_when_somebody_is_on_a_pause(three: Any) -> None:
    for year, told in ((2020, False), (2999, True)):
        until = int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
        with closing(sqlite3.connect(three.root / "mailer.db")) as database, database:
            database.execute("update subscribers set paused_until = ? where email = 'ann@example.org'", (until,))
        assert shown(three)["paused_until"] == f"{year}-01-01T00:00:00Z"
        assert ("on a pause until" in three.done("subscribers", "show", "ann@example.org").out) is told
    (found,) = three.done("lists", "list", "--json").json[:1]
    assert found["definition"]["name"] == "members"
    assert (sum(found["counts"].values()), found["mailable"]) == (3, 2)


def test_show_says_who_is_suppressed_and_why(three: Any) -> None:
    three.done("suppressions", "add", "ann@example.org", "--note", "asked by phone")
    three.done("suppressions", "add", "@example.org", "--list", "members")
    found = shown(three)["suppressed"]
    assert [(each["by"], each["list_name"], each["reason"], each["note"]) for each in found] == [
        ("address", None, "manual", "asked by phone"),
        ("domain", "members", "manual", ""),
    ]
    text = three.done("subscribers", "show", "-", stdin=b"ann@example.org\n").out
    assert "on every list" in text
    assert "asked by phone" in text
    assert "on members by its domain" in text


@pytest.mark.parametrize("command", [["show"], ["set"], ["tag"]])
def test_nobody_of_that_address(three: Any, command: list[str]) -> None:
    """One line; no address that is like it, which would tell who is on a list."""
    words = {"set": ["city=Oslo"], "tag": ["choir"]}.get(command[0], [])
    run = three("subscribers", *command, "an@example.org", *words)
    assert (run.code, run.out) == (1, "")
    assert run.err == "error: nobody here has that address\nhint: Check its spelling.\n"


def test_list_by_segment_tag_and_order(three: Any) -> None:
    assert emails(three) == ["ann@example.org", "Bo@Example.org".replace("E", "e"), "cy@example.org"]
    assert emails(three, "--segment", 'city == "Oslo" and age > 30') == ["ann@example.org"]
    assert emails(three, "--tag", "CHOIR") == ["ann@example.org", "cy@example.org"]
    assert emails(three, "--tag", "choir", "--tag", "press") == ["ann@example.org"]
    assert emails(three, "--tag", "nothing's\" there") == []
    three.done("subscribers", "add", "aa@example.org", "--list", "members")
    assert emails(three, "--sort", "email")[:2] == ["aa@example.org", "ann@example.org"]
    assert emails(three, "--sort", "joined", "--limit", "1") == ["ann@example.org"]
    run = three("subscribers", "list", "--list", "members", "--segment", 'ctiy == "Oslo"')
    assert run.code in (1, 2)
    assert '"city"' in run.err


def test_set_text_json_and_unset(three: Any) -> None:
    words = ("subscribers", "set", "ann@example.org", "Postal code=0150", "age:=35", "--unset", "city")
    assert three.done(*words, "--dry-run").out == "1 person would be changed\n"
    assert shown(three)["attributes"] == {"city": "Oslo", "age": 34}
    assert three.done(*words).out == "1 person changed\n"
    assert shown(three)["attributes"] == {"age": 35, "postal_code": "0150"}
    assert three.done(*words, "--json").json["changed"] == 0
    assert shown(three)["tags"] == ["choir", "press"]


def test_the_address_comes_from_standard_input(three: Any) -> None:
    three.done("subscribers", "set", "-", "city=Moss", stdin=b"ANN@example.org\n")
    assert shown(three)["attributes"]["city"] == "Moss"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "whose?"),
        (["ann@example.org"], "nothing to set"),
        (["ann@example.org", "city"], "has no ="),
        (["ann@example.org", "tags=x"], "subscribers tag"),
        (["ann@example.org", "email=x@example.org"], "cannot be set"),
        (["ann@example.org", "city=x", "--list", "members"], "both is nobody's meaning"),
        (["-", "city=x", "--list", "members"], "both is nobody's meaning"),
        (["city=x"], "whose?"),
        (["ann@example.org", "city=x", "--segment", "vip"], "add --list"),
        (["city=x", "--list", "members", "--file", "f"], "either --list or --file"),
    ],
)
def test_wrong_usage_of_set(three: Any, words: list[str], message: str) -> None:
    run = three("subscribers", "set", *words)
    assert run.code == 2
    assert message in run.err
    assert "ann@" not in run.err
    assert attributes(three)["ann@example.org"] == {"city": "Oslo", "age": 34}


def test_set_in_bulk(three: Any) -> None:
    words = ("subscribers", "set", "--list", "members", "--segment", 'city == "Oslo"', "region=East", "age:=34")
    assert three.done(*words, "--dry-run").out == "2 people would be changed\n"
    assert "region" not in attributes(three)["cy@example.org"]
    assert three.done(*words).out == "2 people changed\n"
    assert attributes(three) == {
        "ann@example.org": {"city": "Oslo", "age": 34, "region": "East"},
        "Bo@example.org": {"city": "Bergen", "vip": True},
        "cy@example.org": {"city": "Oslo", "age": 34, "region": "East"},
    }
    assert three.done(*words).out == "0 people changed, 2 unchanged\n"


def test_above_the_limit_a_word_is_needed(three: Any) -> None:
    settings = three.root / "mailer.toml"
    settings.write_text(settings.read_text() + "\n[limits]\nconfirm_above = 1\n")
    words = ("subscribers", "tag", "--list", "members", "fair 2026")
    run = three(*words)
    assert run.code == 2
    assert "this changes 3 people, which needs a word: --yes" in run.err
    assert three.done("subscribers", "list", "--list", "members", "--tag", "fair 2026", "--json").json == []
    assert three.done(*words, "--yes").out == "3 people changed\n"
    # Who would not be changed does not count.
    assert three.done(*words).out == "0 people changed, 3 unchanged\n"


def test_tag_and_untag(three: Any) -> None:
    assert three.done("subscribers", "tag", "ann@example.org", "Volunteer", "PRESS").out == "1 person changed\n"
    assert shown(three)["tags"] == ["choir", "press", "Volunteer"]
    assert three.done("subscribers", "untag", "ann@example.org", "choir", "volunteer").out == "1 person changed\n"
    assert shown(three)["tags"] == ["press"]
    three.done("subscribers", "untag", "--list", "members", "choir", "press")
    assert three.done("subscribers", "tags", "--json").json == []


def test_tag_the_addresses_of_a_file(three: Any) -> None:
    path = three.write("who.txt", "\ufeffANN@example.org\n\nBo <bo@example.org>\nno address\nnobody@example.org\n")
    run = three("subscribers", "tag", "--file", str(path), "fair")
    assert (run.code, run.out) == (3, "2 people changed; 1 address nobody here has\n")
    assert "no address stands in line 4" in run.err
    assert emails(three, "--tag", "fair") == ["ann@example.org", "Bo@example.org"]
    run = three.done("subscribers", "untag", "--file", "-", "fair", "--dry-run", "--json", stdin=b"ann@example.org")
    assert run.json == {"people": 1, "changed": 1, "unknown": 0, "not_addresses": [], "dry_run": True}
    assert three("subscribers", "tag", "--file", str(three.write("none.txt", "x\n")), "fair").code == 2


@pytest.mark.parametrize("words", [["ann@example.org"], ["ann@example.org", ""], ["ann@example.org", "x" * 101]])
def test_what_is_no_tag(three: Any, words: list[str]) -> None:
    assert three("subscribers", "tag", *words).code == 2


def test_tags_are_counted_whatever_their_case(three: Any) -> None:
    found = three.done("subscribers", "tags", "--list", "members", "--json").json
    assert found == [{"tag": "choir", "people": 2}, {"tag": "press", "people": 1}]
    assert three.done("subscribers", "tags", "--list", "weekly", "--json").json == []
    assert three.done("subscribers", "tags").out.splitlines()[1].split() == ["choir", "2"]


def test_rename_keeps_the_person(three: Any) -> None:
    before = shown(three)
    three.done("subscribers", "add", "ann@example.org", "--list", "weekly")
    run = three.done("subscribers", "rename", "ann@example.org", "ann@new.example", "--reason", "wrote to us")
    assert run.out == "the address was changed on members, weekly; no file brings the old one back\n"
    after = shown(three, "ann@new.example")
    assert (after["id"], after["attributes"], after["tags"]) == (before["id"], before["attributes"], before["tags"])
    assert three("subscribers", "show", "ann@example.org").code == 1
    changes = three.done("subscribers", "history", "ann@new.example", "--json").json["changes"]
    assert [(each["list_name"], each["became"], each["words"]) for each in changes][-2:] == [
        ("members", "confirmed", "address changed: wrote to us"),
        ("weekly", "pending", "address changed: wrote to us"),
    ]


def test_an_old_file_does_not_bring_the_old_address_back(three: Any) -> None:
    three.done("subscribers", "rename", "ann@example.org", "ann@new.example")
    run = three("subscribers", "import", str(three.root / "people.jsonl"), "--list", "members", "--again")
    assert "ann@example.org" not in emails(three)
    assert len(emails(three)) == 3
    assert "1 kept out" in run.out
    database = (three.root / "mailer.db").read_bytes()
    assert b"ann@example.org" not in database or b"ann@new.example" in database


def test_rename_there_and_back(three: Any) -> None:
    three.done("subscribers", "rename", "ann@example.org", "ann@new.example")
    three.done("subscribers", "rename", "-", "-", stdin=b"ann@new.example\nann@example.org\n")
    assert shown(three)["tags"] == ["choir", "press"]
    assert three("subscribers", "show", "ann@new.example").code == 1


def test_another_spelling_of_the_same_address(three: Any) -> None:
    run = three.done("subscribers", "rename", "ann@example.org", "Ann@example.org", "--json")
    assert run.json == {"lists": ["members"], "moved": False}
    assert shown(three)["email"] == "Ann@example.org"


def test_rename_refuses_what_would_mail_whom_it_must_not(three: Any) -> None:
    def refused(old: str, new: str) -> str:
        run = three("subscribers", "rename", old, new)
        assert run.code == 1
        assert "example.org" not in run.err
        return str(run.err)

    assert "is a subscriber's already" in refused("ann@example.org", "BO@example.org")
    assert "nobody here has that address" in refused("nobody@example.org", "x@example.org")
    three.done("suppressions", "add", "gone@example.org")
    assert "must not be mailed" in refused("ann@example.org", "gone@example.org")
    three.done("suppressions", "add", "@bad.example", "--list", "members")
    assert "must not be mailed" in refused("ann@example.org", "ann@bad.example")
    three.done("subscribers", "forget", "cy@example.org", "--yes")
    assert "forgotten" in refused("ann@example.org", "cy@example.org")
    three.done("suppressions", "add", "ann@example.org", "--reason", "complained")
    assert "under no other address either" in refused("ann@example.org", "ann@new.example")
    three.done("suppressions", "add", "bo@example.org", "--reason", "bounced")
    three.done("subscribers", "rename", "bo@example.org", "bo@new.example")


def test_rename_needs_two_addresses(three: Any) -> None:
    run = three("subscribers", "rename", "ann@example.org", "-", stdin=b"")
    assert run.code == 2
    assert "ann@" not in run.err
