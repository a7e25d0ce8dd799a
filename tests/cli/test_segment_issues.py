"""`segment:` in an issue: who is left out is counted, frozen, and not asked again."""

from __future__ import annotations

from typing import Any

import pytest

from mailer.issues.file import parse_issue
from tests.cli.campaign import ISSUE, Piece, add_articles, add_people, addressees, write_issue

PEOPLE = ("ann@example.org,Ann,Oslo", "bo@example.org,Bo,Bergen", "cy@example.org,Cy,", "di@example.org,Di,Oslo")
MEMBERS = 'title = "Members"\nopt_in = "single"\n[segments]\noslo = \'city == "Oslo"\'\n'
WEEKLY = 'title = "Weekly"\nopt_in = "double"\n[segments]\noslo = \'city in ("Oslo", "Bergen")\'\nwest = "has(city)"\n'


@pytest.fixture
def mailer(mailer: Any) -> Any:
    mailer.write("subscribers/members.toml", MEMBERS)
    mailer.write("subscribers/weekly.toml", WEEKLY)
    add_people(mailer, "members", *PEOPLE)
    return mailer


@pytest.mark.parametrize("segment", ["oslo", 'city == "Oslo"'])
def test_only_the_segment_gets_the_issue(mailer: Any, segment: str) -> None:
    write_issue(mailer, segment=segment)
    plan = mailer.done("plan", ISSUE, "--json").json
    assert (plan["recipients"], plan["exclusions"], plan["segment"]) == (2, {"segment": 2}, 'city == "Oslo"')
    shown = mailer.done("plan", ISSUE).out
    assert "2 not in the segment" in shown
    assert 'segment     city == "Oslo"' in shown
    mailer.done("send", ISSUE)
    assert addressees(mailer) == ["ann@example.org", "di@example.org"]
    status = mailer.done("status", ISSUE, "--json").json
    assert (status["left_out"], status["segment"]) == ({"segment": 2}, 'city == "Oslo"')
    assert "2 not in the segment" in mailer.done("status", ISSUE).out


def test_the_hash_knows_the_segment_by_what_it_says(mailer: Any) -> None:
    hashes = []
    for fields in ({}, {"segment": "oslo"}, {"segment": 'city == "Oslo"'}, {"segment": 'city == "Bergen"'}):
        write_issue(mailer, **fields)
        hashes.append(mailer.done("plan", ISSUE, "--json").json["hash"])
    assert hashes[1] == hashes[2]
    assert len(set(hashes)) == 3


def test_the_frozen_audience_is_not_asked_again(mailer: Any) -> None:
    write_issue(mailer, segment='not received("2026-11-22-rivers") and city == "Oslo"')
    run = mailer("plan", ISSUE)
    assert run.code == 1
    assert 'unknown issue "2026-11-22-rivers"' in run.err
    write_issue(mailer, segment="oslo")
    mailer.done("send", ISSUE)
    # Everybody moved away, the segment is gone from the list's file: what was sent is what was sent.
    add_people(mailer, "members", "ann@example.org,Ann,Bergen", "di@example.org,Di,Bergen")
    assert mailer.done("send", ISSUE, "--json").json["recipients"] == 2


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"segment": "city = 1"}, f"issues/{ISSUE}.md:5: segment is wrong at column 6: one ="),
        ({"segment": "olso"}, 'list members: unknown segment "olso": did you mean "oslo"?'),
        ({"segment": 'citty == "Oslo"'}, 'segment, column 1: unknown attribute "citty": did you mean "city"?'),
        ({"segment": "west", "lists": ["members", "weekly"]}, 'list members: unknown segment "west"'),
        ({"segment": "oslo", "lists": ["members", "weekly"]}, '"oslo" is not the same on members and weekly'),
    ],
)
def test_a_wrong_segment_sends_nothing(mailer: Any, fields: dict[str, Any], message: str) -> None:
    write_issue(mailer, **fields)
    for command in ("plan", "send"):
        run = mailer(command, ISSUE)
        assert run.code == 1
        assert message in run.err
    assert addressees(mailer) == []


def test_a_segment_that_has_nobody_is_an_error_of_the_checks(mailer: Any) -> None:
    write_issue(mailer, segment='city == "Tromsø"')
    run = mailer("send", ISSUE)
    assert run.code == 1
    assert "no-recipients" in run.err or "nobody" in run.err


def test_compose_writes_the_segment(mailer: Any) -> None:
    add_articles(mailer, Piece("Clean water"))
    words = ("compose", "bulletin", "--to", "members", "--tag", "clean-rivers", "--name", "issue")
    mailer.done(*words, "--segment", 'city == "Oslo" and "a: b" not in tags')
    text = (mailer.root / "issues/issue.md").read_text()
    assert parse_issue(text, "issue.md").segment == 'city == "Oslo" and "a: b" not in tags'
    assert mailer.done("plan", "issue", "--json").json["recipients"] == 2


def test_compose_refuses_a_wrong_segment_and_writes_nothing(mailer: Any) -> None:
    add_articles(mailer, Piece("Clean water"))
    run = mailer("compose", "alert", "--to", "members", "--tag", "clean-rivers", "--segment", 'citty == "Oslo"')
    assert run.code == 1
    assert run.err.splitlines()[:2] == ['citty == "Oslo"', "^"]
    assert list((mailer.root / "issues").glob("*")) == []
