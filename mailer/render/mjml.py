"""MJML -> HTML through PyPI `mjml`, behind a guard for the faults that were measured in it.

1. Attribute values of mj-* tags are unescaped once and written back as they are, so `alt="A&quot; onerror=..."` would
   become a live attribute: every `&` in them is escaped once more. The same hole in <mj-title>, which is also copied
   into `aria-label`, is closed by a stand-in that is replaced after the engine has run.
2. `<mj-include>` reads any file: it never reaches the engine.
3. Fonts and defaults that are named twice, and a hero without background sizes, crash it: they are merged, or given.
4. 0.12 writes `<!--[if !mso><!-->` without its bracket.
"""

from __future__ import annotations

import html as html_module
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from markupsafe import escape

from mailer.errors import TemplateError

ATTRIBUTES = r"(?:[^<>\"']|\"[^\"]*\"|'[^']*')*?"
TAG = re.compile(rf"<(/?)(mj-[a-z-]+|mjml)\b({ATTRIBUTES})(/?)>", re.IGNORECASE)
ATTRIBUTE = re.compile(r"([\w:-]+)\s*=\s*(\"[^\"]*\"|'[^']*')")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
TAG_START = re.compile(r"</?(?:mj-[a-z-]|mjml\b)", re.IGNORECASE)
TITLE = re.compile(r"(<mj-title\b[^>]*>)(.*?)(</mj-title\s*>)", re.DOTALL | re.IGNORECASE)
TITLE_STAND_IN = "mjtitle"
DEFAULTS = re.compile(r"(<mj-attributes\b[^>]*>)(.*?)(</mj-attributes\s*>)", re.DOTALL | re.IGNORECASE)

CONTAINER = re.compile(rf"<mj-body\b{ATTRIBUTES}>\s*<mj-container\b({ATTRIBUTES})>", re.IGNORECASE)

ENGINE_FONTS = re.compile(
    r"<!--\[if !mso\]><!-->\s*<link\b[^>]*fonts\.googleapis\.com.*?<!--<!\[endif\]-->", re.DOTALL | re.IGNORECASE
)

FONT_LINK = re.compile(r'<link\b[^>]*?href="([^"]*)"')
FONT_IMPORT = re.compile(r"@import url\(([^)]*)\);\s*")

BUILT_IN_FONTS = {
    name.lower(): f"https://fonts.googleapis.com/css?family={name.replace(' ', '+')}:300,400,500,700"
    for name in ("Open Sans", "Droid Sans", "Lato", "Roboto", "Ubuntu")
}
"""Fonts that the engine registers by itself; naming one again is an AssertionError in it."""

CONTENT_TAGS = frozenset({
    "mj-text", "mj-button", "mj-table", "mj-raw", "mj-title", "mj-preview", "mj-style", "mj-social-element",
    "mj-navbar-link", "mj-accordion-title", "mj-accordion-text",
})  # fmt: skip
"""Tags whose content is text or HTML. Between all other tags MJML drops text without a word."""


class Later(ModuleType):
    """Stands for a module that is imported when something in it is first asked for."""

    def __init__(self, spec: ModuleSpec) -> None:
        super().__init__(spec.name)
        self.__spec__ = spec  # who only asks whether the module is there is told

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            sys.modules.pop(self.__name__, None)
        return getattr(import_module(self.__name__), name)


def engine() -> Callable[[str], Any]:
    """The engine, imported when it is first needed.

    Its parser brings a library that selects elements and one that guesses encodings. The engine selects for
    `<mj-html-attributes>` alone and gets no bytes, and to import these two takes a tenth of a whole command.
    """
    for name in ("soupsieve", "charset_normalizer"):
        if name not in sys.modules and (spec := find_spec(name)):
            sys.modules[name] = Later(spec)
    from mjml import mjml_to_html

    return mjml_to_html  # type: ignore[no-any-return]


def compile_mjml(text: str) -> str:
    """HTML of one MJML document. Raises TemplateError for what is not MJML."""
    mjml_to_html = engine()
    guarded = guard(text)
    if not re.search(r"<mjml\b", guarded.text, re.IGNORECASE):
        raise TemplateError("this is no MJML document: it has no <mjml> tag")
    try:
        result: str = mjml_to_html(guarded.text).html
    except KeyError as error:
        raise UnknownTagError(str(error.args[0])) from error
    except Exception as error:  # the engine raises whatever its code happens to meet
        raise TemplateError(f"MJML cannot compile this: {str(error) or type(error).__name__}") from error
    result = result.replace("<!--[if !mso><!-->", "<!--[if !mso]><!-->")
    for engines, authors in guarded.fonts.items():
        result = result.replace(engines, escape(authors))
    return result.replace(guarded.stand_in, escape(guarded.title))


class UnknownTagError(TemplateError):
    """`tag` is not an MJML tag, or not one that may stand where it does."""

    def __init__(self, tag: str, *, name: str | None = None, line: int | None = None) -> None:
        message = f"<{tag}> is not an MJML tag, or not one that may stand where it does"
        hint = "HTML belongs into <mj-text>, <mj-table> or <mj-raw>"
        super().__init__(message, name=name, line=line, hint=hint)
        self.tag = tag


def without_engine_fonts(text: str, html: str) -> str:
    """Drop the links that the engine adds for a font by its name alone.

    Whoever serves a font learns who reads. An author who wants one names its address in <mj-font>.
    """

    def keep(block: re.Match[str]) -> str:
        links = FONT_LINK.findall(block[0])
        return (
            block[0] if all(html_module.unescape(link) in html_module.unescape(text) for link in links) else own(block)
        )

    def own(block: re.Match[str]) -> str:
        """The block without the links that are not the author's."""
        named = html_module.unescape(text)

        def is_own(found: re.Match[str]) -> str:
            return found[0] if html_module.unescape(found[1]) in named else ""

        kept = FONT_IMPORT.sub(is_own, re.sub(r'<link\b[^>]*?href="([^"]*)"[^>]*>', is_own, block[0]))
        return kept if FONT_LINK.search(kept) else ""

    return ENGINE_FONTS.sub(keep, html)


@dataclass(frozen=True, slots=True)
class Guarded:
    """A document as the engine may see it. `fonts` maps the engine's addresses of fonts to the author's own."""

    text: str
    title: str
    stand_in: str
    fonts: dict[str, str]


def guard(text: str) -> Guarded:
    refuse_includes(text)
    refuse_unpaired_quotes(text)
    text = one_root(without_container(text))
    text = unique_defaults(text)
    text, fonts = unique_fonts(text)
    text = TAG.sub(guarded_tag, text)
    stand_in = TITLE_STAND_IN
    while stand_in in text:
        stand_in += "x"
    visible = COMMENT.sub(lambda comment: " " * len(comment[0]), text)
    found = TITLE.search(visible)
    if not found:
        return Guarded(text, "", stand_in, fonts)
    title = html_module.unescape(text[found.start(2) : found.end(2)]).strip()
    return Guarded(text[: found.start(2)] + stand_in + text[found.end(2) :], title, stand_in, fonts)


def refuse_includes(text: str) -> None:
    """Anywhere, comments too: what the engine takes for a comment is not what anybody else does."""
    if re.search(r"<\s*mj-include", text, re.IGNORECASE):
        raise TemplateError(
            "<mj-include> is not followed: it could read any file",
            hint='use {% include "NAME" %} with a file of the templates folder',
        )


def refuse_unpaired_quotes(text: str) -> None:
    """A tag whose end cannot be found is one whose attributes cannot be made safe."""
    starts = {found.start() for found in TAG.finditer(text)}
    inside = [found.span() for found in TAG.finditer(text)]
    for found in TAG_START.finditer(text):
        quoted = any(start < found.start() < end for start, end in inside) if found.start() not in starts else True
        if not quoted:
            line = text.count("\n", 0, found.start()) + 1
            raise TemplateError(
                f"the quotation marks of a tag do not pair: {text[found.start() :][:60]!r} (line {line})"
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


def unique_fonts(text: str) -> tuple[str, dict[str, str]]:
    """Each font once. One that the engine has built in gets the author's address when everything is done."""
    seen: set[str] = set()
    own: dict[str, str] = {}

    def keep(found: re.Match[str]) -> str:
        if found[2].lower() != "mj-font" or found[1]:
            return found[0]
        pairs = dict(attribute_pairs(found[3]))
        name = pairs.get("name", "").lower()
        if name in BUILT_IN_FONTS and name not in seen:
            own[BUILT_IN_FONTS[name]] = html_module.unescape(pairs.get("href", ""))
        elif name not in seen:
            seen.add(name)
            return found[0]
        seen.add(name)
        return "" if found[4] else "<mj-raw>"

    visible = outside_comments(text, lambda part: TAG.sub(keep, part))
    return re.sub(r"<mj-raw>\s*</mj-font\s*>", "", visible), own


def outside_comments(text: str, change: Callable[[str], str]) -> str:
    """The text changed everywhere but in comments."""
    pieces = re.split(f"({COMMENT.pattern})", text, flags=re.DOTALL)
    return "".join(piece if index % 2 else change(piece) for index, piece in enumerate(pieces))


def attribute_pairs(attributes: str) -> list[tuple[str, str]]:
    return [(match[1], match[2][1:-1]) for match in ATTRIBUTE.finditer(attributes)]


def unique_defaults(text: str) -> str:
    """Merge defaults that <mj-attributes> gives twice for one tag or class; the later value wins, as upstream."""
    return DEFAULTS.sub(lambda found: found[1] + merged_defaults(found[2]) + found[3], text)


def repeats(block: str) -> bool:
    """Whether one tag or class gets its defaults twice, which is all that must be mended."""
    seen = set()
    for found in TAG.finditer(COMMENT.sub("", block)):
        name = found[2].lower()
        key = (name, dict(attribute_pairs(found[3])).get("name") if name == "mj-class" else None)
        if not found[1] and key in seen:
            return True
        seen.add(key if not found[1] else None)
    return False


def merged_defaults(block: str) -> str:
    merged: dict[tuple[str, str], dict[str, str]] = {}
    if not repeats(block):
        return block
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
    """Where a token stands: between MJML tags or in the content of one, and inside which element (its offset).

    `parent` is the tag around it; `in_tag` says that it stands among the attributes of one.
    """

    match: re.Match[str]
    in_content: bool
    element: int
    parent: str
    in_tag: bool = False


def token_places(text: str, token: re.Pattern[str]) -> list[TokenPlace]:
    """Every token of a document, in order."""
    places: list[TokenPlace] = []
    elements: list[tuple[int, str]] = [(-1, "")]
    content: str | None = None
    for match in re.finditer(rf"{COMMENT.pattern}|{TAG.pattern}|{token.pattern}", text, re.DOTALL | re.IGNORECASE):
        closing, name, selfclosed = match[1], (match[2] or "").lower(), match[4]
        if token.fullmatch(match[0]):
            places.append(TokenPlace(match, content is not None, *elements[-1]))
            continue
        if name and not closing:
            inner = token.finditer(text, match.start(), match.end())
            places += [TokenPlace(found, True, match.start(), name, in_tag=True) for found in inner]
        if not name or selfclosed or (content and name != content):
            continue
        if closing:
            content = None
            del elements[max(1, len(elements) - 1) :]
        else:
            content = name if name in CONTENT_TAGS else None
            elements.append((match.start(), name))
    return places
