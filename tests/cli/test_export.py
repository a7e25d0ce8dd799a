"""`mailer subscribers export`: a list as a file, for spreadsheets and other programs, and to come back by an import."""

from __future__ import annotations

import json
import os
import stat
from typing import Any

import pytest

LINES = (
    '{"email": "ann@example.org", "city": "Oslo", "age": 34, "tags": ["choir", "Oslo, east"]}\n'
    '{"email": "bo@example.org", "city": "Bergen", "note": " =1+1"}\n'
)


@pytest.fixture
def two(mailer: Any) -> Any:
    """Ann and Bo on members; Bo left."""
    path = mailer.write("people.jsonl", LINES)
    mailer.done("subscribers", "import", str(path), "--list", "members")
    mailer.done("subscribers", "unsubscribe", "bo@example.org", "--list", "members")
    return mailer


def people(mailer: Any) -> Any:
    found = mailer.done("subscribers", "list", "--list", "members", "--json").json
    return [(each["email"], each["state"], each["tags"], each["attributes"]) for each in found]


def test_a_name_that_promises_a_workbook_is_refused(two: Any) -> None:
    target = two.root / "out.xlsx"
    run = two("subscribers", "export", "--list", "members", "-o", str(target))
    assert (run.code, target.exists()) == (2, False)
    assert "CSV or JSON lines" in run.err and ".csv" in run.err
    two.done("subscribers", "export", "--list", "members", "-o", str(target), "--format", "csv")


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
def test_a_file_comes_back_as_it_was(two: Any, name: str) -> None:
    before = people(two)
    target = two.root / name
    run = two.done("subscribers", "export", "--list", "members", "-o", str(target))
    assert (run.out, run.err) == ("", f"2 subscribers written to {target}\n")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    os.remove(two.root / "mailer.db")
    two.done("db", "upgrade")
    two.done("subscribers", "import", str(target), "--list", "members")
    assert people(two) == before


def test_the_name_of_the_file_tells_the_format_unless_it_is_named(two: Any) -> None:
    for name, words, begin in (
        ("a.jsonl", (), '{"email"'),
        ("b.NDJSON", (), '{"email"'),
        ("c.txt", (), "\ufeffemail,"),
        ("d.jsonl", ("--format", "csv"), "\ufeffemail,"),
        ("e.csv", ("--format", "jsonl"), '{"email"'),
    ):
        two.done("subscribers", "export", "--list", "members", "-o", str(two.root / name), *words)
        assert (two.root / name).read_text("utf-8").startswith(begin), name


def test_part_of_the_people_and_of_what_is_known(two: Any) -> None:
    words = ("subscribers", "export", "--list", "members")
    run = two.done(*words, "--columns", "age, tags", "--segment", 'city == "Oslo"')
    assert run.out.splitlines() == [
        "email,subscription_state,age:=,tags",
        'ann@example.org,confirmed,34,"choir,""Oslo, east"""',
    ]
    assert two.done(*words, "--state", "unsubscribed").out.splitlines()[1].startswith("bo@example.org,unsubscribed,")
    (line,) = two.done(*words, "--tag", "CHOIR", "--format", "jsonl").out.splitlines()
    assert json.loads(line)["attributes"] == {"city": "Oslo", "age": 34}


def test_a_column_that_nobody_has(two: Any) -> None:
    target = two.root / "out.csv"
    for words in ((), ("-o", str(target)), ("--format", "jsonl")):
        run = two("subscribers", "export", "--list", "members", "--columns", "ctiy", *words)
        assert run.code == 2
        assert 'did you mean "city"' in run.err
    assert not target.exists()
    two.done("subscribers", "untag", "ann@example.org", "choir", "Oslo, east")
    text = two.done("subscribers", "export", "--list", "members", "--columns", "tags").out
    assert text.splitlines()[1] == "ann@example.org,confirmed,"


def test_a_list_without_people(mailer: Any) -> None:
    assert mailer.done("subscribers", "export", "--list", "weekly").out == "email,subscription_state\r\n"
    assert mailer.done("subscribers", "export", "--list", "weekly", "--format", "jsonl").out == ""
