"""What pydantic found -> `mailer.toml:LINE: message`, or the environment variable that holds the wrong value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel

from mailer.config.secret_keys import spoken, variable_name
from mailer.config.settings import Settings
from mailer.errors import ConfigError, Mistake
from mailer.tomlfile import KeyPath, TomlFile
from mailer.wording import unknown

_COLOUR = "must be a colour as #rgb or #rrggbb"
_PATTERNS = {
    "#(?:": _COLOUR,
    "[\\w\\s,'-]": "must be a list of font names, without quotation marks other than '",
    "^[a-z0-9]": "must be named in small letters, digits, - and _",
    "^[A-Za-z]{2,3}": 'must be a language tag such as "en" or "pt-BR"',
}
_SENTENCES = {
    "literal_error": "must be {expected}",
    "string_too_short": "must not be empty",
    "string_too_long": "must not be longer than {max_length} characters",
    "too_long": "must not have more than {max_length} entries",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
}
_TYPES = {
    "int_": "must be a whole number",
    "float_": "must be a number",
    "bool_": "must be true or false",
    "string_": "must be text between quotation marks",
    "tuple_": 'must be a list, as ["one", "two"]',
    "dict_": "must be a table",
    "model_": "must be a table",
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the values came from. `variables`: `MAILER_SECTION__KEY` -> the name of the variable that was set.

    `spoken` gives the names of tables that are spelled otherwise in the file.
    """

    file: TomlFile
    variables: Mapping[str, str]
    spoken: Mapping[str, str]


def describe(errors: Iterable[Mapping[str, Any]], origin: Origin) -> ConfigError:
    """All of them as one error."""
    in_file: list[Mistake] = []
    elsewhere: list[str] = []
    for error in errors:
        path = _path(error["loc"], origin)
        message = _message(error, path, origin)
        if variable := _variable(path, origin):
            elsewhere.append(f"environment {variable}: {message}")
        else:
            in_file.append(Mistake(origin.file.line(path), message))
    report = [str(origin.file.error(in_file))] if in_file else []
    return ConfigError("\n".join(report + elsewhere), hint="all keys: mailer config schema")


def _path(location: Sequence[str | int], origin: Origin) -> KeyPath:
    # Pydantic marks a wrong key of a table as (..., KEY, "[key]").
    parts = [part for part in location if part != "[key]"]
    return (origin.spoken.get(str(parts[0]), parts[0]), *parts[1:])


def _variable(path: KeyPath, origin: Origin) -> str | None:
    """The variable that this value, or what is around or inside it, comes from."""
    name = variable_name(path)
    for setting, variable in origin.variables.items():
        if setting == name or name.startswith(f"{setting}__"):
            return variable
    return None


def _message(error: Mapping[str, Any], path: KeyPath, origin: Origin) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(error["loc"], path, origin)
    if kind == "missing":
        return f"{spoken(path)} is missing"
    return f"{spoken(path)} {_complaint(kind, context, error['msg'])}"


def _complaint(kind: str, context: Mapping[str, Any], message: str) -> str:
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_pattern_mismatch":
        return next(text for mark, text in _PATTERNS.items() if mark in context["pattern"])
    if kind in _SENTENCES:
        return _SENTENCES[kind].format(**context).replace("'", '"')
    return next((text for start, text in _TYPES.items() if kind.startswith(start)), message)


def _unknown_key(location: Sequence[str | int], path: KeyPath, origin: Origin) -> str:
    model = _model_at(location[:-1])
    allowed = [] if model is None else list(model.model_fields)
    if model is Settings:
        allowed = [origin.spoken.get(name, name) for name in allowed if name != "secrets"]
    where = spoken(path[:-1])
    return unknown("key", str(path[-1]), allowed) + (f" in [{where}]" if where else "")


def _model_at(location: Sequence[str | int]) -> type[BaseModel] | None:
    """The section that the keys lead to, through tables of named sections."""
    found: Any = Settings
    for part in location:
        if _is_section(found):
            field = found.model_fields.get(str(part))
            found = field.annotation if field else None
        else:
            found = next(filter(_is_section, get_args(found)), None)
    return found if _is_section(found) else None


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
