"""A browser before the application itself: every request of it is answered without a network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from starlette.testclient import TestClient

from tests.web.house import BASE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}


@contextmanager
def visitor(browser: Browser, client: TestClient, **how: Any) -> Iterator[Page]:
    """Somebody with a browser, whose address is the internet's; what is not ours is not there."""
    asked = {"base_url": BASE, "locale": "en", "viewport": DESKTOP, **how}
    # Said here as well: what is answered before it reaches the network has not all headers yet.
    context = browser.new_context(**asked, extra_http_headers={"Accept-Language": asked["locale"]})
    try:
        page = context.new_page()
        page.route("**/*", lambda route: answer(route, client))
        yield page
    finally:
        context.close()


def answer(route: Route, client: TestClient) -> None:
    request = route.request
    if not request.url.startswith(BASE):
        route.abort()
        return
    # Playwright's own headers, the browser's: what it says of the language among them.
    headers = {name: value for name, value in request.headers.items() if name != "content-length"}
    found = client.request(request.method, request.url, content=request.post_data_buffer, headers=headers)
    sent = [
        (name, value) for name, value in found.headers.items() if name not in ("content-length", "transfer-encoding")
    ]
    route.fulfill(status=found.status_code, headers=dict(sent), body=found.content)
