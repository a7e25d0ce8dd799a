"""Records as JSON text, safe to print at a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import PurePath
from typing import Any

# JSON escapes C0 only. C1 commands an 8-bit terminal, the bidirectional overrides reorder what is read, and a
# lone surrogate cannot be encoded. All of them can only stand inside strings, where \uXXXX means the same.
RISKY = {
    code: f"\\u{code:04x}"
    for code in (*range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xD800, 0xE000))
}


def dumps(value: Any) -> str:
    """The value as indented JSON; records become objects, times ISO 8601 in UTC."""
    return json.dumps(plain(value), ensure_ascii=False, indent=2).translate(RISKY)


def plain(value: Any) -> Any:
    """The value in the types that JSON has."""
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
