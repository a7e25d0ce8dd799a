"""`subscribers/NAME.toml`: what a subscriber list is called, how people join it, and who writes to them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from mailer.audience.address import parse_address
from mailer.audience.segment.reading import parse
from mailer.errors import Mistake, SegmentError
from mailer.model import Cap, MailingList
from mailer.tomlfile import TomlFile, read_toml
from mailer.wording import allowed_names, quoted, unknown

LIST_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
SEGMENTS = "segments"
CAP = "cap"
OPT_IN = ("double", "single")
SWITCHES = ("public", "archive", "tracking")
FORM = "fields"
MOST_FIELDS = 10
ATTRIBUTE = re.compile(r"[a-z][a-z0-9_]{0,39}")
# What the program itself keeps under these names, and what decides whether somebody is mailed.
NOT_ASKED = frozenset({"email", "id", "list", "tags", "language"})


def parse_list(text: str, name: str, path: str) -> MailingList:
    """Read a list definition; ConfigError has every mistake with its line."""
    file = read_toml(text, path)
    mistakes = list(_mistakes(file, name))
    if mistakes:
        raise file.error(mistakes, hint=f"a list definition may hold: {allowed_names(_KEYS)}")
    fields = {_FIELDS.get(key, key): value.strip() for key, value in file.values.items() if key in _CHECKS}
    segments = {key: value.strip() for key, value in file.values.get(SEGMENTS, {}).items()}
    cap = Cap(**file.values[CAP]) if CAP in file.values else None
    switches = {key: file.values[key] for key in SWITCHES if key in file.values}
    asked = tuple(name.strip() for name in file.values.get(FORM, ()))
    return MailingList(name, **fields, segments=segments, cap=cap, **switches, fields=asked)


def _mistakes(file: TomlFile, name: str) -> list[Mistake]:
    found = [] if LIST_NAME.fullmatch(name) else [Mistake(0, _name_rule(name))]
    if "title" not in file.values:
        found.append(Mistake(0, 'title is missing: the name that subscribers read, as title = "Weekly bulletin"'))
    for key, value in file.values.items():
        if key == SEGMENTS:
            found += _segment_mistakes(file, value)
        elif key == CAP:
            found += _cap_mistakes(file, value)
        elif key in SWITCHES:
            if not isinstance(value, bool):
                found.append(Mistake(file.line((key,)), f"{key} must be true or false"))
        elif key == FORM:
            found += _form_mistakes(file, value)
        elif problem := _problem(key, value):
            found.append(Mistake(file.line((key,)), problem))
    return found


def _segment_mistakes(file: TomlFile, table: Any) -> Iterator[Mistake]:
    if not isinstance(table, dict):
        yield Mistake(file.line((SEGMENTS,)), f"{SEGMENTS} is a table: [segments], and a line a segment below it")
        return
    for name, value in table.items():
        if problem := _segment_problem(name, value):
            yield Mistake(file.line((SEGMENTS, name)), f"{SEGMENTS}: {problem}")


def _segment_problem(name: str, value: Any) -> str | None:
    if not LIST_NAME.fullmatch(name):
        return f"a segment is named in small letters, digits, - and _, not {quoted(name)}"
    if not isinstance(value, str):
        return f"{name} must be an expression between quotation marks, such as 'city == \"Oslo\"'"
    try:
        parse(value.strip())
    except SegmentError as error:
        return f"{name}, {error.where}: {error.problem}"
    return None


def _cap_mistakes(file: TomlFile, table: Any) -> Iterator[Mistake]:
    if not isinstance(table, dict) or not table.keys() >= _CAP_MOST.keys():
        yield Mistake(file.line((CAP,)), "cap says how many issues in how many days: cap = { issues = 2, days = 7 }")
        return
    for name, value in table.items():
        most = _CAP_MOST.get(name)
        if most is None:
            yield Mistake(file.line((CAP, name)), f"{CAP}: {unknown('key', name, _CAP_MOST)}")
        elif type(value) is not int or not 1 <= value <= most:
            yield Mistake(file.line((CAP, name)), f"{CAP}: {name} must be a whole number from 1 to {most}")


def _form_mistakes(file: TomlFile, value: Any) -> Iterator[Mistake]:
    line = file.line((FORM,))
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        yield Mistake(line, f'{FORM} is a list of attributes, as fields = ["first_name", "city"]')
        return
    names = [name.strip() for name in value]
    for name in names:
        if not ATTRIBUTE.fullmatch(name) or name in NOT_ASKED:
            yield Mistake(line, f"{FORM}: {quoted(name)} is no attribute that a form may ask for, as first_name is")
    if len(names) > MOST_FIELDS or len(set(names)) < len(names):
        yield Mistake(line, f"{FORM} names at most {MOST_FIELDS} attributes, each once")


def _problem(key: str, value: Any) -> str | None:
    if key not in _CHECKS:
        return unknown("key", key, _KEYS)
    if not isinstance(value, str):
        return f"{key} must be text between quotation marks"
    problem = _CHECKS[key](value.strip())
    return f"{key} {problem}" if problem else None


def _name_rule(name: str) -> str:
    return f"a list's file is named in small letters, digits, - and _, not {quoted(name)}"


def _one_line(value: str) -> str | None:
    return None if value.isprintable() else "must be one line without control characters"


def _title(value: str) -> str | None:
    return _one_line(value) if value else "must not be empty"


def _any_text(value: str) -> str | None:
    return "must not hold a NUL character" if "\0" in value else None


def _opt_in(value: str) -> str | None:
    return None if value in OPT_IN else f'must be "double" or "single", not {quoted(value)}'


def _address(value: str) -> str | None:
    try:
        parse_address(value)
    except ValueError as error:
        return f"is not an e-mail address: {error}"
    return None


def _language(value: str) -> str | None:
    return None if LANGUAGE.fullmatch(value) else f'must be a language tag such as "en" or "pt-BR", not {quoted(value)}'


_CHECKS: dict[str, Callable[[str], str | None]] = {
    "title": _title,
    "description": _any_text,
    "opt_in": _opt_in,
    "from": _one_line,
    "reply_to": _address,
    "language": _language,
    "consent": _any_text,
}
_KEYS = (*_CHECKS, *SWITCHES, FORM, CAP, SEGMENTS)
_CAP_MOST = {"issues": 1000, "days": 366}
_FIELDS = {"from": "sender"}
