"""Each rule with facts that break it and facts that do not."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules

import pytest

from mailer.checks.facts import Facts
from mailer.checks.finding import Finding, Level
from mailer.checks.rule import Rule
from mailer.checks.run import BROKEN, check
from mailer.checks.table import BY_ID, RULES
from tests.unit.checks import cases
from tests.unit.checks.cases.bulk import WARNINGS_HERE
from tests.unit.checks.making import GOOD, Case, audience, issue

CASES: dict[str, Case] = {
    name: case
    for module in iter_modules(cases.__path__)
    for name, case in import_module(f"{cases.__name__}.{module.name}").CASES.items()
}
BREAKS = [
    pytest.param(name, facts, begins, id=f"{name}-{number}")
    for name, case in CASES.items()
    for number, (facts, begins) in enumerate(case.breaks)
]
PASSES = [
    pytest.param(name, facts, id=f"{name}-{number}")
    for name, case in CASES.items()
    for number, facts in enumerate(case.passes)
]


def found(facts: Facts, rule: str) -> list[Finding]:
    return [finding for finding in check(facts) if finding.rule == rule]


@pytest.mark.parametrize(("rule", "facts", "begins"), BREAKS)
def test_a_rule_that_is_broken(rule: str, facts: Facts, begins: str) -> None:
    (finding, *others) = found(facts, rule)
    assert finding.message.startswith(begins)
    assert finding.advice
    assert not [each for each in others if each.advice == BROKEN]


@pytest.mark.parametrize(("rule", "facts"), PASSES)
def test_what_only_looks_like_a_breach_passes(rule: str, facts: Facts) -> None:
    assert found(facts, rule) == []


def test_facts_in_order_pass_every_rule() -> None:
    assert check(GOOD) == ()


def test_every_rule_has_cases_and_every_case_a_rule() -> None:
    assert set(CASES) == set(BY_ID)
    assert len(BY_ID) == len(RULES)
    assert [name for name, case in CASES.items() if not case.breaks or not case.passes] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.id))
def test_a_rule_says_why_and_what_to_do(rule: Rule) -> None:
    assert rule.why.endswith(".")
    assert rule.advice
    assert rule.id == rule.id.lower()


@pytest.mark.parametrize("rule", sorted(WARNINGS_HERE))
def test_what_does_not_leave_this_machine_is_warned_of(rule: str) -> None:
    assert [finding.level for finding in found(WARNINGS_HERE[rule], rule)] == [Level.WARNING]


def test_mails_that_could_not_be_written_are_judged_by_nothing_else() -> None:
    facts = replace(issue(unwritable={"no value": 100}), mails=())
    assert [finding.rule for finding in check(facts)] == ["unwritable"]


def test_who_waits_for_a_confirmation_is_told_apart_from_nobody() -> None:
    (finding,) = check(audience(recipients=0, pending=12))
    assert "12 wait until they confirm" in finding.advice
    assert "12" not in check(audience(recipients=0))[0].advice


def test_a_segment_with_nobody_in_it_is_told_apart_from_people_who_wait() -> None:
    (finding,) = check(audience(recipients=0, pending=12, outside_segment=7))
    assert finding.advice.startswith("7 confirmed and not in the segment")


def test_levels_of_the_workspace_are_kept_but_for_firm_rules() -> None:
    facts = replace(audience(recipients=0), issue=issue(articles=()).issue)
    assert {each.rule: each.level for each in check(facts)} == {
        "no-recipients": Level.ERROR,
        "no-articles": Level.WARNING,
    }
    turned = check(facts, {"no-articles": "error", "no-recipients": "off"})
    assert {each.rule: each.level for each in turned} == {"no-recipients": Level.ERROR, "no-articles": Level.ERROR}
    assert [each.rule for each in check(facts, {"no-articles": "off"})] == ["no-recipients"]


def test_errors_come_first_and_the_same_is_said_once() -> None:
    facts = replace(issue(articles=()), mails=(replace(GOOD.mails[0], subject=""),) * 2)
    assert [each.rule for each in check(facts)] == ["empty-subject", "no-articles"]
