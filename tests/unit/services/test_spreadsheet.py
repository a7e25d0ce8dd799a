"""Cells that no spreadsheet runs and that come back as they were."""

from __future__ import annotations

import csv
import io
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.audience.address import parse_address
from mailer.errors import ConflictError
from mailer.services.spreadsheet import csv_line, original_text, safe_address, safe_text, write_private

TRIGGERS = tuple("=+-@\t\r\n＝＋－＠")
TEXTS = st.text(alphabet=st.characters(codec="utf-8") | st.sampled_from("'=+-@\t\r"))


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("Oslo", "Oslo"),
        ("=1+1", "'=1+1"),
        ("+47 22 33 44 55", "'+47 22 33 44 55"),
        ("@handle", "'@handle"),
        ("'=1+1", "''=1+1"),
        ("'tis the season", "'tis the season"),
        ("", ""),
        (5, "5"),
        (True, "true"),
        (["a", "b"], '["a", "b"]'),
        (-5, "'-5"),
    ],
)
def test_safe_text(text: object, cell: str) -> None:
    assert safe_text(text) == cell


@given(TEXTS)
def test_no_cell_is_a_formula_and_every_one_comes_back(text: str) -> None:
    cell = safe_text(text)
    assert not cell.startswith(TRIGGERS)
    assert original_text(cell) == text


@pytest.mark.parametrize("email", ["=cmd|'/c-calc'!A0@example.org", "+ann@example.org", "-x@example.org"])
def test_an_address_that_is_a_formula_is_put_into_brackets(email: str) -> None:
    cell = safe_address(email)
    assert not cell.startswith(TRIGGERS)
    assert parse_address(cell).email == email


def test_an_ordinary_address_is_left_alone() -> None:
    assert safe_address("ann@example.org") == "ann@example.org"


@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_a_line_is_one_record_of_the_same_cells(cells: list[str]) -> None:
    assert list(csv.reader(io.StringIO(csv_line(cells), newline=""))) == [cells]


def test_a_written_file_is_private_and_new(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    assert write_private(path, ["a\n", "b\n"]) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == b"\xef\xbb\xbfa\nb\n"
    with pytest.raises(ConflictError, match="exists already"):
        write_private(path, ["c\n"])


def test_nothing_stays_of_a_file_that_could_not_be_finished(tmp_path: Path) -> None:
    def lines() -> object:
        yield "a\n"
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError):
        write_private(tmp_path / "people.csv", lines())  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
