"""What a camera takes of a mail, by a real Chromium: what is on the picture, and what the mail may load for it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mailer.render.scheme import Scheme, in_scheme
from mailer.services.previewing import shooting
from mailer.services.previewing.shooting import Camera, Exposure, camera
from mailer.services.previewing.shots import Shot
from tests import browser
from tests.web.pixels import Colour, Pixels

WHITE, RED, GREEN, BLUE = (255, 255, 255), (255, 0, 0), (0, 128, 0), (0, 0, 255)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><rect width="40" height="40" fill="blue"/></svg>'


@pytest.fixture(scope="module")
def lens() -> Iterator[Camera]:
    """One browser for all pictures of mails."""
    # Chromium lets nobody from outside load what this machine serves, and here it serves the images.
    flags = (*shooting.FLAGS, "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shooting, "FLAGS", flags)
        with camera(browser.chromium(), offline=False, tell=print) as found:
            yield found


def mail(body: str, head: str = "") -> str:
    return (
        f"<!doctype html><html><head><meta charset='utf-8'><style>body{{margin:0}}</style>{head}</head>"
        f"<body>{body}</body></html>"
    )


def shot(html: str, width: int = 800, scheme: Scheme = "light", *, images: bool = True) -> Shot:
    return Shot("desktop-light", html, width, scheme, images)


def only(exposures: Iterator[Exposure]) -> Exposure:
    (found,) = exposures
    return found


def colour(taken: Exposure, x: int = 5, y: int = 5) -> Colour:
    return Pixels(taken.png).at(x, y)


# --- what a picture shows ---------------------------------------------------------------------------------------------


def test_a_picture_has_the_whole_height_and_the_dots_of_its_screen(lens: Camera) -> None:
    html = mail('<div style="height:2900px"></div><div style="height:100px;background:green"></div>')
    desktop, phone = only(lens.take(shot(html))), only(lens.take(shot(html, 375)))
    assert (desktop.width, desktop.height, phone.width, phone.height) == (800, 3000, 375, 3000)
    large, small = Pixels(desktop.png), Pixels(phone.png)
    assert (large.size, small.size) == ((800, 3000), (750, 6000))
    assert (large.at(5, 2890), large.at(5, 2990)) == (WHITE, GREEN)
    assert (small.at(5, 5790), small.at(5, 5990)) == (WHITE, GREEN)


def test_what_is_too_high_for_one_picture_goes_on_in_the_next(lens: Camera) -> None:
    html = mail("".join(f'<div style="height:500px;background:{name}"></div>' for name in ("red", "green") * 10))
    parts = list(lens.take(shot(html, 375)))
    assert [each.height for each in parts] == [8000, 2000]
    second = Pixels(parts[1].png)
    assert [second.at(9, 2 * y) for y in (2, 498, 502, 1002, 1998)] == [RED, RED, GREEN, RED, GREEN]


def test_a_mail_wider_than_its_screen_is_not_cut(lens: Camera) -> None:
    taken = only(lens.take(shot(mail('<div style="width:600px;height:50px;background:red"></div>'), 375)))
    assert taken.width == 600
    assert colour(taken, 1190, 5) == RED


@pytest.mark.parametrize(("scheme", "expected"), [("light", WHITE), ("dark", GREEN)])
def test_the_scheme_is_what_a_browser_that_prefers_it_shows(lens: Camera, scheme: Scheme, expected: Colour) -> None:
    head = "<style>body{background:white}@media (prefers-color-scheme: dark){body{background:green}}</style>"
    html = mail('<p style="height:70px">A river</p>', f'<meta name="color-scheme" content="light dark">{head}')
    answered = only(lens.take(shot(in_scheme(html, scheme), scheme=scheme)))
    assert colour(answered) == expected
    assert answered.png == only(lens.take(shot(html, scheme=scheme))).png


def test_the_same_mail_makes_the_same_picture(lens: Camera) -> None:
    head = "<style>@keyframes k{from{margin-left:0}to{margin-left:700px}}p{animation:k 1s infinite alternate}</style>"
    html = mail('<p>A <b>river</b> <input autofocus value="x"></p>', head)
    assert len({only(lens.take(shot(html))).png for _ in range(3)}) == 1


# --- what it loads ----------------------------------------------------------------------------------------------------


@dataclass
class Site:
    """A web server that keeps what it is asked; `/slow.svg` is never answered."""

    address: str = ""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def paths(self) -> list[str]:
        return sorted({path for path, _ in self.asked})


@pytest.fixture
def site() -> Iterator[Site]:
    found = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            if self.path == "/slow.svg":
                found.ended.wait(20)
                return
            self.send_response(200)
            self.send_header("Content-Type", "image/svg+xml")
            self.send_header("Content-Length", str(len(SVG)))
            self.end_headers()
            self.wfile.write(SVG)

        def log_message(self, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A browser that went away is no fault here."""

    with Server(("127.0.0.1", 0), Handler) as server:
        found.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield found
        found.ended.set()
        server.shutdown()
        thread.join()


GREEDY_HEAD = """
<script>document.documentElement.style.background = "red"</script>
<script src="AT/script.js"></script>
<link rel="stylesheet" href="AT/style.css"><link rel="preload" as="fetch" href="AT/preload">
<link rel="icon" href="AT/icon.ico"><link rel="prefetch" href="AT/prefetch">
<meta http-equiv="refresh" content="0; url=AT/elsewhere">
<style>@import url(AT/import.css); @font-face { font-family: x; src: url(AT/font.woff2) } p { font-family: x }
div { height: 40px; background: url(AT/ground.svg) }</style>
"""
GREEDY_BODY = """
<div></div><img src="AT/picture.svg" alt="" width="40" height="40" onload="document.body.innerHTML = ''">
<p>River</p><iframe src="AT/frame"></iframe><object data="AT/object"></object><embed src="AT/embed">
<video src="AT/video" autoplay></video><audio src="AT/audio" autoplay></audio>
<form action="AT/form"><input autofocus></form><img src="file:///etc/hostname" alt="">
"""


def greedy(site: Site) -> str:
    return mail(GREEDY_BODY, GREEDY_HEAD).replace("AT", site.address)


def test_a_mail_loads_images_and_nothing_else(lens: Camera, site: Site) -> None:
    taken = only(lens.take(shot(greedy(site))))
    assert site.paths == ["/ground.svg", "/picture.svg"]
    assert all("referer" not in headers and "cookie" not in headers for _, headers in site.asked)
    assert (colour(taken, 10, 10), colour(taken, 10, 60), colour(taken, 700, 60)) == (BLUE, BLUE, WHITE)
    assert not taken.late


def test_with_images_off_nothing_is_loaded(lens: Camera, site: Site) -> None:
    taken = only(lens.take(shot(greedy(site), images=False)))
    assert site.asked == []
    assert colour(taken, 10, 10) == WHITE


def test_offline_only_images_in_the_mail_itself_are_shown(lens: Camera, site: Site) -> None:
    inside = "data:image/svg+xml," + SVG.decode().replace('"', "'").replace("<", "%3C").replace(">", "%3E")
    html = greedy(site).replace("<div></div>", f'<div></div><img src="{inside}" alt="" style="display:block">')
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0)
        html = html.replace("<script>", f'<link rel="preconnect" href="http://127.0.0.1:{listening.getsockname()[1]}">')
        taken = only(Camera(lens.browser, offline=True).take(shot(html)))
        with pytest.raises(BlockingIOError):
            listening.accept()
    assert site.asked == []
    assert colour(taken, 10, 10) != BLUE
    assert colour(taken, 10, 60) == BLUE


def test_an_image_that_never_comes_is_not_waited_for(lens: Camera, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shooting, "LOAD_SECONDS", 0.2)
    taken = only(
        lens.take(shot(mail(f'<div style="height:9px;background:red"></div><img src="{site.address}/slow.svg">')))
    )
    assert taken.late
    assert colour(taken) == RED
    site.ended.set()
    assert not only(lens.take(shot(mail("A river")))).late
