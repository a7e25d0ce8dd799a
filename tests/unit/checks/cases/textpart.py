from __future__ import annotations

from dataclasses import replace

from tests.unit.checks.making import ARTICLE, TEXT, Case, html, issue, mail

ADDRESS = "https://site.example/"
MEANT = replace(mail(text=TEXT + "Why <br> is &amp;"), issue=issue(
    articles=(ARTICLE, replace(ARTICLE, title="Why <br> is", excerpt="&amp;"))).issue)  # fmt: skip
TAGS = (
    "p", "div", "span", "a", "b", "i", "u", "br", "hr", "em", "strong", "small", "img", "table", "tr", "td", "th",
    "ul", "ol", "li", "h1", "h6", "font", "center", "style", "script", "blockquote", "mj-text",
)  # fmt: skip
ENTITIES = (
    "nbsp", "amp", "lt", "gt", "quot", "apos", "zwnj", "zwj", "shy", "mdash", "ndash", "hellip", "lsquo", "rsquo",
    "ldquo", "rdquo", "middot", "#39", "#128512", "#x27", "#x1f600",
)  # fmt: skip

CASES = {
    "no-text": Case(
        [
            (mail(text=" \n"), "the text part is empty"),
            (replace(mail(text=""), issue=None), "the text part is empty"),
            (mail(text="", raw=b""), "the text part is empty"),
        ],
        [replace(mail(text="", raw=b""), issue=None), mail(text="", html=""), mail(text="", html=" \n")],
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
            (html('<a href="/more">1</a>', text=TEXT + "more"), "a link of the HTML is not in the text part"),
        ],
        [
            html('<a href="https://a.example/">1</a><a href="https://a.example/">2</a>', text=TEXT + "https://a.example"),
            html('<a href="https://a.example/?a=1&amp;b=2">1</a>', text=TEXT + "https://a.example/?a=1&b=2"),
            html('<a href="mailto:a@b.example?subject=x">1</a>', text=TEXT + "a@b.example"),
            html('<a href="MAILTO:a@b.example?subject=x:y">1</a>', text=TEXT + "a@b.example"),
            html('<a href="sms:+47123">1</a>', text=TEXT + "+47123"),
            html('<a href="tel:+47123">1</a>', text=TEXT + "+47123"),
            html('<a href="#top">1</a><a href="">2</a>'),
            html('<a href="https://a.example/">1</a>', text=" \n"),
        ],
    ),
    "text-headings": Case(
        [
            (html(f"<h{level}>More rivers</h{level}>"), "a heading of the HTML is not in the text part")
            for level in range(1, 7)
        ],
        [
            html("<h2>More <b>rivers</b>: now</h2>", text=TEXT + "* MORE rivers,\n  now"),
            html("<h2>River-side news</h2>", text=TEXT + "_Riverside_ news"),
            html("<p>More rivers</p><h2></h2>"),
            html("<h2>More rivers</h2>", text=""),
        ],
    ),
    "text-lines": Case(
        [
            (mail(text=f"{TEXT}\n{'x' * 201}\n"), "a line of the text part has more than 200 characters"),
            (mail(text=TEXT + "word " * 41 + "office@site.example"), "a line of the text part has more than 200"),
            (mail(text=f"{TEXT}\n{'x' * 998}\n"), "a line of the text part has more than 200 characters"),
            (mail(text=f"{TEXT}\n{'x' * 999}\n"), "a line of the text part has more than 998 characters"),
        ],
        [
            mail(text=f"{TEXT}\n{'x' * 200}\n"),
            mail(text=f"{TEXT}See {ADDRESS}{'x' * 1000}"),
            mail(text=f"{TEXT}{'x' * 199} {ADDRESS}"),
            mail(text=f"{TEXT}http://site.example/{'x' * 1000}"),
            mail(text=f"{TEXT}Write to office@{'x' * 1000}"),
            mail(text=f"{TEXT}Write to {'x' * 1000}@site.example"),
        ],
    ),
    "text-html": Case(
        [
            (mail(text=TEXT + noise), "the text part has HTML in it")
            for noise in (
                "one<br>two", "</DIV>", '<a href="x">', "<br/>", "a&nbsp;b", "&#8217;", "&#x2019;",
                *(f"<{tag}>" for tag in TAGS), *(f"&{name};" for name in ENTITIES),
            )
        ]
        + [(replace(mail(text=TEXT + "<br>"), issue=None), "the text part has HTML in it")],
        [
            MEANT,
            *(
                mail(text=TEXT + text)
                for text in (
                    "<https://a.example>", "a < b > c", "AT&T; R&D", "<3", "<program>", "a <p and b <q>",
                    "&#9; &#1234567; &#x9; &#x123456;",
                )
            ),
        ],
    ),
}  # fmt: skip
