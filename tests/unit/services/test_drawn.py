"""Pages that are drawn for pictures, and how pictures are named and cut."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser

import pytest

from mailer.model import Recipient
from mailer.services.previewing.drawn import index_page, lines_page
from mailer.services.previewing.readers import Reader, reader_of
from mailer.services.previewing.screenshots import Sitter, file_name, sitter_of
from mailer.services.previewing.shooting import stretches
from mailer.services.previewing.shots import FRAMES, frames_for

PERSON = Recipient(0, "an-id", "ann@example.org", "weekly", {"name": "Ann Woods"})


@dataclass
class Listed:
    file: str
    words: str
    reader: str
    width: int = 375
    height: int = 900


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_lines_are_numbered_and_nothing_in_them_is_markup() -> None:
    page = lines_page("Source", "<b>one</b>\r\n\r\n<script>three</script>")
    assert "<i>1</i>" in page
    assert "<i>3</i>" in page
    assert "<i>4</i>" not in page
    assert "&lt;script&gt;three" in page
    assert "b" not in {tag for tag, _ in Tags(page).found}


def test_the_index_shows_every_picture_under_its_reader() -> None:
    pictures = [
        Listed("a-phone.png", "phone, light", "made-up reader"),
        Listed("b-text.png", "plain text", "made-up reader, long name", width=800),
        Listed("a-text.png", 'plain "text"', "made-up reader"),
    ]
    page = index_page("rivers <b>", pictures)
    tags = Tags(page).found
    shown = [(each["src"], each["alt"], each["width"], each["height"]) for tag, each in tags if tag == "img"]
    assert shown == [
        ("a-phone.png", "rivers <b> for the made-up reader: phone, light", "375", "900"),
        ("a-text.png", 'rivers <b> for the made-up reader: plain "text"', "375", "900"),
        ("b-text.png", "rivers <b> for the made-up reader, long name: plain text", "800", "900"),
    ]
    assert [each["href"] for tag, each in tags if tag == "a"] == ["a-phone.png", "a-text.png", "b-text.png"]
    assert page.count("<h2>") == 2
    assert "3 pictures" in page
    assert "script" not in {tag for tag, _ in tags}


@pytest.mark.parametrize(
    ("reader", "expected"),
    [
        (Reader("made-up", "made-up reader", PERSON), Sitter("made-up", "made-up", "made-up reader")),
        (Reader("arabic", "Arabic name", PERSON), Sitter("arabic", "arabic", "made-up reader, Arabic name")),
        (reader_of(PERSON), Sitter("person:an-id", "subscriber", "subscriber")),
        (reader_of(PERSON, "most words"), Sitter("person:an-id", "subscriber-most-words", "subscriber, most words")),
    ],
)
def test_nobody_is_named_by_what_a_picture_is_called(reader: Reader, expected: Sitter) -> None:
    assert sitter_of(reader) == expected


def test_the_first_part_of_a_view_has_its_name() -> None:
    assert file_name("made-up", "text", 1) == "made-up-text.png"
    assert file_name("made-up", "text", 2) == "made-up-text-2.png"


@pytest.mark.parametrize(
    ("height", "expected"),
    [(1, [(0, 1)]), (10, [(0, 10)]), (11, [(0, 10), (10, 1)]), (25, [(0, 10), (10, 10), (20, 5)])],
)
def test_what_is_too_high_is_cut_without_a_gap(height: int, expected: list[tuple[int, int]]) -> None:
    assert list(stretches(height, 10)) == expected


def test_what_is_from_right_to_left_is_not_turned_once_more() -> None:
    assert frames_for("en", whole=True) == FRAMES
    assert {each.name for each in FRAMES} - {each.name for each in frames_for("ur", whole=True)} == {
        "phone-right-to-left",
        "desktop-right-to-left",
    }
    brief = [each.name for each in frames_for("en", whole=False)]
    assert brief == ["phone-light", "desktop-light", "inbox-light", "text"]
