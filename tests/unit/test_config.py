"""Settings from file and environment: what wins, and every mistake with its place and no secret in it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from mailer.config import Settings, Theme, json_schema, load_settings
from mailer.errors import ConfigError
from mailer.model import Sender

Load = Callable[..., Settings]

FULL = """\
[organisation]
name = "Clean Rivers Union"
postal_address = \"\"\"
1 Quay Street
Rivertown\"\"\"
contact = "office@example.org"
website = "https://rivers.example.org"

[from.press]
name = "Press office"
email = "press@example.org"

[from.board]
name = "The board"
email = "board@example.org"
reply_to = "office@example.org"

[sources.site]
kind = "feed"
url = "https://rivers.example.org/feed"
tags = ["rivers"]
zone = "Europe/Oslo"

[sources.posts]
kind = "folder"
path = "content/posts"
enabled = false

[tags.aliases]
clean-rivers = ["rivers", "#CleanRiversNow"]
secret-ballot = ["token"]

[provider]
batch_size = 50

[theme.colours]
primary = "#0a5"

[[theme.social]]
name = "Mastodon"
url = "https://social.example.org/@rivers"
"""


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def write_and_load(text: str, **environ: str) -> Settings:
        path = tmp_path / "mailer.toml"
        path.write_text(text, encoding="utf-8")
        return load_settings(path, environ)

    return write_and_load


def mistakes(load: Load, text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(text, **environ)
    return str(caught.value).splitlines()


def test_a_full_file(load: Load) -> None:
    settings = load(FULL)
    assert settings.organisation.name == "Clean Rivers Union"
    assert settings.sources["site"].zone == "Europe/Oslo"
    assert settings.sources["posts"].enabled is False
    assert settings.tags.aliases["clean-rivers"] == ("rivers", "#CleanRiversNow")
    assert settings.provider.batch_size == 50
    assert settings.theme.colours.primary == "#0a5"
    assert settings.theme.social[0].name == "Mastodon"


def test_an_empty_file_has_every_default(load: Load) -> None:
    settings = load("")
    assert settings == Settings()
    assert settings.provider.name == "outbox"
    assert settings.database.url == "sqlite:///mailer.db"
    assert settings.privacy.tracking is False


def test_the_first_sender_is_the_default(load: Load) -> None:
    settings = load(FULL)
    assert settings.sender() == settings.sender("press") == Sender("Press office", "press@example.org")
    assert settings.sender("board") == Sender("The board", "board@example.org", "office@example.org")
    with pytest.raises(ConfigError, match='unknown sender "pres": did you mean "press"'):
        settings.sender("pres")
    with pytest.raises(ConfigError, match="has no sender"):
        load("").sender()


@pytest.mark.parametrize(
    ("environ", "path", "value"),
    [
        ({"MAILER_PROVIDER__BATCH_SIZE": "7"}, "provider.batch_size", 7),
        ({"mailer_provider__batch_size": "7"}, "provider.batch_size", 7),
        ({"MAILER_PRIVACY__TRACKING": "true"}, "privacy.tracking", True),
        ({"MAILER_ORGANISATION__NAME": "Other"}, "organisation.name", "Other"),
        ({"MAILER_THEME__COLOURS__LINK": "#123456"}, "theme.colours.link", "#123456"),
        ({"DATABASE_URL": "postgresql://u:p@db/x"}, "database.url", "postgresql://u:p@db/x"),
        ({"DATABASE_URL": "x://1", "MAILER_DATABASE__URL": "x://2"}, "database.url", "x://2"),
        ({"DATABASE_URL": ""}, "database.url", "sqlite:///mailer.db"),
        ({"MAILER_SECRET_KEY": "x" * 64}, "provider.batch_size", 50),
        ({"PROVIDER__BATCH_SIZE": "7", "MAILERX_PROVIDER__BATCH_SIZE": "7"}, "provider.batch_size", 50),
    ],
)
def test_the_environment_wins(load: Load, environ: dict[str, str], path: str, value: object) -> None:
    found: Any = load(FULL, **environ)
    for name in path.split("."):
        found = getattr(found, name)
    assert found == value


def test_the_environment_reaches_named_tables_and_lists(load: Load) -> None:
    settings = load(FULL, MAILER_FROM__PRESS__NAME="Newsroom", MAILER_TAGS__ALIASES='{"a": ["b"]}')
    assert settings.sender("press") == Sender("Newsroom", "press@example.org")
    assert settings.tags.aliases["a"] == ("b",)


def test_only_the_environment_that_is_given_counts(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILER_PROVIDER__BATCH_SIZE", "7")
    monkeypatch.setenv("DATABASE_URL", "x://1")
    assert load(FULL).provider.batch_size == 50
    assert load(FULL).database.url == "sqlite:///mailer.db"
    assert Settings().provider.batch_size == 1000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[organisation]\nnam = "x"',
            '2: unknown key "nam": did you mean "name"? (allowed: contact, name, postal_address',
        ),
        ("[organization]\n", '1: unknown key "organization": did you mean "organisation"?'),
        ("[senders.x]\n", '1: unknown key "senders"'),
        ("[secrets]\n", '1: unknown key "secrets"'),
        ("x = 1\n", '1: unknown key "x" (allowed: approval, bounces, checks, database, from,'),
        ('[organisation]\ncontact = "office"', "2: organisation.contact is not an e-mail address: there is no @"),
        ('[organisation]\nname = "a\\nb"', "2: organisation.name must be one line"),
        ("[organisation]\nname = 5", "2: organisation.name must be text between quotation marks"),
        ("organisation = 5", "1: organisation must be a table"),
        ('\n[from.press]\nname = "P"', "2: from.press.email is missing"),
        ('[from.press]\nname = ""\nemail = "p@example.org"', "2: from.press.name must not be empty"),
        ('[from.press]\nname = "P"\nemail = "p"', "3: from.press.email is not an e-mail address"),
        (
            '[from."Press Office"]\nname = "P"\nemail = "p@example.org"',
            "1: from.Press Office must be named in small letters",
        ),
        (
            '[sources.a]\nkind = "rss"\nurl = "https://x.org"',
            '2: sources.a.kind must be "feed", "jsonfeed", "folder" or',
        ),
        ('[sources.a]\nurl = "https://x.org"', "1: sources.a.kind is missing"),
        ('[sources.a]\nkind = "feed"', "1: sources.a needs url"),
        ('[sources.a]\nkind = "folder"\nurl = "https://x.org"', "1: sources.a needs path"),
        ('[sources.a]\nkind = "feed"\nurl = "file:///etc/passwd"', "3: sources.a.url must be a link"),
        ('[sources.a]\nkind = "feed"\nurl = "https://u:p@x.org"', "3: sources.a.url must not hold a user name"),
        (
            '[sources.a]\nkind = "feed"\nurl = "https://x.org"\nzone = "Europe/Olso"',
            "4: sources.a.zone is not a time zone",
        ),
        ('[sources.a]\nkind = "feed"\nurl = "https://x.org"\nzone = "../x"', "4: sources.a.zone is not a time zone"),
        ('[sources.a]\nkind = "feed"\nurl = "https://x.org"\ntags = "rivers"', "4: sources.a.tags must be a list"),
        ('[tags]\naliases = ["a"]', "2: tags.aliases must be a table"),
        ("[provider]\nbatch_size = 0", "2: provider.batch_size must be 1 or more"),
        ("[provider]\nbatch_size = 1.5", "2: provider.batch_size must be a whole number"),
        ('[privacy]\ntracking = "perhaps"', "2: privacy.tracking must be true or false"),
        ('[theme.colours]\nprimary = "red"', "2: theme.colours.primary must be a colour as #rgb or #rrggbb"),
        ('[theme.colours]\nprimary = "#12345"', "2: theme.colours.primary must be a colour"),
        ('[theme.colours]\nprimary = "#12 3"', "2: theme.colours.primary must be a colour"),
        ("[theme.fonts]\nbody = 'a\"; x'", "2: theme.fonts.body must be a list of font names"),
        ('[theme]\nlogo_url = "javascript:alert(1)"', "2: theme.logo_url must be a link"),
        (
            '[[theme.social]]\nname = "A"\nurl = "https://x.org"\n[[theme.social]]\nname = "B"',
            "4: theme.social[1].url is missing",
        ),
        ('[web]\nbase_url = "example.org"', "2: web.base_url must be a link"),
        (
            "[checks.clients]\ngmial = 3",
            '1: checks.clients names no mail program: "gmial", did you mean "gmail"?',
        ),
        (
            '[checks]\nclients = {"outlook.windows" = 3, zzzzzz = 1}',
            '2: checks.clients names no mail program: "zzzzzz"',
        ),
        ("[provider\n", "1: this is not TOML"),
    ],
)
def test_a_mistake_has_its_line(load: Load, text: str, message: str) -> None:
    (found,) = mistakes(load, text)
    assert found.startswith(f"mailer.toml:{message}"), found


def test_every_mistake_is_reported(load: Load) -> None:
    found = mistakes(load, "[provider]\nbatch_size = 0\nnmae = 1\n[limits]\nconfirm_above = -1\n")
    assert [line.split(":")[1] for line in found] == ["2", "3", "5"]


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"MAILER_PROVIDER__BATHC_SIZE": "7"}, 'MAILER_PROVIDER__BATHC_SIZE: unknown key "bathc_size": did you mean'),
        (
            {"MAILER_PROVIDER__BATCH_SIZE": "x"},
            "MAILER_PROVIDER__BATCH_SIZE: provider.batch_size must be a whole number",
        ),
        ({"MAILER_PROVIDR__NAME": "x"}, 'MAILER_PROVIDR__NAME: unknown section "providr": did you mean "provider"?'),
        ({"MAILER_FROM__PRESS__EMAIL": "x"}, "MAILER_FROM__PRESS__EMAIL: from.press.email is not an e-mail address"),
        ({"MAILER_WEB__BASE_URL": "x"}, "MAILER_WEB__BASE_URL: web.base_url must be a link"),
        ({"DATABASE_URL": "a\nb"}, "DATABASE_URL: database.url must be one line"),
        ({"MAILER_APPROVAL__REQUIRED": "0"}, "MAILER_APPROVAL__REQUIRED: who must approve is said in mailer.toml"),
        ({"mailer_approval__people__eve__user": "eve"}, "mailer_approval__people__eve__user: who must approve is said"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(load: Load, environ: dict[str, str], message: str) -> None:
    (found,) = mistakes(load, FULL, **environ)
    assert found.startswith(f"environment {message}")


def test_a_table_in_the_environment_that_is_not_json(load: Load) -> None:
    assert "tags" in mistakes(load, FULL, MAILER_TAGS__ALIASES='{"a"')[0]


SECRET = "5ecre7-5ecre7-5ecre7"


@pytest.mark.parametrize(
    ("text", "variable"),
    [
        (f'[provider]\napi_key = "{SECRET}"', "SENDGRID_API_KEY"),
        (f'[provider]\nsendgrid_apikey = "{SECRET}"', "SENDGRID_API_KEY"),
        (f'[provider]\npassword = "{SECRET}"', "MAILER_PROVIDER__PASSWORD"),
        (f'[provider]\nsmtp_passwd = "{SECRET}"', "MAILER_PROVIDER__SMTP_PASSWD"),
        (f'[web]\nsecret = "{SECRET}"', "MAILER_WEB__SECRET"),
        (f'[secrets]\ntoken = "{SECRET}"', "MAILER_SECRETS__TOKEN"),
        (f'[organisation]\nname = "SG.{SECRET}"', "SENDGRID_API_KEY"),
        (f'[tags.aliases]\na = ["SG.{SECRET}"]', "SENDGRID_API_KEY"),
        (f'[database]\nurl = "postgresql://u:{SECRET}@db/x"', "DATABASE_URL"),
        (f'[sources.a]\nkind = "feed"\nurl = "https://u:{SECRET}@x.org"', ""),
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(load: Load, text: str, variable: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert re.match(r"mailer\.toml:\d: ", str(caught.value))
    assert variable in str(caught.value)
    assert SECRET not in f"{caught.value}{caught.value.hint}"


def test_a_secret_in_the_environment_is_taken_and_not_shown(load: Load) -> None:
    settings = load("", SENDGRID_API_KEY=SECRET, DATABASE_URL=f"postgresql://u:{SECRET}@db/x")
    assert settings.secrets.sendgrid_api_key is not None
    assert settings.secrets.sendgrid_api_key.get_secret_value() == SECRET
    assert SECRET not in repr(settings)


@pytest.mark.parametrize("name", ["sendgrid_api_key", "batch_size"])
def test_a_wrong_value_in_the_environment_is_not_repeated(load: Load, name: str) -> None:
    found = mistakes(load, "", **{f"MAILER_PROVIDER__{name.upper()}": SECRET})
    assert SECRET not in "".join(found)


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    path = tmp_path / "mailer.toml"
    with pytest.raises(ConfigError, match="does not exist"):
        load_settings(path, {})
    path.write_bytes(b"# x\n\xff = 1\n")
    with pytest.raises(ConfigError, match=r"mailer\.toml:2: the file is not UTF-8"):
        load_settings(path, {})
    path.write_bytes(b"\xef\xbb\xbf[provider]\r\nbatch_size = 3\r\n")
    assert load_settings(path, {}).provider.batch_size == 3


def sections(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from sections(kind)


def test_every_key_has_a_sentence() -> None:
    found = list(sections(Settings))
    assert Theme in found and len(found) > 10
    for section in found:
        for name, field in section.model_fields.items():
            assert re.search(r"[.\]]$", field.description or ""), f"{section.__name__}.{name} needs a description"


def test_the_schema_names_the_keys_of_the_file() -> None:
    schema = json_schema()
    assert {"from", "sources", "theme"} <= set(schema["properties"])
    assert not {"senders", "secrets"} & set(schema["properties"])
    assert "Secrets" not in schema["$defs"]
    assert schema["additionalProperties"] is False


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(
    ("front", "back"),
    [
        *(("text", "card"), ("muted", "card"), ("muted", "background"), ("link", "card"), ("link", "background")),
        *(("on_primary", "primary"), ("text", "background")),
    ],
)
@pytest.mark.parametrize("mode", ["", "dark_"])
def test_the_default_colours_can_be_read(front: str, back: str, mode: str) -> None:
    colours = Theme().colours
    one, other = sorted(luminance(getattr(colours, mode + name)) for name in (front, back))
    assert (other + 0.05) / (one + 0.05) >= 4.5, "WCAG 2.2, 1.4.3 wants 4.5 : 1"


def test_pydantic_is_imported_by_the_settings_only() -> None:
    program = "import sys, mailer.errors, mailer.model, mailer.workspace; print('pydantic' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert found.stdout.strip() == "False"
