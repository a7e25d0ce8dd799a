"""Findings as SARIF, and what makes one the same again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from mailer.checks.finding import Finding, Level, Part, Place, Source
from mailer.checks.fingerprint import fingerprint
from mailer.checks.sarif import sarif
from mailer.checks.table import RULES

DATA = Path(__file__).parents[2] / "data" / "sarif" / "sarif-2.1.0.json"
SCHEMA = jsonschema_rs.validator_for(json.loads(DATA.read_text(encoding="utf-8")))
FOUND = Finding(
    "no-articles",
    Level.WARNING,
    "the HTML has 102,401 bytes",
    "take some out",
    Place(Part.HTML, 7, "weir", 3),
    Source("issues/a b.md", 4),
)


def report(*found: Finding, file: str = "issues/a b.md") -> Any:
    made = sarif(found, RULES, file, "1.2.3")
    SCHEMA.validate(made)
    return made["runs"][0]


def result(found: Finding, file: str = "issues/a b.md") -> Any:
    (only,) = report(found, file=file)["results"]
    return only


def test_a_finding_says_what_where_and_how_bad() -> None:
    found = result(FOUND)
    assert found["message"]["text"] == "the HTML has 102,401 bytes: weir. take some out"
    assert (found["ruleId"], found["level"]) == ("no-articles", "warning")
    assert RULES[found["ruleIndex"]].id == "no-articles"
    assert found["locations"] == [
        {"physicalLocation": {"artifactLocation": {"uri": "issues/a%20b.md"}, "region": {"startLine": 4}}}
    ]
    assert "suppressions" not in found
    assert found["partialFingerprints"] == {"finding/v1": fingerprint(FOUND)}


def test_a_report_says_of_what_form_it_is_and_that_columns_are_characters() -> None:
    made = sarif([], RULES, "a.md", "1.2.3")
    assert (made["version"], made["$schema"].rpartition("/")[2]) == ("2.1.0", "sarif-schema-2.1.0.json")
    assert made["$schema"].startswith("https://docs.oasis-open.org/")
    assert made["runs"][0]["columnKind"] == "unicodeCodePoints"


def test_what_was_accepted_is_suppressed_with_its_reason() -> None:
    found = result(replace(FOUND, accepted="a letter"))
    assert found["suppressions"] == [{"kind": "external", "status": "accepted", "justification": "a letter"}]


@pytest.mark.parametrize(
    ("finding", "file", "uri", "line"),
    [
        (replace(FOUND, source=None), "issues/a b.md", "issues/a%20b.md", 1),
        (replace(FOUND, source=Source("/home/é.html", 0)), "", "file:///home/%C3%A9.html", 1),
    ],
)
def test_every_finding_has_a_place(finding: Finding, file: str, uri: str, line: int) -> None:
    place = result(finding, file)["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == (uri, line)


def test_rules_are_described() -> None:
    driver = report()["tool"]["driver"]
    assert (driver["name"], driver["version"], len(driver["rules"])) == ("mailer", "1.2.3", len(RULES))
    first, rule = driver["rules"][0], RULES[0]
    assert first["id"] == rule.id
    assert first["name"] == "SentOtherwise"
    assert first["defaultConfiguration"] == {"level": "error"}
    assert first["shortDescription"] == first["fullDescription"] == {"text": rule.why}
    assert first["help"]["text"] == f"{rule.why} What to do: {rule.advice}."
    assert first["properties"] == {"tags": [rule.family.value], "firm": True}


@pytest.mark.parametrize(
    "same",
    [
        replace(FOUND, source=None, accepted="x", advice="other", level=Level.NOTE),
        replace(FOUND, place=Place(Part.HTML, 8, "weir", 4)),
        replace(FOUND, message="the HTML has 104,999 bytes"),
    ],
)
def test_a_finding_stays_the_same_when_lines_move_and_numbers_hardly_change(same: Finding) -> None:
    assert fingerprint(same) == fingerprint(FOUND)


@pytest.mark.parametrize(
    "other",
    [
        replace(FOUND, rule="no-article"),
        replace(FOUND, message="the HTML has 112,401 bytes"),
        replace(FOUND, message="the HTML has 10,240 bytes"),
        replace(FOUND, message="the text has 102,401 bytes"),
        replace(FOUND, place=Place(Part.HTML, 7, "nets", 3)),
        replace(FOUND, place=Place(Part.TEXT, 7, "weir", 3)),
        replace(FOUND, place=None),
    ],
)
def test_another_fault_is_another_one(other: Finding) -> None:
    assert fingerprint(other) != fingerprint(FOUND)


def test_small_numbers_count_exactly() -> None:
    found = [replace(FOUND, message=f"{number} of the articles went before") for number in (2, 3, 23, 24)]
    assert len({fingerprint(each) for each in found}) == 4
