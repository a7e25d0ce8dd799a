"""What every element of a mail looks like on a screen: colours, what is behind them, sizes, and whether it is shown.

As browsers reckon it: their own style sheet, attributes of HTML, style sheets, `style` attributes, what is important,
inheritance. Pictures behind text are not looked at: what is in front of one is on unknown ground.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from mailer.checks.colour import BLACK, CLEAR, WHITE, Colour
from mailer.checks.declared import Length, Value, declared
from mailer.checks.document import Attributes, Document, Element
from mailer.checks.oldstyle import browsers_own, of_attributes
from mailer.checks.screen import Screen
from mailer.checks.sheets import Matched, impersonal, matched, told_apart

DARK_CANVAS = Colour(18, 18, 18)
"""Behind a page that says it can be dark, in Chromium."""

TINY = 4.0
"""Text of no more pixels is there to be hidden."""

INHERITED = frozenset({"color", "font-size", "font-weight", "font-family", "line-height", "text-align", "visibility"})
AWAY = ("absolute", "fixed")
FONT, ROOT_SIZE = 16.0, 16.0
FIXED_SHARE = 13 / 16
"""Browsers draw text of the family `monospace` so much smaller where nothing says a size."""


@dataclass(frozen=True, slots=True)
class Look:
    """`colour` None: not known. `ground` is what is behind its text, None where that is a picture. `line` is the
    line's height in pixels or its share of the font, None for what the font itself wants. `veils`: the opacity of
    what it is in, with what is behind that, from the inside. `own`: it paints a ground itself.
    """

    colour: Colour | None
    ground: Colour | None
    size: float = FONT
    absolute: bool = False
    monospace: bool = False
    weight: int = 400
    line: Length | None = None
    align: str = "start"
    underlined: bool = False
    shown: bool = True
    visible: bool = True
    own: bool = False
    bordered: bool = False
    inline: bool = True
    veils: tuple[tuple[float, Colour | None], ...] = ()

    @property
    def read(self) -> bool:
        """Whether its text is for reading."""
        clear = self.colour is not None and self.colour.alpha == 0
        return self.shown and self.visible and self.size > TINY and not clear and all(share for share, _ in self.veils)

    @property
    def large(self) -> bool:
        """Large as WCAG has it: 18 points, or 14 in bold."""
        return self.size >= 24 or (self.size >= 14 * 4 / 3 and self.weight >= 700)

    @property
    def seen(self) -> tuple[Colour, Colour] | None:
        """The colours of text and ground as they come to the eye; None where one is not known."""
        if self.colour is None or self.ground is None:
            return None
        text, ground = self.colour.over(self.ground), self.ground
        for share, behind in self.veils:
            if behind is None:
                return None
            text, ground = text.mixed(behind, share), ground.mixed(behind, share)
        return text, ground


class Skeleton:
    """A document as far as its looks go. The mails of an issue mostly have the same, and its looks are found once."""

    __slots__ = ("document", "key")

    def __init__(self, document: Document) -> None:
        sheets = tuple((style.text or "", style.get("media") or "") for style in document.styles)
        self.document = document
        tags = [element.tag for element in document.elements]
        self.key = (sheets, tuple(zip(tags, document.parents, told_apart(document), strict=True)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Skeleton) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def looks(document: Document, screen: Screen) -> Sequence[Look]:
    """How every element of a document looks, by its number."""
    return cascade_of(document).on(screen)


@lru_cache(maxsize=16)
def cascade_of(document: Document) -> Cascade:
    return shared(Skeleton(document))


@lru_cache(maxsize=16)
def shared(skeleton: Skeleton) -> Cascade:
    return Cascade(skeleton.document)


class Cascade:
    """The looks of a document, worked out when a screen is first asked about."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.rules = matched(document)
        self.known: dict[Screen, Sequence[Look]] = {}
        self.kinds = kinds(document, self.rules)
        # What screens have in common is worked out once: looks by what they are in and what is said, both by number.
        self.canvases = {False: Look(BLACK, WHITE), True: Look(WHITE, DARK_CANVAS)}
        self.said: dict[tuple[int, tuple[int, ...], bool], tuple[int, dict[str, Value]]] = {}
        self.before: dict[tuple[int, int], Look] = {}

    def on(self, screen: Screen) -> Sequence[Look]:
        if screen not in self.known:
            self.known[screen] = self.worked_out(screen)
        return self.known[screen]

    def worked_out(self, screen: Screen) -> Sequence[Look]:
        """From the root down; an element that says what one before it said, in the same place, looks the same."""
        dark = screen.dark and self.can_be_dark(screen)
        canvas, before = self.canvases[dark], self.before
        found: list[Look] = []
        of_kinds: dict[int, tuple[int, dict[str, Value]]] = {}
        for element, number, kind in zip(self.document.elements, self.document.parents, self.kinds, strict=True):
            parent = canvas if number < 0 else found[number]
            if kind not in of_kinds:
                of_kinds[kind] = self.said_of(element, kind, screen, dark=dark)
            state, values = of_kinds[kind]
            key = id(parent), state
            if key not in before:
                before[key] = look(values, parent)
            found.append(before[key])
        return found

    def said_of(self, element: Element, kind: int, screen: Screen, *, dark: bool) -> tuple[int, dict[str, Value]]:
        """What is declared for the elements of a kind, with a number that is the same where that is."""
        applied = tuple(id(rule) for rule in self.rules.get(element, ()) if rule.applies(screen))
        key = kind, applied, dark
        if key not in self.said:
            self.said[key] = len(self.said), self.values(element, screen, dark=dark)
        return self.said[key]

    def values(self, element: Element, screen: Screen, *, dark: bool = False) -> dict[str, Value]:
        """What is declared for an element, the winner of each property."""
        rules = [rule.said for rule in self.rules.get(element, ()) if rule.applies(screen)]
        own = declared(element.get("style") or "")
        values = {**browsers_own(element, dark=dark), **of_attributes(element)}
        for said in (*rules, own):
            values.update(said.normal)
        for said in (*rules, own):
            values.update(said.important)
        return values

    def can_be_dark(self, screen: Screen) -> bool:
        """Whether the page says so, on its root or in `meta`: then the browser's own colours are dark ones."""
        schemes = self.values(self.document.root, screen).get("color-scheme", "")
        if schemes in ("", "normal"):
            metas = (
                each for each in self.document.tagged("meta") if (each.get("name") or "").lower() == "color-scheme"
            )
            schemes = next((each.get("content") for each in metas), "")
        return "dark" in str(schemes).lower().split()


def kinds(document: Document, rules: Matched) -> list[int]:
    """A number for each element, the same for those of which the same is said."""
    numbers: dict[tuple[str, tuple[int, ...], Attributes], int] = {}
    return [
        numbers.setdefault((each.tag, tuple(map(id, rules.get(each, ()))), attributes), len(numbers))
        for each, attributes in zip(document.elements, impersonal(document), strict=True)
    ]


def look(values: Mapping[str, Value], parent: Look) -> Look:
    """An element's, from what is declared for it and what it is in."""
    said = {name: value for name, value in values.items() if not inherits(name, value)}
    colour = colour_of(said.get("color", "inherit"), parent)
    own = said.get("background-color", CLEAR)
    own = CLEAR if own == "initial" else colour if own == "currentcolor" else own
    share = said.get("opacity")
    veil = share.amount if isinstance(share, Length) else 1.0
    display = said.get("display", "inline")
    size, absolute, fixed = text_size(said, parent)
    # What is taken out of the flow may lie over anything.
    unknown = said.get("background-image") == "picture" or (said.get("position") in AWAY and own == CLEAR)
    return Look(
        colour=colour,
        ground=None if unknown else ground_of(own, parent),
        size=size,
        absolute=absolute,
        monospace=fixed,
        weight=weight_of(said.get("font-weight"), parent.weight),
        line=line_of(said, parent, size),
        align=str(said["text-align"]) if said.get("text-align") else parent.align,
        underlined=is_underlined(said, parent, str(display)),
        shown=parent.shown and display != "none" and not tucked_away(said, size),
        visible=said["visibility"] == "visible" if "visibility" in said else parent.visible,
        own=(isinstance(own, Colour) and own.alpha > 0) or said.get("background-image") == "picture",
        bordered=said.get("border-bottom") == "line",
        inline=display == "inline",
        veils=parent.veils if veil == 1 else ((veil, parent.ground), *parent.veils),
    )


def inherits(name: str, value: Value) -> bool:
    """Whether a declaration says what would be without it."""
    if name in INHERITED:
        return value in ("inherit", "unset", "revert")
    return value in ("unset", "revert", "initial")


def colour_of(value: Value, parent: Look) -> Colour | None:
    if value in ("inherit", "currentcolor"):
        return parent.colour
    return BLACK if value == "initial" else value if isinstance(value, Colour) else None


def ground_of(own: Value, parent: Look) -> Colour | None:
    """What is behind text in an element with this background."""
    if own == "inherit":
        return parent.ground
    if not isinstance(own, Colour):
        return None
    if own.alpha == 1:
        return own
    return None if parent.ground is None else own.over(parent.ground)


def text_size(said: Mapping[str, Value], parent: Look) -> tuple[float, bool, bool]:
    """Pixels of its font, whether anything set them, and whether it is `monospace`, which is smaller if nothing did."""
    value = said.get("font-size")
    family = said.get("font-family")
    fixed = parent.monospace if family is None else family == "monospace"
    turned = 1.0 if fixed is parent.monospace else FIXED_SHARE if fixed else 1 / FIXED_SHARE
    if isinstance(value, Length):
        base = {"em": parent.size, "rem": ROOT_SIZE, "named": FIXED_SHARE if fixed else 1.0}.get(value.unit, 1.0)
        relative = value.unit == "named" or (value.unit == "em" and not parent.absolute)
        return value.amount * base * (turned if value.unit == "em" and relative else 1.0), not relative, fixed
    return parent.size * (1.0 if parent.absolute else turned), parent.absolute, fixed


def weight_of(value: Value, parent: int) -> int:
    if value == "bolder":
        return 400 if parent < 350 else 700 if parent < 550 else 900
    if value == "lighter":
        return 100 if parent < 550 else 400 if parent < 750 else 700
    if value == "initial":
        return 400
    return value if isinstance(value, int) else parent


def line_of(said: Mapping[str, Value], parent: Look, size: float) -> Length | None:
    if "line-height" not in said:
        return parent.line
    value = said["line-height"]
    if not isinstance(value, Length):
        return None
    if value.unit == "em":
        return Length(value.amount * size)
    return Length(value.amount * ROOT_SIZE) if value.unit == "rem" else value


def is_underlined(said: Mapping[str, Value], parent: Look, display: str) -> bool:
    """Lines run through what is inside, but not into boxes that stand in the line."""
    own = said.get("text-decoration-line") == "underline"
    return own or (parent.underlined and not display.startswith("inline-"))


def tucked_away(said: Mapping[str, Value], size: float) -> bool:
    """Whether it is cut to nothing or pushed off the screen, as text is that only programs are to read."""
    cut = said.get("overflow") in ("hidden", "clip")
    sides = [said.get(name) for name in ("height", "max-height", "width", "max-width")]
    if cut and any(isinstance(side, Length) and side.amount * per(side, size) <= 1 for side in sides):
        return True
    away = [said.get("text-indent")]
    if said.get("position") in AWAY:
        away += [said.get("left"), said.get("top")]
    return any(isinstance(side, Length) and side.amount * per(side, size) <= -500 for side in away)


def per(length: Length, size: float) -> float:
    return {"em": size, "rem": ROOT_SIZE}.get(length.unit, 1.0)
