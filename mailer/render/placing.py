"""Tokens in MJML: put where the engine keeps them, and refused where it could not keep what they mean."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mailer.render.defer import Site
from mailer.render.mjml import TokenPlace, token_places
from mailer.render.tokens import TokenBook

MAY_HOLD_CONDITIONS = frozenset({"mj-body", "mj-wrapper", "mj-column", "mj-hero"})
"""MJML counts what is in the others: an `if` around one of two columns would leave half of the section empty."""

INLINE_STYLE = re.compile(r"<mj-style\b[^>]*\binline\s*=", re.IGNORECASE)
TABLE = re.compile(r"(<((?:mj-)?table)\b[^>]*>)(.*?)(</\2\s*>)", re.DOTALL | re.IGNORECASE)


def wrap(text: str, book: TokenBook) -> str:
    """Put tokens between MJML tags into <mj-raw>, as comments: those pass MJML and CSS inlining in any place."""
    places = token_places(text, book.pattern)
    refuse_torn(places, book)
    pieces: list[str] = []
    end = 0
    for place in places:
        token = place.match[0]
        site = book.site_of(token)
        if place.in_content or site is None:
            continue
        if site.kind == "print":
            book.fail(site, "text cannot stand between MJML tags, put it into <mj-text>")
        if place.parent not in MAY_HOLD_CONDITIONS:
            book.fail(site, f"recipient data cannot decide what is in <{place.parent}>, MJML lays it out once for all")
        pieces += [text[end : place.match.start()], f"<mj-raw><!--{token}--></mj-raw>"]
        end = place.match.end()
    wrapped = "".join([*pieces, text[end:]])
    return wrap_in_tables(wrapped, book) if INLINE_STYLE.search(text) else wrapped


def refuse_torn(places: Sequence[TokenPlace], book: TokenBook) -> None:
    """An `if` or `for` must begin and end in the same element, or a recipient gets half of its tags."""
    opened: list[tuple[Site, TokenPlace]] = []
    for place in places:
        site = book.site_of(place.match[0])
        if site is None or site.kind == "print":
            continue
        if site.kind in ("if", "for"):
            opened.append((site, place))
            continue
        start, start_place = opened[-1] if opened else (site, place)
        if (start_place.in_tag, start_place.element) != (place.in_tag, place.element):
            book.fail(start, "is torn apart: it begins in one MJML tag and ends in another")
        if site.kind in ("endif", "endfor") and opened:
            opened.pop()


def wrap_in_tables(text: str, book: TokenBook) -> str:
    """CSS inlining reads HTML as a browser does: it moves text between table rows in front of the table, and writes
    a <tbody> where none is, between the `for` and its first row. So tokens become comments, and the <tbody> is given.
    """

    def protect(run: re.Match[str]) -> str:
        return book.pattern.sub(lambda found: f"<!--{found[0]}-->", run[0])

    def table(found: re.Match[str]) -> str:
        start, rows, end = found[1], found[3], found[4]
        if book.pattern.search(rows) and not re.search(r"<(?:tbody|thead|table)\b", rows, re.IGNORECASE):
            rows = f"<tbody>{rows}</tbody>"
        return start + rows + end

    lone = re.compile(rf"(?<=>)\s*(?:{book.pattern.pattern}\s*)+(?=</?t[rdhbaf])", re.IGNORECASE)
    return lone.sub(protect, TABLE.sub(table, text))


def unwrap(html: str, book: TokenBook) -> str:
    return re.sub(rf"<!--({book.mark}[0-9]+qz)-->", r"\1", html)
