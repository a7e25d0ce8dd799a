"""Approvals in the database: kept in their order, and taken back."""

from __future__ import annotations

from dataclasses import replace

from mailer.store import approvals
from mailer.store.approvals import Given, StoredApproval
from tests.store.world import NOW, World

GIVEN = Given("rivers", "ab" * 32, "maria", "key", "I approve.\nö\n", "-----BEGIN", NOW)


def kept(world: World, issue: str = "rivers") -> list[StoredApproval]:
    with world.store.read() as connection:
        return approvals.of(connection, issue)


def test_they_come_back_as_they_were_given_in_their_order(world: World) -> None:
    given = [GIVEN, replace(GIVEN, who="tom", how="user", signature=""), replace(GIVEN, hash="cd" * 32)]
    with world.store.write() as connection:
        for each in (*given, replace(GIVEN, issue="another")):
            approvals.add(connection, each)
    assert [replace(each, withdrawn_at=None) for each in kept(world)] == [
        StoredApproval(one.issue, one.hash, one.who, one.how, one.statement, one.signature, one.at, None)
        for one in given
    ]


def test_what_one_takes_back_is_theirs_of_that_issue_and_stays_known(world: World) -> None:
    with world.store.write() as connection:
        for who, issue in (("maria", "rivers"), ("maria", "another"), ("tom", "rivers")):
            approvals.add(connection, replace(GIVEN, who=who, issue=issue))
        assert approvals.withdraw(connection, "rivers", "maria", NOW) == [GIVEN.hash]
        assert approvals.withdraw(connection, "rivers", "maria", world.later()) == []
    assert [(each.who, each.withdrawn_at) for each in kept(world)] == [("maria", NOW), ("tom", None)]
    assert [each.withdrawn_at for each in kept(world, "another")] == [None]
