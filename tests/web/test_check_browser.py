"""What the checks reckon of a mail's look, beside what Chromium makes of it: colours, sizes, what is hidden, what is
behind text as pixels, and which text is too faint as axe-core says."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import lxml.html
import pytest

from mailer.checks.cascade import Look, looks
from mailer.checks.colour import Colour, contrast
from mailer.checks.contrast import NEEDED, NEEDED_LARGE
from mailer.checks.document import Document, own_text
from mailer.checks.screen import DARK_DESKTOP, DARK_PHONE, DESKTOP, PHONE, Screen
from tests.browser import axe, browser
from tests.unit.checks.mails import MADE, shipped_mails

if TYPE_CHECKING:
    from playwright.sync_api import Page

MAIL = "http://mail.example/"
SCREENS = (PHONE, DESKTOP, DARK_PHONE, DARK_DESKTOP)
THOROUGHLY = (PHONE, DARK_DESKTOP)
"""The screens of which pixels are looked at, and of which axe-core is asked."""

LEFT_TO_THE_BROWSER = ("dark by itself", "dark by its root")
"""Mails without a ground of their own. axe-core takes it for white in dark mode too; the pixels say otherwise."""


COMPUTED = """() => [...document.querySelectorAll('[data-n]')].map(element => {
  const style = getComputedStyle(element);
  const cut = each => ['hidden', 'clip'].includes(getComputedStyle(each).overflow)
    && (each.clientHeight <= 1 || each.clientWidth <= 1) && getComputedStyle(each).display !== 'inline';
  let hidden = !element.checkVisibility({opacityProperty: true, visibilityProperty: true});
  for (let each = element; each; each = each.parentElement) hidden ||= cut(each);
  const range = document.createRange();
  const own = [...element.childNodes].find(node => node.nodeType === 3 && node.data.trim());
  if (own) range.selectNodeContents(own);
  const [box] = own ? range.getClientRects() : [];
  return {
    n: +element.dataset.n, hidden, colour: style.color, size: parseFloat(style.fontSize), weight: +style.fontWeight,
    align: style.textAlign, line: parseFloat(style.lineHeight) || 0,
    x: box ? box.x + Math.min(3, box.width / 2) + scrollX : -1, y: box ? box.y + box.height / 2 + scrollY : -1,
  };
})"""
PIXELS = """async ([png, points]) => {
  const picture = new Image();
  picture.src = 'data:image/png;base64,' + png;
  await picture.decode();
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const paper = canvas.getContext('2d');
  paper.drawImage(picture, 0, 0);
  return points.map(([x, y]) => [...paper.getImageData(Math.floor(x), Math.floor(y), 1, 1).data]);
}"""
FAINT = """async () => {
  const found = await axe.run(document, {runOnly: ['color-contrast'], resultTypes: ['violations', 'passes']});
  const number = node => +document.querySelector(node.target[0]).dataset.n;
  return [found.violations, found.passes].map(rules => rules.flatMap(rule => rule.nodes).map(number));
}"""
WITHOUT_WORDS = """* { -webkit-text-fill-color: transparent !important; text-decoration: none !important; }
img { opacity: 0; }"""


def numbered(document: Document) -> str:
    """The mail as lxml has it, each element with its number."""
    for number, element in enumerate(document.elements):
        if element.tag not in ("html", "head"):
            element.set("data-n", str(number))
    return str(lxml.html.tostring(document.root, encoding="unicode", doctype="<!doctype html>"))


def show(page: Page, html: str, screen: Screen) -> None:
    page.set_viewport_size({"width": screen.width, "height": screen.height})
    page.emulate_media(color_scheme="dark" if screen.dark else "light")
    page.unroute_all()
    page.route("**/*", lambda route: route.abort())
    page.route(MAIL, lambda route: route.fulfill(body=html, content_type="text/html; charset=utf-8"))
    page.goto(MAIL)


def rgba(text: str) -> Colour:
    red, green, blue, *alpha = (float(part) for part in text[text.index("(") + 1 : -1].split(","))
    return Colour(red, green, blue, *alpha)


def told(look: Look, text: str) -> bool:
    return look.shown and look.visible and all(share for share, _ in look.veils) and any(map(str.isalnum, text))


def near(one: Colour, other: Colour, by: float = 1.5) -> bool:
    pairs = zip((one.red, one.green, one.blue), (other.red, other.green, other.blue), strict=True)
    return all(abs(left - right) <= by for left, right in pairs)


def differences(document: Document, screen: Screen, rows: list[dict[str, Any]]) -> Iterator[str]:
    """Where the browser has something else, for elements that say something."""
    known = looks(document, screen)
    for row in rows:
        element, look = document.elements[row["n"]], known[row["n"]]
        text = own_text(element)
        if element.tag in ("style", "title", "script") or not any(map(str.isalnum, text)):
            continue
        where = f"{element.tag} {text[:30]!r}"
        if told(look, text) is row["hidden"]:
            yield f"{where}: hidden is {row['hidden']}"
        if row["hidden"]:
            continue
        there = rgba(row["colour"])
        if look.colour and (not near(look.colour, there) or abs(look.colour.alpha - there.alpha) > 0.01):
            yield f"{where}: {row['colour']}, not {look.colour}"
        if abs(look.size - row["size"]) > 0.05 or look.weight != row["weight"]:
            yield f"{where}: {row['size']} px {row['weight']}, not {look.size} px {look.weight}"
        if look.line is not None and row["line"]:
            line = look.line.amount * (look.size if look.line.unit == "x" else 1)
            if abs(line - row["line"]) > 0.1:
                yield f"{where}: lines of {row['line']}, not {line}"
        if (look.align == "justify") is not (row["align"] == "justify"):
            yield f"{where}: aligned {row['align']}, not {look.align}"


class Measured(NamedTuple):
    """What the browser says of all messages: how many texts were looked at, and where it differs."""

    messages: int
    texts: int
    computed: list[str]
    grounds: int
    pixels: list[str]
    faint: int
    fine: int
    verdicts: list[str]


@pytest.fixture(scope="module")
def measured() -> Measured:
    """All messages in one browser, each once on every screen."""
    messages = {**MADE, **shipped_mails()}
    texts = grounds = faint = fine = 0
    computed: list[str] = []
    pixels: list[str] = []
    verdicts: list[str] = []
    with browser() as opened:
        page = opened.new_page()
        script = axe()
        for name, html in messages.items():
            document = Document(html)
            marked = numbered(document)
            for screen in SCREENS if name in MADE else THOROUGHLY:
                show(page, marked, screen)
                where = f"{name}, {screen.width} {'dark' if screen.dark else 'light'}"
                rows = page.evaluate(COMPUTED)
                texts += len(rows)
                computed += [f"{where}: {each}" for each in differences(document, screen, rows)]
                if screen not in THOROUGHLY:
                    continue
                page.evaluate(script)
                low, high = page.evaluate(FAINT)
                faint, fine = faint + len(low), fine + len(high)
                if not (screen.dark and name in LEFT_TO_THE_BROWSER):
                    verdicts += [f"{where}: {each}" for each in disputed(document, screen, low, high)]
                found = list(painted(page, document, screen, rows))
                grounds += len(found)
                pixels += [f"{where}: {each}" for each in found if each]
    return Measured(len(messages), texts, computed, grounds, pixels, faint, fine, verdicts)


def painted(page: Page, document: Document, screen: Screen, rows: list[dict[str, Any]]) -> Iterator[str]:
    """For each text that is shown, what the screenshot has behind it if it is something else; empty if not."""
    known = looks(document, screen)
    shown = [row for row in rows if not row["hidden"] and 0 <= row["x"] < screen.width and known[row["n"]].seen]
    page.add_style_tag(content=WITHOUT_WORDS)
    png = base64.b64encode(page.screenshot(full_page=True)).decode()
    pixels = page.evaluate(PIXELS, [png, [[row["x"], row["y"]] for row in shown]])
    for row, (red, green, blue, _) in zip(shown, pixels, strict=True):
        seen = known[row["n"]].seen
        if seen and near(seen[1], Colour(red, green, blue), by=2.5):  # what is half clear is rounded in every layer
            yield ""
        elif seen:
            element = document.elements[row["n"]]
            yield f"{element.tag} {own_text(element)[:30]!r} is on {red, green, blue}, not {seen[1].code}"


def disputed(document: Document, screen: Screen, low: list[int], high: list[int]) -> Iterator[str]:
    known = looks(document, screen)
    for number in sorted({number for number in (*low, *high) if is_faint(known[number])} ^ set(low)):
        element, look = document.elements[number], known[number]
        if look.veils and look.colour and look.colour.alpha < 1:
            continue  # half clear text in something half clear: axe-core's colour is not the one of the pixels
        yield f"{element.tag} {own_text(element)[:30]!r}: {known[number].seen}"


def test_colours_sizes_and_what_is_hidden_are_what_chromium_computes(measured: Measured) -> None:
    assert measured.computed == []
    assert measured.messages >= 10 and measured.texts > 1500


def test_what_is_behind_text_are_the_pixels_of_a_screenshot(measured: Measured) -> None:
    assert measured.pixels == []
    assert measured.grounds > 300


def test_the_text_that_is_too_faint_is_what_axe_finds(measured: Measured) -> None:
    assert measured.verdicts == []
    assert measured.faint > 10 and measured.fine > 200


def is_faint(look: Look) -> bool:
    return look.seen is not None and contrast(*look.seen) < (NEEDED_LARGE if look.large else NEEDED)
