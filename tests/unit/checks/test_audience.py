"""How bad what is found about an audience is, and what is named."""

from __future__ import annotations

import pytest

from mailer.checks.facts import EarlierIssue, Facts
from mailer.checks.finding import Level
from mailer.checks.run import check
from tests.unit.checks.cases.audience import LEVELS, after, earlier
from tests.unit.checks.making import NOW, audience


@pytest.mark.parametrize(
    ("rule", "facts", "level"), [(rule, *case) for rule, cases in LEVELS.items() for case in cases]
)
def test_the_level_follows_the_numbers(rule: str, facts: Facts, level: Level) -> None:
    assert [finding.level for finding in check(facts) if finding.rule == rule] == [level]


def test_every_other_issue_of_the_day_is_named() -> None:
    found = [finding.words for finding in check(audience(today=("one", "two")))]
    assert found == [f"one of these lists gets another issue today: {name}" for name in ("one", "two")]


def test_the_newest_settled_issue_is_asked_for_its_reports() -> None:
    silent, heard = earlier(500, heard=False), earlier(500)
    newest = EarlierIssue("today", NOW, 500, heard=False)
    assert [each.rule for each in check(audience(hears=True, earlier=(newest, *heard)))] == []
    (finding,) = check(audience(hears=True, earlier=(newest, *silent)))
    assert finding.words.endswith("of an earlier issue: week-1")
    assert check(after(NOW - NOW)) == ()
