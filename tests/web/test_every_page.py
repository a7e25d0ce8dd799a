"""Every page in a real browser: nothing keeps anybody out, nothing is cut off, nothing comes from elsewhere.

With MAILER_SCREENSHOTS=FOLDER a picture of each page is left there: phone, desktop, dark and Arabic.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from mailer.languages import direction
from mailer.web.look import Look
from mailer.web.speaking import TEMPLATES
from tests import browser
from tests.web.every_page import Stop, prepare, stops
from tests.web.house import House
from tests.web.visiting import DESKTOP, PHONE, visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# What somebody's own mail looks like is not ours: its design has tests of its own.
MAILS = {"issue", "own-copy"}
# Wide enough for nobody to have less.
NARROW = {"width": 320, "height": 640}
SCREENSHOTS = os.environ.get("MAILER_SCREENSHOTS", "")


@pytest.fixture
def kind() -> str:
    """What a page looks like is no matter of the database."""
    return "sqlite"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser.browser() as opened:
        yield opened


@pytest.fixture(autouse=True)
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailer.services.public.archive.PAGE", 2)


def picture(page: Page, stop: Stop, kind: str) -> None:
    if SCREENSHOTS:
        Path(SCREENSHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{SCREENSHOTS}/{stop.name}-{kind}.png", full_page=True)


def cut_off(page: Page) -> bool:
    """Whether something is wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def complaints(page: Page) -> list[str]:
    """What the browser refuses or misses from now on, by its console, which tells what the policy of a page forbids."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The templates that were shown."""
    found: set[str] = set()
    page = Look.page

    def noted(self: Look, request: Any, name: str, *args: Any, **more: Any) -> Any:
        found.add(name)
        return page(self, request, name, *args, **more)

    monkeypatch.setattr(Look, "page", noted)
    return found


def test_every_page_is_for_everybody(house: House, client: TestClient, chromium: Browser, seen: set[str]) -> None:
    prepare(house)
    script = browser.axe()
    faults: list[str] = []
    with visitor(chromium, client, viewport=PHONE) as page:
        told = complaints(page)
        for stop in stops(house, client, "en"):
            known = set(seen)
            assert stop.visit(page) == stop.status, stop.name
            picture(page, stop, "phone")
            if stop.name in MAILS:
                continue
            faults += [f"{stop.name}: {fault}" for fault in browser.barriers(page, script)]
            if SCREENSHOTS or seen > known:  # the colours of a template are those of all its pages
                page.emulate_media(color_scheme="dark")
                faults += [f"{stop.name}, dark: {fault}" for fault in browser.barriers(page, only=("color-contrast",))]
                picture(page, stop, "dark")
                page.emulate_media(color_scheme="light")
            if SCREENSHOTS:
                page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
                picture(page, stop, "desktop")
            page.set_viewport_size(NARROW)  # type: ignore[arg-type]
            faults += [f"{stop.name}: cut off"] if cut_off(page) else []
            page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert faults == []
    assert [each for each in told if "status of 4" not in each] == []
    assert seen == {path.name for path in TEMPLATES.glob("*.html")} - {"layout.html"}


@pytest.mark.parametrize("language", ["ar", "de", "ur"] if SCREENSHOTS else ["ar"])
def test_every_page_fits_in_every_direction(house: House, client: TestClient, chromium: Browser, language: str) -> None:
    prepare(house)
    with visitor(chromium, client, viewport=NARROW, locale=language) as page:
        for stop in stops(house, client, language):
            # What is answered to a button is laid out as the others are: only the pictures show it.
            if stop.press and not SCREENSHOTS:
                continue
            assert stop.visit(page) == stop.status, stop.name
            if stop.name not in MAILS:
                where = page.locator("html")
                spoken = (stop.name, where.get_attribute("lang"), where.get_attribute("dir"))
                assert spoken == (stop.name, language, direction(language))
                assert not cut_off(page), stop.name
            if SCREENSHOTS:
                page.set_viewport_size(PHONE)  # type: ignore[arg-type]
                picture(page, stop, language)
                page.set_viewport_size(NARROW)  # type: ignore[arg-type]
