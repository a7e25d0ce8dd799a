"""MJML -> HTML through PyPI `mjml`, behind a guard for the faults that were measured in it.

1. Attribute values of mj-* tags are unescaped once and written back as they are, so `alt="A&quot; onerror=..."` would
   become a live attribute: every `&` in them is escaped once more. The same hole in <mj-title>, which is also copied
   into `aria-label`, is closed by a stand-in that is replaced after the engine has run.
2. `<mj-include>` reads any file: it never reaches the engine.
3. Fonts and defaults that are named twice, and a hero without background sizes, crash it: they are merged, or given.
4. 0.12 writes `<!--[if !mso><!-->` without its bracket.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from markupsafe import escape

from mailer.errors import TemplateError

ATTRIBUTES = r"(?:[^>\"']|\"[^\"]*\"|'[^']*')*?"
TAG = re.compile(rf"<(/?)(mj-[a-z-]+|mjml)\b({ATTRIBUTES})(/?)>", re.IGNORECASE)
ATTRIBUTE = re.compile(r"([\w:-]+)\s*=\s*(\"[^\"]*\"|'[^']*')")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
TITLE = re.compile(r"(<mj-title\b[^>]*>)(.*?)(</mj-title\s*>)", re.DOTALL | re.IGNORECASE)
TITLE_STAND_IN = "mjtitlestandin"
DEFAULTS = re.compile(r"(<mj-attributes\b[^>]*>)(.*?)(</mj-attributes\s*>)", re.DOTALL | re.IGNORECASE)

CONTAINER = re.compile(rf"<mj-body\b{ATTRIBUTES}>\s*<mj-container\b({ATTRIBUTES})>", re.IGNORECASE)

ENGINE_FONTS = re.compile(
    r"<!--\[if !mso\]><!-->\s*<link\b[^>]*fonts\.googleapis\.com.*?<!--<!\[endif\]-->", re.DOTALL | re.IGNORECASE
)

BUILT_IN_FONTS = frozenset({"open sans", "droid sans", "lato", "roboto", "ubuntu"})
"""Fonts that the engine registers by itself; naming one again is an AssertionError in it."""

CONTENT_TAGS = frozenset({
    "mj-text", "mj-button", "mj-table", "mj-raw", "mj-title", "mj-preview", "mj-style", "mj-social-element",
    "mj-navbar-link", "mj-accordion-title", "mj-accordion-text",
})  # fmt: skip
"""Tags whose content is text or HTML. Between all other tags MJML drops text without a word."""


def compile_mjml(text: str) -> str:
    """HTML of one MJML document. Raises TemplateError for what is not MJML."""
    from mjml import mjml_to_html

    guarded, title = guard(text)
    if not re.search(r"<mjml\b", guarded, re.IGNORECASE):
        raise TemplateError("this is no MJML document: it has no <mjml> tag")
    try:
        result: str = mjml_to_html(guarded).html
    except KeyError as error:
        raise TemplateError(
            f"<{error.args[0]}> is not an MJML tag, or not one that may stand where it does",
            hint="HTML belongs into <mj-text>, <mj-table> or <mj-raw>",
        ) from error
    except Exception as error:  # the engine raises whatever its code happens to meet
        raise TemplateError(f"MJML cannot compile this: {str(error) or type(error).__name__}") from error
    result = result.replace("<!--[if !mso><!-->", "<!--[if !mso]><!-->")
    return result.replace(TITLE_STAND_IN, escape(title))


def without_engine_fonts(text: str, html: str) -> str:
    """Drop the Google Fonts links that the engine adds for a font by its name alone.

    Whoever serves a font learns who reads. An author who wants one names its address in <mj-font>.
    """
    return html if re.search(r"<mj-font\b", text, re.IGNORECASE) else ENGINE_FONTS.sub("", html)


def guard(text: str) -> tuple[str, str]:
    """The document as the engine may see it, and the title as plain text."""
    refuse_includes(text)
    text = one_root(without_container(text))
    text = unique_defaults(text)
    text = TAG.sub(guarded_tag, unique_fonts(text))
    found = TITLE.search(text)
    title = html.unescape(found[2]).strip() if found else ""
    return TITLE.sub(rf"\g<1>{TITLE_STAND_IN}\g<3>", text), title


def refuse_includes(text: str) -> None:
    for found in TAG.finditer(COMMENT.sub("", text)):
        if found[2].lower() == "mj-include":
            raise TemplateError(
                "<mj-include> is not followed: it could read any file",
                hint='use {% include "NAME" %} with a file of the templates folder',
            )


def without_container(text: str) -> str:
    """MJML 3 had an <mj-container> inside <mj-body>; MJML 4 gives its attributes to the body."""
    return re.sub(r"</mj-container\s*>", "", CONTAINER.sub(r"<mj-body\1>", text), flags=re.IGNORECASE)


def one_root(text: str) -> str:
    """Drop `<mjml>` and `<mj-body>` of included documents, which stand inside the body of the first."""
    opened: list[str] = []

    def keep(found: re.Match[str]) -> str:
        closing, name = found[1], found[2].lower()
        if name not in ("mjml", "mj-body") or found[4]:
            return found[0]
        if not closing:
            opened.append(name)
            return found[0] if opened.count(name) == 1 else ""
        last = opened.count(name) == 1
        if name in opened:
            opened.remove(name)
        return found[0] if last else ""

    return TAG.sub(keep, text)


def guarded_tag(found: re.Match[str]) -> str:
    closing, name, attributes, selfclosed = found.groups()
    attributes = attributes.replace("&", "&amp;")
    if name.lower() == "mj-hero" and not closing:
        given = {match[1].lower() for match in ATTRIBUTE.finditer(attributes)}
        for attribute, value in (("background-width", "600px"), ("background-height", "0px")):
            if attribute not in given:
                attributes += f' {attribute}="{value}"'
    return f"<{closing}{name}{attributes}{selfclosed}>"


def unique_fonts(text: str) -> str:
    seen = set(BUILT_IN_FONTS)

    def keep(found: re.Match[str]) -> str:
        if found[2].lower() != "mj-font" or found[1]:
            return found[0]
        name = dict(attribute_pairs(found[3])).get("name", "").lower()
        if name in seen:
            return "" if found[4] else "<mj-raw>"
        seen.add(name)
        return found[0]

    return re.sub(r"<mj-raw>\s*</mj-font\s*>", "", TAG.sub(keep, text))


def attribute_pairs(attributes: str) -> list[tuple[str, str]]:
    return [(match[1], match[2][1:-1]) for match in ATTRIBUTE.finditer(attributes)]


def unique_defaults(text: str) -> str:
    """Merge defaults that <mj-attributes> gives twice for one tag or class; the later value wins, as upstream."""
    return DEFAULTS.sub(lambda found: found[1] + merged_defaults(found[2]) + found[3], text)


def merged_defaults(block: str) -> str:
    merged: dict[tuple[str, str], dict[str, str]] = {}
    for found in TAG.finditer(COMMENT.sub("", block)):
        if found[1]:
            continue
        pairs = dict(attribute_pairs(found[3]))
        key = (found[2].lower(), pairs.get("name", "") if found[2].lower() == "mj-class" else "")
        merged.setdefault(key, {}).update(pairs)
    return "".join(
        f"<{name} " + " ".join(f'{key}="{quoted(value)}"' for key, value in pairs.items()) + " />"
        for (name, _), pairs in merged.items()
    )


def quoted(value: str) -> str:
    return value.replace('"', "&quot;")


@dataclass(frozen=True, slots=True)
class TokenPlace:
    """Where a token stands: between MJML tags or in the content of one, and inside which element (its offset)."""

    match: re.Match[str]
    in_content: bool
    element: int


def token_places(text: str, token: re.Pattern[str]) -> list[TokenPlace]:
    """Every token of a document outside tags, in order."""
    places: list[TokenPlace] = []
    elements = [-1]
    content: str | None = None
    for match in re.finditer(rf"{COMMENT.pattern}|{TAG.pattern}|{token.pattern}", text, re.DOTALL | re.IGNORECASE):
        closing, name, selfclosed = match[1], (match[2] or "").lower(), match[4]
        if token.fullmatch(match[0]):
            places.append(TokenPlace(match, content is not None, elements[-1]))
        elif not name or selfclosed or (content and name != content):
            continue
        elif closing:
            content = None
            del elements[max(1, len(elements) - 1) :]
        else:
            content = name if name in CONTENT_TAGS else None
            elements.append(match.start())
    return places
