"""Charts as SVG inside a page: drawn by pygal, then stripped to shapes and texts, so that the page's style decides.

What pygal adds for files that stand alone goes: its style sheet, comments with addresses, tooltips that need a script,
ids. A bar gets a `<title>` instead, which browsers show and readers speak.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

# Sizes of a chart in its own units: what is drawn for a phone is not a shrunken desk, its letters stay readable.
WIDE, NARROW = (960, 300), (360, 240)
# The name of a series that is a filled area.
AREA = "area"
FEWEST_BARS = 12
_DROPPED = {"defs", "desc", "style", "script", "title"}
_EMPTY_LAYERS = {"tooltip-overlay", "text-overlay", "overlay", "titles", "legends"}
_KEPT = {"class", "d", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "transform", "viewBox"}


@dataclass(frozen=True, slots=True)
class Drawing:
    """`series` by the class of its colour, `heights` the marks of the upright axis, `places` those of the lying one."""

    series: Mapping[str, Sequence[int]]
    heights: Mapping[int, str]
    places: Mapping[int, str]
    text: str
    titles: Mapping[str, Sequence[str]]


def line_svg(drawing: Drawing, size: tuple[int, int]) -> str:
    """A line, with the area beneath it where the axis begins at nought."""
    return _svg(_library().Line(**_options(drawing, size), show_dots=False), drawing, size)


def bars_svg(drawing: Drawing, size: tuple[int, int]) -> str:
    """Bars that stand on the line at nought and bars that hang from it."""
    count = max(len(values) for values in drawing.series.values())
    spacing = 0 if count > size[0] // 6 else 1
    drawing = _padded(drawing, max(0, FEWEST_BARS - count) // 2)
    return _svg(_library().StackedBar(**_options(drawing, size), spacing=spacing, margin_bottom=4), drawing, size)


def _library() -> Any:
    """pygal, without the hook for its plug-ins that it leaves in the import system.

    It speaks a protocol that ended with Python 3.12, and every later import in the program would warn about it.
    With lxml, which it takes where it finds it, the same drawing is written with addresses of name spaces.
    """
    import pygal
    from pygal.etree import etree

    etree.to_etree()

    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]
    return pygal


def _padded(drawing: Drawing, sides: int) -> Drawing:
    """With empty places at both sides, so that a single bar is no wall."""
    empty = [0] * sides
    return replace(
        drawing,
        series={name: [*empty, *values, *empty] for name, values in drawing.series.items()},
        places={place + sides: text for place, text in drawing.places.items()},
        titles={name: [""] * sides + list(titles) for name, titles in drawing.titles.items()},
    )


def _options(drawing: Drawing, size: tuple[int, int]) -> dict[str, Any]:
    from pygal.style import Style

    letters = {"label_font_size": 12, "major_label_font_size": 12}
    return {
        "style": Style(**letters, font_family="sans-serif"),
        "width": size[0],
        "height": size[1],
        "js": [],
        "css": [],
        "disable_xml_declaration": True,
        "show_legend": False,
        "margin": 4,
        "margin_right": 12,
        "range": (min(drawing.heights), max(drawing.heights)),
        "y_labels": [{"value": mark, "label": name} for mark, name in drawing.heights.items()],
        "show_minor_x_labels": False,
        "truncate_label": -1,
    }


def _svg(chart: Any, drawing: Drawing, size: tuple[int, int]) -> str:
    from pygal.etree import etree

    count = max(len(values) for values in drawing.series.values())
    # pygal tells labels apart by their text, so those that are not shown get one of their own.
    chart.x_labels = [drawing.places.get(place, f"#{place}") for place in range(count)]
    chart.x_labels_major = list(drawing.places.values())
    for name, values in drawing.series.items():
        chart.add(name, list(values), fill=name == AREA)
    root = chart.render_tree()
    _strip(root)
    for place, name in enumerate(drawing.series):
        _name_series(root, place, name, drawing.titles.get(name, ()))
    root.attrib.clear()
    root.attrib.update({"viewBox": f"0 0 {size[0]} {size[1]}", "role": "img", "aria-label": drawing.text})
    text: str = etree.tostring(root, encoding="unicode")
    return text


def _strip(element: Any) -> None:
    for child in list(element):
        classes = set((child.get("class") or "").split()) if isinstance(child.tag, str) else set()
        if not isinstance(child.tag, str) or child.tag in _DROPPED or classes & _EMPTY_LAYERS:
            element.remove(child)
            continue
        for name in set(child.attrib) - _KEPT:
            del child.attrib[name]
        _strip(child)


def _name_series(root: Any, place: int, name: str, titles: Sequence[str]) -> None:
    for group in root.iter("g"):
        classes = (group.get("class") or "").split()
        if f"serie-{place}" in classes:
            group.set("class", f"series {name}")
            named = (pair for pair in zip(group.iter("rect"), titles, strict=False) if pair[1])
            for shape, title in named:
                child = shape.makeelement("title", {})
                child.text = title
                shape.append(child)
