"""What a segment says of one person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given

from mailer.audience.segment.evaluate import Facts, evaluate, failing_part
from mailer.audience.segment.nodes import Act
from mailer.audience.segment.reading import parse
from tests.unit.audience.segment.people import EXPRESSIONS, attributes
from tests.unit.audience.segment.verdicts import MISSING, VERDICTS

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def person(**values: Any) -> Facts:
    return Facts("ada@example.org", "example.org", values, joined=NOW - 90 * DAY)


@pytest.mark.parametrize(("value", "text", "expected"), VERDICTS)
def test_one_value(value: Any, text: str, expected: bool) -> None:
    facts = person() if value is MISSING else person(x=value)
    assert evaluate(parse(text), facts, NOW) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("joined > -91d", True),
        ("joined > -90d", False),
        ("joined >= -90d", True),
        ("joined < -2159h", True),
        ('joined == "2026-08-24"', True),
        ('joined <= "2026-08-24"', True),
        ('joined > "2026-08-24"', False),
        ('joined < "2026-08-24"', False),
        ('joined < "2026-08-24T09:00:01"', True),
        ('joined == "2026-08-24T11:00+02:00"', True),
        ('joined in ("2026-08-23", "2026-08-24")', True),
        ('"weekly" in lists', True),
        ('"Weekly" in lists', False),
        ('domain == "EXAMPLE.org" and email.startswith("ADA@")', True),
        ('"example" in domain', True),
        ('"press" in tags', True),
        ("has(tags)", True),
        ('received("one")', True),
        ('received("two")', False),
        ("received_within(2d)", True),
        ("received_within(1d)", False),
        ("opened_within(90d)", False),
        ('clicked("one") or opened("one")', False),
    ],
)
def test_what_is_built_in(text: str, expected: bool) -> None:
    facts = Facts(
        "ada@example.org", "example.org", {"tags": ["Press"]}, NOW - 90 * DAY, frozenset({"weekly"}),
        {Act.RECEIVED: {"one": NOW - 2 * DAY}},
    )  # fmt: skip
    assert evaluate(parse(text), facts, NOW) is expected


def test_who_is_not_on_the_list_joined_neither_before_nor_after() -> None:
    nobody = Facts("ada@example.org", "example.org", {})
    assert not evaluate(parse("joined > -1d"), nobody, NOW)
    assert not evaluate(parse("joined <= -1d"), nobody, NOW)
    assert evaluate(parse("not joined > -1d"), nobody, NOW)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('city == "Oslo"', None),
        ('city == "Oslo" and age > 18', "age > 18"),
        ('has(city) and (age > 18 or "a" in tags)', 'age > 18 or "a" in tags'),
        ('not (city == "Oslo") and age > 18', 'not (city == "Oslo")'),
        ("  has(city) and (has(phone)  )", "has(phone)"),
        ('has(city) and city != "Oslo"', 'city != "Oslo"'),
        ("has(city) and 1 < age < 3", "1 < age"),
        ('city in ("Bergen", "Årdal")', 'city in ("Bergen", "Årdal")'),
        ('"Årdal" != city and has(phone)', "has(phone)"),
        ('city == "Oslo" and email.endswith("x")', 'email.endswith("x")'),
    ],
)
def test_the_part_that_keeps_a_person_out(text: str, part: str | None) -> None:
    assert failing_part(parse(text), person(city="Oslo"), NOW) == part


@given(EXPRESSIONS, attributes())
def test_a_part_is_named_exactly_for_those_who_are_out(text: str, values: dict[str, Any]) -> None:
    segment, facts = parse(text), Facts("p1@example.org", "example.org", values)
    part = failing_part(segment, facts, NOW)
    assert (part is None) is evaluate(segment, facts, NOW)
    assert part is None or part in text


@given(EXPRESSIONS, attributes())
def test_a_negation_turns_every_verdict_around(text: str, values: dict[str, Any]) -> None:
    facts = Facts("p1@example.org", "example.org", values)
    assert evaluate(parse(f"not ({text})"), facts, NOW) is not evaluate(parse(text), facts, NOW)
