from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.articles import listing
from mailer.articles.clean import plain_text
from mailer.articles.source import Parsed, SourceSpec
from mailer.errors import ParseError

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "tests/data/articles/listing.txt"
SOURCE = SourceSpec("paper", url="https://morgenblatt.example/tag/x", tags=("Town",))


def parse(text: str | bytes, source: SourceSpec = SOURCE) -> Parsed:
    return listing.parse(text if isinstance(text, bytes) else text.encode(), source=source, now=NOW)


def pairs(parsed: Parsed) -> list[tuple[str, str]]:
    return [(article.title, article.excerpt) for article in parsed.articles]


def test_the_sample_comes_out_as_it_is_written() -> None:
    parsed = parse(SAMPLE.read_bytes())
    assert [article.title for article in parsed.articles] == [
        "“No More Detours”: The Footbridge Opens",
        "#NightBuses: What the Drivers Say",
        "Łódź Counts Its Readers",
        "A Letter: Why I Cook for 4b",
    ]
    assert [article.position for article in parsed.articles] == [0, 1, 2, 3]
    assert parsed.articles[1].excerpt.endswith("The hashtag #NightBuses is theirs.")
    assert parsed.articles[1].tags == ("Town",), "a hashtag in the text is no tag"
    assert parsed.warnings == ()
    full = parsed.articles[2]
    assert full.url == "https://morgenblatt.example/lodz-counts"
    assert full.image_url == "https://morgenblatt.example/media/lodz.jpg"
    assert full.published_at == datetime(2026, 11, 12, 18, 30, tzinfo=UTC)
    assert full.tags == ("Town", "Library Hours", "books")
    assert full.author == "Ingrid Sæther"


def test_an_article_without_link_and_date_is_one() -> None:
    article = parse("A title\n\nA text.").articles[0]
    assert (article.url, article.published_at, article.when) == (None, None, NOW)


def test_the_archive_of_a_real_site_comes_out_exactly() -> None:
    shared = Path(os.environ.get("MAILER_SHARED_DATA") or ROOT.parent / "shared" / "data")
    archive = shared / "tag-archive.txt"
    if not archive.exists():
        pytest.skip(f"{archive} is not here")
    # Read independently of the parser: every second line that is not blank is a title.
    lines = [line for line in archive.read_text("utf-8").splitlines() if line]
    parsed = parse(archive.read_bytes(), SourceSpec("archive", tags=("CommunismOnCampus",)))
    assert pairs(parsed) == list(zip(lines[::2], lines[1::2], strict=True))
    assert len(parsed.articles) == 9
    assert [article.position for article in parsed.articles] == list(range(9))
    assert {article.tags for article in parsed.articles} == {("CommunismOnCampus",)}
    assert len({article.key for article in parsed.articles}) == 9
    assert parsed.articles[4].title == "#CommunismOnCampus: Who Has the Youth Has the Future!"
    assert "hashtag\u00a0#CommunismOnCampus" in parsed.articles[4].excerpt


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode(),
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: ("\n\n\n" + text + "\n\n\n").encode(),
        lambda text: text.replace("\n", "  \n").encode(),
        lambda text: text.replace("\n", "\t\n").encode(),
    ],
    ids=["utf-8", "bom", "utf-16", "crlf", "cr", "blank lines around", "spaces", "tabs"],
)
def test_how_the_file_is_saved_does_not_matter(encode: object) -> None:
    assert callable(encode)
    plain = SAMPLE.read_text("utf-8")
    assert parse(encode(plain)) == parse(plain)


@pytest.mark.parametrize(
    "text",
    [
        "A\n\na\n---\nB\n\nb\n\nbb\n---\nC",
        "---\nA\n\na\n\n-----\n\nB\n\nb\nbb\n---\n\n\nC\n---\n",
        "A\n\na\n\n\n---\n\n\nB\n\nb\n\nbb\n\n\n---\nC",
    ],
)
def test_lines_between_the_articles(text: str) -> None:
    assert pairs(parse(text)) == [("A", "a"), ("B", "b bb"), ("C", "")]


def test_two_blank_lines_between_the_articles() -> None:
    assert pairs(parse("A\n\na\n\naa\n\n\nB\n\nb\n\n\n\nC\nurl: /c")) == [("A", "a aa"), ("B", "b"), ("C", "")]


def test_an_excerpt_of_several_lines_is_one_paragraph() -> None:
    assert pairs(parse("A\n\none\ntwo\nthree")) == [("A", "one two three")]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("A\n\na\n\nB", 5, "odd number"),
        ("A\na\n\nB\n\nb", 2, "a title is one line"),
        ("url: https://e.org\n\na", 1, "there is none above"),
        ("A\n\nurl: https://e.org\n\nB\n\nb", 3, "directly under the title"),
        ("A\nulr: https://e.org\n\na", 2, "did you mean url:"),
        ("A\nsource: x\n\na", 2, "known are url, date, tags, image, author"),
        ("A\nurl: javascript:alert(1)\n\na", 2, "not a web address"),
        ("A\nurl: https://good@evil.example/\n\na", 2, "not a web address"),
        ("A\nurl:\n\na", 2, "not a web address"),
        ("A\nimage: data:image/png,x\n\na", 2, "not a web address"),
        ("A\ndate: 03/07/2026\n\na", 2, "cannot be read with certainty"),
        ("A\ntags: x\ntags: y\n\na", 3, "twice"),
        ("A\n\n\na\n\n\nB\n\n\nb", 1, "a title without excerpt, or the reverse"),
        ("A\n\na\n\nB\n\nb\n\n\nC\n\nc", 1, "one article or several"),
        ("A\n\na\n\nB\n\nb\n---\n", 1, "one article or several"),
        ("A\n\na\n\nB\u2028b\n\nb\n\nC", 9, "odd number"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_with_its_line(text: str, line: int, says: str) -> None:
    with pytest.raises(ParseError, match=says) as caught:
        parse(text)
    assert f"line {line}: " in caught.value.message
    assert caught.value.message.startswith("paper: ")
    assert caught.value.hint


def test_every_doubtful_line_is_named_at_once() -> None:
    with pytest.raises(ParseError) as caught:
        parse("\n\n".join(f"T{n}\ndate: x\n\nt" for n in range(9)))
    assert [f"line {number}: date" in caught.value.message for number in (2, 7, 12)] == [True, True, True]
    assert "and 4 more" in caught.value.message


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(ParseError, match="line 3: this is not UTF-8"):
        parse("Title\n\nCafé".encode("cp1252"))


@pytest.mark.parametrize("text", ["", "\n \n", "---\n---\n", "\ufeff"])
def test_an_empty_listing(text: str) -> None:
    with pytest.raises(ParseError, match="no article"):
        parse(text)


def test_an_article_that_stands_there_twice() -> None:
    parsed = parse("A\n\na\n\nB\n\nb\n\nA\n\nother")
    assert pairs(parsed) == [("A", "a"), ("B", "b")]
    assert parsed.warnings == ("paper: line 9: the same article as further up, left out",)


def test_a_future_date_does_not_lead() -> None:
    parsed = parse("A\ndate: 2062-01-01\n\na\n\nB\ndate: 2026-11-01\n\nb")
    assert parsed.articles[0].when == parsed.articles[1].when
    assert "future" in parsed.warnings[0]


LINES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=40).filter(
    lambda text: plain_text(text) == text and not text.startswith("---") and ":" not in text
)
TAGS = st.lists(
    st.text("abcdefgæøå XYZ", min_size=1, max_size=10).map(str.strip).filter(bool), max_size=3, unique_by=str.casefold
)
ARTICLES = st.lists(
    st.tuples(LINES, LINES, st.none() | st.integers(1, 999), TAGS),
    min_size=1,
    max_size=6,
    unique_by=lambda item: item[0].casefold(),
)


def written(articles: list[tuple[str, str, int | None, list[str]]], between: str) -> str:
    blocks = []
    for title, text, number, tags in articles:
        fields = [f"url: https://e.org/{number}-{title.encode().hex()}"] if number else []
        fields += [f"tags: {', '.join(tags)}"] if tags else []
        blocks.append("\n".join([title, *fields, "", text]))
    return between.join(blocks)


@given(ARTICLES, st.sampled_from(["\n\n", "\n---\n", "\n\n\n", "\n\n---\n\n"]))
def test_what_is_written_is_read_back(articles: list[tuple[str, str, int | None, list[str]]], between: str) -> None:
    parsed = parse(written(articles, between), SourceSpec("p"))
    known = {article.title: article for article in parsed.articles}
    for title, text, number, _ in articles:
        article = known.get(title)
        if article is None:  # two titles that NFKC makes one
            assert parsed.warnings
            continue
        assert article.excerpt == text
        assert (article.url is not None) == (number is not None)
