"""Which of caniemail's features a word of CSS is. What is not here has the name of its property: `css-PROPERTY`."""

from __future__ import annotations

from collections.abc import Mapping


def sharing(slug: str, names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), slug)


def prefixed(prefix: str, names: str) -> dict[str, str]:
    return {name: prefix + name for name in names.split()}


SIDES = ("start", "end")
PROPERTIES: Mapping[str, str] = {
    **sharing("css-left-right-top-bottom", "left right top bottom"),
    **sharing("css-animation", "animation-name animation-duration animation-delay animation-iteration-count"),
    **sharing("css-transition", "transition-property transition-duration transition-delay"),
    **sharing("css-inset", "inset-block inset-inline"),
    **sharing("css-border", "border-left border-right border-top border-bottom border-width border-style border-color"),
    **sharing("css-padding", "padding-left padding-right padding-top padding-bottom"),
    **sharing("css-margin", "margin-left margin-right margin-top margin-bottom"),
    **sharing("css-margin-inline-block", "margin-inline margin-block"),
    **sharing("css-padding-inline-block", "padding-inline padding-block"),
    **sharing("css-border-inline-block", "border-inline border-block"),
    **{f"{space}-inline-{side}": f"css-{space}-inline-start-end" for space in ("margin", "padding") for side in SIDES},
    **{f"{space}-block-{side}": f"css-{space}-block-start-end" for space in ("margin", "padding") for side in SIDES},
    **{f"border-{axis}-{side}": "css-border-inline-block-individual" for axis in ("inline", "block") for side in SIDES},
    **{
        f"border-{axis}-{what}": "css-border-inline-block-longhand"
        for axis in ("inline", "block")
        for what in ("width", "style", "color")
    },
    **{f"border-{one}-{two}-radius": "css-border-radius" for one in ("top", "bottom") for two in ("left", "right")},
    **{f"border-{one}-{two}-radius": "css-border-radius-logical" for one in SIDES for two in SIDES},
    **sharing("css-border-image", "border-image-source border-image-slice"),
    **sharing("css-inline-size", "inline-size"),
    **sharing("css-block-inline-size", "block-size"),
    **sharing("css-column-count", "columns column-width"),
    **sharing("css-column-layout-properties", "column-fill column-rule column-rule-color column-span"),
    **sharing("css-grid-template", "grid-template-columns grid-template-rows grid-template-areas grid grid-area"),
    **sharing("css-flex-wrap", "flex-flow"),
    **sharing("css-gap", "row-gap column-gap grid-gap"),
    **sharing("css-mask-image", "mask"),
    **sharing("css-scroll-snap", "scroll-snap-type scroll-snap-align"),
    **sharing("css-text-emphasis", "text-emphasis-color text-emphasis-style"),
    **sharing("css-text-decoration-thickness", "text-decoration-width"),
    **sharing("css-overflow", "overflow-x overflow-y"),
}

FUNCTIONS: Mapping[str, str] = {
    "calc": "css-unit-calc",
    "min": "css-function-min",
    "max": "css-function-max",
    "clamp": "css-function-clamp",
    "var": "css-variables",
    "rgb": "css-rgb",
    "rgba": "css-rgba",
    "hsla": "css-rgba",
    **sharing("css-modern-color", "oklch oklab lch lab color color-mix hwb"),
    "light-dark": "css-function-light-dark",
    **sharing("css-linear-gradient", "linear-gradient repeating-linear-gradient"),
    **sharing("css-radial-gradient", "radial-gradient repeating-radial-gradient"),
    **sharing("css-conic-gradient", "conic-gradient repeating-conic-gradient"),
    "fit-content": "css-intrinsic-size",
}

UNITS: Mapping[str, str] = prefixed("css-unit-", "ch cm em ex in mm pc pt px rem vh vmax vmin vw")

KEYWORDS: Mapping[str, str] = {
    **sharing("css-unit-initial", "initial"),
    **sharing("css-sytem-ui", "system-ui ui-serif ui-sans-serif ui-rounded ui-monospace"),
    **sharing("css-intrinsic-size", "min-content max-content"),
}

DISPLAYS: Mapping[str, str] = {
    **sharing("css-display-flex", "flex inline-flex"),
    **sharing("css-display-grid", "grid inline-grid"),
    "none": "css-display-none",
}

AT_RULES: Mapping[str, str] = {
    "font-face": "css-at-font-face",
    "import": "css-at-import",
    "keyframes": "css-at-keyframes",
    "media": "css-at-media",
    "supports": "css-at-supports",
}

MEDIA: Mapping[str, str] = {
    **sharing("css-at-media-device-pixel-ratio", "min-device-pixel-ratio device-pixel-ratio min-resolution"),
    "-webkit-min-device-pixel-ratio": "css-at-media-device-pixel-ratio",
    "hover": "css-at-media-hover",
    "orientation": "css-at-media-orientation",
    "prefers-color-scheme": "css-at-media-prefers-color-scheme",
    "prefers-reduced-motion": "css-at-media-prefers-reduced-motion",
}

COMBINATORS: Mapping[str, str] = {
    ">": "css-selector-child",
    "+": "css-selector-adjacent-sibling",
    "~": "css-selector-general-sibling",
}

OLD_PSEUDO_ELEMENTS = frozenset({"before", "after", "first-letter", "first-line"})
"""Those that may be written with one colon."""

FINISH = frozenset(
    sharing(
        "",
        "animation background-blend-mode background-origin background-position background-size border-radius "
        "box-shadow cursor letter-spacing max-height max-width min-height min-width opacity outline outline-offset "
        "text-shadow text-indent transition vertical-align word-spacing z-index scroll-snap-type filter border "
        "border-top border-right border-bottom border-left border-color border-top-color border-right-color "
        "border-bottom-color border-left-color",
    )
)
"""Properties whose value may be lost without harm, so nothing is asked of their units, functions and colours."""

BACKGROUNDS = frozenset({"css-background-image", "css-linear-gradient", "css-radial-gradient", "css-conic-gradient"})
"""Pictures behind text: a colour behind them is what readers without them get."""

VENDOR = ("-", "mso-", "*", "_")
"""How names begin that only one program reads, and that were written for it."""
