"""The body of an issue file, Markdown with Jinja2 in it -> two templates: MJML and plain text.

The Jinja2 parts are taken out before Markdown sees the text and put back afterwards, each at the start of a line of
its own inside its brackets, so that every error still names the line of the issue file.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import nh3
from jinja2 import Environment
from jinja2.exceptions import TemplateSyntaxError
from markdown_it import MarkdownIt

from mailer.errors import IssueFileError, Mistake
from mailer.render.plaintext import write_text
from mailer.render.sources import TemplateText

ARTICLES = "[articles]"
ARTICLES_LINE = re.compile(r"^\[articles\][ \t]*$", re.MULTILINE)

# What an author may write as HTML between her Markdown. Everything else is taken out, as it is in an article.
TAGS = {
    "a", "abbr", "b", "blockquote", "br", "center", "code", "del", "em", "h2", "h3", "h4", "h5", "h6", "hr", "i",
    "img", "ins", "li", "ol", "p", "pre", "s", "small", "span", "strong", "sub", "sup", "table", "tbody", "td", "th",
    "thead", "tr", "u", "ul",
}  # fmt: skip
ATTRIBUTES = {
    "*": {"dir", "lang", "style", "title", "class"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "td": {"align", "colspan", "rowspan"},
    "th": {"align", "colspan", "rowspan"},
}


@dataclass(frozen=True, slots=True)
class Code:
    """One Jinja2 construct of the body, with the line of the issue file on which it starts."""

    source: str
    line: int

    @property
    def is_statement(self) -> bool:
        return self.source.startswith(("{%", "{#")) and not self.is_raw

    @property
    def is_raw(self) -> bool:
        return re.match(r"\{%[-+]?\s*raw\b", self.source) is not None


@dataclass(frozen=True, slots=True)
class Body:
    """The body with `markNx` in the place of its Nth Jinja2 construct."""

    markdown: str
    codes: tuple[Code, ...]
    pattern: re.Pattern[str]

    def code(self, found: re.Match[str]) -> Code:
        return self.codes[int(found[1])]


@dataclass(frozen=True, slots=True)
class BodyTemplates:
    """What `@body.mjml` and `@body.txt` include."""

    mjml: TemplateText
    text: TemplateText


def body_templates(body: str, *, label: str, first_line: int, append_articles: bool) -> BodyTemplates:
    """Both templates of a body. `first_line` is the line of the file on which the body starts.

    The article block stands at the `[articles]` line; without one it follows the text if `append_articles`.
    Raises IssueFileError with the line of the mistake.
    """
    extracted = extract(body, label, first_line)
    parts = ARTICLES_LINE.split(extracted.markdown)
    if len(parts) > 2:
        lines = [first_line + n for n, line in enumerate(body.splitlines()) if line.rstrip() == ARTICLES]
        raise IssueFileError(label, [Mistake(lines[1], "a second [articles] line: the articles can stand once")])
    refuse_torn(parts, extracted, label)
    if len(parts) == 1 and append_articles:
        parts.append("")
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    parsed = [parser.parse(part) for part in parts]
    html = [markup(parser.renderer.render(tokens, parser.options, {}), extracted) for tokens in parsed]
    text = [escape_braces(write_text(tokens, extracted.pattern), "{{ '{' }}") for tokens in parsed]
    return BodyTemplates(
        mjml=template(join_markup(html), extracted, label),
        text=template('\n{% include "_articles.txt.jinja" %}\n'.join(text), extracted, label),
    )


def refuse_torn(parts: list[str], body: Body, label: str) -> None:
    """Each part becomes a block of its own, so an `if` must end on the side of [articles] where it begins."""
    if mistake := unclosed(ARTICLES.join(parts), body):
        raise IssueFileError(label, [mistake])
    for part in parts[:-1]:
        if unclosed(part, body):
            line = max(code.line for code in (body.code(found) for found in body.pattern.finditer(part)))
            message = (
                "the [articles] line stands inside an {% if %} or {% for %} that begins here or above: put it outside"
            )
            raise IssueFileError(label, [Mistake(line, message)])


def unclosed(part: str, body: Body) -> Mistake | None:
    """What Jinja2 says of the constructs in a part, with the line of the file."""
    codes = [body.code(found) for found in body.pattern.finditer(part)]
    lines = [code.line + offset for code in codes for offset in range(code.source.count("\n") + 1)]
    try:
        Environment().parse("\n".join(code.source for code in codes))  # noqa: S701 (parsed only)
    except TemplateSyntaxError as error:
        return Mistake(lines[min(error.lineno, len(lines)) - 1], str(error.message))
    return None


def extract(body: str, label: str, first_line: int) -> Body:
    """Take the Jinja2 constructs out of a body, found by Jinja2's own lexer."""
    mark = "zqcode"
    while mark in body:
        mark += "x"
    codes: list[Code] = []
    pieces: list[str] = []
    try:
        for source, line in constructs(body):
            if line is None:
                pieces.append(source)
            else:
                pieces.append(f"{mark}{len(codes)}x")
                codes.append(Code(source, first_line + line - 1))
    except TemplateSyntaxError as error:
        raise IssueFileError(label, [Mistake(first_line + error.lineno - 1, str(error.message))]) from error
    pattern = re.compile(f"{mark}([0-9]+)x")
    return Body(part_paragraphs("".join(pieces), codes, pattern), tuple(codes), pattern)


def constructs(body: str) -> list[tuple[str, int | None]]:
    """The body in pieces: text (no line), and Jinja2 constructs with the line on which they start."""
    pieces: list[tuple[str, int | None]] = []
    current, start, raw = "", 0, False
    for line, kind, value in Environment().lexer.tokeniter(body, "body"):  # noqa: S701 (only its lexer is used)
        if not current and kind == "data":
            pieces.append((value, None))
            continue
        start = start if current else line
        current += value
        raw = (raw or kind == "raw_begin") and kind != "raw_end"
        if kind in ("variable_end", "block_end", "comment_end", "raw_end") and not raw:
            pieces.append((current, start))
            current = ""
    if current:
        raise TemplateSyntaxError(f"{current[:20]!r} is never closed", start)
    return pieces


def part_paragraphs(markdown: str, codes: list[Code], pattern: re.Pattern[str]) -> str:
    """Blank lines around a line of statements alone, so that `{% if %}` stands around paragraphs, not in one."""
    lines = []
    for line in markdown.split("\n"):
        found = list(pattern.finditer(line))
        alone = bool(found) and not pattern.sub("", line).strip() and not line.startswith((" ", "\t"))
        statements = alone and all(codes[int(match[1])].is_statement for match in found)
        lines.append(f"\n{line}\n" if statements else line)
    return "\n".join(lines)


def markup(html: str, body: Body) -> str:
    """Clean HTML for an email, still with marks."""
    html = re.sub(r"<(/?)h1>", r"<\1h2>", html)  # the one h1 of a mail is its subject
    html = nh3.clean(
        html, tags=TAGS, attributes=ATTRIBUTES, link_rel=None, url_schemes={"http", "https", "mailto", "tel"}
    )
    html = re.sub(rf"<p>((?:\s*{body.pattern.pattern}\s*)+)</p>", lambda found: lone_marks(found, body), html)
    return escape_braces(html.strip(), "&#123;")


def lone_marks(found: re.Match[str], body: Body) -> str:
    statements = all(body.code(match).is_statement for match in body.pattern.finditer(found[1]))
    return found[1].strip() if statements else found[0]


def escape_braces(text: str, brace: str) -> str:
    """No text may turn into template code: only the author's own constructs, put back later, are."""
    return re.sub(r"\{(?=[{%#])", lambda _: brace, text)


def join_markup(parts: list[str]) -> str:
    sections = [f"{{% call text() %}}{part}{{% endcall %}}" if part else "" for part in parts]
    articles = '\n{% include "_articles.mjml" %}\n'
    return '{% from "_text.mjml" import text with context %}' + articles.join(sections)


def template(text: str, body: Body, label: str) -> TemplateText:
    """Put the constructs back, and remember for each line of the result which line of the file it is."""
    lines = [1]
    pieces: list[str] = []

    def put(piece: str, number: Callable[[int], int]) -> None:
        pieces.append(piece)
        lines.extend(number(n) for n in range(1, piece.count("\n") + 1))

    end = 0
    for found in body.pattern.finditer(text):
        code = body.code(found)
        put(text[end : found.start()], lambda _: lines[-1])
        opening = re.match(r"\{[{%#][-+]?", code.source)
        if opening is None or code.source.startswith("{#") or code.is_raw:
            put(code.source, lambda n, code=code: code.line + n)  # type: ignore[misc]
        else:
            put(opening[0] + "\n", lambda _, code=code: code.line)  # type: ignore[misc]
            put(code.source[opening.end() :], lambda n, code=code: code.line + n)  # type: ignore[misc]
        end = found.end()
    put(text[end:], lambda _: lines[-1])
    return TemplateText("".join(pieces), label, tuple(lines))
