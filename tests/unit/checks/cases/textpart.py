from __future__ import annotations

from dataclasses import replace

from tests.unit.checks.making import ARTICLE, TEXT, Case, html, issue, mail

LONG = "https://site.example/" + "x" * 1000
MEANT = replace(mail(text=TEXT + "Why <br> is &amp;"), issue=issue(
    articles=(replace(ARTICLE, title="Why <br> is", excerpt="&amp;"),)).issue)  # fmt: skip

CASES = {
    "no-text": Case(
        [
            (mail(text=" \n"), "the text part is empty"),
            (replace(mail(text=""), issue=None), "the text part is empty"),
            (mail(text="", raw=b""), "the text part is empty"),
        ],
        [replace(mail(text="", raw=b""), issue=None), mail(text="", html="")],
    ),
    "text-links": Case(
        [
            (html('<p><a href="https://site.example/more">More</a></p>'), "a link of the HTML is not in the text part"),
            (
                html('<a href="https://a.example/1">1</a><a href="https://a.example/2">2</a>'),
                "2 links of the HTML are not in the text part",
            ),
            (html('<a href="https://a.example/?a=1&amp;b=2">1</a>', text=TEXT + "https://a.example/?a=1"), "a link of"),
            (html('<a href="mailto:a@b.example">1</a>'), "a link of the HTML is not in the text part"),
        ],
        [
            html('<a href="https://a.example/">1</a><a href="https://a.example/">2</a>', text=TEXT + "https://a.example"),
            html('<a href="https://a.example/?a=1&amp;b=2">1</a>', text=TEXT + "https://a.example/?a=1&b=2"),
            html('<a href="mailto:a@b.example?subject=x">1</a>', text=TEXT + "a@b.example"),
            html('<a href="tel:+47123">1</a>', text=TEXT + "+47123"),
            html('<a href="#top">1</a><a href="">2</a>'),
            html('<a href="https://a.example/">1</a>', text=""),
        ],
    ),
    "text-headings": Case(
        [
            (html("<h2>More rivers</h2>"), "a heading of the HTML is not in the text part"),
            (html("<h6>More rivers</h6>"), "a heading of the HTML is not in the text part"),
        ],
        [
            html("<h2>More <b>rivers</b>: now</h2>", text=TEXT + "* MORE rivers,\n  now"),
            html("<p>More rivers</p><h2></h2>"),
            html("<h2>More rivers</h2>", text=""),
        ],
    ),
    "text-lines": Case(
        [
            (mail(text=f"{TEXT}\n{'x' * 201}\n"), "a line of the text part has more than 200 characters"),
            (mail(text=f"{TEXT}\n{'x' * 999}\n"), "a line of the text part has more than 998 characters"),
        ],
        [mail(text=f"{TEXT}\n{'x' * 200}\n"), mail(text=TEXT + LONG)],
    ),
    "text-html": Case(
        [
            (mail(text=TEXT + noise), "the text part has HTML in it")
            for noise in (
                "one<br>two", "<p>", "</DIV>", '<a href="x">', "<br/>", "a&nbsp;b", "&amp;", "&#8217;", "&#x2019;",
            )
        ],
        [
            MEANT,
            *(mail(text=TEXT + text) for text in ("<https://a.example>", "a < b > c", "AT&T; R&D", "<3", "<program>")),
        ],
    ),
}  # fmt: skip
