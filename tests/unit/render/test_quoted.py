"""Quoted-printable in pieces: whatever the runs and values, it decodes to the text, on lines any server takes."""

from __future__ import annotations

import quopri
from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markupsafe import escape

from mailer.errors import MessageError
from mailer.render.quoted import QuotedRuns, encode, fill


@dataclass(frozen=True)
class Shape:
    constants: tuple[str, ...]
    slots: tuple[int, ...]


CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
# Text that is mostly made of what quoted-printable, SMTP and mbox treat specially.
TEXT = st.one_of(
    st.text(CHARACTERS, max_size=200),
    st.text("=. \t\r\n\x0bFromÅ日👩x", max_size=200),
    st.lists(st.sampled_from(["From ", ".", "..", "\r", "\n", "\r\n", " ", "=", "word", "å" * 30, "x" * 75])).map(
        "".join
    ),
)


@st.composite
def shapes(draw: st.DrawFn) -> tuple[Shape, list[str]]:
    values = draw(st.lists(TEXT, min_size=1, max_size=4))
    slots = draw(st.lists(st.integers(0, len(values) - 1), max_size=6))
    constants = draw(st.lists(TEXT, min_size=len(slots) + 1, max_size=len(slots) + 1))
    return Shape(tuple(constants), tuple(slots)), values


def canonical(text: str) -> bytes:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n").encode("utf-8")


def decoded(octets: bytes) -> bytes:
    """By RFC 2045 alone, on CRLF lines."""
    return b"\r\n".join(quopri.decodestring(line) for line in octets.replace(b"=\r\n", b"").split(b"\r\n"))


def faults(octets: bytes) -> list[str]:
    found = []
    if b"\n" in octets.replace(b"\r\n", b"") or b"\r" in octets.replace(b"\r\n", b""):
        found.append("a bare CR or LF")
    for number, line in enumerate(octets.split(b"\r\n")):
        if len(line) > 76:
            found.append(f"line {number} has {len(line)} columns")
        if line.startswith((b".", b"From ")):
            found.append(f"line {number} begins with what must be stuffed")
        if line.endswith((b" ", b"\t")):
            found.append(f"line {number} ends in a blank")
        if any(octet != 9 and not 32 <= octet <= 126 for octet in line):
            found.append(f"line {number} is not printable ASCII")
    return found


def joined(shape: Shape, values: list[str]) -> bytes:
    return b"".join(QuotedRuns(shape, "text").pieces(values))


@given(TEXT)
def test_a_text_decodes_to_itself(text: str) -> None:
    octets = encode(text)
    assert decoded(octets) == canonical(text)
    assert faults(octets) == []


@given(shapes())
@example((Shape(("a\r", "b"), (0,)), ["\n"]))
@example((Shape(("a", "\nb"), (0,)), ["\r"]))
@example((Shape(("", "", ""), (0, 1)), ["x", " "]))
def test_runs_and_values_decode_to_the_rendered_text(case: tuple[Shape, list[str]]) -> None:
    shape, values = case
    octets = joined(shape, values)
    assert decoded(octets) == canonical(fill(shape, values))
    # The rest of the last line follows the part, so a blank may stand there only before a soft break.
    assert faults(octets) == []


def test_a_long_block_among_short_values() -> None:
    shape = Shape(("<", "|", "|", "|", ">"), (3, 2, 1, 0))
    values = ["Åse", "<p>one\ntwo</p>" * 20, "", "å" * 60]
    octets = joined(shape, values)
    assert decoded(octets) == canonical(fill(shape, values))
    assert faults(octets) == []


@pytest.mark.parametrize("size", [73, 74, 75, 76, 77, 300])
def test_a_long_plain_value_is_broken(size: int) -> None:
    octets = joined(Shape(("<", ">"), (0,)), ["x" * size])
    assert decoded(octets) == b"<" + b"x" * size + b">"
    assert faults(octets) == []


@pytest.mark.parametrize("value", ["a < b", "Åse & co", "one\r\ntwo", "<b>\n" * 50])
def test_values_that_were_escaped_are_not_escaped_again(value: str) -> None:
    octets = joined(Shape(("<p>", "</p>"), (0,)), [escape(value)])
    assert decoded(octets) == canonical(f"<p>{escape(value)}</p>")


# The short cut for plain values and the way of all others must agree on which is which.
@given(st.lists(st.text("ab .=F", max_size=80) | st.sampled_from(["From x", ".", "From", "x" * 73, "x" * 74])))
def test_plain_values_decode_too(values: list[str]) -> None:
    shape = Shape(("<", *[">"] * len(values)), tuple(range(len(values))))
    octets = joined(shape, values)
    assert decoded(octets) == canonical(fill(shape, values))
    assert faults(octets) == []


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("", b""),
        ("plain", b"plain"),
        ("a=b", b"a=3Db"),
        ("blå", b"bl=C3=A5"),
        ("one\ntwo\r\nthree\rfour", b"one\r\ntwo\r\nthree\r\nfour"),
        ("blank \nand tab\t\n", b"blank=20\r\nand tab=09\r\n"),
        (".\n..\n.x", b"=2E\r\n=2E.\r\n=2Ex"),
        ("From me\n From me", b"=46rom me\r\n From me"),
        ("x" * 73, b"x" * 73),
        ("x" * 74, b"x" * 73 + b"=\r\nx"),
        ("x" * 72 + "å", b"x" * 72 + b"=\r\n=C3=A5"),
        ("x" * 71 + "å", b"x" * 71 + b"=\r\n=C3=A5"),
        ("x" * 70 + "å", b"x" * 70 + b"=C3=\r\n=A5"),
        ("x" * 73 + ".", b"x" * 73 + b"=\r\n=2E"),
        ("\x0b\x1b", b"=0B=1B"),
    ],
)
def test_in_bytes(text: str, octets: bytes) -> None:
    assert encode(text) == octets


def test_values_stand_between_soft_breaks() -> None:
    shape = Shape(("Dear ", ", of ", "", "!\n"), (0, 1, 0))
    assert joined(shape, ["Ann", "Åre"]) == b"Dear=20=\r\nAnn=\r\n, of=20=\r\n=C3=85re=\r\nAnn=\r\n!\r\n"


def test_what_comes_before_and_after_is_kept_on_every_way() -> None:
    runs = QuotedRuns(Shape(("a", "b"), (0,)), "html", before=b"<before>", after=b"<after>")
    for value in ("plain", "blå", "two\r\nlines"):
        octets = b"".join(runs.pieces([value]))
        assert octets.startswith(b"<before>a")
        assert octets.endswith(b"b<after>")


@pytest.mark.parametrize("bad", ["\0", "a\0b", "\ud800", "x\udfffy"])
def test_what_no_mail_may_carry_is_refused_and_named(bad: str) -> None:
    with pytest.raises(MessageError) as caught:
        QuotedRuns(Shape((bad,), ()), "html")
    assert caught.value.field == "html"
    runs = QuotedRuns(Shape(("a", "b"), (0,)), "html")
    for value in (bad, bad + "\r", bad + "\n", bad * 100):
        with pytest.raises(MessageError) as caught:
            runs.pieces([value])
        assert caught.value.field == "html"


def test_runs_and_slots_must_fit() -> None:
    with pytest.raises(ValueError, match="one constant run more"):
        QuotedRuns(Shape(("a", "b"), ()), "text")
