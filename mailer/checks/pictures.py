"""Whether the images of a mail are there, and whether they are what a mail can show."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from mailer.checks.document import Image
from mailer.checks.facts import Facts, Mail, Probe
from mailer.checks.finding import Fault, Level, Part, Place
from mailer.checks.probed import LEFT_ALONE, is_there
from mailer.checks.rule import Family, Rule
from mailer.model import Trouble

HEAVY: Final = 200_000
"""Octets of an image that takes seconds on a phone with a bad connection."""
HEAVY_TOGETHER: Final = 1_000_000

SHARP: Final = 3
"""More pixels than so many for each that is drawn are seen on no screen."""
WORTH_SAVING: Final = 100_000
PIXEL: Final = 2
"""Images so small are there to be counted, not to be seen."""

# Answers that mail programs get as well: they load images as programs, not as browsers.
KEPT_BACK: Final = frozenset({401, 403})
SAYS_NOTHING: Final = LEFT_ALONE - KEPT_BACK

TYPES: Final[Mapping[str, tuple[str, Level]]] = {
    "image/webp": ("WebP", Level.NOTE),
    "image/avif": ("AVIF", Level.WARNING),
    "image/svg+xml": ("SVG", Level.WARNING),
    "image/heic": ("HEIC", Level.WARNING),
    "image/heif": ("HEIF", Level.WARNING),
    "image/jxl": ("JPEG XL", Level.WARNING),
    "image/tiff": ("TIFF", Level.WARNING),
    "image/bmp": ("BMP", Level.WARNING),
}
"""What some mail programs do not show. `webp` is missing in Outlook on Windows only."""

SUFFIXES: Final = re.compile(r"\.(?:webp|avif|svg|heic|heif|jxl|tiff?|bmp)\Z", re.I)
UNKNOWN_TYPES: Final = frozenset({"", "application/octet-stream", "binary/octet-stream"})

PLACED: Final = re.compile(r"(?:https?:)?//[^/]|(?:data|cid):", re.I)
MARKS: Final = re.compile(r"\{\{|\{%|\*\||%%|\[\[|\$\{|<%")
WIDTH: Final = re.compile(r"(?:^|;)\s*width\s*:\s*(\d{1,5})(?:\.\d+)?px", re.I)


def each(facts: Facts) -> Iterator[tuple[Mail, Image]]:
    """The images of all mails, each address once."""
    told: set[str] = set()
    for mail in facts.mails:
        for image in mail.document.images:
            if image.src not in told:
                told.add(image.src)
                yield mail, image


def there(facts: Facts) -> Iterator[tuple[Mail, Image, Probe]]:
    """Those that are there."""
    for mail, image in each(facts):
        probe = facts.probes.get(image.src)
        if probe is not None and is_there(probe):
            yield mail, image, probe


def fault(mail: Mail, image: Image, message: str, level: Level | None = None) -> Fault:
    return Fault(message, mail.document.place(image.element, image.src), level=level)


def broken(facts: Facts) -> Iterator[Fault]:
    for mail, image in each(facts):
        probe = facts.probes.get(image.src)
        if probe is not None and (wrong := what_is_wrong(probe)):
            yield fault(mail, image, wrong)


def what_is_wrong(probe: Probe) -> str:
    """Why nobody sees an image; empty where somebody may."""
    if is_there(probe):
        shown = probe.content_type in UNKNOWN_TYPES or probe.content_type.startswith("image/")
        return "" if shown else "what comes for an image is no image"
    if probe.status == 0:
        return "" if probe.problem == Trouble.UNASKED else f"an image cannot be reached: {probe.problem}"
    if probe.status in SAYS_NOTHING:
        return ""
    return f"an image is {'kept back' if probe.status in KEPT_BACK else 'not there'} ({probe.status})"


def placed(facts: Facts) -> Iterator[Fault]:
    for mail, image in each(facts):
        if not PLACED.match(image.src) and not MARKS.search(image.src):
            named = "is named by a path, and a mail is in no folder" if image.src else "has no address"
            yield fault(mail, image, f"an image {named}")


def encrypted(facts: Facts) -> Iterator[Fault]:
    for mail, image in each(facts):
        if image.src.lower().startswith("http://"):
            yield fault(mail, image, "an image is loaded without encryption")


def hidden_type(facts: Facts) -> Iterator[Fault]:
    """What an address shows of its type is told by the rules about mail programs."""
    for mail, image, probe in there(facts):
        kind = TYPES.get(probe.content_type)
        if kind and not SUFFIXES.search(path_of(image.src)):
            yield fault(mail, image, f"an image is {kind[0]}, though its address does not say so", kind[1])


def heavy(facts: Facts) -> Iterator[Fault]:
    for mail, image, probe in there(facts):
        if probe.octets > HEAVY:
            yield fault(mail, image, f"an image has {probe.octets / 1000:,.0f} KB")
    together = max((weight(mail, facts.probes) for mail in facts.mails), default=0)
    if together > HEAVY_TOGETHER:
        yield Fault(f"the images have {together / 1e6:.1f} MB together", Place(Part.HTML))


def weight(mail: Mail, probes: Mapping[str, Probe]) -> int:
    """What a reader loads for the images of a mail."""
    if not probes:
        return 0
    asked = [probes[src] for src in {image.src for image in mail.document.images} if src in probes]
    return sum(probe.octets for probe in asked if is_there(probe))


def blurred(facts: Facts) -> Iterator[Fault]:
    for mail, image, probe in there(facts):
        width = drawn(image)
        if probe.width and width > max(probe.width, PIXEL):
            level = Level.WARNING if width > 2 * probe.width else None
            yield fault(mail, image, f"an image of {probe.width} pixels is drawn {width} wide", level)


def oversized(facts: Facts) -> Iterator[Fault]:
    for mail, image, probe in there(facts):
        width = drawn(image)
        if width > PIXEL and probe.width > SHARP * width and probe.octets > WORTH_SAVING:
            yield fault(mail, image, f"an image of {probe.width} pixels is drawn {width} wide")


def drawn(image: Image) -> int:
    """How many pixels wide an image is drawn; 0 where that depends on the window."""
    attribute = (image.element.get("width") or "").strip().lower().removesuffix("px")
    if attribute.isascii() and attribute.isdigit():
        return int(attribute[:5])
    found = WIDTH.search(image.element.get("style") or "")
    return int(found[1]) if found else 0


def foreign(facts: Facts) -> Iterator[Fault]:
    """Images from sites of others, where it is known which sites are the sender's own."""
    if facts.sending is None or facts.issue is None:
        return
    sending = facts.sending
    own = {site_of(host_of(article.url)) for article in facts.issue.articles if article.url}
    own |= {site_of(host_of(sending.base_url)), site_of(sending.from_email.rpartition("@")[2])}
    told: set[str] = set()
    for mail, image in each(facts):
        host = host_of(image.src)
        if host and (site := site_of(host)) not in own and site not in told:
            told.add(site)
            yield fault(mail, image, "an image comes from the site of others")


def host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def path_of(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def site_of(host: str) -> str:
    """The part of a host's name that somebody registered, by a guess: three words under the likes of co.uk."""
    words = host.split(".")
    short = len(words[-1]) == 2 and len(words[-2:][0]) <= 3
    return ".".join(words[-3:] if short else words[-2:])


RULES: tuple[Rule, ...] = (
    Rule(
        "image-address",
        Family.LINKS,
        Level.ERROR,
        "A mail carries addresses of images and no folder of them, so nobody sees it.",
        "put the image on the web and write its whole address",
        placed,
    ),
    Rule(
        "image-broken",
        Family.LINKS,
        Level.WARNING,
        "Readers see a gap or a torn icon in its place.",
        "open the address of the image, and correct it",
        broken,
    ),
    Rule(
        "image-encrypted",
        Family.LINKS,
        Level.WARNING,
        "Some mail programs do not load images over http, and others on the way see who reads.",
        "write https:// in its address",
        encrypted,
    ),
    Rule(
        "image-type",
        Family.LINKS,
        Level.WARNING,
        "Several mail programs show JPEG, PNG and GIF only.",
        "use a JPEG or PNG, or tell the site to hand one out",
        hidden_type,
    ),
    Rule(
        "image-heavy",
        Family.LINKS,
        Level.WARNING,
        "On a phone with a bad connection it comes after the reader has gone.",
        "save it smaller: 200 KB for one and 1 MB for all are enough",
        heavy,
    ),
    Rule(
        "image-blurred",
        Family.LINKS,
        Level.NOTE,
        "An image that is drawn larger than it is looks blurred.",
        "use one with twice as many pixels as it is drawn wide",
        blurred,
    ),
    Rule(
        "image-oversized",
        Family.LINKS,
        Level.NOTE,
        "Nobody sees the pixels above twice the width at which it is drawn, and everybody loads them.",
        "save it with twice as many pixels as it is drawn wide",
        oversized,
    ),
    Rule(
        "image-foreign",
        Family.LINKS,
        Level.NOTE,
        "Others see who reads, and may change or remove the image after the mail is out.",
        "put a copy on your own site, if you may",
        foreign,
    ),
)
