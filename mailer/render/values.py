"""Values that recipient expressions need from the time of compiling, as JSON and back.

Only data passes: text, numbers, truth values, times, lists, tuples and dictionaries of them. A function or a macro
cannot be kept until a recipient is known, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from jinja2.runtime import StrictUndefined, Undefined
from markupsafe import Markup


def encode(value: Any) -> Any:
    """JSON for one value. Raises TypeError for what is not data."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Markup):
        return {"html": str(value)}
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Undefined):
        return {"undefined": value._undefined_name}
    if isinstance(value, datetime | date):
        return {"time" if isinstance(value, datetime) else "date": value.isoformat()}
    if isinstance(value, tuple):
        return {"tuple": [encode(item) for item in value]}
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {"dict": {key: encode(item) for key, item in value.items()}}
    raise TypeError(f"a {type(value).__name__} cannot be used together with recipient data")


def decode(data: Any) -> Any:
    """The value that `encode` was given."""
    if isinstance(data, list):
        return [decode(item) for item in data]
    if not isinstance(data, dict):
        return data
    ((kind, content),) = data.items()
    match kind:
        case "html":
            return Markup(content)  # noqa: S704 (it was Markup when the issue was compiled)
        case "undefined":
            return StrictUndefined(name=content)
        case "time":
            return datetime.fromisoformat(content)
        case "date":
            return date.fromisoformat(content)
        case "tuple":
            return tuple(decode(item) for item in content)
        case "dict":
            return {key: decode(item) for key, item in content.items()}
    raise ValueError(f"a value of kind {kind!r} is not known here")
