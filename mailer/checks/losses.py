"""What readers lose where a feature is not known to their mail program: only what is worth a word before a send.

Everything else that caniemail lists is finish: round corners, shadows, hover, media queries, dark mode. A mail that has
them is read just as well without, and is not reported.
"""

from __future__ import annotations

from mailer.checks.finding import Level

STACKED = "build columns with tables: without it they stand one below the other"
SIZE = "write a size in px before it, or as an attribute: without it things have their own size"
COLOUR = "write the colour as #rrggbb before it: without it text may be unreadable"
SPACE = "write the property by its side (left, right, top, bottom): without it the space is gone"
FILE = "save the picture as PNG, JPEG or GIF: without it there is a blank place"
BACKGROUND = "give the same element a background colour on which its text can be read"
HIDDEN = "hide it with display: none: without it everybody sees it"
CONTENT = "put what must be read into the text itself"

SERIOUS = {
    "css-display-flex": STACKED,
    "css-display-grid": STACKED,
    "css-grid-template": STACKED,
    "css-float": "use table cells, or the attribute align: without it things stand one below the other",
    "css-position": "place things with table cells: without it they stand in the order of the source",
    "css-background-image": BACKGROUND,
    "css-linear-gradient": BACKGROUND,
    "css-radial-gradient": BACKGROUND,
    "css-conic-gradient": BACKGROUND,
    "css-variables": "write the value itself before it: without it the whole declaration is gone",
    "css-nesting": "write the rules one after the other: without it the inner ones are gone",
    "css-modern-color": COLOUR,
    "css-function-light-dark": COLOUR,
    "css-rgba": COLOUR,
    "css-unit-calc": SIZE,
    "css-function-clamp": SIZE,
    "css-function-max": SIZE,
    "css-function-min": SIZE,
    "css-unit-rem": SIZE,
    "css-unit-ch": SIZE,
    "css-unit-vw": SIZE,
    "css-unit-vh": SIZE,
    "css-unit-vmin": SIZE,
    "css-unit-vmax": SIZE,
    "css-object-fit": "cut the picture itself to the size it has: without it the picture is stretched",
    "css-aspect-ratio": SIZE,
    "html-svg": "use a picture file: without it there is nothing",
    "html-video": "put a linked picture between <video> and </video>: without it there is nothing",
    "html-audio": "put a link between <audio> and </audio>: without it there is nothing",
    "html-picture": "put an <img> into it: without it there is nothing",
    "html-srcset": "write src as well: without it there is no picture",
    "html-hidden": HIDDEN,
    "html-dialog": "say it in the text: without it a dialog's text stands in the mail",
    "html-popover": "say it in the text: without it the text stands in the mail",
    "html-meter": "use a table with coloured cells: without it there is nothing",
    "html-progress": "use a table with coloured cells: without it there is nothing",
    "image-avif": FILE,
    "image-base64": "put the picture on the web and name its address: without it there is a blank place",
    "image-bmp": FILE,
    "image-hdr": FILE,
    "image-heif": FILE,
    "image-ico": FILE,
    "image-mp4": FILE,
    "image-svg": FILE,
    "image-tiff": FILE,
    "image-webp": FILE,
}
"""What may make a mail unreadable: slug -> what to do."""

SLIGHT = {
    "css-flex-direction": STACKED,
    "css-flex-wrap": STACKED,
    "css-column-count": "short lines of text need no columns: without it there is one",
    "css-transform": CONTENT,
    "css-filter": "change the picture itself: without it the picture is as it is",
    "css-mix-blend-mode": "change the picture itself: without it nothing is blended",
    "css-writing-mode": CONTENT,
    "css-pseudo-element-after": CONTENT,
    "css-pseudo-element-before": CONTENT,
    "css-intrinsic-size": SIZE,
    "css-gap": "use padding: without it the space is gone",
    "css-inset": SPACE,
    "css-margin-inline-block": SPACE,
    "css-margin-inline-start-end": SPACE,
    "css-margin-block-start-end": SPACE,
    "css-padding-inline-block": SPACE,
    "css-padding-inline-start-end": SPACE,
    "css-padding-block-start-end": SPACE,
    "css-inline-size": SIZE,
    "css-block-inline-size": SIZE,
    "html-anchor-links": "keep what is linked close by: without it the link does nothing",
    "html-base": "write every address in full",
    "html-image-maps": "put the links beside the picture as well",
}
"""What readers would miss little of: slug -> what to do."""


def level_of(slug: str) -> Level | None:
    """How much it matters that a feature is missing; None where it does not."""
    if slug in SERIOUS:
        return Level.WARNING
    return Level.NOTE if slug in SLIGHT else None


def advice_on(slug: str) -> str:
    return SERIOUS.get(slug) or SLIGHT[slug]
