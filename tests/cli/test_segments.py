"""`mailer segments` and `mailer attributes`: whom an expression chooses, said before anything is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mailer.audience.address import parse_address
from mailer.model import How, MailingList
from mailer.store import lists
from mailer.store.database import open_store
from mailer.store.subscribers import NewSubscriber, upsert
from mailer.store.subscriptions import Origin

MEMBERS = """
title = "Members"
opt_in = "single"

[segments]
oslo = 'city == "Oslo"'
grown-up = '''
age >= 18
and has(city)'''
"""

PEOPLE: dict[str, dict[str, Any]] = {
    "ann@example.org": {"city": "Oslo", "age": 31, "active": True, "tags": ["Volunteer"]},
    "bo@example.org": {"city": "Bergen", "age": 17, "tags": ["press"]},
    "cy@example.org": {"city": "Oslo", "age": 64.5},
    "di@example.org": {"note": ["a", "b"]},
}


@pytest.fixture
def crowd(mailer: Any) -> Any:
    mailer.write("subscribers/members.toml", MEMBERS)
    store = open_store(f"sqlite:///{mailer.root}/mailer.db")
    rows = [NewSubscriber(parse_address(email), attributes) for email, attributes in PEOPLE.items()]
    with store.write() as connection:
        number = lists.ensure(connection, MailingList("members", "Members"))
        upsert(connection, number, rows, Origin(How.IMPORT, "a test"), datetime.now(UTC))
    store.close()
    return mailer


@pytest.mark.parametrize(
    ("segment", "people"),
    [
        ('city == "Oslo"', 2),
        ("oslo", 2),
        (" oslo ", 2),
        ("grown-up", 2),
        ('not (city == "Oslo")', 2),
        ('"volunteer" in tags or age < 18', 2),
        ("joined > -1h", 4),
        ('"members" in lists and domain == "Example.ORG"', 4),
        ("active == true", 1),
        ('attributes["note"] in ("a", "b")', 0),
        ('"a" in note', 1),
    ],
)
def test_count_by_expression_and_by_name(crowd: Any, segment: str, people: int) -> None:
    run = crowd.done("segments", "count", segment, "--list", "members")
    assert run.out == f"{people} of 4 confirmed people on members\n"
    told = crowd.done("segments", "count", segment, "--list", "members", "--json").json
    assert (told["people"], told["confirmed"]) == (people, 4)


def test_a_mistake_is_pointed_at(crowd: Any) -> None:
    run = crowd("segments", "count", 'age > 1 and citty == "Oslo"', "--list", "members")
    assert run.code == 1
    assert run.err.splitlines() == [
        'age > 1 and citty == "Oslo"',
        "            ^",
        'error: segment, column 13: unknown attribute "citty": did you mean "city"? '
        "(allowed: active, age, city, note or tags)",
        "hint: mailer attributes list shows what there is.",
    ]


@pytest.mark.parametrize(
    ("segment", "message"),
    [
        ("olso", 'list members: unknown segment "olso": did you mean "oslo"?'),
        ('received("2026-11-22-river")', 'segment, column 1: unknown issue "2026-11-22-river"'),
        ('"member" in lists', 'segment, column 1: unknown list "member": did you mean "members"?'),
        ("not opened_within(365d)", "nobody's opens and clicks are recorded"),
        ("x" * 10_000 + " == 1", "segment, column 4001: longer than 4000 characters"),
        ("age > 18 and\n citty == 1", 'segment, line 2, column 2: unknown attribute "citty"'),
    ],
)
def test_what_nobody_has_is_refused(crowd: Any, segment: str, message: str) -> None:
    run = crowd("segments", "count", segment, "--list", "members")
    assert run.code == 1
    assert message in run.err
    assert run.out == ""


def test_an_empty_list_counts_nobody(mailer: Any) -> None:
    run = mailer.done("segments", "count", 'city == "Oslo"', "--list", "weekly")
    assert run.out == "0 of 0 confirmed people on weekly\n"


def test_sample(crowd: Any) -> None:
    run = crowd.done("segments", "sample", "oslo", "--list", "members", "-n", "5", "--json")
    assert [each["email"] for each in run.json] == ["ann@example.org", "cy@example.org"]
    assert len(crowd.done("segments", "sample", "has(age)", "--list", "members", "-n", "2", "--json").json) == 2
    assert "ann@example.org" in crowd.done("segments", "sample", "oslo", "--list", "members").out


def test_list_counts_every_named_segment(crowd: Any) -> None:
    run = crowd.done("segments", "list")
    rows = [line.split(maxsplit=3) for line in run.out.splitlines()]
    assert rows == [
        ["LIST", "NAME", "PEOPLE", "SEGMENT"],
        ["members", "oslo", "2", 'city == "Oslo"'],
        ["members", "grown-up", "2", "age >= 18 and has(city)"],
    ]


def test_list_names_a_segment_that_cannot_be_counted(crowd: Any) -> None:
    crowd.write("subscribers/members.toml", MEMBERS + "wrong = 'zip == \"1\"'\n")
    run = crowd("segments", "list", "--list", "members")
    assert run.code == 3
    assert "oslo" in run.out
    assert 'unknown attribute "zip"' in run.out
    assert "1 of 3 segments cannot be counted: wrong" in run.err


def test_attributes_are_listed_without_values(crowd: Any) -> None:
    run = crowd.done("attributes", "list")
    assert [line.split(maxsplit=2) for line in run.out.splitlines()] == [
        ["NAME", "PEOPLE", "TYPES   INDEXED"],
        ["age", "3", "number"],
        ["city", "3", "text"],
        ["tags", "2", "list"],
        ["active", "1", "yes/no"],
        ["note", "1", "list"],
    ]
    assert "Oslo" not in run.out
    told = crowd.done("attributes", "list", "--list", "members", "--json").json
    assert told[0] == {"name": "age", "people": 3, "types": {"number": 3}, "indexed": False}
    assert crowd.done("attributes", "list", "--list", "weekly", "--json").json == []


def test_index_and_unindex(crowd: Any) -> None:
    assert crowd.done("attributes", "index", "city").out == "city is indexed\n"
    assert crowd.done("attributes", "index", "city").out == "city was indexed already\n"
    listed = {each["name"]: each["indexed"] for each in crowd.done("attributes", "list", "--json").json}
    assert [name for name, indexed in listed.items() if indexed] == ["city"]
    assert crowd.done("segments", "count", "oslo", "--list", "members").out.startswith("2 of 4")
    assert crowd.done("attributes", "unindex", "city").out == "city is no longer indexed\n"
    assert crowd.done("attributes", "unindex", "city").out == "city was not indexed\n"


def test_an_unknown_attribute_is_not_indexed(crowd: Any) -> None:
    run = crowd("attributes", "index", "citty")
    assert run.code == 1
    assert 'unknown attribute "citty": did you mean "city"?' in run.err
    assert crowd("attributes", "index", 'a"b').code == 2
