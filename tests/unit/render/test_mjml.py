"""The guard around PyPI `mjml`: each measured fault of the engine, and that good documents pass unchanged."""

from __future__ import annotations

import html as html_module
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape
from mjml import mjml_to_html

from mailer.errors import TemplateError
from mailer.render.mjml import compile_mjml, without_engine_fonts
from mailer.render.squeeze import squeeze

HEAD = "<mj-head><mj-title>T</mj-title></mj-head>"


def document(column: str, head: str = HEAD) -> str:
    return f"<mjml>{head}<mj-body><mj-section><mj-column>{column}</mj-column></mj-section></mj-body></mjml>"


class Tags(HTMLParser):
    """Every tag with its attributes, as a browser reads them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def tags_named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def one(self, tag: str) -> dict[str, str | None]:
        (found,) = self.tags_named(tag)
        return found


INJECTIONS = [
    '"><script>alert(1)</script>',
    '" onerror="alert(1)',
    "' onerror='alert(1)",
    "&quot; onerror=&quot;alert(1)",
    "&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;",
    "&amp;quot; onload=x",
    "a & b &copy; c",
]


@pytest.mark.parametrize("text", INJECTIONS)
def test_escaped_text_stays_text_in_every_attribute(text: str) -> None:
    safe = escape(text)
    column = f'<mj-image src="https://e.org/{safe}" alt="{safe}" title="{safe}" href="{safe}" />'
    found = Tags(compile_mjml(document(column)))
    assert found.one("img")["alt"] == text
    assert found.one("img")["title"] == text
    assert found.one("a")["href"] == text
    assert not any(name == "script" or "onerror" in attributes for name, attributes in found.tags)


def test_the_engine_still_has_the_fault_that_the_guard_is_for() -> None:
    """When this fails the engine escapes by itself, and the guard would show as `&amp;amp;`: take it out."""
    column = '<mj-image src="https://e.org/a.png" alt="A&quot; onerror=&quot;alert(1)" />'
    assert 'onerror="alert(1)"' in mjml_to_html(document(column)).html


@pytest.mark.parametrize("text", [*INJECTIONS, "Caf\u00e9 \u2014 7 < 8"])
def test_title_is_escaped_in_title_and_aria_label(text: str) -> None:
    html = compile_mjml(document("<mj-text>x</mj-text>", f"<mj-head><mj-title>{escape(text)}</mj-title></mj-head>"))
    found = Tags(html)
    labels = [attributes["aria-label"] for _, attributes in found.tags if "aria-label" in attributes]
    assert labels == [text]
    title = re.search(r"<title>(.*?)</title>", html, re.DOTALL)
    assert title is not None and html_module.unescape(title[1]).strip() == text


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=40))
def test_any_text_survives_an_attribute(text: str) -> None:
    html = compile_mjml(document(f'<mj-image src="https://e.org/a.png" alt="{escape(text)}" />'))
    assert Tags(html).one("img")["alt"] == text


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret.mjml", "part.mjml"])
@pytest.mark.parametrize(
    "form", ['<mj-include path="{}" />', '<mj-include path="{}"></mj-include>', "<MJ-INCLUDE PATH='{}'/>"]
)
def test_includes_never_reach_the_engine(path: str, form: str) -> None:
    with pytest.raises(TemplateError, match="mj-include"):
        compile_mjml(document(form.format(path)))


INCLUDE = "<mj-include path='/etc/passwd' />"
HIDDEN_INCLUDES = [
    f"<!-- {INCLUDE} -->",
    f"<mj-text css-class='<!--'>a</mj-text>{INCLUDE}<mj-text css-class='-->'>b</mj-text>",
    f"<!-- a -- >{INCLUDE}<!-- --><mj-text>a</mj-text>",
    f"<mj-raw><script>/*<!--*/</script></mj-raw>{INCLUDE}<mj-raw>--></mj-raw>",
    "<mj-include path='/etc/passwd' \"><mj-text>a</mj-text>",
    "< mj-include path='/etc/passwd' />",
]


@pytest.mark.parametrize("column", HIDDEN_INCLUDES)
def test_no_comment_hides_an_include(column: str) -> None:
    with pytest.raises(TemplateError, match="mj-include"):
        compile_mjml(document(column))


@pytest.mark.parametrize("stray", ['src="x"" alt="{}"', "src='x'' alt='{}'", 'src=""x" alt="{}"', 'alt="{}" src="x'])
def test_quotation_marks_that_do_not_pair_are_refused(stray: str) -> None:
    """The attributes of such a tag could not be made safe: data would become live attributes."""
    evil = escape('A" onerror="alert(1)')
    with pytest.raises(TemplateError, match="quotation marks of a tag do not pair"):
        compile_mjml(document(f"<mj-image {stray.format(evil)} />", head=""))


def test_a_hostile_document_takes_no_time() -> None:
    with pytest.raises(TemplateError):
        compile_mjml("<mjml><mj-body>" + "<mj-a " * 20_000)


CRASHES = {
    "built-in font": ("<mj-text>a</mj-text>", '<mj-head><mj-font name="Roboto" href="https://f.org/r" /></mj-head>'),
    "font twice": (
        "<mj-text>a</mj-text>",
        '<mj-head><mj-font name="X" href="https://f.org/x"></mj-font><mj-font name="X" href="https://f.org/y">'
        "</mj-font></mj-head>",
    ),
    "class twice": (
        '<mj-text mj-class="a">a</mj-text>',
        '<mj-head><mj-attributes><mj-class name="a" color="red" /><mj-class name="a" color="blue" /></mj-attributes>'
        "</mj-head>",
    ),
    "default twice": (
        "<mj-text>a</mj-text>",
        '<mj-head><mj-attributes><mj-text color="red" /><mj-text padding="0" /></mj-attributes></mj-head>',
    ),
    "hero without sizes": (
        '<mj-text>a</mj-text></mj-column></mj-section><mj-hero mode="fluid-height"><mj-text>h</mj-text></mj-hero>'
        "<mj-section><mj-column>",
        HEAD,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("column", "head"), CRASHES.values(), ids=CRASHES)
def test_documents_that_crash_the_engine_compile(column: str, head: str) -> None:
    with pytest.raises((AssertionError, TypeError)):
        mjml_to_html(document(column, head))
    assert ">a</div>" in compile_mjml(document(column, head))


def test_defaults_given_twice_are_merged() -> None:
    html = compile_mjml(document(*CRASHES["default twice"]))
    assert "color:red" in html
    assert "padding:0;" in html


def test_included_documents_lose_their_root() -> None:
    inner = document("<mj-text>inner</mj-text>", head="")
    html = compile_mjml(document(f"<mj-text>outer</mj-text></mj-column></mj-section>{inner}<mj-section><mj-column>"))
    assert html.index("outer") < html.index("inner")
    assert html.count("<body") == 1


def test_mjml_3_container_becomes_the_body() -> None:
    current = document("<mj-text>a</mj-text>")
    old = current.replace("<mj-body>", '<mj-body><mj-container background-color="#abcdef">')
    html = compile_mjml(old.replace("</mj-body>", "</mj-container></mj-body>"))
    assert "#abcdef" in html


@pytest.mark.parametrize("text", ["", "hello", "<html></html>", "<mjml></mjml>"])
def test_what_is_no_mjml_is_refused(text: str) -> None:
    with pytest.raises(TemplateError, match=r"no MJML document|MJML cannot compile"):
        compile_mjml(text)


def test_conditional_comments_are_well_formed() -> None:
    html = compile_mjml(
        document('<mj-navbar hamburger="hamburger"><mj-navbar-link href="/a">A</mj-navbar-link></mj-navbar>')
    )
    assert "<!--[if !mso><!-->" not in html
    assert html.count("<!--[if") == html.count("<![endif]")


def test_no_font_is_fetched_that_the_author_did_not_name() -> None:
    plain = document('<mj-text font-family="Roboto, Arial">a</mj-text>')
    assert "fonts.googleapis.com" in compile_mjml(plain)
    assert "fonts.googleapis.com" not in without_engine_fonts(plain, compile_mjml(plain))
    assert "</head>" in without_engine_fonts(plain, compile_mjml(plain))
    head = '<mj-head><mj-font name="Own" href="https://f.org/o" /></mj-head>'
    named = document('<mj-text font-family="Own">a</mj-text>', head)
    assert "https://f.org/o" in without_engine_fonts(named, compile_mjml(named))


def test_a_built_in_font_can_come_from_the_authors_own_server() -> None:
    head = (
        '<mj-head><mj-font name="Roboto" href="https://fonts.org.example/r.css?a=1&amp;b=2" />'
        '<mj-font name="Own" href="https://f.org/o" /></mj-head>'
    )
    text = document('<mj-text font-family="Roboto">a</mj-text><mj-text font-family="Own, Lato">b</mj-text>', head)
    html = without_engine_fonts(text, compile_mjml(text))
    links = [link["href"] for link in Tags(html).tags_named("link")]
    assert sorted(map(str, links)) == ["https://f.org/o", "https://fonts.org.example/r.css?a=1&b=2"]
    assert "googleapis" not in html


def test_a_commented_font_or_title_does_not_count() -> None:
    head = (
        '<mj-head><!-- <mj-title>old</mj-title><mj-font name="X" href="https://f.org/old" /> -->'
        '<mj-title>new</mj-title><mj-font name="X" href="https://f.org/new" /></mj-head>'
    )
    html = compile_mjml(document('<mj-text font-family="X">a</mj-text>', head))
    assert re.search(r"<title>\s*new\s*</title>", html)
    assert "https://f.org/new" in html


SELECTING = """
import sys
from importlib.util import find_spec
from mailer.render.mjml import compile_mjml
compile_mjml("<mjml><mj-body></mj-body></mjml>")
assert not [name for name in sys.modules if name.startswith(("soupsieve.", "charset_normalizer."))]
assert find_spec("soupsieve") and find_spec("charset_normalizer")
head = '<mj-html-attributes><mj-selector path=".c td"><mj-html-attribute name="data-id">7</mj-html-attribute>'
column = '<mj-section css-class="c"><mj-column><mj-text>x</mj-text></mj-column></mj-section>'
tail = "</mj-selector></mj-html-attributes></mj-head>"
assert 'data-id="7"' in compile_mjml(f"<mjml><mj-head>{head}{tail}<mj-body>{column}</mj-body></mjml>")
assert "soupsieve.css_parser" in sys.modules
"""


def test_what_selects_elements_is_imported_where_a_document_selects() -> None:
    done = subprocess.run([sys.executable, "-c", SELECTING], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


SQUEEZED = {
    "between rows": ("<table>\n  <tr>\n    <td>a</td>\n  </tr>\n</table>", "<table><tr><td>a</td></tr></table>"),
    "between words": ("<td>a <b>b</b> <i>c</i>\n d</td>", "<td>a <b>b</b> <i>c</i>\nd</td>"),
    "links side by side": ("<a href='x'>a</a>\n   <a href='y'>b</a>", "<a href='x'>a</a>\n<a href='y'>b</a>"),
    "preformatted": ("<td>\n<pre>  a\n   b </pre>\n</td>", "<td><pre>  a\n   b </pre></td>"),
    "greater sign in a value": ('<td title="a > b">\n x</td>', '<td title="a > b">x</td>'),
    "comment between words": ("Hello <!--c--> world", "Hello <!--c--> world"),
    "text area": ("<td>\n<textarea>  a\n  b</textarea></td>", "<td><textarea>  a\n  b</textarea></td>"),
    "conditional comment": ("<!--[if mso]>\n <p>\n<![endif]-->\n <p>a</p>", "<!--[if mso]><p><![endif]--><p>a</p>"),
}  # fmt: skip


@pytest.mark.parametrize(("html", "smaller"), SQUEEZED.values(), ids=SQUEEZED)
def test_squeeze_takes_what_nobody_sees(html: str, smaller: str) -> None:
    assert squeeze(html) == smaller
    assert squeeze(smaller) == smaller
