"""List definitions: what they mean, and every mistake with its line and what is allowed."""

from __future__ import annotations

import pytest

from mailer.audience.definition import parse_list
from mailer.errors import ConfigError
from mailer.model import Cap, MailingList

PATH = "subscribers/weekly.toml"


def test_a_full_definition() -> None:
    text = (
        '# Who gets the bulletin\ntitle = " Weekly bulletin "\ndescription = """Every Friday.\nNo more."""\n'
        'opt_in = "single"\nfrom = "press"\nreply_to = "Office <office@example.org>"\nlanguage = "pt-BR"\n'
        'consent = """I want the bulletin.\nI can leave at any time."""\n'
        "cap = { issues = 2, days = 7 }\n"
        'public = true\narchive = true\ntracking = false\nfields = ["first_name", "city"]\n'
        "[segments]\noslo = ' city == \"Oslo\" '\n"
    )
    assert parse_list(text, "weekly", PATH) == MailingList(
        "weekly",
        "Weekly bulletin",
        "Every Friday.\nNo more.",
        "single",
        "press",
        "Office <office@example.org>",
        "pt-BR",
        "I want the bulletin.\nI can leave at any time.",
        {"oslo": 'city == "Oslo"'},
        Cap(2, 7),
        public=True,
        archive=True,
        tracking=False,
        fields=("first_name", "city"),
    )


def test_only_the_title_is_needed() -> None:
    assert parse_list('\ufefftitle = "Weekly"', "weekly", PATH) == MailingList("weekly", "Weekly")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"{PATH}: title is missing"),
        ('title = ""', f"{PATH}:1: title must not be empty"),
        ("title = 4", f"{PATH}:1: title must be text between quotation marks"),
        ('title = "a\\nb"', f"{PATH}:1: title must be one line"),
        ('title = "W"\n\noptin = "double"', f'{PATH}:3: unknown key "optin": did you mean "opt_in"?'),
        ('title = "W"\nopt_in = "triple"', f'{PATH}:2: opt_in must be "double" or "single", not "triple"'),
        ('title = "W"\nreply_to = "office"', f"{PATH}:2: reply_to is not an e-mail address: there is no @"),
        ('title = "W"\nlanguage = "norsk bokmål"', f"{PATH}:2: language must be a language tag"),
        ('title = "W"\nsegments = "x"', f"{PATH}:2: segments is a table"),
        (
            'title = "W"\n[segments]\na = \'city == "Oslo"\'\noslo = \'city = "Oslo"\'',
            f"{PATH}:4: segments: oslo, column 6: one = does not compare: write ==",
        ),
        (
            'title = "W"\n[segments]\noslo = """\ncity == "Oslo" and\nmember"""',
            f'{PATH}:3: segments: oslo, line 2, column 1: what about "member"?',
        ),
        ('title = "W"\n[segments]\noslo = 4', f"{PATH}:3: segments: oslo must be an expression"),
        ('title = "W"\n[segments]\nOslo = "has(a)"', f"{PATH}:3: segments: a segment is named in small letters"),
        ('title = "W"\ncap = 2', f"{PATH}:2: cap says how many issues in how many days"),
        ('title = "W"\n[cap]\nissues = 2', f"{PATH}:2: cap says how many issues in how many days"),
        ('title = "W"\n[cap]\nissues = 2\ndays = 0', f"{PATH}:4: cap: days must be a whole number from 1 to 366"),
        ('title = "W"\n[cap]\nissues = true\ndays = 7', f"{PATH}:3: cap: issues must be a whole number"),
        ('title = "W"\ncap = { issues = 2, days = 7, day = 1 }', f'{PATH}:2: cap: unknown key "day"'),
        ('title = "W"\ntitle = "X"', f"{PATH}:2: this is not TOML"),
        ("title = Weekly", f"{PATH}:1: this is not TOML"),
        ('title = "Weekly', f"{PATH}:1: this is not TOML"),
    ],
)
def test_a_mistake_has_its_line(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_list(text, "weekly", PATH)
    assert message in str(caught.value)
    assert caught.value.hint


def test_every_mistake_is_reported() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_list('titel = "W"\nopt_in = 1\nlanguage = "?"', "weekly", PATH)
    assert len(str(caught.value).splitlines()) == 4


@pytest.mark.parametrize("name", ["Weekly", "a b", "", "../x", "-a", "é"])
def test_a_list_is_named_for_urls_and_commands(name: str) -> None:
    with pytest.raises(ConfigError, match="small letters"):
        parse_list('title = "W"', name, PATH)
