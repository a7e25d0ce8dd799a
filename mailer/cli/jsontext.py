"""Records as JSON text, safe to print at a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import PurePath
from typing import Any

# JSON escapes C0 only. C1 commands an 8-bit terminal, the bidirectional overrides reorder what is read, and a
# lone surrogate cannot be encoded. All of them can only stand inside strings, where \uXXXX means the same.
RISKY = re.compile("[\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

PLAIN = frozenset({str, int, float, bool, type(None)})


def dumps(value: Any, indent: int | None = 2) -> str:
    """The value as JSON; records become objects, times ISO 8601 in UTC."""
    text = json.dumps(plain(value), ensure_ascii=False, indent=indent)
    return RISKY.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def plain(value: Any) -> Any:
    """The value in the types that JSON has."""
    if type(value) in PLAIN:
        return value
    match value:
        case Enum():
            return value.value
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date() | PurePath():
            return str(value)
        case Mapping():
            return {str(plain(key)): plain(part) for key, part in value.items()}
        case Set():
            return sorted(plain(part) for part in value)
        case list() | tuple():
            return [plain(part) for part in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return value
