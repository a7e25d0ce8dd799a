"""Expressions: what is read, and each mistake as one line with its place."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.audience.segment.nodes import And, Compare, Kind, Match, Not, Number, Op, Or
from mailer.audience.segment.reading import parse
from mailer.errors import SegmentError
from tests.thoroughness import examples
from tests.unit.audience.segment.people import EXPRESSIONS


def wrong(text: str) -> SegmentError:
    with pytest.raises(SegmentError) as caught:
        parse(text)
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 300
    return caught.value


MISTAKES = [
    # what people write who know other languages
    ("city = 'Oslo'", 6, "one = does not compare: write =="),
    ("a == 1 && b == 2", 8, "write and"),
    ("a == 1 || b == 2", 8, "write or"),
    ("!a", 1, "write not"),
    ("a <> 1", 3, "write != for what is not equal"),
    ("a == 1 AND b == 2", 8, "write and in small letters"),
    ("Not has(a)", 1, "write not in small letters"),
    ("city == “Oslo”", 9, "straight quotation marks"),
    ("city == Oslo", 9, 'a text stands between quotation marks: "Oslo"'),
    ("city is 'Oslo'", 6, '"is" is a name only as attributes["is"]'),
    ("city == null", 9, "write has(name), or not has(name)"),
    ("city == None", 9, "write has(name), or not has(name)"),
    ("a == TRUE", 6, "write true"),
    ("city like 'Os%'", 1, "this cannot be read as a comparison"),
    ("a == 1 # the ones", 8, "comments have no place"),
    ("city == 'Oslo'; drop", 15, "; has no place in a segment"),
    ("a == 1 -- x", 8, "- stands only before a number"),
    # what is missing
    ("", 1, "the expression is empty"),
    ("  \n ", 1, "the expression is empty"),
    ("city", 1, 'what about "city"? Compare it with something, or write has(city)'),
    ("city ==", 8, "something is missing at the end"),
    ("has(a) and", 11, "something is missing at the end"),
    ("city == 'Oslo", 9, "a quotation mark is opened here and not closed"),
    ("(has(a)", 1, "this ( is not closed"),
    ("has(a))", 7, "this ) closes nothing"),
    ("(has(a]", 7, "this ] closes nothing"),
    ("a in ('x' 'y')", 11, "between two texts something is missing"),
    ("a in ('x')", 7, "write == for one value"),
    ("a in ()", 6, "the list is empty"),
    ("has(a), has(b)", 1, "a comma joins nothing here"),
    ("'Oslo'", 1, "a value alone asks nothing"),
    ("1 == 1", 1, "two values are compared"),
    ("'x' in ''", 8, "write == for one value"),
    ("'' in city", 1, "an empty text is in every text"),
    ("city.startswith('')", 17, "an empty text is in every text"),
    # names
    ("opend('x')", 1, 'unknown function "opend": did you mean "opened"?'),
    ("city.startwith('x')", 6, 'unknown method "startwith": did you mean "startswith"?'),
    ("received == 1", 1, '"received" stands alone: write received(...)'),
    ("attributes == 1", 1, 'write attributes["name"]'),
    ("attributes[1] == 1", 12, "the name of an attribute is a text"),
    ("attributes['a\"b'] == 1", 12, "cannot be asked for"),
    ("city[0] == 'O'", 1, "square brackets stand only in attributes"),
    ("_x == 1", 1, 'a name that begins with _ is written attributes["_x"]'),
    ("from == 'x'", 1, '"from" is a name only as attributes["from"]'),
    ("a == b == 'x'", 6, "compare with a value"),
    # numbers, dates, times
    ("zip == 0150", 8, 'a text of digits stands between quotation marks: "0150"'),
    ("a == 1e5", 6, '"1e5" is no number'),
    ("a == 1.23456", 6, "4 decimals"),
    ("a == 123456789012345", 6, "at most 14 digits"),
    ("joined > -6m", 11, '"6m": a time is in hours, days or weeks, such as 180d'),
    ("joined > -90days", 11, '"90days": a time is such as 12h, 90d or 2w'),
    ("joined > -99999w", 11, "at most a hundred years"),
    ("joined > 90", 10, "joined is a time"),
    ("joined > 'yesterday'", 10, "joined is a time"),
    ("joined == -3d", 11, "joined is a moment"),
    ("joined >= '2026-02-30'", 11, "there is no day 2026-02-30"),
    ("a > '2026-13-01'", 5, "there is no day 2026-13-01"),
    ("opened_within(-90d)", 15, "the time stands without a minus sign: opened_within(90d)"),
    ("opened_within(90)", 15, "opened_within() takes a time: opened_within(90d)"),
    ("opened(90d)", 8, "opened() takes the name of an issue"),
    ("received('')", 10, "received() takes the name of an issue"),
    # types
    ("tags == 'x'", 9, 'tags are compared by "x" in tags'),
    ("'weekly' == lists", 1, 'lists are compared by "x" in lists'),
    ("tags.startswith('x')", 1, "tags is no text"),
    ("email == 3", 10, "email is a text"),
    ("a > true", 5, "true and false are compared only by == and !="),
    ("3 in tags", 1, "only a text can be looked for in tags"),
    ("'x' in joined", 8, "joined is a time: nothing is in it"),
    ("has(email)", 5, "everybody has email"),
    ("has()", 1, "exactly one value belongs between these brackets, not 0"),
    ("has(a, b)", 1, "exactly one value belongs between these brackets, not 2"),
    # Python that is none of a segment's business
    ("__import__('os').system('x')", 1, "a name that begins with _"),
    ("city.__class__ == 'x'", 6, "a name that begins with _"),
    ("city.a == 'x'", 1, "a part of something is asked for only by"),
    ("city.startswith.x('a')", 17, "unknown method"),
    ("lambda: 1", 1, '"lambda" is a name only as'),
    ("[x for x in y]", 4, '"for" is a name only as'),
    ("(a := 1)", 4, ": has no place in a segment"),
    ("f'{x}' == a", 1, "a letter stands directly before a quotation mark"),
    ("b'x' == a", 1, "a letter stands directly before a quotation mark"),
    ("a ** 9 ** 9 == 1", 3, "* has no place in a segment"),
    ("a - 1 == 2", 1, "here belongs something known of a person"),
    ("{'a': 1}", 1, "{ has no place in a segment"),
    ("a == ...", 6, ""),
    ("has(*a)", 5, "* has no place in a segment"),
    ("eval('1')", 1, 'unknown function "eval"'),
    ("has(has(a))", 5, "here belongs something known of a person"),
    ("a == -(-1)", 6, "- stands only before a number"),
    ("has(a)(b)", 1, "this cannot be called"),
    ("a if b else c", 3, '"if" is a name only as'),
    ("await a", 1, '"await" is a name only as'),
    # letters
    ("a == 'x\0'", 8, "the character U+0000 has no place in a text"),
    ("a == 'x\\x00'", 8, "the character U+0000 has no place in a text"),
    ("a == '\\ud800'", 7, "the character U+D800 has no place in a text"),
    ("a == '\ud800'", 7, "the character U+D800 has no place in a text"),
    ("a == 'a\nb'", 6, "a quotation mark is opened here and not closed"),
    ("a\u202e == 1", 2, "the character U+202E has no place in a segment"),
    ("a == '\\d'", 7, "a backslash in a text is written twice"),
    ("😀 == 1", 1, "😀 has no place in a segment"),
    # size
    ("a" * 10_000, 4001, "longer than 4000 characters"),
    ("not " * 900 + "has(a)", 5, "not is there twice"),
    ("(" * 500 + "has(a)" + ")" * 500, 41, "more than 40 brackets stand within one another"),
    ("a." * 1900 + "b == 1", 1, ""),
    ("a" + "()" * 1900, 1, ""),
    ("a == " + "9" * 3000, 6, "at most 14 digits"),
]


@pytest.mark.parametrize(("text", "column", "message"), MISTAKES, ids=[repr(case[0][:30]) for case in MISTAKES])
def test_a_mistake_is_one_line_with_its_column(text: str, column: int, message: str) -> None:
    error = wrong(text)
    assert message in error.problem
    assert error.column == column


def test_a_mistake_in_several_lines_has_its_line() -> None:
    error = wrong('city == "Ålesund"\nand (\n  age = 3)')
    assert (error.line, error.column, error.source_line) == (3, 7, "  age = 3)")
    assert error.message == "segment, line 3, column 7: one = does not compare: write =="


@pytest.mark.parametrize(
    "text",
    [
        'city == "Oslo" and ("volunteer" in tags or joined > -90d)',
        " city\n==\t'Oslo' ",
        'attributes["Odd name: 50%"] == "x" or attributes["joined"] < 0d',
        'not has(phone) and not "weekly" in lists',
        "18 <= age < 30.5 and -1 < balance",
        'received("2026-11-22-rivers") and not opened_within(26w)',
        'name == "O\'Brien \\"\\\\ \\u00e9 \\n"',
        'straße == "x" or 名前 != "y"',
        " or ".join(["a < 1"] * 400),
    ],
)
def test_these_are_read(text: str) -> None:
    assert parse(text).text == text


@pytest.mark.parametrize(
    "text", ["it's", 'say "x"', "a\\b", "a\nb", "\xa0", "\x07", "é", "\U0001f600", "\U000e0041", "%"]
)
def test_a_text_as_python_writes_it_is_read(text: str) -> None:
    found = parse(f"{text!r} in tags").root
    assert isinstance(found, Match)
    assert found.text == text


def test_not_equal_is_the_negation_of_equal() -> None:
    found = parse("age != 3").root
    assert isinstance(found, Not)
    assert isinstance(found.part, Compare)
    assert (found.part.op, found.part.value) == (Op.EQ, Number(30000))


def test_and_binds_closer_than_or() -> None:
    found = parse("has(a) or has(b) and has(c)").root
    assert isinstance(found, Or)
    assert isinstance(found.parts[1], And)


def test_an_attribute_may_be_called_like_something_built_in() -> None:
    found = parse('attributes["email"] == "x"').root
    assert isinstance(found, Compare)
    assert (found.field.kind, found.field.name) == (Kind.ATTRIBUTE, "email")


def test_what_it_asks_for() -> None:
    segment = parse('city == "x" and age > 1 and has(city) and "weekly" in lists and not clicked("one")')
    assert list(segment.attributes) == ["city", "age"]
    assert segment.attributes["age"].start == 16
    assert (list(segment.lists), list(segment.issues), segment.needs_tracking) == (["weekly"], ["one"], True)


def test_an_address_is_compared_as_it_is_stored() -> None:
    found = parse('email == " Ada@EXAMPLE.org" or domain in ("Bücher.example", "x.org")').root
    assert isinstance(found, Or)
    assert 'ada@example.org' in repr(found)  # fmt: skip
    assert "xn--bcher-kva.example" in repr(found)


@settings(max_examples=examples(300))
@given(st.text(max_size=30) | st.lists(st.sampled_from(
    ["a", "city", "==", "!", "=", "<", "(", ")", "[", "]", ",", ".", "-", "'x'", '"', "\\", "in", "not", "and", "or",
     "90d", "1.5", "tags", "attributes", "has", "opened", "joined", "true", "\n", "é", "0", "lambda", "f", "_"]
), max_size=12).map(" ".join))  # fmt: skip
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    try:
        parse(text)
    except SegmentError as error:
        assert "\n" not in error.message
        assert 0 <= error.position <= len(text)


@settings(max_examples=examples(200))
@given(EXPRESSIONS)
def test_what_is_made_up_for_other_tests_can_be_read(text: str) -> None:
    assert parse(text).text == text
