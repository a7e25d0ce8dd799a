"""The fields above a Markdown document: YAML 1.2 between `---`, TOML between `+++`. Data only, never objects."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

# Front matter of real sites is below 4 KB; ruamel's pure parser takes half a second for 64 KB.
MAX_LENGTH = 64_000
_MAX_DEPTH = 20
_FENCES = {"---": ("---", "..."), "+++": ("+++",)}


class FrontMatterError(ValueError):
    """The fields cannot be read; the message says why, with the line in the document where it is known."""


class _PlainTimes(SafeConstructor):
    """Leaves times as they are written: one like 2026-02-30 would cost the whole document, and versions of ruamel
    differ in what becomes of a zone."""


_PlainTimes.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


def split(text: str) -> tuple[Mapping[str, Any], str]:
    """The fields and the body of a document; no fields when it begins with no fence."""
    lines = text.removeprefix("\ufeff").split("\n")
    fence = lines[0].rstrip()
    if fence not in _FENCES:
        return {}, text
    for number, line in enumerate(lines[1:], 1):
        if line.rstrip() in _FENCES[fence]:
            head = "\n".join(lines[1:number]) + "\n"
            return _read(head, fence), "\n".join(lines[number + 1 :])
    raise FrontMatterError(f"the front matter has no closing {fence}")


def _read(head: str, fence: str) -> Mapping[str, Any]:
    if len(head) > MAX_LENGTH:
        raise FrontMatterError(f"the front matter is larger than {MAX_LENGTH // 1000} KB")
    try:
        fields = _yaml(head) if fence == "---" else tomllib.loads(head)
    except FrontMatterError:
        raise
    except YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        place = f"line {mark.line + 2}: " if mark else ""
        raise FrontMatterError(f"{place}{getattr(exc, 'problem', None) or 'the YAML is broken'}") from exc
    except tomllib.TOMLDecodeError as exc:
        raise FrontMatterError(f"the TOML is broken: {_shifted(str(exc))}") from exc
    except (ValueError, TypeError, RecursionError, OverflowError, AttributeError, KeyError) as exc:
        raise FrontMatterError(f"the front matter cannot be read ({type(exc).__name__})") from exc
    if fields is None:
        return {}
    if not isinstance(fields, dict):
        raise FrontMatterError("the front matter is no list of fields")
    return {str(name).casefold(): _plain(value) for name, value in fields.items()}


def _yaml(head: str) -> Any:
    _refuse_bombs(head)
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _PlainTimes
    return yaml.load(StringIO(head))


def _refuse_bombs(head: str) -> None:
    """The events come without recursion and before any alias is followed, so this costs the length of the text."""
    depth = 0
    for event in YAML(typ="safe", pure=True).parse(StringIO(head)):
        if isinstance(event, AliasEvent):
            raise FrontMatterError(f"line {event.start_mark.line + 2}: YAML aliases are not read here")
        if isinstance(event, MappingStartEvent | SequenceStartEvent):
            depth += 1
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise FrontMatterError(f"line {event.start_mark.line + 2}: nested deeper than {_MAX_DEPTH} levels")


def _plain(value: Any) -> Any:
    """Times as ISO text, like those of YAML, and names without case: Hugo knows none."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(name).casefold(): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _shifted(message: str) -> str:
    """The line in the document, whose first one is the fence."""
    return re.sub(r"\(at line (\d+)", lambda match: f"(at line {int(match[1]) + 1}", message)
