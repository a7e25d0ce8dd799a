"""What the help may cost: it imports nothing that a single command needs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from mailer.cli.commands import COMMANDS

HEAVY = {
    "sqlalchemy", "alembic", "pydantic", "pydantic_settings", "jinja2", "mjml", "sendgrid", "feedparser", "nh3",
    "urllib3", "ruamel", "markdown_it", "email_validator", "rich", "css_inline", "tomlkit", "email", "ssl", "sqlite3",
    "asyncio", "logging", "unittest", "http",
}  # fmt: skip

# Typer reads the options before a command through pydantic, which brings `email`. Only the help of the whole
# program comes before that.
TYPERS_OWN = {"pydantic", "email"}

LISTING = """
import json, sys
from mailer.cli import main
code = main({words})
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""


def modules_after(words: list[str]) -> set[str]:
    """The modules that are loaded once `mailer WORDS` has answered."""
    command = [sys.executable, "-c", LISTING.format(words=words)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0, done.stderr
    return set(modules)


def packages_after(words: list[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules_after(words)}


@pytest.mark.parametrize("word", ["--help", "-h", "--version"])
def test_the_program_answers_without_heavy_modules(word: str) -> None:
    loaded = packages_after([word])
    assert loaded & HEAVY == set()
    assert "typer" in loaded


@pytest.mark.parametrize("name", [command.name for command in COMMANDS])
def test_a_command_answers_without_heavy_modules(name: str) -> None:
    assert packages_after([name, "--help"]) & HEAVY <= TYPERS_OWN


def test_help_imports_no_module_of_a_command() -> None:
    targets = {command.target.partition(":")[0] for command in COMMANDS}
    assert modules_after(["--help"]) & targets == set()


def test_help_of_a_group_imports_that_group_only() -> None:
    ours = {command.target.partition(":")[0] for command in COMMANDS}
    assert modules_after(["articles", "--help"]) & ours == {"mailer.cli.articles"}


def test_services_and_packages_of_the_program_stay_out_of_the_help() -> None:
    own = {module for module in modules_after(["--help"]) if module.startswith("mailer")}
    allowed = {"cli", "errors"}
    assert {module.split(".")[1] for module in own if "." in module} == allowed
