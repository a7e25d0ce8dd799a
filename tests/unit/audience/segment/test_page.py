"""What docs/segments.md shows can be read, and says the same as the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailer.audience.definition import parse_list
from mailer.audience.segment.nodes import Act, How, Kind
from mailer.audience.segment.reading import FUNCTIONS, parse
from mailer.audience.segment.words import DECIMALS, DEEPEST, LONGEST

PAGE = (Path(__file__).parents[4] / "docs" / "segments.md").read_text(encoding="utf-8")
ASKED = PAGE.partition("## What can be asked")[2].partition("| Value | Written |")[0]
EXAMPLES = [
    code
    for line in ASKED.splitlines()
    if line.startswith("| ") and "together" not in line
    for code in re.findall(r"`([^`]+)`", line.split(" | ")[-1])
]


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_can_be_read(text: str) -> None:
    assert parse(text).text == text


def test_there_are_examples_of_everything() -> None:
    assert len(EXAMPLES) > 25
    for word in (*FUNCTIONS, *How, *(kind.value for kind in Kind if kind is not Kind.ATTRIBUTE)):
        assert re.search(rf"\b{word}\b", " ".join(EXAMPLES)), word
    assert {act.value for act in Act} <= set(FUNCTIONS)


def test_the_first_example_and_the_list_file_can_be_read() -> None:
    (python,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert parse(python.strip()).needs_tracking is False
    (toml,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert set(parse_list(toml, "weekly", "weekly.toml").segments) == {"oslo", "active"}


def test_the_limits_are_those_of_the_program() -> None:
    assert f"{LONGEST:,} characters and {DEEPEST} brackets" in PAGE
    assert f"14 digits and {DECIMALS} decimals" in PAGE
