"""From whatever a source puts into a field to plain text, and from its links to ones that may stand in a mail.

Text that comes out is data for a template, never template source: `{{ 7*7 }}` stays as it is written.
"""

from __future__ import annotations

import html
import re
import unicodedata
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import idna
import nh3

# Only a closed tag is markup. An open one ("hours < 5 <see below") is text, and a parser would swallow its rest.
_TAG = re.compile(r"<(?:!--|[a-zA-Z/!?][^<>]*>)")
# With its semicolon only: "?a=1&copy=2" is no sign.
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});", re.ASCII)
_TAG_START = re.compile(r"<(?=[a-zA-Z/!?])")
_BLOCK = re.compile(
    r"<(?=/?(?:p|div|br|hr|li|[uod]l|d[td]|h[1-6]|t[rdh]|table|blockquote|figure|figcaption|section|article|pre)\b)",
    re.IGNORECASE,
)
# What these hold is not text: code, fallbacks for other programs, drawings. nh3 would keep a noscript's content.
_DROPPED = {
    "script", "style", "noscript", "template", "title", "textarea", "select", "object", "svg", "math", "iframe",
    "noembed", "noframes", "xmp", "audio", "video", "canvas", "head",
}  # fmt: skip
# Zero-width space, joiner of words, soft hyphen, marks of order that would reverse the text after them
# (embeddings, overrides, isolates). LRM, RLM, ALM and the joiners that Persian and emoji need stay.
_INVISIBLE = dict.fromkeys(
    [0x200B, 0x2060, 0xFEFF, 0x00AD, *range(0x202A, 0x202F), *range(0x2066, 0x2070), 0xFFF9, 0xFFFA, 0xFFFB]
)
_BREAKS = re.compile(r"[\s\x1c-\x1f\x85\u2028\u2029]+")
# A lone no-break space is typography ("« non »", "10 km"); a run with one in it is layout.
_KEPT_SPACES = frozenset("\u00a0\u202f")
_DROPPED_CATEGORIES = frozenset(("Cc", "Cs"))

_MAX_INPUT = 100_000
_MAX_URL = 2_000
EXCERPT_LIMIT = 400

_MORE = (
    r"continue reading|read (?:the )?(?:more|full|rest|whole)|keep reading|weiterlesen|mehr lesen|lire (?:la )?suite"
    r"|en savoir plus|seguir leyendo|leer m[aá]s|contin[uú]a leyendo|continua a leggere|leggi tutto"
    r"|lees (?:verder|meer)|les mer|läs mer|læs mere|lue lisää|czytaj dalej|continue lendo|leia mais|devamını oku"
)
_TAIL_LENGTH = 1_000
_TAILS = (
    re.compile(r"\s*The post .{1,300} (?:first appeared|appeared first) on .{1,200}$", re.DOTALL),
    # As a sentence of its own, or as the text of a link: capitalised, at the end, without a full stop.
    re.compile(rf"(?:(?<=[.!?…\])”\"»])|^)\s*(?i:{_MORE})\b[^.!?]{{0,200}}$"),
    re.compile(r"\s+(?:Continue reading|Read more|Lire la suite|Seguir leyendo|Les mer)\b[^.!?]{0,200}$"),
    re.compile(r"\s*(?:→|»|›|&raquo;|>>)\s*$"),
)
_ELLIPSIS = re.compile(r"\s*(?:\[\s*(?:…|\.{3})\s*\]|\(\s*(?:…|\.{3})\s*\)|…+|\.{3,})\s*$")
_SENTENCE_END = re.compile(r"(?<=[.!?…。！？؟।])[\"”’»)\]]*(?=\s|$)")  # fmt: skip


def plain_text(html_or_text: str) -> str:
    """One line of text: no tags, entities resolved, no control characters, no marks that reverse what follows."""
    text = one_line(html_or_text[:_MAX_INPUT])
    # Titles are often escaped twice, so what an entity uncovers is looked at again. Five rounds are three more than
    # any honest source needs; what is left of a tag then is taken apart below.
    for _ in range(5):
        before = text
        if _TAG.search(text):
            text = nh3.clean(_BLOCK.sub(" <", text), tags=set(), clean_content_tags=_DROPPED, link_rel=None)
        text = _ENTITY.sub(_resolved, text)
        if text == before:
            break
    return _TAG_START.sub("< ", one_line(text))


def one_line(text: str) -> str:
    """The text on one line, without control, invisible and reversing characters. Tags are not looked at."""
    kept = "".join(
        char
        for char in _BREAKS.sub(_space, text).translate(_INVISIBLE)
        if unicodedata.category(char) not in _DROPPED_CATEGORIES and not _noncharacter(char)
    )
    return _BREAKS.sub(_space, kept).strip()


def excerpt(source: str, limit: int = EXCERPT_LIMIT) -> str:
    """The beginning of an HTML or plain text: whole sentences up to `limit`, else whole words and one ellipsis."""
    text = without_tail(plain_text(source))
    if len(text) <= limit:
        return text
    ends = [match.end() for match in _SENTENCE_END.finditer(text[: limit + 1]) if match.end() <= limit]
    # A first sentence of ten letters ("No. ", "Dr. ") says too little to end there.
    if ends and ends[-1] >= limit // 4:
        return text[: ends[-1]]
    cut = text[:limit]
    head = cut.rpartition(" ")[0] or cut[:-1]
    return head.rstrip(" ,;:–—-") + "…"


def without_tail(text: str) -> str:
    """The text without "Continue reading …" and "The post … appeared first on …"; an end cut off is one ellipsis."""
    # Only the end is looked at, and a few times: a text of nothing but tails must not take minutes.
    head, end = text[:-_TAIL_LENGTH], text[-_TAIL_LENGTH:]
    for _ in range(len(_TAILS)):
        for tail in _TAILS:
            end = tail.sub("", end)
    return (head + _ELLIPSIS.sub("…", end)).strip() if len(text) > 3 else text


def safe_url(url: str | None, root: str | None = None) -> str | None:
    """The absolute http or https link, or None for anything else: other schemes, user names, broken hosts."""
    text = (url or "").strip(" \t\r\n\f")
    if not text or len(text) > _MAX_URL or "\\" in text or any(not c.isprintable() for c in text):
        return None
    try:
        parts = urlsplit(urljoin(root or "", text))
        port = parts.port
    except ValueError:
        return None
    host = _host(parts.hostname or "")
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        return None
    netloc = f"{host}:{port}" if port else host
    # Bare spaces and letters beyond ASCII are what people paste; an existing % stays as it is.
    path, query, fragment = (
        quote(part, safe="/%:;=@!$&'()*+,~?-._[]") for part in (parts.path, parts.query, parts.fragment)
    )
    return urlunsplit((parts.scheme, netloc, path, query, fragment))


def _host(name: str) -> str | None:
    if ":" in name:
        return f"[{name}]"
    if name.isascii():
        return name if re.fullmatch(r"[a-z0-9_.-]+", name) and name.strip(".-") else None
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return None


def _resolved(match: re.Match[str]) -> str:
    return html.unescape(match[0])


def _space(match: re.Match[str]) -> str:
    run = match[0]
    return run if run in _KEPT_SPACES else " "


def _noncharacter(char: str) -> bool:
    return ord(char) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(char) <= 0xFDEF
