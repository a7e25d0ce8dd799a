"""Elements are numbered in the text of a mail as the rules count them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.checks.document import Document
from mailer.checks.marking import ATTRIBUTE, numbered
from tests.thoroughness import examples

MARK = re.compile(rf' {ATTRIBUTE}="(\d+)"')

AWKWARD = [
    "<p>no html, no body</p><p>two</p>",
    "<table><tr><td>no tbody</td></tr></table>",
    "<html><head><title>t</title></head><body><!-- <p>not one</p> --><p>one</p></body></html>",
    "<body><!--[if mso]><table><tr><td><![endif]--><div>both</div><!--[if mso]></td></tr></table><![endif]--></body>",
    "<p>never closed<p>again<br>and<br/>so on<img src='a>b'>",
    "<style>p > a { color: red } /* <p> */</style><p>after a style</p>",
    "<body class=a><p>x</p><body class=b><p>y</p></body>",
    "<P\nCLASS='x'\n>lines\n<A HREF=x>in</A></P>\n\n<b>end</b>",
    "<script>if (a < b) document.write('<p>');</script><p>one</p>",
    "<p>&lt;b&gt; &amp; &copy; &nosuch;</p>",
    "",
    "<",
    "<p",
    "<a href=/b title='a > b' class=x/y\n>a</a\n><img\nalt='<b'>",
    "<!doctype html><html lang=en><p>x",
    "<svg viewBox='0 0 1 1'><path d='M0 0'/></svg><o:p>office</o:p>",
]


def shape(document: Document) -> list[tuple[str, str, dict[str, str]]]:
    said = [{name: value for name, value in each.items() if name != ATTRIBUTE} for each in document.elements]
    return [(str(each.tag), (each.text or "").strip(), of) for each, of in zip(document.elements, said, strict=True)]


def held(html: str) -> int:
    """Every mark names the element of the mail that it stands on, and nothing else changed; how many there are."""
    marked = numbered(html)
    assert MARK.sub("", marked) == html
    before, after = Document(html), Document(marked)
    assert shape(before) == shape(after)
    for number, element in enumerate(after.elements):
        assert element.get(ATTRIBUTE) in (str(number), None)
    return len(MARK.findall(marked))


@pytest.mark.parametrize("html", AWKWARD)
def test_a_number_is_that_of_the_element_it_stands_on(html: str) -> None:
    held(html)


def test_whatever_an_author_wrote_has_a_number() -> None:
    assert held("<html><head></head><body><table><tr><td><a href='x'>y</a></td></tr></table></body></html>") == 7
    assert held("<body><a href=/b title='a > b'>x</a></body>") == 2
    assert held(AWKWARD[3]) == 2, "what only Outlook reads is no element of the mail"


PIECES = st.sampled_from(
    ["<p>", "</p>", "<div class='a'>", "</div>", "<table>", "<tr>", "<td width=1>", "</td>", "</tr>", "</table>",
     "<br>", "<a href='#'>", "</a>", "text ", "<!-- <p> -->", "<img alt='<p>'>", "\n", "<style>a>b{}</style>",
     "<b>", "</b>", "<ul>", "<li>", "</ul>", "<h1>", "</h1>", "&amp;", "<body>", "<head>", "</head>",
     "<title>x</title>"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=25))
@settings(max_examples=examples(400))
def test_of_any_markup(pieces: list[str]) -> None:
    held("".join(pieces))
