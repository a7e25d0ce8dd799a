"""The API's requests about lists and issues: the figures of the commands, by pages, and nobody named in them."""

from __future__ import annotations

import json

import pytest

from mailer.model import Exclusion, IssueKind, Outcome, Scope, SubscriptionState
from mailer.store import ledger
from tests.store.world import World, receipts
from tests.web.house import House
from tests.web.issuing import write_issue
from tests.web.program import PREFIX, Asker
from tests.web.program import asker as asker


@pytest.fixture
def world(house: House) -> World:
    """Three people on the weekly list, one of whom left."""
    for name in ("ada", "bea"):
        house.join(name)
    house.join("cid", state=SubscriptionState.UNSUBSCRIBED)
    return World(house.program.store, house.moment)


def test_lists_come_by_pages(asker: Asker, world: World) -> None:
    asker.may(Scope.LISTS_READ)
    first = asker.get("/lists", limit=2)
    second = asker.get("/lists", limit=2, after=first["next"])
    assert [each["name"] for each in (*first["items"], *second["items"])] == ["alerts", "members", "weekly"]
    assert second["next"] is None
    weekly = asker.get("/lists/weekly")
    assert weekly == asker.get("/lists")["items"][-1]
    assert weekly["counts"] == {"pending": 0, "confirmed": 2, "unsubscribed": 1} and weekly["mailable"] == 2
    assert 'did you mean "weekly"?' in asker.get("/lists/weakly", 404)["detail"]


def test_an_issue_in_figures(asker: Asker, world: World) -> None:
    world.freeze("weekly", name="rivers", subject="Rivers {{7*7}}")
    batch = world.claimed(issue="rivers")
    world.begin(batch)
    answers = receipts(batch, Outcome.ACCEPTED, Outcome.REFUSED, detail="550 no such mailbox: bea@example.org")
    world.record(batch, answers)
    asker.may(Scope.ISSUES_READ)
    issue = asker.get("/issues/rivers")
    assert (issue["recipients"], issue["accepted"], issue["refused"]) == (2, 1, 1)
    assert issue["left_out_by"] == {Exclusion.UNSUBSCRIBED.value: 1} and issue["lists"] == ["weekly"]
    assert issue["subject"] == "Rivers {{7*7}}", "what was written, word for word"
    (row,) = asker.get("/issues")["items"]
    assert row.items() <= issue.items()
    assert "example.org" not in json.dumps([issue, row]), "what a provider answered may name a reader"


def test_issues_come_newest_first_and_by_pages(house: House, asker: Asker, world: World) -> None:
    asker.may(Scope.ISSUES_READ)
    for number in range(5):
        kind = IssueKind.ALERT if number == 3 else IssueKind.BULLETIN
        world.freeze("weekly", name=f"issue-{number}", kind=kind, hash=f"h{number}")
        world.later(5)
    first = asker.get("/issues", limit=2)
    assert [each["name"] for each in first["items"]] == ["issue-4", "issue-3"] and first["next"] == "issue-3"
    world.freeze("weekly", name="newer", hash="h9")
    second = asker.get("/issues", limit=2, after=first["next"])
    assert [each["name"] for each in second["items"]] == ["issue-2", "issue-1"], "what came meanwhile moves nothing"
    last = asker.get("/issues", limit=2, after=second["next"])
    assert [each["name"] for each in last["items"]] == ["issue-0"] and last["next"] is None
    assert [each["name"] for each in asker.get("/issues", kind="alert")["items"]] == ["issue-3"]
    assert asker.get("/issues", state="sent")["items"] == []
    assert "no issue" in asker.get("/issues", 422, after="nothing")["detail"]


def test_a_draft_is_nobodys_yet(house: House, asker: Asker) -> None:
    """Attack test 34: what somebody is writing is not told, not even that it is there."""
    write_issue(house, "secret-plan")
    asker.may(*Scope)
    assert asker.get("/issues")["items"] == []
    details = [asker.get(f"/issues/{name}", 404)["detail"] for name in ("secret-plan", "secret-plam")]
    assert details == ['unknown issue "secret-plan"', 'unknown issue "secret-plam"']


ODD = ("weekly%00", "weekly/", "%2e%2e/weekly", "..%2fweekly", "weekly' OR '1'='1", "%", "_eekly", "w%25", "WEEKLY")


def test_odd_names_find_nothing(asker: Asker, world: World) -> None:
    """Attack tests 43 and 45: no path, no case, no pattern and no SQL leads to another thing than the one named."""
    world.freeze("weekly", name="weekly")
    asker.may(*Scope)
    for kind in ("lists", "issues"):
        asker.get(f"/{kind}/weekly")
        for name in ODD:
            answer = asker.client.get(f"{PREFIX}/{kind}/{name}", headers=asker.headers)
            assert answer.status_code in (400, 404), (kind, name, answer.status_code)
            assert answer.headers["content-type"] == "application/problem+json"


def test_numbers_beyond_the_page_are_refused(asker: Asker) -> None:
    asker.may(*Scope)
    for limit in (0, -1, 101, 10**30, "many", ""):
        asker.get("/lists", 422, limit=limit)
        asker.get("/issues", 422, limit=limit)
    asker.get("/issues", 422, state="draft' --")
    assert 'did you mean "state"?' in asker.get("/issues", 422, stat="sent")["detail"]


def test_figures_are_those_of_the_commands(house: House, asker: Asker, world: World) -> None:
    from mailer.services.status import overview

    world.freeze("weekly", name="rivers")
    asker.may(*Scope)
    (row,) = overview(house.program).rows
    (told,) = asker.get("/issues")["items"]
    assert {name: told[name] for name in ("recipients", "accepted", "waiting", "left_out", "bounced")} == {
        "recipients": row.recipients,
        "accepted": row.accepted,
        "waiting": row.waiting,
        "left_out": row.left_out,
        "bounced": row.bounced,
    }
    with house.program.store.read() as connection:
        assert (
            asker.get("/lists/weekly")["mailable"] == ledger.preview(connection, ["weekly"], smtputf8=True).recipients
        )
