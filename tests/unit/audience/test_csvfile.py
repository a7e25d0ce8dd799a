"""Subscriber files as they come: every encoding and delimiter, awkward rows, and one bad row costs one row."""

from __future__ import annotations

import codecs
import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.audience.columns import attribute_name, map_columns
from mailer.audience.layout import Part, Told
from mailer.audience.people import LONGEST_CELL
from mailer.audience.reading import open_people
from mailer.audience.rows import RejectedRow, Row
from mailer.errors import ImportFileError

PEOPLE = "email;name\nann@example.org;Åse\nbob@example.org;Zoë\n"


def layout_of(data: bytes, encoding: str | None = None) -> Part:
    """How the file is read."""
    return open_people(data, "people.csv", Told(encoding)).summary.parts[0]


def columns_of(data: bytes) -> tuple[str, ...]:
    """What its columns become."""
    return tuple(column.becomes for column in layout_of(data).columns)


def read(data: bytes | str, encoding: str | None = None) -> tuple[list[Row], list[RejectedRow]]:
    """The people, and the rows that are refused."""
    file = open_people(data.encode() if isinstance(data, str) else data, "people.csv", Told(encoding))
    rows = list(file.rows())
    return [row for row in rows if isinstance(row, Row)], [row for row in rows if isinstance(row, RejectedRow)]


def names(data: bytes | str) -> list[str]:
    """The part before the @ of everyone who is in."""
    return [row.address.email.partition("@")[0] for row in read(data)[0]]


@pytest.mark.parametrize(
    ("mark", "codec", "found"),
    [
        (b"", "utf-8", "utf-8"),
        (codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
        (codecs.BOM_UTF32_LE, "utf-32-le", "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32-be", "utf-32"),
        (b"", "utf-16-le", "utf-16-le"),
        (b"", "utf-16-be", "utf-16-be"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_an_encoding_that_the_bytes_prove(mark: bytes, codec: str, found: str, newline: str) -> None:
    data = mark + PEOPLE.replace("\n", newline).encode(codec)
    assert layout_of(data).encoding == found
    rows, rejected = read(data)
    assert [(row.line, row.attributes) for row in rows] == [(2, {"name": "Åse"}), (3, {"name": "Zoë"})]
    assert not rejected


@pytest.mark.parametrize("codec", ["cp1252", "latin-1", "cp1250", "mac-roman"])
def test_another_encoding_is_not_guessed_but_taken_when_told(codec: str) -> None:
    data = PEOPLE.replace("Å", "é").encode(codec)
    with pytest.raises(ImportFileError, match="line 2: the byte 0x") as caught:
        layout_of(data)
    assert "--encoding" in str(caught.value.hint)
    rows, _ = read(data, codec)
    assert [row.attributes["name"] for row in rows] == ["ése", "Zoë"]


def test_a_file_of_two_encodings_loses_the_rows_of_the_other() -> None:
    data = PEOPLE.encode() + "cid@example.org;Zoë\n".encode("cp1252")
    rows, rejected = read(data, "utf-8")
    assert [row.line for row in rows] == [2, 3]
    assert [(row.line, row.reason) for row in rejected] == [(4, "bytes that are not utf-8")]


def test_a_fault_far_into_a_large_file_is_found() -> None:
    data = b"email\n" + b"ann@example.org\n" * 100_000 + b"\xff\n"
    with pytest.raises(ImportFileError, match="line 100002: the byte 0xff"):
        layout_of(data)


@pytest.mark.parametrize("encoding", ["klingon", "base64", "hex", "rot13", "idna", "undefined", "a\0b"])
def test_an_encoding_that_is_none(encoding: str) -> None:
    with pytest.raises(ImportFileError, match="no text encoding"):
        layout_of(PEOPLE.encode(), encoding)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("told", [False, True])
def test_the_delimiter(delimiter: str, told: bool) -> None:
    text = PEOPLE.replace(";", delimiter)
    data = (f"sep={delimiter}\r\n{text}" if told else text).encode()
    layout = layout_of(data)
    assert (layout.delimiter, columns_of(data)) == (delimiter, ("email", "name"))
    rows, rejected = read(data)
    assert [row.line for row in rows] == ([3, 4] if told else [2, 3])
    assert not rejected


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("email\nann@example.org\n", ","),
        ('email;note\nann@example.org;"a, b, c"\nbob@example.org;"d, e"\n', ";"),
        ("name;email\nLee, Ann;ann@example.org\nRay, Bob;bob@example.org\n", ";"),
        ('name,email\n"Lee; Ann",ann@example.org\n', ","),
        ("ann@example.org\tAnn\nbob@example.org\tBob\n", "\t"),
    ],
)
def test_the_delimiter_is_what_makes_a_table(text: str, delimiter: str) -> None:
    layout = layout_of(text.encode())
    assert layout.delimiter == delimiter
    assert len(read(text)[0]) >= 1 and not read(text)[1]


@pytest.mark.parametrize(
    "header",
    [
        *(
            "email",
            "E-mail",
            "Email_Address",
            "EMAIL ADDRESS",
            "E-Mail-Adresse",
            "Adresse e-mail",
            "courriel",
            "E-post",
        ),
        *("Correo electrónico", "e-postadress", "Sähköposti", "Indirizzo email", "Почта", "Электронная почта"),
        *("メールアドレス", "邮箱", "이메일", "البريد الإلكتروني", "E-mail 1 - Value", "\ufeffemail", " email "),
    ],
)
def test_the_address_column_in_many_languages(header: str) -> None:
    assert columns_of(f"x,{header}\n1,ann@example.org\n".encode()) == ("x", "email")


@pytest.mark.parametrize(
    ("headers", "columns"),
    [
        ("email,First Name,Last Name", ("email", "first_name", "last_name")),
        ("email,FNAME,LNAME", ("email", "first_name", "last_name")),
        ("E-Mail,Vorname,Nachname,Postleitzahl", ("email", "first_name", "last_name", "postleitzahl")),
        ("email,Prénom,Nom", ("email", "first_name", "last_name")),
        ("email,Nom", ("email", "name")),
        ("email,Nome,Cognome", ("email", "first_name", "last_name")),
        ("email,Nombre,Apellidos", ("email", "first_name", "last_name")),
        ("email,Nome", ("email", "name")),
        ("email,Full name", ("email", "name")),
        ("email,Name,First name", ("email", "name", "first_name")),
        ("email,Postal code,2nd city,#", ("email", "postal_code", "x2nd_city", "column_4")),
        ("email,id,list,E-mail", ("email", "imported_id", "imported_list", "e_mail")),
        ("email,city,City,CITY", ("email", "city", "city_2", "city_3")),
        ("email,,", ("email", "column_2", "column_3")),
        ("email,Город,都市", ("email", "город", "都市")),
    ],
)
def test_what_columns_are_called(headers: str, columns: tuple[str, ...]) -> None:
    assert columns_of(f"{headers}\nann@example.org,b,c,d\n".encode())[: len(columns)] == columns


def test_titles_that_had_to_change_are_noted() -> None:
    assert len(layout_of(b"email,city,City\n").notes) == 1
    assert layout_of(b"email,city\n").notes == ()


def test_the_whole_name_is_not_taken_apart() -> None:
    rows, _ = read("email,name\nann@example.org,Ann Marie van der Lee\n")
    assert rows[0].attributes == {"name": "Ann Marie van der Lee"}


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("ann@example.org\nbob@example.org\n", ("email",)),
        ("Ann,ann@example.org,Oslo\nBob,bob@example.org,Bergen\n", ("column_1", "email", "column_3")),
    ],
)
def test_a_file_without_titles(text: str, columns: tuple[str, ...]) -> None:
    layout = layout_of(text.encode())
    assert (layout.has_header, columns_of(text.encode())) == (False, columns)
    assert [row.line for row in read(text)[0]] == [1, 2]


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("ann@example.org,Ann\n", "the other column is called column_2;"),
        ("ann@example.org,Ann,Oslo\n", "the columns are called column_2, column_3;"),
        ("Ann,ann@example.org,Oslo\n", "the columns are called column_1, column_3;"),
        ("ann@example.org" + ",x" * 20 + "\n", "column_8, column_9, ...;"),
    ],
)
def test_a_file_without_titles_is_noted_with_the_names_of_its_columns(text: str, note: str) -> None:
    (told,) = layout_of(text.encode()).notes
    assert told.startswith("no header line found: ") and note in told


def test_addresses_alone_need_no_titles() -> None:
    assert layout_of(b"ann@example.org\nbob@example.org\n").notes == ()


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize(
    ("above", "skipped", "note"),
    [
        ("Readers 2026\n", 1, "line 1 stands"),
        ("Readers 2026;;\n", 1, "line 1 stands"),
        ("Readers\n\nNovember;;\n;;\n", 4, "lines 1 to 4 stand"),
        ('"Readers\nof the river"\n', 2, "lines 1 to 2 stand"),
        ("1\n2\n3\n4\n", 4, "lines 1 to 4 stand"),
    ],
)
def test_a_title_above_the_header_is_not_the_header(above: str, skipped: int, note: str, mark: str) -> None:
    text = (above + "Name;E-mail;City\nAnn;ann@example.org;Oslo\nBob;nobody;Bergen\n").replace(";", mark)
    layout = layout_of(text.encode())
    assert (layout.has_header, layout.delimiter) == (True, mark)
    assert columns_of(text.encode()) == ("name", "email", "city")
    assert layout.notes == (f"{note} above the header line: not read",)
    (row,), (rejected,) = read(text)
    assert (row.line, row.attributes) == (skipped + 2, {"name": "Ann", "city": "Oslo"})
    assert rejected.line == skipped + 3


def test_a_title_below_what_excel_says_of_its_delimiter() -> None:
    data = b"sep=;\nReaders\nemail;name\nann@example.org;Ann\n"
    assert columns_of(data) == ("email", "name")
    assert read(data)[0][0].line == 4
    assert layout_of(data).notes[0].startswith("line 2 stands above")


@pytest.mark.parametrize(
    ("text", "in_it"),
    [
        ("reach,channel\nann@example.org,email\nbob@example.org,post\n", ["ann", "bob"]),
        ("ann@example.org,x\nemail,y\nbob@example.org,z\n", ["ann", "bob"]),
        ("1\n2\n3\n4\n5\nemail\nann@example.org\n", ["ann"]),
    ],
)
def test_a_row_of_data_is_no_header(text: str, in_it: list[str]) -> None:
    assert not any("above" in note for note in layout_of(text.encode()).notes)
    assert names(text) == in_it


def test_unknown_titles_and_a_column_of_addresses() -> None:
    data = b"who,reach\nAnn,ann@example.org\nBob,nobody\nCid,cid@example.org\n"
    assert (layout_of(data).has_header, columns_of(data)) == (True, ("who", "email"))


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf", b";;;\n", b"name,city\nAnn,Oslo\n", b"\0" * 100, b'"'])
def test_a_file_of_no_addresses(data: bytes) -> None:
    with pytest.raises(ImportFileError) as caught:
        open_people(data)
    assert str(caught.value)


def test_too_many_columns_are_refused_and_many_are_not() -> None:
    with pytest.raises(ImportFileError, match="10000 are the most"):
        layout_of(b"email" + b",x" * 20_000 + b"\n")
    many = "email" + "".join(f",c{n}" for n in range(5000)) + "\nann@example.org" + ",v" * 5000 + "\n"
    assert len(read(many)[0][0].attributes) == 5000


GOOD = "ann@example.org,Ann\n"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("nobody,Bob", "no @"),
        (",Bob", "empty"),
        ("bob@example.org,Bob,Oslo", "3 cells, where the file has 2 columns"),
        ("bob@example.org,B\0ob", "unprintable"),
        ("bob@example.org,\x1b[31mBob", "unprintable"),
        ("b\0ob@example.org,Bob", "unprintable"),
        ("bob@example.org,B\rob", "carriage return"),
        ('bob@example.org,"Bob', "quotation mark"),
        ('"bob@example.org,Bob', "quotation mark"),
        ("bob@example.org; cid@example.org,Bob", "more than one"),
        ('"bob@example.org\ncid@example.org",Bob', "line break"),
        ("bob@example.org," + "x" * (LONGEST_CELL + 1), "longer than 65536"),
        ('bob@example.org,"Bob\ncid@example.org,Cid\n"', "looks like whole rows"),
        ("bob@example.org,Bob\ufffd", "not utf-8"),
        ("bob@example.org,Bob\x7f", "unprintable"),
    ],
)
def test_a_bad_row_costs_itself_only(row: str, reason: str) -> None:
    text = f"email,name\n{GOOD}{row}\n{GOOD.replace('ann', 'zoe')}"
    rows, rejected = read(text)
    assert {"ann", "zoe"} <= {found.address.email.partition("@")[0] for found in rows}
    assert rejected[0].line == 3
    assert reason in rejected[0].reason
    assert "bob@" not in rejected[0].reason


@pytest.mark.parametrize(
    ("row", "attributes"),
    [
        ("bob@example.org,=1+1", {"name": "=1+1"}),
        ('bob@example.org,"=HYPERLINK(""http://x"",""y"")"', {"name": '=HYPERLINK("http://x","y")'}),
        ("bob@example.org,+47 123", {"name": "+47 123"}),
        ("bob@example.org,  Bob  ", {"name": "Bob"}),
        ("bob@example.org", {}),
        ("bob@example.org,,,", {}),
        ("bob@example.org, ", {}),
        ('"bob@example.org","Bob ""B"" Ray"', {"name": 'Bob "B" Ray'}),
        ('bob@example.org,"Bob\nRay"', {"name": "Bob\nRay"}),
        ('bob@example.org,"Bob\r\nRay"', {"name": "Bob\r\nRay"}),
        ('bob@example.org,"B\rob"', {"name": "B\rob"}),
        ('bob@example.org,"Tower" House', {"name": "Tower House"}),
        ('bob@example.org,5" nail', {"name": '5" nail'}),
        ("bob@example.org,\u202eBob", {"name": "\u202eBob"}),
        ("bob@example.org," + "x" * LONGEST_CELL, {"name": "x" * LONGEST_CELL}),
    ],
)
def test_an_odd_row_is_data(row: str, attributes: dict[str, str]) -> None:
    if len(row) > LONGEST_CELL:
        row = row[:-20]
        attributes = {"name": attributes["name"][:-20]}
    rows, rejected = read(f"email,name\n{row}\n{GOOD}")
    assert not rejected
    assert (rows[0].address.email, rows[0].attributes) == ("bob@example.org", attributes)
    assert rows[1].address.email == "ann@example.org"


def test_an_unclosed_quotation_mark_does_not_swallow_the_people_below() -> None:
    people = "".join(f'p{number}@example.org,"P, {number}"\n' for number in range(200))
    rows, rejected = read(f'email,name\nbob@example.org,"Bob\n{people}')
    assert len(rows) == 200
    assert [row.line for row in rejected] == [2]
    # Nobody can correct what they do not see.
    assert rejected[0].cells == ('bob@example.org,"Bob',)


def test_a_refused_row_with_too_many_cells_is_refused_until_it_is_corrected() -> None:
    report = "rejected_line,rejected_reason,email,name,extra_1\n4,5 cells,{}\n"
    _, (rejected,) = read(report.format("bob@example.org,Bob,Oslo"))
    assert "extra_1" in rejected.reason
    (row,), _ = read(report.format('bob@example.org,"Bob, Oslo",'))
    assert row.attributes == {"name": "Bob, Oslo"}
    (row,), _ = read("email,extra_1\nbob@example.org,x\n")
    assert row.attributes == {"extra_1": "x"}


def test_a_cell_of_ten_megabytes_costs_its_row() -> None:
    text = f'email,name\n{GOOD}bob@example.org,"{"x" * 5_000_000}\n{"y" * 5_000_000}"\n{GOOD}'
    rows, rejected = read(text)
    assert [row.line for row in rows] == [2, 5]
    assert [row.line for row in rejected] == [3]
    assert sum(map(len, rejected[0].cells)) <= 2 * LONGEST_CELL


def test_an_attribute_that_quotes_rows_brings_nobody_in() -> None:
    """Somebody's own text, written into a sign-up form and properly quoted in the export."""
    rows, rejected = read('email,name\nbob@example.org,"x\nvictim@example.org,V"\n')
    assert rows == []
    assert len(rejected) == 1


def test_empty_lines_are_no_rows_and_count_as_lines() -> None:
    rows, rejected = read("\n;;\nemail;name\n\n;\n   ;  \nann@example.org;Ann\n\n")
    assert [row.line for row in rows] == [7]
    assert not rejected


def test_rows_are_read_one_at_a_time() -> None:
    data = b"email\n" + b"ann@example.org\n" * 300_000
    rows = open_people(data).rows()
    first = next(rows)
    assert isinstance(first, Row) and first.line == 2


CELLS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=8) | st.sampled_from(
    ["a\nb", 'say "hi"', "a,b;c\td|e", "=1+1", "'", '"', "\r\n"]
)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=6), st.sampled_from(",;\t|"), st.sampled_from(["\n", "\r\n"]))
def test_what_python_writes_comes_back(people: list[tuple[str, str]], delimiter: str, newline: str) -> None:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator=newline)
    writer.writerow(["email", "note", "city"])
    writer.writerows([f"p{number}@example.org", *cells] for number, cells in enumerate(people))
    rows, rejected = read(file.getvalue())
    bad = [cells for cells in people if "\ufffd" in "".join(cells)]
    assert len(rejected) == len(bad)
    kept = [cells for cells in people if cells not in bad]
    found = [(row.attributes.get("note", ""), row.attributes.get("city", "")) for row in rows]
    assert found == [(note.strip(), city.strip()) for note, city in kept]


@given(st.binary(max_size=200) | st.text('a@example.org,;"\n\r\0é', max_size=80).map(str.encode))
def test_any_bytes_give_rows_or_one_error(data: bytes) -> None:
    for encoding in (None, "utf-8", "cp1252"):
        try:
            rows, rejected = read(data, encoding)
        except ImportFileError as error:
            assert str(error) and "\n" not in str(error)
        else:
            assert all(row.line >= 1 for row in rows) and all(row.line >= 1 for row in rejected)
            assert all(row.reason and "\n" not in row.reason for row in rejected)


@given(st.lists(st.text(max_size=12), min_size=1, max_size=8), st.data())
def test_attribute_names_are_unlike_and_sayable(headers: list[str], data: st.DataObject) -> None:
    email_at = data.draw(st.integers(0, len(headers) - 1))
    columns, _ = map_columns(headers, email_at)
    attributes = [name for name in columns if name not in ("email", "tags")]
    assert len(set(attributes)) == len(attributes)
    assert columns[email_at] == "email" and columns.count("email") == 1
    assert not {"id", "list"} & set(columns)
    assert all(name.isidentifier() or not attribute_name(name).isidentifier() for name in columns)
