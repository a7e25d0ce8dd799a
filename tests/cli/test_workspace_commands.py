"""`mailer config`, `mailer templates` and `mailer db`."""

from __future__ import annotations

import json
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest

from mailer.services.starter import SETTINGS
from mailer.workspace import shipped


def test_the_schema_is_json_schema(mailer: Any) -> None:
    schema = mailer.done("config", "schema").json
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert "sources" in schema["properties"]


def test_show_tells_values_from_file_environment_and_defaults(mailer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILER_LIMITS__CONFIRM_ABOVE", "7")
    text = mailer.done("config", "show").out
    assert 'organisation.name = "Rivers United"' in text
    assert "limits.confirm_above = 7" in text
    assert "privacy.tracking = false" in text
    told = mailer.done("config", "show", "--json").json
    assert told["from"]["office"]["email"] == "news@example.org"


SECRETS = {"SENDGRID_API_KEY": "SG.very-secret", "DATABASE_URL": "sqlite://u:hunter2@/mailer.db?password=hunter3"}


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_show_never_prints_a_secret(mailer: Any, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    run = mailer.done("config", "show", *words)
    assert not any(secret in run.out + run.err for secret in ("very-secret", "hunter2", "hunter3"))
    assert "(set, not shown)" in run.out
    assert "u:***@" in run.out


def test_check_of_a_workspace_in_order(mailer: Any) -> None:
    told = mailer.done("config", "check", "--json").json
    assert (told["lists"], told["senders"], told["missing"]) == (["members", "weekly"], ["office"], [])
    assert "mailer.toml is in order" in mailer.done("config", "check").out


def test_check_tells_what_a_first_issue_will_need(mailer: Any) -> None:
    mailer.write("mailer.toml", "")
    told = mailer.done("config", "check", "--json").json
    assert len(told["missing"]) == 3
    mailer.write("mailer.toml", "[sources.a]\nkind = 'folder'\npath = 'posts'\n")
    assert "sources.a reads posts, which is not there" in mailer.done("config", "check").out
    assert "before the first issue: " in mailer.done("config", "check").out


@pytest.mark.parametrize("provider", ["outbox", "sendgrid"])
def test_check_tells_which_examples_still_stand_there(mailer: Any, provider: str) -> None:
    started = SETTINGS.replace('name = "outbox"', f'name = "{provider}"')
    mailer.write("mailer.toml", started)
    examples = (
        "organisation.name, organisation.postal_address, organisation.contact, organisation.website, from.office.name, "
        "from.office.email"
    )
    line = f"before mails leave by a real provider: put your own in place of the examples in {examples}"
    assert line in mailer.done("config", "check").out.splitlines()
    assert mailer.done("config", "check", "--json").json["examples"] == examples.split(", ")
    doctor = mailer("doctor", "--offline", "--json").json["verdicts"]
    assert ["warning", line] in [[each["state"], each["words"]] for each in doctor]
    mailer.write("mailer.toml", started.replace("Your organisation", "River Watch").replace("example.org", "river.org"))
    assert mailer.done("config", "check", "--json").json["examples"] == ["organisation.postal_address"]
    mailer.write("mailer.toml", MINE)
    assert mailer.done("config", "check", "--json").json["examples"] == []
    assert "before mails leave" not in mailer.done("config", "check").out


MINE = """
[organisation]
name = "River Watch"
postal_address = "1 Quay Street, Oslo"
contact = "office@river.org"

[from.office]
name = "River Watch"
email = "news@river.org"

[from.other]
name = "River Watch"
email = "news@example.org"
"""


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("mailer.toml", "[organisation]\nnme = 'x'\n", ["mailer.toml:2", "name"]),
        ("mailer.toml", "[sources.a]\nkind = 'feeed'\n", ["mailer.toml:2"]),
        ("mailer.toml", "sendgrid_api_key = 'SG.abc'\n", ["mailer.toml:1", "SENDGRID_API_KEY"]),
        ("subscribers/weekly.toml", "titel = 'x'\n", ["subscribers/weekly.toml", "title"]),
        ("subscribers/weekly.toml", "title = 'x'\nfrom = 'nobody'\n", ["weekly.toml: unknown sender", "office"]),
        ("mailer.toml", "[provider]\nname = 'outbax'\n", ['unknown provider "outbax"', "outbox"]),
        ("mailer.toml", "[sources.a]\nkind = 'listing'\npath = '../x'\n", ["leads out of the workspace"]),
    ],
)
def test_check_names_the_place_of_a_mistake(mailer: Any, path: str, text: str, words: list[str]) -> None:
    mailer.write(path, text)
    run = mailer("config", "check")
    assert run.code == 1
    assert all(word in run.err for word in words)
    assert "SG.abc" not in run.err


def files(mailer: Any) -> dict[str, str]:
    return {each["name"]: each["origin"] for each in mailer.done("templates", "list", "--json").json}


def test_a_template_is_copied_and_then_stands_for_the_shipped_one(mailer: Any) -> None:
    assert files(mailer)["bulletin.mjml"] == "shipped"
    made = mailer.done("templates", "eject", "bulletin.mjml")
    path = Path(made.out.strip())
    assert path == mailer.root / "templates" / "bulletin.mjml"
    assert path.read_bytes() == (shipped("templates") / "bulletin.mjml").read_bytes()
    mailer.write("templates/own.mjml", "<mjml></mjml>")
    assert (files(mailer)["bulletin.mjml"], files(mailer)["own.mjml"]) == ("overridden", "own")
    path.write_text("mine")
    again = mailer("templates", "eject", "bulletin.mjml")
    assert again.code == 1
    assert path.read_text() == "mine"


@pytest.mark.parametrize("name", ["bulletn.mjml", "../mailer.toml", "/etc/passwd"])
def test_only_shipped_templates_are_copied(mailer: Any, name: str) -> None:
    run = mailer("templates", "eject", name)
    assert run.code == 1
    assert "unknown template" in run.err
    assert not (mailer.root / "templates").exists()


def test_status_creates_nothing(fresh: Any) -> None:
    told = fresh.done("db", "status", "--json").json
    assert (told["state"], told["version"]) == ("missing", None)
    assert not (fresh.root / "mailer.db").exists()


def test_upgrade_makes_the_tables_once(fresh: Any) -> None:
    first = fresh.done("db", "upgrade", "--json").json
    assert first["before"] is None
    assert fresh.done("db", "upgrade", "--json").json["before"] == first["after"]
    assert "nothing to do" in fresh.done("db", "upgrade").out
    told = fresh.done("db", "status", "--json").json
    assert (told["state"], told["version"]) == ("current", first["after"])


def test_a_newer_database_is_refused_by_every_command(mailer: Any) -> None:
    mailer.done("db", "upgrade")
    with sqlite3.connect(mailer.root / "mailer.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    for words in (["db", "status"], ["db", "upgrade"], ["lists", "list"]):
        run = mailer(*words)
        assert run.code == 1
        assert "newer version" in run.err


def test_backup_is_a_private_copy_and_overwrites_nothing(mailer: Any) -> None:
    mailer.done("subscribers", "add", "ann@example.org", "--list", "members")
    made = Path(mailer.done("db", "backup", "--json").json["file"])
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    with sqlite3.connect(made) as connection:
        assert connection.execute("SELECT email FROM subscribers").fetchall() == [("ann@example.org",)]
    connection.close()
    target = mailer.root / "copy.db"
    assert mailer.done("db", "backup", str(target)).out == f"{target}\n"
    assert mailer("db", "backup", str(target)).code == 1


def test_backup_without_a_database(fresh: Any) -> None:
    run = fresh("db", "backup")
    assert run.code == 1
    assert not (fresh.root / "mailer.db").exists()


def test_json_of_a_streamed_list_is_one_array(mailer: Any) -> None:
    assert json.loads(mailer.done("subscribers", "list", "--list", "members", "--json").out) == []
