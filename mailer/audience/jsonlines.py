"""JSON lines (an object on each line), or one JSON array of objects, -> rows. Values keep their types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from mailer.audience.columns import folded
from mailer.audience.encoding import find_encoding
from mailer.audience.jsonvalues import strict_json
from mailer.audience.layout import MERGED, NO_ATTRIBUTE, Column, Part, Told
from mailer.audience.ownfile import MERGED_COLUMN
from mailer.audience.people import People
from mailer.audience.records import Lines, text_blocks
from mailer.audience.rows import RejectedRow, Row
from mailer.audience.sources import Source
from mailer.audience.titles import Found, find_titles
from mailer.errors import ImportFileError

MOST_ARRAY_BYTES = 32 << 20
LONGEST_LINE = 1 << 20
_BATCH = 200
# Titles are gathered from so many objects; what a later one has beside them is an attribute by its own name.
_SAMPLE_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Line:
    """One object, or why there is none."""

    number: int
    value: Mapping[str, Any]
    fault: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class JsonTable:
    """A file of JSON objects, ready to be read."""

    source: Source
    part: Part
    found: Found
    file_name: str

    def batches(self) -> Iterator[list[Row | RejectedRow]]:
        """The rows in order."""
        people = People(self.part, self.found.exporter, self.file_name)
        rows = (people.of_object(line.number, line.value, line.fault, line.text) for line in self._objects())
        while batch := list(islice(rows, _BATCH)):
            yield batch

    def _objects(self) -> Iterator[Line]:
        return json_objects(self.source, self.part.encoding, self.part.format)


def open_json(source: Source, name: str, told: Told, part: str = "") -> JsonTable:
    """Find out what the objects have. ImportFileError when they cannot be read at all."""
    encoding = find_encoding(source, told.encoding)
    kind = _format(source, encoding.codec)
    titles: dict[str, None] = {}
    sample: list[Mapping[str, Any]] = []
    for line in islice(json_objects(source, encoding.codec, kind), _SAMPLE_ROWS):
        titles.update(dict.fromkeys(map(str, line.value)))
        sample.append(line.value)
    if not titles:
        first = next(json_objects(source, encoding.codec, kind), None)
        reason = f": line {first.number}: {first.fault}" if first and first.fault else ""
        raise ImportFileError(f"the file holds no JSON objects{reason}", hint='one {"email": ...} on each line')
    rows = [list(titles), *([_text(one.get(title)) for title in titles] for one in sample[:50])]
    found = find_titles(rows, name, told, titled=True)
    columns = _with_inner(found.columns, sample)
    # It needs no other name after all.
    renamed = {f" {old.becomes}" for old, new in zip(found.columns, columns, strict=True) if new is not old}
    notes = [note for note in found.notes if not any(map(note.endswith, renamed))]
    return JsonTable(
        source,
        Part(
            part, kind, columns, encoding.codec, "", found.exporter.title if found.exporter else "", found.state,
            True, (*encoding.notes, *notes), encoding.preview,
        ),
        found, name,
    )  # fmt: skip


def _with_inner(columns: Sequence[Column], sample: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    """An object called attributes holds attributes, as in our own files, whoever wrote it."""

    def is_inner(title: str) -> bool:
        values = [one[title] for one in sample if one.get(title) is not None]
        return bool(values) and all(isinstance(value, dict) for value in values)

    return tuple(
        Column(column.title, MERGED)
        if column.becomes not in NO_ATTRIBUTE and folded(column.title) == MERGED_COLUMN and is_inner(column.title)
        else column
        for column in columns
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _format(source: Source, codec: str) -> str:
    first = next(text_blocks(source, codec), "").lstrip("\ufeff \t\r\n")
    return "JSON" if first.startswith("[") else "JSON lines"


def json_objects(source: Source, codec: str, kind: str) -> Iterator[Line]:
    """The objects in order. Of lines each fault is its own; an array is read whole or not at all."""
    if kind == "JSON":
        yield from _of_array(source, codec)
        return
    lines = Lines(text_blocks(source, codec))
    for text in lines:
        number = lines.start() - 1
        if bare := text.strip("\ufeff \t\r\n"):
            yield _of_line(number, bare)


def _of_line(number: int, text: str) -> Line:
    if len(text) > LONGEST_LINE:
        return Line(number, {}, f"the line is longer than {LONGEST_LINE >> 20} MB")
    if "\ufffd" in text:
        return Line(number, {}, "bytes that are not text of the file's encoding", text)
    try:
        value = strict_json(text)
    except ValueError as error:
        return Line(number, {}, f"not JSON: {error}", text)
    if not isinstance(value, dict):
        return Line(number, {}, "not a JSON object", text)
    return Line(number, value, "", text)


def _of_array(source: Source, codec: str) -> Iterator[Line]:
    parts: list[str] = []
    size = 0
    for block in text_blocks(source, codec):
        size += len(block)
        if size > MOST_ARRAY_BYTES:
            raise ImportFileError(
                f"a JSON array of more than {MOST_ARRAY_BYTES >> 20} MB cannot be read",
                hint="Write one object on each line (JSON lines): jq -c '.[]' FILE > FILE.jsonl",
            )
        parts.append(block)
    try:
        found = strict_json("".join(parts).lstrip("\ufeff"), with_line=True)
    except ValueError as error:
        raise ImportFileError(f"the file is not JSON: {error}") from None
    for number, value in enumerate(found if isinstance(found, list) else [found], 1):
        yield Line(number, value) if isinstance(value, dict) else Line(number, {}, "not a JSON object")
