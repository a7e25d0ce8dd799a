"""Findings that a person let pass: kept for an issue, a rule and a fault."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from mailer.model import IssueChange
from mailer.store import issues
from mailer.store.accepting import Acceptance, accept, accepted, take_back, write_down
from tests.store.world import NOW, World

ONE = Acceptance("rivers", "no-articles", "f1", "a letter", "ann", NOW)


def keep(world: World, *acceptances: Acceptance) -> None:
    with world.store.write() as connection:
        for each in acceptances:
            accept(connection, each)


def kept(world: World, issue: str = "rivers") -> list[Acceptance]:
    with world.store.read() as connection:
        return list(accepted(connection, issue))


def test_it_is_kept_for_one_issue(world: World) -> None:
    other = replace(ONE, issue="nets", reason="other")
    keep(world, ONE, other)
    assert kept(world) == [ONE]
    assert kept(world, "nets") == [other]


def test_the_later_reason_counts(world: World) -> None:
    later = replace(ONE, reason="still a letter", who="bo", at=NOW + timedelta(minutes=1))
    keep(world, ONE, later)
    assert kept(world) == [later]


def test_it_is_taken_back_by_rule_or_by_fault(world: World) -> None:
    second, other = replace(ONE, fault="f2"), replace(ONE, rule="clipped", fault="f3")
    keep(world, ONE, second, other)
    with world.store.write() as connection:
        assert take_back(connection, "rivers", "no-articles", "f1") == 1
        assert take_back(connection, "nets", "no-articles") == 0
    assert kept(world) == [second, other]
    with world.store.write() as connection:
        assert take_back(connection, "rivers", "no-articles") == 1
    assert kept(world) == [other]


def test_an_issue_remembers_only_what_it_went_out_with(world: World) -> None:
    world.add("weekly", "ann")
    world.freeze("weekly", name="rivers")
    keep(world, ONE, replace(ONE, rule="clipped", fault="mended"))
    with world.store.write() as connection:
        write_down(connection, "rivers", ["f1", "f9"], NOW)
        number = issues.number(connection, "rivers")
        found = [each.detail for each in issues.changes(connection, number) if each.what is IssueChange.ACCEPTED]
    assert found == ["no-articles: a letter (ann)"]
