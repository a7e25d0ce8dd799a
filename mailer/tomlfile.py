"""TOML with places: `tomllib` reads the values, and a scan of the same text tells the line of every key.

The scan runs only over text that `tomllib` accepted, so it may trust the grammar.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mailer.errors import ConfigError, Mistake

KeyPath = tuple[str | int, ...]

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r'[ \t]*("(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|[A-Za-z0-9_-]+)[ \t]*(\.)?')
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})|\'\'\'.*?\'\'\'(?:\'{0,2})|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL
)
_BARE = re.compile(r"[^,\]}\n#]*")
_PLACE = re.compile(r" \((?:at line (\d+), column \d+|at end of document)\)$")


@dataclass(frozen=True, slots=True)
class TomlFile:
    """A parsed TOML text. `lines` maps the path of a key (or of an array's element) to its line."""

    path: str
    values: dict[str, Any]
    lines: Mapping[KeyPath, int] = field(default_factory=dict)

    def line(self, path: Sequence[str | int]) -> int:
        """The line of the key at `path`, or of the nearest table around it; 0 when the file names none of them."""
        for length in range(len(path), 0, -1):
            if found := self.lines.get(tuple(path[:length])):
                return found
        return 0

    def error(self, mistakes: Sequence[Mistake], *, hint: str | None = None) -> ConfigError:
        """All the mistakes as one error, a line each: `PATH:LINE: message`."""
        ordered = sorted(mistakes, key=lambda mistake: mistake.line)
        return ConfigError("\n".join(place(self.path, found) for found in ordered), hint=hint)


def place(path: str, mistake: Mistake) -> str:
    """`PATH:LINE: message`, without the line where the mistake is about the whole file."""
    return f"{path}:{mistake.line}: {mistake.message}" if mistake.line else f"{path}: {mistake.message}"


def read_toml(text: str, path: str) -> TomlFile:
    """Parse TOML; ConfigError names the line where it is not TOML."""
    text = text.removeprefix("\ufeff")
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        found = _PLACE.search(message)
        line = int(found[1]) if found and found[1] else text.count("\n") + 1
        mistake = Mistake(line, f"this is not TOML: {_PLACE.sub('', message)}")
        raise ConfigError(place(path, mistake), hint="text values stand between quotation marks") from None
    except RecursionError:
        raise ConfigError(f"{path}: the values are nested too deeply") from None
    scan = _Scan(text)
    scan.document()
    return TomlFile(path, values, scan.lines)


class _Scan:
    """Walks over TOML text once and notes where keys stand."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self._line = 1
        self._counted = 0
        self._arrays: dict[KeyPath, int] = {}

    def document(self) -> None:
        table: KeyPath = ()
        self._skip()
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip()

    def _skip(self) -> None:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def _note(self, path: KeyPath) -> None:
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        for length in range(1, len(path) + 1):
            self.lines.setdefault(path[:length], self._line)

    def _key(self) -> KeyPath:
        parts: list[str] = []
        while match := _KEY.match(self.text, self.at):
            self.at = match.end()
            parts.append(_plain(match[1]))
            if not match[2]:
                break
        return tuple(parts)

    def _header(self) -> KeyPath:
        brackets = 2 if self.text.startswith("[[", self.at) else 1
        start = self.at
        self.at += brackets
        path = self._inside_arrays(self._key())
        end = self.at + brackets
        if brackets == 2:
            number = self._arrays[path] = self._arrays.get(path, -1) + 1
            path = (*path, number)
        self.at = start
        self._note(path)
        self.at = end
        return path

    def _inside_arrays(self, path: KeyPath) -> KeyPath:
        """`[a.b]` after `[[a]]` belongs to the last element of `a`."""
        full: KeyPath = ()
        for position, part in enumerate(path):
            full = (*full, part)
            if position < len(path) - 1 and full in self._arrays:
                full = (*full, self._arrays[full])
        return full

    def _pair(self, table: KeyPath) -> None:
        start = self.at
        path = (*table, *self._key())
        end, self.at = self.at, start
        self._note(path)
        self.at = end + 1  # the "="
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        self._skip()
        opening = self.text[self.at : self.at + 1]
        if opening in ("{", "["):
            self._group(path, opening)
        elif match := _STRING.match(self.text, self.at) or _BARE.match(self.text, self.at):
            self.at = match.end()

    def _group(self, path: KeyPath, opening: str) -> None:
        self.at += 1
        self._skip()
        number = 0
        while self.at < len(self.text) and self.text[self.at] not in "]}":
            if opening == "{":
                self._pair(path)
            else:
                self._note((*path, number))
                self._value((*path, number))
                number += 1
            self._skip()
            if self.text[self.at : self.at + 1] == ",":
                self.at += 1
                self._skip()
        self.at += 1


def _plain(key: str) -> str:
    if key[0] in "\"'":
        (name,) = tomllib.loads(f"{key} = 0")
        return name
    return key
