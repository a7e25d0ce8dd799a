"""Style declarations as values that can be reckoned with; only of the properties that decide what can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from mailer.checks.colour import CLEAR, Colour, css_colour
from mailer.checks.parsed import declarations_of

Token = Any


@dataclass(frozen=True, slots=True)
class Length:
    """`unit` is px, em (a share of a font), rem, x for a plain number, or named for a size that has a name."""

    amount: float
    unit: str = "px"


Value = Colour | Length | str | int | None
"""None: something is declared that cannot be worked out here."""

PER_UNIT = {
    "px": (1.0, "px"), "pt": (4 / 3, "px"), "pc": (16.0, "px"), "in": (96.0, "px"), "cm": (96 / 2.54, "px"),
    "mm": (96 / 25.4, "px"), "em": (1.0, "em"), "rem": (1.0, "rem"), "ex": (0.5, "em"), "ch": (0.5, "em"),
}  # fmt: skip
OF_WINDOWS = frozenset(
    {"vw", "vh", "vmin", "vmax", "vi", "vb", "svw", "svh", "lvw", "lvh", "dvw", "dvh", "lh", "rlh", "cap"}
)
NAMED_SIZES = {
    "xx-small": 9.0, "x-small": 10.0, "small": 13.0, "medium": 16.0, "large": 18.0, "x-large": 24.0,
    "xx-large": 32.0, "xxx-large": 48.0,
}  # fmt: skip
WIDE = frozenset({"inherit", "initial", "unset", "revert"})
LINES = frozenset({"underline", "overline", "line-through", "none"})
WORDS = frozenset({"display", "visibility", "position", "overflow", "text-align", "color-scheme"})
LENGTHS = frozenset({"height", "max-height", "width", "max-width", "left", "top", "text-indent"})


@dataclass(frozen=True, slots=True)
class Declared:
    """What a rule or a `style` attribute says, and what it says as important."""

    normal: Mapping[str, Value] = field(default_factory=dict)
    important: Mapping[str, Value] = field(default_factory=dict)


@lru_cache(maxsize=8192)
def declared(css: str) -> Declared:
    """The text of a `style` attribute."""
    return of_declarations(declarations_of(css))


def of_declarations(nodes: Iterable[Token]) -> Declared:
    normal: dict[str, Value] = {}
    important: dict[str, Value] = {}
    for each in nodes:
        if each.lower_name not in READERS:
            continue
        for name, value in understood(each.lower_name, [part for part in each.value if part.type != "whitespace"]):
            if each.important:
                important[name] = value
            elif name not in important:
                normal[name] = value
    return Declared(normal, important)


def understood(name: str, tokens: list[Token]) -> Iterator[tuple[str, Value]]:
    """The plain properties that a declaration sets; nothing where it is not valid."""
    reader = READERS.get(name)
    if reader is None or not tokens:
        return
    if len(tokens) == 1 and tokens[0].type == "ident" and tokens[0].lower_value in WIDE:
        yield from ((each, tokens[0].lower_value) for each in SETS.get(name, (name,)))
    elif any(token.type == "function" and token.lower_name in ("var", "env") for token in tokens):
        yield from ((each, None) for each in SETS.get(name, (name,)))
    else:
        yield from reader(name, tokens)


SETS = {
    "background": ("background-color", "background-image"),
    "font": ("font-size", "font-weight", "line-height", "font-family"),
    "text-decoration": ("text-decoration-line",),
    "border": ("border-bottom",),
}
"""What the short forms stand for."""


def a_colour(name: str, tokens: list[Token]) -> Iterator[tuple[str, Value]]:
    found = css_colour(tokens[0])
    if found is not None or tokens[0].type == "function":
        yield name, found


def a_background(_: str, tokens: list[Token]) -> Iterator[tuple[str, Value]]:
    pictures = [token for token in tokens if is_picture(token)]
    colours = [css_colour(token) for token in tokens if token not in pictures]
    unknown = any(token.type == "function" and token not in pictures for token in tokens)
    yield "background-color", next((each for each in colours if each), None if unknown else CLEAR)
    yield "background-image", "picture" if pictures else "none"


def a_picture(name: str, tokens: list[Token]) -> Iterator[tuple[str, Value]]:
    yield name, "picture" if any(map(is_picture, tokens)) else "none"


def is_picture(token: Token) -> bool:
    if token.type == "url":
        return bool(token.value.strip())
    if token.type != "function":
        return False
    if token.lower_name == "url":
        return any(part.type == "string" and part.value.strip() for part in token.arguments)
    return "gradient" in token.lower_name or token.lower_name in ("image-set", "-webkit-image-set", "cross-fade")


def a_size(name: str, tokens: list[Token]) -> Iterator[tuple[str, Value]]:
    if tokens[0].type == "ident" and tokens[0].lower_value in NAMED_SIZES:
        yield name, Length(NAMED_SIZES[tokens[0].lower_value], "named")
    elif tokens[0].type == "ident" and tokens[0].lower_value in ("larger", "smaller"):
        yield name, Length(1.2 if tokens[0].lower_value == "larger" else 1 / 1.2, "em")
    elif tokens[0].type == "percentage":
        yield name, Length(tokens[0].value / 100, "em")
    elif tokens[0].type == "function":
        yield name, None
    else:
        yield from a_length(name, tokens)


def a_length(name: str, tokens: list[Token]) -> Iterator[tuple[str, Value]]:
    token = tokens[0]
    if token.type == "number" and token.value == 0:
        yield name, Length(0.0)
    elif token.type == "dimension" and token.lower_unit in PER_UNIT:
        factor, unit = PER_UNIT[token.lower_unit]
        yield name, Length(token.value * factor, unit)
    elif token.type == "dimension":
        yield from [(name, None)] if token.lower_unit in OF_WINDOWS else []
    elif token.type == "function" or (name in LENGTHS and token.type in ("percentage", "ident")):
        yield name, None


def a_line_height(name: str, tokens: list[Token]) -> Iterator[tuple[str, Value]]:
    token = tokens[0]
    if token.type == "number":
        yield name, Length(token.value, "x")
    elif token.type == "percentage":
        yield name, Length(token.value / 100, "em")
    elif token.type == "ident" and token.lower_value == "normal":
        yield name, "normal"
    else:
        yield from a_length(name, tokens)


def a_weight(name: str, tokens: list[Token]) -> Iterator[tuple[str, Value]]:
    token = tokens[0]
    if token.type == "number" and 1 <= token.value <= 1000:
        yield name, int(token.value)
    elif token.type == "ident" and token.lower_value in ("bold", "normal", "bolder", "lighter"):
        yield name, {"bold": 700, "normal": 400}.get(token.lower_value, token.lower_value)


def a_family(name: str, tokens: list[Token]) -> Iterator[tuple[str, Value]]:
    """Only whether it is nothing but `monospace`, which browsers draw smaller."""
    alone = len(tokens) == 1 and tokens[0].type == "ident" and tokens[0].lower_value == "monospace"
    yield name, "monospace" if alone else "other"


def a_font(_: str, tokens: list[Token]) -> Iterator[tuple[str, Value]]:
    """`bold 16px/1.5 Arial`: the size, and what stands before and after it."""
    at = next((number for number, token in enumerate(tokens) if list(a_size("", [token]))), -1)
    if at < 0 or at + 1 >= len(tokens):
        return
    yield "font-weight", next((weight for token in tokens[:at] for _, weight in a_weight("", [token])), 400)
    yield from a_size("font-size", tokens[at:])
    after = tokens[at + 1 :]
    sliced = after[0].type == "literal" and after[0].value == "/" and len(after) > 1
    yield from a_line_height("line-height", after[1:]) if sliced else iter([("line-height", "normal")])
    yield from a_family("font-family", after[2:] if sliced else after)


def lines_of_text(_: str, tokens: list[Token]) -> Iterator[tuple[str, Value]]:
    lines = {token.lower_value for token in tokens if token.type == "ident"} & LINES
    yield "text-decoration-line", "underline" if "underline" in lines else "none"


def a_border(_: str, tokens: list[Token]) -> Iterator[tuple[str, Value]]:
    none = any(token.type == "ident" and token.lower_value in ("none", "hidden") for token in tokens)
    zero = any(token.type in ("number", "dimension") and token.value == 0 for token in tokens)
    yield "border-bottom", "none" if none or zero or len(tokens) < 2 else "line"


def a_share(name: str, tokens: list[Token]) -> Iterator[tuple[str, Value]]:
    if tokens[0].type in ("number", "percentage"):
        share = tokens[0].value / (100 if tokens[0].type == "percentage" else 1)
        yield name, Length(min(1.0, max(0.0, share)), "x")


def a_word(name: str, tokens: list[Token]) -> Iterator[tuple[str, Value]]:
    yield name, " ".join(token.lower_value for token in tokens if token.type == "ident")


READERS: Mapping[str, Callable[[str, list[Token]], Iterator[tuple[str, Value]]]] = {
    "color": a_colour,
    "background-color": a_colour,
    "background": a_background,
    "background-image": a_picture,
    "font-size": a_size,
    "font-weight": a_weight,
    "font-family": a_family,
    "font": a_font,
    "line-height": a_line_height,
    "text-decoration": lines_of_text,
    "text-decoration-line": lines_of_text,
    "border": a_border,
    "border-bottom": a_border,
    "opacity": a_share,
    **dict.fromkeys(WORDS, a_word),
    **dict.fromkeys(LENGTHS, a_length),
}
