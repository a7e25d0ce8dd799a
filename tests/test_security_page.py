"""The page about security: every attack on it is tried by tests that are there, and every number in a test is on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "security.md"
ROW = re.compile(r"^\| (\d+) \| (.+?) \|(?: (.+) \|)?$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
MENTION = re.compile(r"\b[Aa]ttacks?(?: tests?)? ((?:\d+(?:, | and )?)+)")
LEAST = 60


def rows() -> tuple[dict[int, list[tuple[str, str]]], set[int]]:
    """Each attack with the tests that try it; the numbers of those that do not apply, with their reasons."""
    tried, excused = {}, set()
    for number, _, tests in ROW.findall(PAGE.read_text(encoding="utf-8")):
        if tests:
            tried[int(number)] = TEST.findall(tests)
        else:
            excused.add(int(number))
    return tried, excused


@cache
def names_in(file: str) -> frozenset[str]:
    return frozenset(re.findall(r"^def (test_\w+)\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE))


TRIED, EXCUSED = rows()


def test_there_are_enough_of_them() -> None:
    assert len(TRIED) >= LEAST
    assert not TRIED.keys() & EXCUSED
    assert sorted(TRIED.keys() | EXCUSED) == list(range(1, len(TRIED) + len(EXCUSED) + 1))


@pytest.mark.parametrize("number", TRIED)
def test_each_attack_is_tried_by_tests_that_are_there(number: int) -> None:
    tests = TRIED[number]
    assert tests, "no test is named"
    assert len(set(tests)) == len(tests)
    assert [f"{file}::{name}" for file, name in tests if name not in names_in(file)] == []


def mentions() -> Iterator[tuple[str, int]]:
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for found in MENTION.findall(path.read_text(encoding="utf-8")):
            yield from ((path.name, int(number)) for number in re.findall(r"\d+", found))


def test_a_number_in_a_test_is_one_of_the_page() -> None:
    found = list(mentions())
    assert len(found) > 20
    assert [each for each in found if each[1] not in TRIED] == []
