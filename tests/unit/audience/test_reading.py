"""What a person says of a file, and what she is told of it: columns, encodings, sheets, progress."""

from __future__ import annotations

import mmap
from pathlib import Path

import pytest

from mailer.audience.layout import Told
from mailer.audience.reading import PeopleFile, open_people
from mailer.audience.rows import Row
from mailer.errors import ImportFileError, NoAddressColumnError, UsageError
from tests.unit.audience.workbooks import rows, workbook, zipped

STRANGE = b"Who;Reach;Groups\nAnn;ann@example.org;x,y\nBob;bob@example.org;z\n"


def first(file: PeopleFile) -> Row:
    row = next(iter(file.rows()))
    assert isinstance(row, Row)
    return row


def becomes(file: PeopleFile) -> list[str]:
    return [column.becomes for column in file.summary.parts[0].columns]


@pytest.mark.parametrize(
    ("mapping", "columns"),
    [
        ({}, ["who", "email", "groups"]),
        ({"Who": "first_name", "Groups": "tags"}, ["first_name", "email", "tags"]),
        ({"who": "Full name"}, ["full_name", "email", "groups"]),
        ({"1": "-", "3": "tags"}, ["-", "email", "tags"]),
        ({"Reach": "email"}, ["who", "email", "groups"]),
        ({"Who": "groups"}, ["groups", "email", "groups_2"]),
    ],
)
def test_columns_become_what_a_person_says(mapping: dict[str, str], columns: list[str]) -> None:
    file = open_people(STRANGE, "people.csv", Told(mapping=mapping))
    assert becomes(file) == columns
    row = first(file)
    assert row.address.key == "ann@example.org"
    assert row.tags == (("x", "y") if "tags" in columns else ())
    assert set(row.attributes) == set(columns) - {"email", "tags", "-"}


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"Grups": "tags"}, 'unknown column "Grups": did you mean "Groups"'),
        ({"4": "tags"}, 'unknown column "4"'),
        ({"Who": "id"}, 'cannot call a column "id"'),
        ({"Who": "!!"}, 'cannot call a column "!!"'),
        ({"Who": "x", "Groups": "x"}, 'two columns into "x"'),
        ({"Who": "x", "1": "y"}, "names column 1 twice"),
    ],
)
def test_a_wrong_mapping_is_wrong_usage(mapping: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_people(STRANGE, "people.csv", Told(mapping=mapping))
    assert message in caught.value.message


def test_a_mapping_goes_before_the_program_and_the_titles() -> None:
    data = b"email,Work,can2_user_tags,can2_subscription_status\nx,ann@example.org,a,subscribed\n"
    file = open_people(data, "report.csv", Told(mapping={"Work": "email", "can2_user_tags": "groups"}))
    assert becomes(file) == ["imported_email", "email", "groups", "(state)"]
    assert first(file).address.key == "ann@example.org"
    assert first(file).attributes["groups"] == "a"


def test_a_mapping_reaches_every_file_of_a_zip_that_has_the_title() -> None:
    data = zipped({"a.csv": b"Reach,x\nann@example.org,1\n", "b.csv": b"email,x\nbob@example.org,2\n"})
    file = open_people(data, "p.zip", Told(mapping={"Reach": "email", "x": "points"}))
    assert [(row.address.key, row.attributes, row.part) for row in file.rows() if isinstance(row, Row)] == [
        ("ann@example.org", {"points": "1"}, "a.csv"),
        ("bob@example.org", {"points": "2"}, "b.csv"),
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"Who,Where\nAnn,Oslo\n",
        workbook({"S": rows(["Who", "Where"], ["Ann", "Oslo"])}),
        b'{"Who":"Ann","Where":"Oslo"}\n',
    ],
)
def test_without_a_column_of_addresses_there_is_what_one_needs_to_ask(data: bytes) -> None:
    with pytest.raises(NoAddressColumnError, match="no column holds") as caught:
        open_people(data)
    assert caught.value.titles == ("Who", "Where")
    assert caught.value.rows == (("Ann", "Oslo"),)
    assert "--map" in str(caught.value.hint)
    assert "Ann" not in f"{caught.value.message} {caught.value.hint}"


def test_a_title_that_is_named_is_a_header_also_below_a_title_of_the_sheet() -> None:
    file = open_people(b"Members 2026\nWho,Reach\nAnn,ann@example.org\n", "", Told(mapping={"Reach": "email"}))
    assert becomes(file) == ["who", "email"]
    assert first(file).line == 3


@pytest.mark.parametrize(("told", "sign"), [(";", ";"), ("semicolon", ";"), ("tab", "\t"), ("\\t", "\t"), ("~", "~")])
def test_a_delimiter_that_is_told(told: str, sign: str) -> None:
    file = open_people(f"email{sign}name\nann@example.org{sign}A,B\n".encode(), "", Told(delimiter=told))
    assert first(file).attributes == {"name": "A,B"}


@pytest.mark.parametrize("told", [",,", '"', "\n", "a", "@", "klingon"])
def test_a_delimiter_that_cannot_be(told: str) -> None:
    with pytest.raises(UsageError, match="one sign"):
        open_people(STRANGE, "", Told(delimiter=told))


def test_a_sheet_that_is_not_there_and_a_file_that_has_none() -> None:
    data = workbook({"Members": rows(["email"], ["ann@example.org"])})
    with pytest.raises(UsageError, match='unknown sheet "Membres": did you mean "Members"'):
        open_people(data, "", Told(sheet="Membres"))
    with pytest.raises(UsageError, match="only a workbook has sheets"):
        open_people(STRANGE, "", Told(sheet="Members"))


def test_a_hidden_sheet_is_read_when_it_is_named() -> None:
    data = workbook({"New": rows(["email"], ["a@example.org"]), "Old": rows(["email"], ["ann@example.org"])},
                    hidden=frozenset({"Old"}))  # fmt: skip
    assert first(open_people(data, "", Told(sheet="Old"))).address.key == "ann@example.org"


def test_other_sheets_with_people_are_told() -> None:
    data = workbook({"One": rows(["email"], ["a@example.org"]), "Two": rows(["email"], ["b@example.org"])})
    (note,) = open_people(data).summary.notes
    assert 'sheet "One" is read' in note and '"Two"' in note and "--sheet" in note


@pytest.mark.parametrize(
    ("names", "readable"),
    [
        ("Jörg,Müßig", True), ("Grüße,Füße", True), ("Ölbaum,Über", True), ("René,Élan", True), ("MÜLLER,KÖLN", True),
        ("Søren,x", False), ("Françoise,x", False), ("Gonçalves,João", False), ("Erdős".replace("ő", "õ"), False),
        ("Müller,5 €", False), ("it’s,x", False), ("Åse,x", False), ("Ñandú,x", False), ("äöü", False), ("é,x", False),
    ],
)  # fmt: skip
def test_cp1252_is_read_unasked_only_when_it_does_not_matter_which_encoding_it_is(names: str, readable: bool) -> None:
    data = f"email,first_name,last_name\nann@example.org,{names}\n".encode("cp1252")
    if not readable:
        with pytest.raises(ImportFileError, match="line 2: the byte 0x") as caught:
            open_people(data)
        assert "--encoding cp1252" in str(caught.value.hint)
        return
    part = open_people(data).summary.parts[0]
    assert part.encoding == "cp1252" and "line 2 is not UTF-8" in part.notes[0]
    assert part.preview
    for other in ("cp1250", "cp1254", "cp1257", "iso-8859-1", "iso-8859-2", "iso-8859-9", "iso-8859-15"):
        assert data.decode(other) == data.decode("cp1252")


def test_the_judgement_of_letters_holds_across_pieces() -> None:
    lines = [f"p{number}@example.org,{'x' * (number % 50)}Müller\n" for number in range(5000)]
    data = ("email,name\n" + "".join(lines)).encode("cp1252")
    assert open_people(data).summary.parts[0].encoding == "cp1252"
    with pytest.raises(ImportFileError, match="not UTF-8"):
        open_people(data + "z@example.org,Søren\n".encode("cp1252"))


@pytest.mark.parametrize("kind", ["csv", "zip", "xlsx", "jsonl"])
def test_progress_ends_where_the_file_does_and_a_file_can_be_read_again(kind: str) -> None:
    people = [f"p{number}@example.org" for number in range(4000)]
    text = "email\n" + "\n".join(people)
    data = {
        "csv": text.encode(),
        "zip": zipped({"p.csv": text}),
        "xlsx": workbook({"S": rows(["email"], *(list[object]([one]) for one in people))}),
        "jsonl": "".join(f'{{"email":"{one}"}}\n' for one in people).encode(),
    }[kind]
    file = open_people(data, f"p.{kind}")
    for _ in range(2):
        seen = []
        keys = []
        for batch in file.batches():
            seen.append(file.done)
            keys += [row.address.key for row in batch if isinstance(row, Row)]
        assert keys == people
        assert seen == sorted(seen) and len(seen) > 2 and file.done == file.size
    assert len(file.sample(3)) == 3


def test_an_mmap_is_read_as_bytes_are(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(STRANGE)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        assert list(open_people(data).rows()) == list(open_people(STRANGE).rows())
    packed = zipped({"p.csv": STRANGE})
    path.write_bytes(packed)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        assert [row.line for row in open_people(data).rows()] == [2, 3]
