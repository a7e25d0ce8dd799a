from __future__ import annotations

from dataclasses import replace
from typing import Any

from mailer.checks.facts import Facts
from mailer.model import Trouble
from tests.unit.checks.cases.alive import known, probe
from tests.unit.checks.making import GOOD, SENDING, Case, html

BOAT = "https://site.example/boat.jpg"


def image(src: str = BOAT, more: str = "") -> Facts:
    return html(f'<img src="{src}" alt="A boat" {more}>')


def seen(src: str = BOAT, more: str = "", **changes: Any) -> Facts:
    """GOOD with an image and what its address answers."""
    return known(probe(src, **{"content_type": "image/jpeg"} | changes), facts=image(src, more))


def sent_from(domain: str, host: str) -> Facts:
    """GOOD with a sender of that domain and an image from that host."""
    return replace(image(f"https://{host}/boat.jpg"), sending=replace(SENDING, from_email=f"news@{domain}"))


def album(number: int, octets: int, status: int = 200) -> Facts:
    addresses = [f"https://site.example/{each}.jpg" for each in range(number)]
    tags = "".join(f'<img src="{address}" alt="A boat">' for address in [*addresses, addresses[0]])
    found = [probe(address, status, content_type="image/jpeg", octets=octets) for address in addresses]
    return known(*found, facts=html(tags))


CASES: dict[str, Case] = {
    "image-address": Case(
        [
            (image("images/boat.jpg"), "an image is named by a path"),
            (image("/boat.jpg"), "an image is named by a path"),
            (image("file:///boat.jpg"), "an image is named by a path"),
            (image("https:///boat.jpg"), "an image is named by a path"),
            (image("boat.jpg?from=https://site.example/"), "an image is named by a path"),
            (image(" "), "an image has no address"),
        ],
        [
            image(),
            image("http://site.example/a.jpg"),
            image("//site.example/a.jpg"),
            image("DATA:image/gif;base64,R0lGODlhAQABAAAAACw="),
            image("cid:boat@site.example"),
            image("*|IMAGE|*"),
            image("{{ picture }}"),
            image("{% picture %}"),
            image("%%picture%%"),
            image("[[picture]]"),
            image("${picture}"),
            image("<%= picture %>"),
        ],
    ),
    "image-broken": Case(
        [
            (seen(status=404), "an image is not there (404)"),
            (seen(status=500), "an image is not there (500)"),
            (seen(status=401), "an image is kept back (401)"),
            (seen(status=403), "an image is kept back (403)"),
            (seen(status=0, problem=Trouble.NAME), "an image cannot be reached: the name is unknown"),
            (seen(content_type="text/html"), "what comes for an image is no image"),
        ],
        [
            seen(),
            seen(content_type=""),
            seen(content_type="application/octet-stream"),
            seen(content_type="binary/octet-stream"),
            seen(status=429),
            seen(status=503),
            seen(status=0, problem=Trouble.UNASKED),
            image(),
        ],
    ),
    "image-encrypted": Case(
        [
            (image("http://site.example/boat.jpg"), "an image is loaded without encryption"),
            (image("HTTP://site.example/boat.jpg"), "an image is loaded without encryption"),
        ],
        [image(), image("//site.example/boat.jpg"), image("data:image/gif;base64,R0lGODlhAQABAAAAACw=")],
    ),
    "image-type": Case(
        [
            (seen(content_type=f"image/{kind}"), f"an image is {name}, though its address does not say so")
            for kind, name in (
                ("webp", "WebP"),
                ("avif", "AVIF"),
                ("svg+xml", "SVG"),
                ("heic", "HEIC"),
                ("heif", "HEIF"),
                ("jxl", "JPEG XL"),
                ("tiff", "TIFF"),
                ("bmp", "BMP"),
            )
        ]
        + [(seen("https://site.example/boat.webp/small", content_type="image/webp"), "an image is WebP")],
        [
            seen(),
            image(),
            seen(content_type="image/png"),
            seen(content_type="image/gif"),
            seen(content_type="image/webp", status=404),
            seen("https://site.example/boat.webp", content_type="image/webp"),
            seen("https://site.example/boat.SVG?v=2", content_type="image/svg+xml"),
            seen("https://site.example/boat.tif", content_type="image/tiff"),
        ],
    ),
    "image-heavy": Case(
        [
            (seen(octets=200_001), "an image has 200 KB"),
            (seen(octets=3_456_000), "an image has 3,456 KB"),
            (album(101, 9_901), "the images have 1.0 MB together"),
            (album(6, 190_000), "the images have 1.1 MB together"),
        ],
        [
            seen(octets=200_000),
            seen(octets=300_000, status=404),
            album(5, 200_000),
            album(6, 190_000, status=404),
            # The first is shown twice and loaded once.
            album(5, 199_000),
        ],
    ),
    "image-blurred": Case(
        [
            (seen(more='width="601"', width=600), "an image of 600 pixels is drawn 601 wide"),
            (seen(more='width="600px"', width=200), "an image of 200 pixels is drawn 600 wide"),
            (seen(more='style="border:0;width: 600.5px"', width=200), "an image of 200 pixels is drawn 600 wide"),
            (seen(more='width="3"', width=1), "an image of 1 pixels is drawn 3 wide"),
        ],
        [
            seen(more='width="600"', width=600),
            seen(more='width="600"', width=1200),
            seen(more='width="600"'),
            seen(more='width="100%"', width=60),
            seen(more='width="\u00b2"', width=60),
            seen(more='style="max-width:600px;width:100%"', width=60),
            seen(width=60),
            seen(more='width="2"', width=1),
            seen(more='width="600"', width=200, status=404),
        ],
    ),
    "image-oversized": Case(
        [(seen(more='width="600"', width=1801, octets=100_001), "an image of 1801 pixels is drawn 600 wide")],
        [
            seen(more='width="600"', width=1800, octets=100_001),
            seen(more='width="600"', width=4000, octets=100_000),
            seen(width=4000, octets=190_000),
            seen(more='width="2"', width=4000, octets=190_000),
            seen(more='width="600"', width=4000, octets=190_000, status=404),
        ],
    ),
    "image-foreign": Case(
        [
            (image("https://pictures.example/boat.jpg"), "an image comes from the site of others"),
            (image("https://other.co.uk/boat.jpg"), "an image comes from the site of others"),
            (sent_from("rivers.com.au", "other.com.au"), "an image comes from the site of others"),
        ],
        [
            image(),
            image("https://cdn.site.example/boat.jpg"),
            image("https://img.example.org/boat.jpg"),
            image("https://pictures.rivers.example/boat.jpg"),
            sent_from("rivers.com.au", "img.rivers.com.au"),
            sent_from("abc.com", "img.abc.com"),
            sent_from("abcd.de", "img.abcd.de"),
            sent_from("localhost", "localhost"),
            image("boat.jpg"),
            image("https://[site/boat.jpg"),
            replace(image("https://pictures.example/boat.jpg"), sending=None),
            replace(image("https://pictures.example/boat.jpg"), issue=None),
            GOOD,
        ],
    ),
}
