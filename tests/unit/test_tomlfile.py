"""The line of every key, in any spelling that TOML has for it."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.errors import ConfigError
from mailer.tomlfile import KeyPath, read_toml

TEXT = '''\
# comment with = and [brackets]
title = "a # no comment" # comment

[from.press]
name = """several
lines = "of" text
""" # still here
email.address = 'x'
"quoted.key" = 1

[sources]
a = { url = "u]}", tags = [ "x", # one
  "y" ] }
b.kind = "feed"

[[theme.social]]
name = "A"
[theme.social.extra]
deep = 1
[[theme.social]]
name = "B"

[ spaced . "out" ]
dates = [ 2026-01-01, 07:30:00, {k = 1} ]
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("from",), 4),
        (("from", "press"), 4),
        (("from", "press", "name"), 5),
        (("from", "press", "email", "address"), 8),
        (("from", "press", "quoted.key"), 9),
        (("sources", "a"), 12),
        (("sources", "a", "url"), 12),
        (("sources", "a", "tags"), 12),
        (("sources", "a", "tags", 1), 13),
        (("sources", "b", "kind"), 14),
        (("theme", "social", 0, "name"), 17),
        (("theme", "social", 0, "extra", "deep"), 19),
        (("theme", "social", 1, "name"), 21),
        (("spaced", "out", "dates", 2, "k"), 24),
        (("sources", "a", "missing"), 12),
        (("nowhere", "at", "all"), 0),
    ],
)
def test_the_line_of_a_key(path: KeyPath, line: int) -> None:
    assert read_toml(TEXT, "x.toml").line(path) == line


def test_windows_line_ends_count_once() -> None:
    assert read_toml(TEXT.replace("\n", "\r\n"), "x.toml").line(("theme", "social", 1, "name")) == 21


def test_the_values_are_those_of_tomllib() -> None:
    assert read_toml(TEXT, "x.toml").values == tomllib.loads(TEXT)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a = 1\nb = \n", "x.toml:2: "),
        ("a = 1\na = 2", "x.toml:2: "),
        ("a = [1,\n2", "x.toml:2: "),
        ("= 1", "x.toml:1: "),
    ],
)
def test_what_is_not_toml_is_refused_with_its_line(text: str, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_toml(text, "x.toml")
    assert str(caught.value).startswith(f"{place}this is not TOML")


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(ConfigError):
        read_toml("a = " + "[" * 100_000, "x.toml")


KEYS = st.text("abc-_0", min_size=1, max_size=3) | st.text("é. \"'#=[", min_size=1, max_size=3)
VALUES = st.recursive(
    st.integers() | st.booleans() | st.text("ab\"'#=[]{},\n\\", max_size=6),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


def toml_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[ " + ",\n".join(map(toml_value, value)) + " ]"
    return str(value) if isinstance(value, int) else toml_text(str(value))


def toml_text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=3), max_size=4))
def test_every_key_of_any_file_has_its_line(tables: dict[str, dict[str, object]]) -> None:
    lines: list[str] = []
    expected: dict[KeyPath, int] = {}
    for table, pairs in tables.items():
        lines += ["", f"[{toml_text(table)}] # [x]"]
        expected[table,] = len(lines)
        for key, value in pairs.items():
            written = f"{toml_text(key)} = {toml_value(value)} # = comment".split("\n")
            expected[table, key] = len(lines) + 1
            lines += written
    file = read_toml("\n".join(lines), "x.toml")
    assert {path: file.line(path) for path in expected} == expected
