"""Rows that are read by whole blocks are those that are read one by one with care."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailer.audience import sources
from mailer.audience.address import parse_address, plain_addresses
from mailer.audience.csvfile import TextTable, open_text
from mailer.audience.layout import Told
from mailer.audience.people import People
from mailer.audience.records import Lines, Record, Table, read_records, read_tables, text_blocks
from mailer.audience.rows import RejectedRow, Row
from mailer.audience.sources import Plain
from mailer.errors import ImportFileError
from tests.thoroughness import examples


def with_care(table: TextTable) -> Iterator[Row | RejectedRow]:
    """What a table gives when no block is taken as a whole."""
    people = People(table.part, table.found.exporter, table.file_name)
    lines = Lines(text_blocks(table.source, table.part.encoding))
    lines.skip(table.skipped_lines)
    titled = table.part.has_header
    for record in read_records(lines, table.part.delimiter):
        if titled and any(map(str.strip, record.cells)):
            titled = False
            continue
        yield from people.rows(record)


def both_ways(data: bytes, piece: int, told: Told | None = None) -> tuple[list[Row | RejectedRow], ...]:
    with patch.object(sources, "PIECE", piece):
        table = open_text(Plain(data), "people.csv", told or Told())
        return [row for batch in table.batches() for row in batch], list(with_care(table))


ORDINARY = st.sampled_from(["", "Ann", "Oslo", "0155"])
CELLS = ORDINARY | ORDINARY | st.sampled_from(
    [
        "", " ", "Ann", "Åse", "O'Neil", "x y", " x", "y ", "\u00a0z", "a,b", "a;b", 'say "hi"', '"', "'", "'=1",
        "''-2",
        "=1+1", "+47", "a\nb", "a\r\nb", "\r", "\0", "\x1b", "\ufffd", "\u202e", "\u200b", "e\nx@example.org,y", "1\t2",
    ]
)  # fmt: skip
USUAL = st.sampled_from(["ann@example.org", "Bob.Lee@Example.org", "c+x@mail.example.org"])
ADDRESSES = USUAL | USUAL | st.sampled_from(
    [
        "ann@example.org", "Ann.Lee@Example.ORG", "bob+x@mail.example.org", " cid@example.org ", "ann@münchen.de",
        "josé@example.org", "nobody", "", "a@b@c.org", "ann@example..org", "ann@-x.org", "ann@printer.local",
        ".a@x.org",
        "x" * 64 + "@example.org", "x" * 65 + "@example.org", "ann@" + "x." * 120 + "org", "mailto:ann@example.org",
        "<ann@example.org>", "ann@example.org.", "a--b@example.org", "ann@ab--cd.org", "o'neil@example.org", "ann@x.c",
        "\u200bann@example.org", "ann\n@example.org", "'ann@example.org'",
    ]
)  # fmt: skip


@settings(max_examples=examples(300))
@given(
    st.lists(st.tuples(ADDRESSES, CELLS, CELLS), max_size=12),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["email{0}name{0}city", "email{0}tags{0}status", "email{0}tags{0}age:="]),
    st.sampled_from([5, 64, 1 << 15]),
)
def test_written_tables_are_read_alike_both_ways(
    people: list[tuple[str, str, str]], mark: str, end: str, quoting: int, titles: str, piece: int
) -> None:
    if end == "\r":  # a file with both is one with LF, whose rows cannot be told apart
        people = [tuple(cell.replace("\n", " ") for cell in row) for row in people]  # type: ignore[misc]
    file = io.StringIO()
    csv.writer(file, delimiter=mark, lineterminator=end, quoting=quoting).writerows(people)  # type: ignore[arg-type]
    data = f"{titles.format(mark)}{end}{file.getvalue()}".encode()
    by_blocks, one_by_one = both_ways(data, piece, Told(delimiter=mark))
    assert by_blocks == one_by_one


@given(
    st.lists(
        st.sampled_from(
            ["ann@example.org", ",", ",", '"', "\n", "\n", "\r", "\0", " ", "Bob", '""', "é", "x@y.org", "\ufeff"]
        ),
        max_size=40,
    ),
    st.sampled_from([3, 17, 1 << 15]),
)
@example(["ann@example.org", ",", '"', "\n", "x@y.org"], 3)
@example(["\r", "\n", "ann@example.org"], 3)
def test_any_text_is_read_alike_both_ways(pieces: list[str], piece: int) -> None:
    data = ("email,name\n" + "".join(pieces)).encode()
    try:
        by_blocks, one_by_one = both_ways(data, piece)
    except ImportFileError:
        return
    assert by_blocks == one_by_one


@given(st.lists(ADDRESSES, min_size=1, max_size=6))
def test_a_column_of_addresses_is_read_as_each_of_them(texts: list[str]) -> None:
    if any("\n" in text for text in texts):
        return
    known: set[str] = set()
    for _ in range(2):  # with and without memory of the domains
        found = plain_addresses(texts, known)
        if found is not None:
            assert found == [parse_address(text) for text in texts]


def test_ordinary_addresses_are_read_as_a_column() -> None:
    texts = [f"P{number}.x+y@Mail{number}.example.org" for number in range(100)]
    assert plain_addresses(texts, set()) == [parse_address(text) for text in texts]


def test_ordinary_rows_are_taken_by_blocks_also_when_one_is_peculiar() -> None:
    """What makes a million rows quick; the rows themselves would be right without it."""
    lines = [f'p{number}@example.org,"Ann, {number}",Oslo\r\n' for number in range(3000)]
    data = ("email,name,city\r\n" + "".join(lines)).encode()
    tables = list(read_tables(Lines(text_blocks(Plain(data), "utf-8")), ","))
    assert all(isinstance(table, Table) for table in tables) and len(tables) < 20
    table = open_text(Plain(data.replace(b"Ann, 7,", b"Ann\xc2\xa0, 7")), "", Told())
    with patch.object(People, "row", side_effect=People.row, autospec=True) as row:
        assert sum(map(len, table.batches())) == 3000
    assert row.call_count < 60


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_across_blocks_and_repairs(end: str) -> None:
    lines = ["email,name"] + [f"p{n}@example.org,x" for n in range(50)]
    lines[10] = 'p9@example.org,"x'
    lines[20] = 'p19@example.org,"Tower" House'
    with patch.object(sources, "PIECE", 100):
        rows = [r for b in open_text(Plain(end.join(lines).encode()), "", Told()).batches() for r in b]
    assert [row.line for row in rows] == list(range(2, 52))
    assert [row.line for row in rows if isinstance(row, RejectedRow)] == [11]


def test_a_line_without_end_is_not_kept() -> None:
    data = b"email,name\nann@example.org," + b"x" * (40 << 20) + b"\nbob@example.org,Bob\n"
    records = [
        table for table in read_tables(Lines(text_blocks(Plain(data), "utf-8")), ",") if isinstance(table, Record)
    ]
    assert [record.fault for record in records] == ["the line is longer than 16 MB", ""]
