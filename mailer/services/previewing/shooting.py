"""Pictures of an issue's views, taken by a Chromium that is installed.

A view is one document without scripts, in a browser that has nothing of its owner's; it may load pictures and nothing
else. `prefers-color-scheme` is answered in the HTML, as on the page of the live preview, so that both show the same.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Literal

from mailer.errors import MailerError
from mailer.services.previewing.shots import PHONE, Shot

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

EXTRA: Final = "pip install 'campaign-mailer[screenshots]'"

ADDRESS: Final = "http://mail.invalid/"
"""Of the document. Not https, where a browser would ask for http pictures at another address than the mail's."""

POLICY: Final = "default-src 'none'; {images}style-src 'unsafe-inline'; sandbox"

SCALES: Final = {PHONE: 2}
"""Dots for a pixel: a phone has many, and a small picture is looked at enlarged."""

MOST_DOTS: Final = 16_000
"""Height of a picture; above 16,384 a browser draws nothing, or the same again. What is longer gets several."""

HEIGHTS: Final = {PHONE: 720}
USUAL_HEIGHT: Final = 800

LOAD_SECONDS: Final = 10.0
"""Pictures of a mail may take so long to load; and after three times that, all together, they are not waited for."""

FLAGS: Final = (
    "--disable-gpu",
    "--disable-lcd-text",
    "--font-render-hinting=none",
    "--dns-prefetch-disable",
    "--disable-quic",
    "--no-first-run",
)

Loads = Literal["none", "embedded", "all"]
IMAGES: Final[dict[Loads, str]] = {
    "none": "",
    "embedded": "img-src data:; ",
    "all": "img-src https: http: data:; ",
}


@dataclass(frozen=True, slots=True)
class Exposure:
    """One picture: a PNG and its size in pixels of the page. `late`: something was still missing in it."""

    png: bytes
    width: int
    height: int
    late: bool


@dataclass(slots=True)
class Camera:
    """Takes pictures, of one width after the other with as many pages."""

    browser: Browser
    offline: bool = False
    waited: float = 0.0
    _pages: dict[int, Page] = field(default_factory=dict)
    _document: str = ""
    _policy: str = ""

    def take(self, shot: Shot) -> Iterator[Exposure]:
        """The pictures of a view, from its top to its end."""
        from playwright.sync_api import Error

        try:
            page = self._page(shot.width)
            late = self._load(page, shot)
            width, height = page.evaluate(
                "[document.documentElement.scrollWidth, Math.max(document.documentElement.scrollHeight, 1)]"
            )
            if shot.drawn:
                # A window as high as the text: six times as fast as drawing beyond one that is not.
                page.set_viewport_size({"width": width, "height": height})
            scale = SCALES.get(shot.width, 1)
            for top, size in stretches(height, MOST_DOTS // scale):
                png = page.screenshot(
                    full_page=True,
                    clip={"x": 0, "y": top, "width": width, "height": size},
                    animations="disabled",
                    caret="hide",
                )
                yield Exposure(png, width, size, late)
        except Error as error:
            raise MailerError(
                f"the browser took no picture of {shot.name}: {first_line(error)}", hint="try again, or --browser PATH"
            ) from None

    def _load(self, page: Page, shot: Shot) -> bool:
        """Show it; whether pictures in it were still missing when it was time to go on."""
        from playwright.sync_api import TimeoutError as Late

        self._document = shot.html
        self._policy = POLICY.format(images=IMAGES[loads(shot, offline=self.offline)])
        page.set_viewport_size({"width": shot.width, "height": height_of(shot)})
        page.emulate_media(color_scheme=shot.scheme, reduced_motion="reduce")
        page.goto(ADDRESS, wait_until="domcontentloaded")
        left = min(LOAD_SECONDS, max(3 * LOAD_SECONDS - self.waited, 0.1))
        began = monotonic()
        try:
            page.wait_for_load_state("load", timeout=left * 1000)
        except Late:
            return True
        finally:
            self.waited += monotonic() - began
        return False

    def _page(self, width: int) -> Page:
        if width not in self._pages:
            context = self.browser.new_context(
                java_script_enabled=False,
                device_scale_factor=SCALES.get(width, 1),
                offline=self.offline,
                service_workers="block",
                accept_downloads=False,
                locale="en-US",
                timezone_id="UTC",
            )
            context.route("**/*", lambda route: self._answer(route))
            self._pages[width] = context.new_page()
        return self._pages[width]

    def _answer(self, route: Route) -> None:
        """The document is ours, pictures are where the mail has them, and there is nothing else."""
        request = route.request
        if request.url == ADDRESS and request.is_navigation_request():
            route.fulfill(
                body=self._document.encode("utf-8", "replace"),
                content_type="text/html; charset=utf-8",
                headers={
                    "Content-Security-Policy": self._policy,
                    "Referrer-Policy": "no-referrer",
                    "X-DNS-Prefetch-Control": "off",
                },
            )
        elif request.resource_type == "image" and not self.offline:
            route.continue_()
        else:
            route.abort()


def loads(shot: Shot, *, offline: bool) -> Loads:
    """Which pictures a view loads."""
    if not shot.images:
        return "none"
    return "embedded" if offline else "all"


def height_of(shot: Shot) -> int:
    """Of the window. A view that is a line or a text is as high as that is."""
    return 1 if shot.drawn else HEIGHTS.get(shot.width, USUAL_HEIGHT)


def stretches(height: int, most: int) -> Iterator[tuple[int, int]]:
    """Where each part of so high a page begins, and how high it is."""
    for top in range(0, height, most):
        yield top, min(most, height - top)


def first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextmanager
def camera(program: str, *, offline: bool, tell: Callable[[str], None]) -> Iterator[Camera]:
    """A browser without a window, closed afterwards. Signals are left to this process: a view is finished."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise MailerError("pictures need playwright, which is not installed", hint=EXTRA) from None
    with sync_playwright() as playwright:
        options: dict[str, Any] = {
            "executable_path": program,
            "args": list(FLAGS),
            "handle_sigint": False,
            "handle_sigterm": False,
            "handle_sighup": False,
        }
        try:
            browser = playwright.chromium.launch(chromium_sandbox=not is_root(), **options)
        except Error as error:
            if "No usable sandbox" not in str(error):
                raise MailerError(
                    f"the browser does not start: {first_line(error)}", hint="name another one: --browser PATH"
                ) from None
            tell("the browser cannot have its sandbox here and goes without; scripts are off in any case")
            browser = playwright.chromium.launch(chromium_sandbox=False, **options)
        try:
            yield Camera(browser, offline)
        finally:
            browser.close()


def is_root() -> bool:
    """Chromium has no sandbox then."""
    return sys.platform != "win32" and os.geteuid() == 0
