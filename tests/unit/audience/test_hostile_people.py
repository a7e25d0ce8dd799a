"""Hostile and awkward subscriber files: good rows always come in, each bad one costs one clear line, and a file that
cannot be read at all gives one clear line."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from mailer.audience.layout import Told
from mailer.audience.reading import open_people
from mailer.audience.rows import Row
from mailer.errors import ImportFileError
from tests.unit.audience.workbooks import DATE, MOMENT, cell, rows, workbook, zipped

A, B, C = "ann@example.org", "bob@example.org", "cid@example.org"
HEAD = b"email,name\n"
GOOD_A, GOOD_B = b"ann@example.org,Ann\n", b"bob@example.org,Bob\n"


@dataclass(frozen=True)
class Case:
    """A file; the keys of the people that come in; the lines that are refused, each with a part of its reason."""

    name: str
    data: bytes
    keys: tuple[str, ...] = ()
    refused: tuple[tuple[int, str], ...] = ()
    error: str = ""
    file: str = "people.csv"
    told: Told = field(default_factory=Told)
    attributes: dict[str, Any] | None = None  # of the first person


def row(
    name: str, line: bytes | str, reason: str = "", attributes: dict[str, Any] | None = None, key: str = ""
) -> Case:
    """One row between two good ones: refused for the reason, or in."""
    between = line if isinstance(line, bytes) else line.encode()
    data = HEAD + between + b"\n" + GOOD_B
    if reason:
        return Case(name, data, (B,), ((2, reason),))
    return Case(name, data, (key or A, B), attributes=attributes)


def file(called: str, data: bytes | str, *keys: str, error: str = "", **more: Any) -> Case:
    return Case(called, data if isinstance(data, bytes) else data.encode(), keys, error=error, **more)


def encrypted() -> bytes:
    data = bytearray(zipped({"people.csv": HEAD + GOOD_A}, packing=zipfile.ZIP_STORED))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def lying_about_its_size(size: int) -> bytes:
    data = bytearray(zipped({"people.csv": HEAD + GOOD_A * 5000}))
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", size)
    data[22:26] = struct.pack("<I", size)
    return bytes(data)


def overlapping() -> bytes:
    """Many entries of the directory that share one deflated kernel (as in David Fifield's zip bomb)."""
    body = b"0" * (64 << 20)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(body[: 1 << 20]) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = piece * 64 + packer.flush()
    crc = zlib.crc32(body)
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 8, 0, 0, crc, len(packed), len(body), 5, 0) + b"a.csv"
    entries = b"".join(
        struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 8, 0, 0, crc, len(packed), len(body), 5, 0, 0, 0, 0, 0, 0)
        + f"{number:03}.c".encode()
        for number in range(900)
    )
    begin = local + packed
    return begin + entries + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 900, 900, len(entries), len(begin), 0)


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


def method_of(packing: int) -> bytes:
    return zipped({"people.csv": HEAD + GOOD_A}, packing=packing)


def sheet(*lines: list[object], **more: Any) -> bytes:
    return workbook({"People": rows(*lines)}, **more)


def second_row(*cells: str) -> bytes:
    return workbook({"People": rows(["email", "x", "y"]) + f'<row r="2">{"".join(cells)}</row>'})


def truncated(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flipped(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 0xFF
    return bytes(changed)


ROWS = [
    row("formula", f"{A},=1+1", attributes={"name": "=1+1"}),
    row("formula with a link", f'{A},"=HYPERLINK(""http://x"",""y"")"', attributes={"name": '=HYPERLINK("http://x","y")'}),
    row("formula with a command", f"{A},=cmd|' /C calc'!A0", attributes={"name": "=cmd|' /C calc'!A0"}),
    row("plus", f"{A},+47 123 45", attributes={"name": "+47 123 45"}),
    row("minus", f"{A},-5", attributes={"name": "-5"}),
    row("at sign", f"{A},@SUM(A1)", attributes={"name": "@SUM(A1)"}),
    row("apostrophe before a formula", f"{A},'=1+1", attributes={"name": "=1+1"}),
    row("apostrophe of a name", f"{A},'t Hooft", attributes={"name": "'t Hooft"}),
    row("tab before a formula", f"{A},\t=1+1", attributes={"name": "=1+1"}),
    row("address as a formula", "=1+1@example.org,Ann", key="=1+1@example.org"),
    row("address behind an apostrophe and a sign", "<+ann@example.org>,Ann", key="+ann@example.org"),
    row("NUL in a name", f"{A},A\0nn", "unprintable"),
    row("NUL in an address", "a\0nn@example.org,Ann", "unprintable"),
    row("escape sequence of a terminal", f"{A},\x1b[2J", "unprintable"),
    row("bell", f"{A},A\x07", "unprintable"),
    row("delete", f"{A},A\x7f", "unprintable"),
    row("bare CR", f"{A},A\rnn", "carriage return"),
    row("CR in quotation marks", f'{A},"A\rnn"', attributes={"name": "A\rnn"}),
    row("quoted newline", f'{A},"Ann\nLee"', attributes={"name": "Ann\nLee"}),
    row("quoted CRLF", f'{A},"Ann\r\nLee"', attributes={"name": "Ann\r\nLee"}),
    row("quoted comma", f'{A},"Lee, Ann"', attributes={"name": "Lee, Ann"}),
    row("quoted quotation marks", f'{A},"Ann ""the"" Lee"', attributes={"name": 'Ann "the" Lee'}),
    row("quotation mark in the middle", f'{A},5" nail', attributes={"name": '5" nail'}),
    row("text behind a closing mark", f'{A},"Tower" House', attributes={"name": "Tower House"}),
    row("blank before a quotation mark", f'{A}, "Ann"', attributes={"name": '"Ann"'}),
    row("an unclosed mark", f'{A},"Ann', "never closed"),
    row("an unclosed mark at the address", f'"{A},Ann', "never closed"),
    row("a mark that is closed too late", f'{A},"x\n{C},y"', "looks like whole rows"),
    row("too many cells", f"{A},Ann,Oslo", "3 cells, where the file has 2 columns"),
    row("trailing delimiters", f"{A},Ann,,,", attributes={"name": "Ann"}),
    row("too few cells", A, attributes={}),
    row("blanks around", f"  {A}  ,  Ann  ", attributes={"name": "Ann"}),
    row("a cell of blanks", f"{A},   ", attributes={}),
    row("a cell of 64 KB", f"{A},{'x' * 65_000}", attributes={"name": "x" * 65_000}),
    row("a cell of more than 64 KB", f"{A},{'x' * 66_000}", "longer than 65536"),
    row("a cell of 10 MB", f"{A},{'x' * 10_000_000}", "longer than 65536"),
    row("a quoted cell of 10 MB", f'{A},"{"x" * 10_000_000}"', "longer than 65536"),
    row("no address", ",Ann", "the address is empty"),
    row("no @", "ann,Ann", "no @"),
    row("two addresses", "ann@example.org; cid@example.org,Ann", "more than one"),
    row("two addresses in a quoted cell", '"ann@example.org, cid@example.org",Ann', "more than one"),
    row("two @", "ann@example.org@example.org,Ann", "more than one"),
    row("line break in the address", '"ann@example.org\nBcc: x",Ann', "line break"),
    row("quoted local part", '"""ann lee""@example.org",Ann', "quoting"),
    row("quoted local part that needs none", '"""ann""@example.org",Ann', "quoting"),
    row("comment", "ann(work)@example.org,Ann", "invalid characters"),
    row("address literal", "ann@[192.0.2.1],Ann", "bracketed"),
    row("bare IP", "ann@192.0.2.1,Ann", "top-level"),
    row("host without a period", "ann@intranet,Ann", "no period"),
    row("localhost", "ann@localhost,Ann", "no mail domain"),
    row("onion", "ann@abc.onion,Ann", "no mail domain"),
    row("underscore in the domain", "ann@my_club.org,Ann", "invalid characters"),
    row("two periods", "ann..lee@example.org,Ann", "period"),
    row("period at the end of the local part", "ann.@example.org,Ann", "period"),
    row("period at the end of the address", "ann@example.org.,Ann", attributes={"name": "Ann"}),
    row("a local part of 65", f"{'x' * 65}@example.org,Ann", "longer than 64"),
    row("an address of 255", f"ann@{'x' * 60}.{'y' * 60}.{'z' * 60}.{'w' * 60}.example,Ann", "longer than 254"),
    row("an address of 100 KB", f"{'x' * 60_000}@example.org,Ann", "far too long"),
    row("IDN", "ann@münchen.de,Ann", key="ann@xn--mnchen-3ya.de"),
    row("IDN in ASCII", "ann@xn--mnchen-3ya.de,Ann", key="ann@xn--mnchen-3ya.de"),
    row("IDN of another script", "ann@пример.рф,Ann", key="ann@xn--e1afmkfd.xn--p1ai"),
    row("IDN that is none", "ann@xn--zzzzzzzz999.org,Ann", "IDNA"),
    row("SMTPUTF8", "josé@example.org,José", key="josé@example.org"),
    row("SMTPUTF8, decomposed", "jose\u0301@example.org,J", key="josé@example.org"),
    row("full-width letters", "ａｎｎ@ｅxample.org,Ann"),
    row("full-width at sign", "ann＠example.org,Ann", "no @"),
    row("ideographic period", "ann@example。org,Ann"),
    row("right-to-left mark at the end", "ann@example.org\u200f,Ann"),
    row("right-to-left override inside", "ann\u202egro.elpmaxe@example.org,Ann", "direction"),
    row("isolate inside", "ann\u2067@example.org,Ann", "direction"),
    row("right-to-left mark in a name", f"{A},\u200fآن", attributes={"name": "\u200fآن"}),
    row("zero-width space", "ann\u200b@example.org,Ann"),
    row("zero-width joiner in a name", f"{A},👩\u200d👩", attributes={"name": "👩\u200d👩"}),
    row("no-break space around", "\u00a0ann@example.org\u00a0,Ann"),
    row("soft hyphen", "ann@exam\u00adple.org,Ann"),
    row("byte order mark in the middle", "\ufeffann@example.org,Ann"),
    row("word joiner", "ann@\u2060example.org,Ann"),
    row("mailto", "mailto:ann@example.org?subject=Hi,Ann"),
    row("angle brackets", "<ann@example.org>,Ann"),
    row("name and address", "Ann Lee <ann@example.org>,Ann"),
    row("apostrophes around", "'ann@example.org',Ann"),
    row("semicolon behind", "ann@example.org;,Ann"),
    row("replacement character", f"{A},A\ufffdnn", "not utf-8"),
    Case("bytes of another encoding", HEAD + b"ann@example.org,Bj\xf8rn\n" + GOOD_B, (B,), ((2, "not utf-8"),),
         told=Told("utf-8")),
    Case("overlong UTF-8", HEAD + b"a\xc0\x80@example.org,x\n" + GOOD_B, (B,), ((2, "not utf-8"),), told=Told("utf-8")),
    Case("a surrogate in UTF-8", HEAD + b"ann@example.org,\xed\xa0\x80\n" + GOOD_B, (B,), ((2, "not utf-8"),),
         told=Told("utf-8")),
    row("a tag of HTML", f"{A},<script>alert(1)</script>", attributes={"name": "<script>alert(1)</script>"}),
    row("template code", f"{A},{{{{ 7*7 }}}}", attributes={"name": "{{ 7*7 }}"}),
    row("SQL", f"{A},'); DROP TABLE subscribers;--", attributes={"name": "'); DROP TABLE subscribers;--"}),
    row("an unassigned letter in the domain", "ann@exam\u0378ple.org,Ann", "unsafe"),
    row("an emoji as local part", "💌@example.org,Ann", key="💌@example.org"),
    row("a hyphen at the end of a label", "ann@example-.org,Ann", "hyphen"),
]  # fmt: skip

FILES = [
    file("empty", b"", error="the file is empty"),
    file("one newline", b"\n", error="holds no rows"),
    file("blanks and newlines", b"  \n\n \r\n", error="holds no rows"),
    file("delimiters alone", b";;;\n;;;\n", error="holds no rows"),
    file("a byte order mark alone", codecs.BOM_UTF8, error="holds no rows"),
    file("zero bytes", bytes(5000), error="nothing but zero bytes"),
    file("header only", b"email,name\n"),
    file("header without newline", b"email,name"),
    file("one column", b"email\nann@example.org\nbob@example.org\n", A, B),
    file("one column without header", b"ann@example.org\nbob@example.org\n", A, B),
    file("one address", b"ann@example.org", A),
    file("no header", b"Ann,ann@example.org\nBob,bob@example.org\n", A, B),
    file("no addresses", b"name,city\nAnn,Oslo\n", error="no column holds e-mail addresses"),
    file("CRLF", b"email,name\r\nann@example.org,Ann\r\n", A),
    file("CR", b"email,name\rann@example.org,Ann\rbob@example.org,Bob\r", A, B),
    file("LF and CRLF", b"email,name\nann@example.org,Ann\r\nbob@example.org,Bob\n", A, B),
    file("CR CR LF", b"email,name\r\r\nann@example.org,Ann\r\r\nbob@example.org,Bob\n", A, B),
    file("sep=;", b"sep=;\r\nemail;name\r\nann@example.org;Ann\r\n", A),
    file("sep=, with commas elsewhere", b"sep=,\nemail,name\nann@example.org,A;B\n", A, attributes={"name": "A;B"}),
    file("sep= behind a mark", codecs.BOM_UTF8 + b"sep=;\nemail;name\nann@example.org;Ann\n", A),
    file("sep= in quotation marks", b'"sep=;"\nemail;name\nann@example.org;Ann\n', A),
    file("semicolons", b"email;name\nann@example.org;Lee, Ann\n", A, attributes={"name": "Lee, Ann"}),
    file("tabs", b"email\tname\nann@example.org\tAnn\n", A, attributes={"name": "Ann"}),
    file("bars", b"email|name\nann@example.org|Ann\n", A, attributes={"name": "Ann"}),
    file("a delimiter that is told", b"email:name\nann@example.org:Ann\n", A, told=Told(delimiter=":")),
    file("duplicate titles", b"email,city,City,CITY\nann@example.org,a,b,c\n", A,
         attributes={"city": "a", "city_2": "b", "city_3": "c"}),
    file("two address columns", b"email,E-mail\nann@example.org,x@example.org\n", A,
         attributes={"e_mail": "x@example.org"}),
    file("titles of blanks", b"email, ,\nann@example.org,a,b\n", A, attributes={"column_2": "a", "column_3": "b"}),
    file("a title of 100 KB", b"email," + b"x" * 100_000 + b"\nann@example.org,a\n", A, attributes={"x" * 64: "a"}),
    file("a title with a line break", b'email,"first\nname"\nann@example.org,Ann\n', A,
         attributes={"first_name": "Ann"}),
    file("a title that is Python", b"email,__class__\nann@example.org,x\n", A, attributes={"class": "x"}),
    file("a title that is taken", b"email,id,list\nann@example.org,1,2\n", A,
         attributes={"imported_id": "1", "imported_list": "2"}),
    file("trailing delimiters", b"email,name,,\nann@example.org,Ann,,\n", A, attributes={"name": "Ann"}),
    file("ragged", b"email,name,city\nann@example.org\nbob@example.org,Bob\ncid@example.org,Cid,Oslo\n", A, B, C),
    file("5,000 columns", b"email" + b"".join(b",c%d" % n for n in range(5000)) + b"\nann@example.org" + b",v" * 5000
         + b"\n", A),
    file("20,000 columns", b"email" + b",x" * 20_000 + b"\n", error="10000 are the most"),
    file("a header of 20,000 cells in a row", b"email,name\n" + b"," * 20_000 + b"x\n" + GOOD_A, A,
         refused=((2, "20001 cells"),)),
    file("a title above the header", b"Members 2026\n\nemail,name\nann@example.org,Ann\n", A),
    file("an unclosed mark above the header", b'"Members\nemail,name\nann@example.org,Ann\n', A,
         refused=((1, "never closed"),)),
    file("empty lines between", b"email,name\n\n\nann@example.org,Ann\n\n,\nbob@example.org,Bob\n", A, B),
    file("an unclosed mark before 5,000 people", b'email,name\nx@example.org,"x\n' + b"".join(
        b"p%d@example.org,P\n" % n for n in range(5000)), *(f"p{n}@example.org" for n in range(5000)),
        refused=((2, "never closed"),)),
    file("a line of 40 MB", HEAD + b"ann@example.org," + b"x" * (40 << 20) + b"\n" + GOOD_B, B,
         refused=((2, "longer than 16 MB"),)),
    file("the same address twice", HEAD + GOOD_A + GOOD_A.upper(), A, A),
    file("UTF-8 with a mark", codecs.BOM_UTF8 + HEAD + "ann@example.org,Åse\n".encode(), A, attributes={"name": "Åse"}),
    file("UTF-16 with a mark", (HEAD.decode() + "ann@example.org,Åse\n").encode("utf-16"), A,
         attributes={"name": "Åse"}),
    file("UTF-16 without a mark", (HEAD.decode() + "ann@example.org,Åse\n").encode("utf-16-le"), A),
    file("UTF-16, the other end, no mark", (HEAD.decode() + "ann@example.org,Åse\n").encode("utf-16-be"), A),
    file("UTF-16 cut in the middle", (HEAD.decode() + "ann@example.org,Å").encode("utf-16")[:-1],
         refused=((2, "not utf-16"),)),
    file("UTF-32 with a mark", (HEAD.decode() + "ann@example.org,Åse\n").encode("utf-32"), A),
    file("UTF-8 cut in the middle", HEAD + b"ann@example.org,\xc3", error="line 2: the byte 0xc3 is not UTF-8"),
    file("cp1252 that is unmistakable", HEAD + "ann@example.org,Jörg Müßig\n".encode("cp1252"), A,
         attributes={"name": "Jörg Müßig"}),
    file("cp1252 that might be cp1250", HEAD + "ann@example.org,Søren\n".encode("cp1252"),
         error="line 2: the byte 0xf8 is not UTF-8"),
    file("cp1250", HEAD + "ann@example.org,Łódź\n".encode("cp1250"), error="line 2: the byte 0xa3 is not UTF-8"),
    file("cp1251", HEAD + "ann@example.org,Анна\n".encode("cp1251"), error="is not UTF-8"),
    file("Macintosh", HEAD + "ann@example.org,Jörg\n".encode("mac-roman"), error="is not UTF-8"),
    file("Macintosh, an accent in capitals", HEAD + "ann@example.org,MÈRE\n".encode("mac-roman"), error="is not UTF-8"),
    file("DOS", HEAD + "ann@example.org,Straße\n".encode("cp850"), error="is not UTF-8"),
    file("Shift JIS", HEAD + "ann@example.org,山田\n".encode("shift-jis"), error="is not UTF-8"),
    file("Shift JIS that is told", HEAD + "ann@example.org,山田\n".encode("shift-jis"), A, told=Told("shift-jis"),
         attributes={"name": "山田"}),
    file("mixed encodings", HEAD + "ann@example.org,Åse\n".encode() + "bob@example.org,Jörg\n".encode("cp1252"),
         error="line 3: the byte 0xf6 is not UTF-8"),
    file("mixed encodings, told UTF-8", HEAD + "ann@example.org,Åse\n".encode() + b"bob@example.org,J\xf6rg\n", A,
         told=Told("utf-8"), refused=((3, "not utf-8"),)),
    file("random bytes", bytes(range(128, 256)) * 20, error="is not UTF-8"),
    file("an encoding that is none", HEAD + GOOD_A, error="no text encoding", told=Told("klingon")),
    file("PDF", b"%PDF-1.7\n...", error="this is a PDF"),
    file("old Excel", bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504), error="old Excel workbook"),
    file("old Excel, told an encoding", bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504), error="old Excel",
         told=Told("cp1252")),
    file("HTML", b"<!DOCTYPE html><table><tr><td>ann@example.org</td></tr></table>", error="this is a web page"),
    file("HTML called .xls", b"<html><body><table><tr><td>email</td></tr>", error="this is a web page"),
    file("XML", b"<?xml version='1.0'?><people/>", error="this is XML"),
    file("RTF", b"{\\rtf1\\ansi ann@example.org}", error="a text document"),
    file("vCard", b"BEGIN:VCARD\r\nEMAIL:ann@example.org\r\nEND:VCARD\r\n", error="vCards"),
    file("calendar", b"BEGIN:VCALENDAR\r\n", error="calendar"),
    file("7-Zip", b"7z\xbc\xaf\x27\x1c....", error="7-Zip"),
    file("SQLite", b"SQLite format 3\x00....", error="SQLite"),
    file("picture", b"\x89PNG\r\n\x1a\n....", error="a picture"),
    file("mailbox", b"From ann@example.org Mon Jan  5 10:00:00 2026\nSubject: x\n", error="a mailbox"),
]  # fmt: skip

JSON = [
    file("JSON lines", b'{"email":"ann@example.org","age":34,"member":true,"x":[1,{"y":null}]}\n', A, file="p.jsonl",
         attributes={"age": 34, "member": True, "x": [1, {"y": None}]}),
    file("JSON array", b'[{"email":"ann@example.org"},\n{"email":"bob@example.org"}]', A, B, file="p.json"),
    file("an array with other things", b'[{"email":"ann@example.org"},3,null,"x"]', A, file="p.json",
         refused=((2, "not a JSON object"), (3, "not a JSON object"), (4, "not a JSON object"))),
    file("an array that is cut", b'[{"email":"ann@example.org"},', error="not JSON: line 1, column 30", file="p.json"),
    file("an empty array", b"[]", error="no JSON objects", file="p.json"),
    file("an array too deep", f'[{{"email":"x","y":{deep(20_000)}}}]', error="nested too deeply", file="p.json"),
    file("JSON called .csv", b'{"email":"ann@example.org"}\n', A),
    file("JSON lines with a mark", codecs.BOM_UTF8 + b'{"email":"ann@example.org"}\n', A),
    file("JSON lines in UTF-16", '{"email":"ann@example.org"}\n'.encode("utf-16"), A, file="p.jsonl"),
    *[
        file(name, '{"email":"ann@example.org"}\n' + line + '\n{"email":"bob@example.org"}\n', A, B, file="p.jsonl",
             refused=((2, reason),))
        for name, line, reason in [
            ("a line that is no JSON", "{nope", "not JSON"),
            ("a line of text", "ann@example.org", "not JSON"),
            ("a line that is a list", "[1]", "not a JSON object"),
            ("NaN", '{"email":"cid@example.org","x":NaN}', "NaN is no JSON"),
            ("Infinity", '{"email":"cid@example.org","x":-Infinity}', "-Infinity is no JSON"),
            ("a number that becomes infinite", '{"email":"cid@example.org","x":1e999}', "too large"),
            ("a number of 5,000 digits", f'{{"email":"cid@example.org","x":{"9" * 5000}}}', "more digits"),
            ("a number of 64 bits and one", '{"email":"cid@example.org","x":9223372036854775808}', "more digits"),
            ("a name twice", '{"email":"cid@example.org","x":1,"x":2}', "stands twice"),
            ("two addresses by one name", '{"email":"cid@example.org","email":"x@example.org"}', "stands twice"),
            ("half of a surrogate pair", '{"email":"cid@example.org","x":"\\ud800"}', "surrogate"),
            ("half of a pair as a name", '{"email":"cid@example.org","\\udfff":1}', "surrogate"),
            ("NUL in a text", '{"email":"cid@example.org","x":"a\\u0000b"}', "unprintable"),
            ("NUL deep inside", '{"email":"cid@example.org","x":[{"y":"\\u0000"}]}', "unprintable"),
            ("nested 100,000 deep", f'{{"email":"cid@example.org","x":{deep(100_000)}}}', "nested too deeply"),
            ("nested 17 deep", f'{{"email":"cid@example.org","x":{deep(17)}}}', "nested too deeply"),
            ("a text of 100 KB", f'{{"email":"cid@example.org","x":"{"x" * 100_000}"}}', "longer than 65536"),
            ("a line of 2 MB", f'{{"email":"cid@example.org","x":"{"x" * 2_000_000}"}}', "longer than 1 MB"),
            ("an address that is a number", '{"email":5}', "no text"),
            ("an address that is a list", '{"email":["cid@example.org"]}', "no text"),
            ("an address that is null", '{"email":null}', "no text"),
            ("no address", '{"name":"Cid"}', "empty"),
            ("an empty object", "{}", "empty"),
            ("300 tags", json.dumps({"email": "cid@example.org", "tags": [str(n) for n in range(300)]}), "tags"),
            ("a tag of 1,000 letters", json.dumps({"email": C, "tags": ["x" * 1000]}), "longer than 100"),
        ]
    ],
    file("bytes of another encoding", b'{"email":"ann@example.org"}\n{"email":"bob@example.org","n":"\xf8"}\n', A,
         file="p.jsonl", told=Told("utf-8"), refused=((2, "bytes that are not"),)),
    file("a pretty-printed object", b'{\n  "email": "ann@example.org"\n}\n', error="no JSON objects", file="p.json"),
]  # fmt: skip

ZIPS = [
    file("ZIP of one file", zipped({"people.csv": HEAD + GOOD_A}), A, file="p.zip"),
    file("ZIP without packing", zipped({"people.csv": HEAD + GOOD_A}, packing=zipfile.ZIP_STORED), A, file="p.zip"),
    file("ZIP called .csv", zipped({"people.csv": HEAD + GOOD_A}), A),
    file("CSV called .zip", HEAD + GOOD_A, A, file="p.zip"),
    file("CSV called .xlsx", HEAD + GOOD_A, A, file="p.xlsx"),
    file("names that lead out", zipped({"../../etc/a.csv": HEAD + GOOD_A, "C:\\b.csv": HEAD + GOOD_B}), A, B),
    file("the same name twice", zipped({"a/p.csv": HEAD + GOOD_A, "b/p.csv": HEAD + GOOD_B}), A, B),
    file("a name with an escape sequence", zipped({"\x1b[2J.csv": HEAD + GOOD_A}), A),
    file("a name of 60,000 letters", zipped({"x" * 60_000 + ".csv": HEAD + GOOD_A}), A),
    file("__MACOSX", zipped({"p.csv": HEAD + GOOD_A, "__MACOSX/._people.csv": b"\0\5\x16", "a/.DS_Store": b"x"}), A),
    file("a readme beside it", zipped({"people.csv": HEAD + GOOD_A, "README.txt": b"Hello.\n", "logo.png": b"x"}), A),
    file("an empty file beside it", zipped({"people.csv": HEAD + GOOD_A, "cleaned.csv": b""}), A),
    file("a CSV file without addresses beside it", zipped({"people.csv": HEAD + GOOD_A, "x.csv": b"a,b\n1,2\n"}),
         error="x.csv: no column holds e-mail addresses"),
    file("no CSV file inside", zipped({"logo.png": b"x"}), error="holds no CSV file"),
    file("an empty ZIP", zipped({}), error="holds no CSV file"),
    file("only empty files", zipped({"a.csv": b""}), error="no file in the ZIP file holds people"),
    file("a ZIP in a ZIP", zipped({"inner.zip": zipped({"people.csv": HEAD + GOOD_A})}), error="itself packed"),
    file("a ZIP in a ZIP called .csv", zipped({"inner.csv": zipped({"people.csv": HEAD})}), error="packed file inside"),
    file("a workbook in a ZIP", zipped({"p.xlsx": sheet(["email"], [A])}), error="itself packed or a workbook"),
    file("a .gz in a ZIP", zipped({"p.csv.gz": gzip.compress(HEAD)}), error="itself packed"),
    file("password", encrypted(), error="has a password"),
    file("bzip2 inside", method_of(zipfile.ZIP_BZIP2), error="method 12"),
    file("LZMA inside", method_of(zipfile.ZIP_LZMA), error="method 14"),
    file("a bomb: 1,000 to 1", zipped({"p.csv": b"0" * (100 << 20)}), error="far more than a list"),
    file("a bomb: overlapping entries", overlapping(), error="unpacks to 57600 MB"),
    file("a bomb: 1,500 files", zipped({f"{n}.csv": b"email\n" for n in range(1500)}), error="1,500 files"),
    file("larger than it says", lying_about_its_size(1000), error="people.csv is damaged"),
    file("smaller than it says", lying_about_its_size(200_000), error="people.csv is damaged"),
    file("a ZIP that is cut", truncated(zipped({"people.csv": HEAD + GOOD_A * 100})), error="is damaged"),
    file("a flipped byte in the data", flipped(zipped({"p.csv": HEAD + GOOD_A}, packing=zipfile.ZIP_STORED), 45),
         error="p.csv is damaged"),
    file("a ZIP that only begins like one", b"PK\x03\x04" + bytes(50), error="is damaged"),
    file("OpenDocument", zipped({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": "<x/>"}),
         error="OpenDocument"),
    file("Numbers", zipped({"Index/Document.iwa": b"x", "preview.jpg": b"x"}), error="Numbers"),
    file("Word", zipped({"word/document.xml": b"<x/>"}), error="Word"),
    file("binary Excel", zipped({"xl/workbook.bin": b"x"}), error="binary Excel"),
    file("gzip", gzip.compress(HEAD + GOOD_A), A, file="people.csv.gz"),
    file("gzip in two pieces", gzip.compress(HEAD) + gzip.compress(GOOD_A), A, file="people.csv.gz"),
    file("gzip that is cut", gzip.compress(HEAD + GOOD_A * 1000)[:-20], error="is damaged", file="people.csv.gz"),
    file("gzip of a ZIP", gzip.compress(zipped({"p.csv": HEAD})), error="packed file inside"),
]  # fmt: skip

FAR = rows(["email"], [A]) + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
WORKBOOKS = [
    file("workbook", sheet(["email", "name"], [A, "Ann"]), A, file="p.xlsx", attributes={"name": "Ann"}),
    file("workbook called .csv", sheet(["email", "name"], [A, "Ann"]), A),
    file("a telephone number", sheet(["email", "phone"], [A, 4712345678.0]), A, attributes={"phone": "4712345678"}),
    file("a telephone number of 15 digits", sheet(["email", "phone"], [A, 471234567812345.0]), A,
         attributes={"phone": "471234567812345"}),
    file("a number with a fraction", sheet(["email", "x"], [A, 1.5]), A, attributes={"x": "1.5"}),
    file("a truth", sheet(["email", "x"], [A, True]), A, attributes={"x": "true"}),
    file("a date", second_row(cell("A2", A), cell("B2", 45000, DATE)), A,
         attributes={"x": "2023-03-15"}),
    file("a moment", second_row(cell("A2", A), cell("B2", 45000.5, MOMENT)), A,
         attributes={"x": "2023-03-15 12:00:00"}),
    file("formulas", second_row(cell("A2", A, formula="1"), cell("B2", 2, formula="1"), cell("C2", "x", formula="1")),
         A, attributes={"x": "2", "y": "x"}),
    file("text that looks like a formula", sheet(["email", "x"], [A, "=1+1"]), A, attributes={"x": "=1+1"}),
    file("error cells", sheet(["email", "x"], [A, "#N/A"], ["#REF!", "y"]), A, attributes={},
         refused=((3, "the address is empty"),)),
    file("an empty workbook", workbook({"S": ""}), error="holds no rows"),
    file("an empty sheet before it", workbook({"Notes": "", "People": rows(["email"], [A])}), A),
    file("a sheet of other things before it", workbook({"Notes": rows(["Hello"]), "People": rows(["email"], [A])}), A),
    file("two sheets of people", workbook({"One": rows(["email"], [A]), "Two": rows(["email"], [B])}), A),
    file("a sheet by its name", workbook({"One": rows(["email"], [A]), "Two": rows(["email"], [B])}), B,
         told=Told(sheet="Two")),
    file("a sheet by its number", workbook({"One": rows(["email"], [A]), "Two": rows(["email"], [B])}), B,
         told=Told(sheet="2")),
    file("a hidden sheet", workbook({"Old": rows(["email"], [B]), "New": rows(["email"], [A])},
         hidden=frozenset({"Old"})), A),
    file("a hidden row", workbook({"S": rows(["email"], [A]).replace('<row r="2"', '<row r="2" hidden="1"')}), A),
    file("merged cells", workbook({"S": rows(["Members", None], ["email", "city"], [A, "Oslo"], [B, None])}), A, B,
         attributes={"city": "Oslo"}),
    file("rows from the third on", workbook({"S": rows(["email"], [A], ["nobody"], start=3)}), A,
         refused=((5, "no @"),)),
    file("columns from the third on", workbook({"S": rows([None, None, "email"], [None, None, A])}), A),
    file("empty rows between", workbook({"S": rows(["email"], [A]) + rows([B], start=50)}), A, B),
    file("a line break in a cell", sheet(["email", "x"], [A, "a\nb"], [B, "c"]), A, B, attributes={"x": "a\nb"}),
    file("a tab and an apostrophe", sheet(["email", "x", "y"], [A, "a\tb", "'+1"]), A,
         attributes={"x": "a\tb", "y": "+1"}),
    file("no header", sheet([A, "Ann"], [B, "Bob"]), A, B),
    file("no addresses", sheet(["name"], ["Ann"]), error="no column holds e-mail addresses"),
    file("a cell in the last corner", workbook({"S": FAR}), error="too large a rectangle"),
    file("XML that is cut", workbook({"S": "<row"}), error="workbook is damaged"),
    file("a workbook that is cut", truncated(sheet(["email"], [A])), error="damaged"),
    file("a workbook with a flipped byte", flipped(sheet(["email"], [A], packing=zipfile.ZIP_STORED), 1200),
         error="damaged"),
    file("a workbook without its parts", zipped({"xl/workbook.xml": b"<workbook/>"}), error="workbook is damaged"),
    file("a workbook with a bomb", zipped({"xl/workbook.xml": b"x", "xl/worksheets/sheet1.xml": b" " * (100 << 20)}),
         error="far more than a list"),
    file("entities", zipped({"xl/workbook.xml": b'<!DOCTYPE x [<!ENTITY a "b">]><workbook>&a;</workbook>'}),
         error="damaged"),
]  # fmt: skip

CASES = [*ROWS, *FILES, *JSON, *ZIPS, *WORKBOOKS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_good_rows_come_in_and_bad_ones_cost_one_clear_line(case: Case) -> None:
    try:
        found = list(open_people(case.data, case.file, case.told).rows())
    except ImportFileError as error:
        assert case.error, f"it cannot be read: {error}"
        assert case.error in error.message
        assert_one_clear_line(error.message)
        assert "ann@" not in error.message and "ann@" not in (error.hint or "")
        return
    assert not case.error
    good = [row for row in found if isinstance(row, Row)]
    bad = [row for row in found if not isinstance(row, Row)]
    assert tuple(row.address.key for row in good) == case.keys
    assert [row.line for row in bad] == [line for line, _ in case.refused]
    for row, (_, reason) in zip(bad, case.refused, strict=True):
        assert reason in row.reason
        assert_one_clear_line(row.reason)
        assert "example.org" not in row.reason
    if case.attributes is not None:
        assert good[0].attributes == case.attributes


def assert_one_clear_line(text: str) -> None:
    assert text and len(text) < 300 and text.isprintable()


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 150
    assert len({case.name for case in CASES if case in ROWS}) == len(ROWS)


def test_names_in_a_zip_are_only_labels() -> None:
    data = zipped(
        {"../../etc/a.csv": HEAD + GOOD_A, "\x1b[2J.csv": HEAD + GOOD_B, "x" * 60_000 + ".csv": HEAD + GOOD_A}
    )
    parts = [part.name for part in open_people(data, "p.zip").summary.parts]
    assert parts[:2] == ["a.csv", "?[2J.csv"]
    assert len(parts[2]) < 120


def test_what_is_left_out_of_a_zip_is_told() -> None:
    data = zipped({"people.csv": HEAD + GOOD_A, "README.txt": b"Hello.\n", "logo.png": b"x", "none.csv": b""})
    assert open_people(data).summary.notes == ("left out: logo.png, README.txt", "empty: none.csv")


def test_a_bomb_costs_no_memory() -> None:
    import tracemalloc

    data = overlapping()
    tracemalloc.start()
    with pytest.raises(ImportFileError):
        open_people(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_a_file_in_a_zip_is_read_in_pieces() -> None:
    import tracemalloc

    noise = Random(1)
    lines = [f"p{number}@example.org,{noise.randbytes(2500).hex()}\n" for number in range(2000)]
    data = zipped({"people.csv": HEAD + "".join(lines).encode()})
    del lines
    tracemalloc.start()
    count = sum(len(batch) for batch in open_people(data).batches())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (count, peak < 2_000_000) == (2000, True)


def test_what_comes_as_a_file_object_is_not_needed() -> None:
    """An mmap is enough: nothing of a large file is held but a piece."""
    import mmap

    with io.BytesIO() as _, mmap.mmap(-1, 1000) as data:
        data.write(HEAD + GOOD_A + GOOD_B + b"\n" * (1000 - len(HEAD + GOOD_A + GOOD_B)))
        assert [row.line for row in open_people(data).rows()] == [2, 3]
