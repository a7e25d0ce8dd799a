from __future__ import annotations

import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.articles.clean import excerpt, plain_text, safe_url, without_tail


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Q & A", "Q & A"),
        ("AT&amp;T", "AT&T"),
        ("It&#8217;s", "It’s"),
        ("It&amp;#8217;s <b>new</b>", "It’s new"),
        ("<p>One.</p><p>Two.<br>Three</p>", "One. Two. Three"),
        ("5 < 6 and 7 > 3", "5 < 6 and 7 > 3"),
        ("open <until nine", "open < until nine"),
        ("?a=1&copy=2", "?a=1&copy=2"),
        ("&amp;lt;script&amp;gt;alert(1)&amp;lt;/script&amp;gt;A", "A"),
        ("&lt;b&gt;bold&lt;/b&gt; move", "bold move"),
        ("« non » 10\u00a0km", "« non » 10\u00a0km"),
        ("a\u00a0 \u00a0b", "a b"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d🚒 \u200frtl", "👩\u200d🚒 \u200frtl"),
        ("{{ 7*7 }} {% include 'x' %}", "{{ 7*7 }} {% include 'x' %}"),
        ("]]> end", "]]> end"),
        ("", ""),
    ],
)
def test_text_of_a_field(source: str, text: str) -> None:
    assert plain_text(source) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("hi\nBcc: x@y.z\r\nA", "hi Bcc: x@y.z A"),
        ("a\x00b\x1b[31mc\x7f\x9b", "ab[31mc"),
        ("<scr\x00ipt>alert(1)</script>x", "x"),
        ("\u202eslaup\u202c \u2066a\u2069 \ufeffb\u200bc\u00add", "slaup a bcd"),
        ("&#8238;evil &#0;&#1;x", "evil \ufffdx"),
        ("line\u2028two\u2029three\x85four", "line two three four"),
        ("a\ud800b\udc00", "ab"),
        ("a\ufffeb\uffff\ufdd0", "ab"),
        ("<script>alert(1)</script>A<style>b{}</style>", "A"),
        ("<noscript><img src=x></noscript>A<template>b</template>", "A"),
        ("<svg><style><img src=x onerror=alert(1)></style></svg>A", "A"),
        ("<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>", ""),
        ("A<!--[if mso]><b>x</b><![endif]-->B", "AB"),
        ("<mj-text><mj-include path='/etc/passwd'/></mj-text>A", "A"),
        ('<a href="javascript:alert(1)">A</a>', "A"),
        ("<img src=x onerror=alert(1)>A", "A"),
        ("<<script>script>alert(1)<</script>/script>A", "A"),
        ("<textarea><script>x</script></textarea>A<title>t</title>", "A"),
        ("<iframe srcdoc='<script>x</script>'></iframe>A", "A"),
        ("<a\n\t href='x'\n>A</a\n>", "A"),
    ],
)
def test_what_does_not_belong_into_text(source: str, text: str) -> None:
    assert plain_text(source) == text


MARKUP = st.lists(
    st.one_of(
        st.text(max_size=8),
        st.sampled_from(
            [
                "<",
                ">",
                "</",
                "<b>",
                "<script>",
                "</script>",
                "<!--",
                "-->",
                "&lt;",
                "&gt;",
                "&amp;",
                "lt;",
                "&#60;",
                "&#x202e;",
                "\u202e",
                "\x00",
                "<svg>",
                "<math>",
                "<style>",
                "<![CDATA[",
                "]]>",
                "<?",
                "?>",
                "\r\n",
                "'",
                '"',
                "\ud800",
            ]
        ),
    ),
    max_size=14,
).map("".join)
FORBIDDEN = {
    "\u202a",
    "\u202b",
    "\u202c",
    "\u202d",
    "\u202e",
    "\u2066",
    "\u2067",
    "\u2068",
    "\u2069",
    "\u2028",
    "\u2029",
}


@given(MARKUP)
def test_plain_text_holds_no_tag_no_control_and_no_reversal(source: str) -> None:
    text = plain_text(source)
    assert not re.search(r"<[a-zA-Z/!?]", text)
    assert not [char for char in text if unicodedata.category(char) in ("Cc", "Cs")]
    assert not FORBIDDEN & set(text)
    assert text == text.strip()
    assert "  " not in text


@given(MARKUP, st.integers(10, 80))
def test_an_excerpt_keeps_its_limit(source: str, limit: int) -> None:
    assert len(excerpt(source, limit)) <= limit


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("The river is clean. Continue reading “The river” →", "The river is clean."),
        ("The river is clean … Read more", "The river is clean…"),
        ("The river is clean Continue reading", "The river is clean"),
        ("The river is clean [&hellip;]", "The river is clean…"),
        ("The river is clean [...]", "The river is clean…"),
        ("Der Fluss ist sauber. Weiterlesen", "Der Fluss ist sauber."),
        ("La rivière est propre. Lire la suite »", "La rivière est propre."),
        ("Elva er ren. Les mer", "Elva er ren."),
        ("Clean. The post The river appeared first on Morgenblatt.", "Clean."),
        ("Clean. The post The river first appeared on Morgenblatt.", "Clean."),
        ("Cut off in the midd… Continue reading The post X appeared first on Y.", "Cut off in the midd…"),
        ("It helps to read. Read more books.", "It helps to read. Read more books."),
        ("You should continue reading this paper.", "You should continue reading this paper."),
        ("And then...", "And then…"),
        ("…", "…"),
    ],
)
def test_tails_that_belong_to_a_web_page(text: str, kept: str) -> None:
    assert without_tail(plain_text(text)) == kept


def test_an_excerpt_ends_with_a_sentence() -> None:
    text = "The weir was built in 1911 and leaks. " * 5
    assert excerpt(text, 100) == "The weir was built in 1911 and leaks. The weir was built in 1911 and leaks."


def test_an_excerpt_of_one_long_sentence_ends_with_a_word_and_one_ellipsis() -> None:
    assert (
        excerpt("The old weir, which was built in 1911, has begun to leak", 40)
        == "The old weir, which was built in 1911…"
    )


def test_an_excerpt_of_one_long_word_is_cut() -> None:
    assert excerpt("x" * 50, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://e.org/a?x=1&y=2#z", "https://e.org/a?x=1&y=2#z"),
        ("HTTP://E.org", "http://e.org"),
        ("/a b", "https://site.example/a%20b"),
        ("../up", "https://site.example/up"),
        ("?page=2", "https://site.example/feed/?page=2"),
        ("//cdn.example/i.jpg", "https://cdn.example/i.jpg"),
        ("https://münchen.example/ä", "https://xn--mnchen-3ya.example/%C3%A4"),
        (" https://e.org/%20a\n", "https://e.org/%20a"),
        ("https://[2606:4700::1]:8443/", "https://[2606:4700::1]:8443/"),
    ],
)
def test_a_link_made_absolute(url: str, safe: str) -> None:
    assert safe_url(url, "https://site.example/feed/") == safe


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        " \x01javascript:alert(1)",
        "java\nscript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "vbscript:x",
        "data:text/html,x",
        "file:///etc/passwd",
        "mailto:a@b.example",
        "ftp://e.org/",
        "https://good@evil.example/",
        "https://good:pw@evil.example/",
        "\\\\evil.example",
        "https:\\\\evil.example",
        "https://",
        "http://[::1",
        "https://e.org:99999/",
        "https://e.org/\x00",
        "https://e.org/\u202egnp.exe",
        "https://e<b>.org/",
        "https://.../",
        "",
        None,
        "https://e.org/" + "a" * 3000,
        "//",
    ],
)
def test_a_link_that_may_not_stand_in_a_mail(url: str | None) -> None:
    assert safe_url(url, None) is None
    if url and url not in ("//", "https://"):
        assert safe_url(url, "https://site.example/") is None


@pytest.mark.parametrize("url", ["/a", "a", "//evil.example/x", "?x", "#y"])
def test_a_relative_link_without_a_root(url: str) -> None:
    assert safe_url(url) is None


@given(st.text(max_size=60))
def test_a_safe_link_stays_safe(text: str) -> None:
    url = safe_url(text, "https://site.example/")
    if url:
        assert url.startswith(("http://", "https://"))
        assert url.isascii() and url.isprintable() and not set(url) & set(' "<>\\^`{|}')
        assert safe_url(url) == url


@pytest.mark.parametrize(
    "piece", ["<", "<!--", "&lt;", "<a ", "Continue reading ", "The post ", "((((", "&", "...", "[…]", "\u202e"]
)
def test_cleaning_takes_time_in_proportion(piece: str) -> None:
    source = piece * (400_000 // len(piece)) + "x"
    started = time.monotonic()
    excerpt(source)
    assert time.monotonic() - started < 15
