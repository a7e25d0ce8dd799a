"""Reading settings: values from the environment over those of the file, and every mistake with its place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource, SettingsError

from mailer.config.mistakes import Origin, describe
from mailer.config.secret_keys import misplaced_secrets
from mailer.config.settings import Settings
from mailer.errors import ConfigError, Mistake
from mailer.tomlfile import TomlFile, read_toml
from mailer.wording import unknown

PREFIX = "MAILER_"
# `from` is a word of Python; the table and its variables keep it.
SPOKEN = {"senders": "from"}
_NOT_IN_FILE = {*SPOKEN, "secrets"}
_FIELDS = {spoken: field for field, spoken in SPOKEN.items()}
# Names that other programs and hosts use already. Our own variable of the same meaning wins over them.
_HONOURED = {
    "DATABASE_URL": "MAILER_DATABASE__URL",
    "SENDGRID_API_KEY": "MAILER_SECRETS__SENDGRID_API_KEY",
    "MAILER_SMTP_PASSWORD": "MAILER_SECRETS__SMTP_PASSWORD",
    "MAILER_IMAP_PASSWORD": "MAILER_SECRETS__IMAP_PASSWORD",
}


def load_settings(path: Path, environ: Mapping[str, str]) -> Settings:
    """The settings of the file at `path` and of `environ`. ConfigError has every mistake, with line or variable."""
    file = _read(path)
    if secrets := misplaced_secrets(file):
        raise file.error(secrets, hint="environment variables are not written to disk and not put into git")
    if hidden := [key for key in file.values if key in _NOT_IN_FILE]:
        raise file.error([Mistake(file.line((key,)), unknown("key", key, spoken_sections())) for key in hidden])
    variables = _variables(environ)
    from_file = {_FIELDS.get(key, key): value for key, value in file.values.items()}
    try:
        return Settings(**_over(from_file, _environment(variables)))
    except ValidationError as error:
        origin = Origin(file, {setting: name for setting, (name, _) in variables.items()}, SPOKEN)
        raise describe(error.errors(include_url=False, include_input=False), origin) from None


def json_schema() -> dict[str, Any]:
    """JSON Schema of `mailer.toml`, for editors."""
    schema = Settings.model_json_schema()
    properties = schema["properties"]
    del properties["secrets"], schema["$defs"]["Secrets"]
    schema["properties"] = {SPOKEN.get(name, name): value for name, value in properties.items()}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def spoken_sections() -> list[str]:
    """The tables that the file may have."""
    return [SPOKEN.get(name, name) for name in Settings.model_fields if name != "secrets"]


def _read(path: Path) -> TomlFile:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist", hint="mailer init makes a workspace") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path.name}:{line}: the file is not UTF-8", hint="save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    return read_toml(text, path.name)


def _variables(environ: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """`MAILER_SECTION__KEY` -> the variable's own name and its value. Without a section it is no setting."""
    found = {_HONOURED[name]: (name, value) for name, value in environ.items() if name in _HONOURED and value}
    for name, value in environ.items():
        section, separator, _ = name.upper().removeprefix(PREFIX).partition("__")
        if name.upper().startswith(PREFIX) and separator:
            _check_section(name, section.lower())
            found[name.upper()] = (name, value)
    return found


def _check_section(variable: str, section: str) -> None:
    if section == "approval":  # else whoever sends could ask for nobody's word, and no file would show it
        raise ConfigError(
            f"environment {variable}: who must approve is said in mailer.toml alone", hint=f"unset {variable}"
        )
    if section not in (*spoken_sections(), "secrets"):
        raise ConfigError(f"environment {variable}: {unknown('section', section, spoken_sections())}")


def _environment(variables: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """The variables as nested values; lists and tables among them are JSON."""
    source = EnvSettingsSource(Settings)
    # In place of the process's own environment, so that the caller's counts.
    source.env_vars = {_field_name(name): value for name, (_, value) in variables.items()}
    try:
        return source()
    except SettingsError as error:
        raise ConfigError(f"the environment: {error}", hint="lists and tables are written as JSON there") from None


def _over(values: Mapping[str, Any], winning: Mapping[str, Any]) -> dict[str, Any]:
    """The values with the winning ones laid over them, table by table."""
    merged = dict(values)
    for key, value in winning.items():
        below = merged.get(key)
        merged[key] = _over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _field_name(variable: str) -> str:
    section, _, rest = variable.lower().removeprefix(PREFIX.lower()).partition("__")
    return f"{PREFIX.lower()}{_FIELDS.get(section, section)}__{rest}"
