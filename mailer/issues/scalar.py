"""Text -> YAML that reads back as exactly that text, quoted like its neighbours where that is possible."""

from __future__ import annotations

import re

# Where nothing can be meant but the words: no sign of YAML's anywhere, no space at an end.
_PLAIN = re.compile(r"[^\W_](?:[^\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff:#,\[\]{}\"'`&*!|>%@\\]*[^\W_.)?…])?")
_NULLS = frozenset({"null", "~", ""})
_NAMED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}
# What a reader of YAML takes for a line end or does not take at all.
_ESCAPED = re.compile('[\\\\"\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ud800-\\udfff\\ufeff\\ufffe\\uffff]')


def scalar(value: str, style: str | None = None) -> str:
    """`value` as YAML on one line. `style` is the quotation mark wanted; None: none where none is needed."""
    if style == "'" and not _ESCAPED.search(value.replace("\\", "").replace('"', "")):
        return "'" + value.replace("'", "''") + "'"
    if style is None and _PLAIN.fullmatch(value) and value.casefold() not in _NULLS:
        return value
    return '"' + _ESCAPED.sub(_escape, value) + '"'


def flow_list(values: list[str]) -> str:
    """`[one, two]`."""
    return f"[{', '.join(scalar(value) for value in values)}]"


def _escape(found: re.Match[str]) -> str:
    letter = found[0]
    return _NAMED.get(letter) or (f"\\x{ord(letter):02x}" if ord(letter) < 256 else f"\\u{ord(letter):04x}")
