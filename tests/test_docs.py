"""The pages say what is there: commands, settings, errors, sources, providers, checks, templates; and nothing else."""

from __future__ import annotations

import inspect
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import typer.main

from mailer import errors
from mailer.articles.kinds import KINDS
from mailer.checks.table import BY_ID
from mailer.cli.commands import build_app
from mailer.config import json_schema
from mailer.issues.file import FIELDS, parse_issue
from mailer.providers import FACTORIES

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    path for pattern in ("*.md", "docs/*.md", "templates/*.md", "subscribers/*.md") for path in ROOT.glob(pattern)
)
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def page_name(path: Path) -> str:
    return str(path.relative_to(ROOT))


# --- what is there is described ---------------------------------------------------------------------------------------


def test_the_generated_reference_is_current() -> None:
    """`docs/configuration.md`, `docs/commands.md`, `docs/rules.md`; the cure is `python docs/make_reference.py`."""
    command = [sys.executable, str(ROOT / "docs" / "make_reference.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands(typer.main.get_command(build_app())))


@pytest.mark.parametrize("name", [" ".join(path) for path in COMMANDS])
def test_every_command_is_shown_in_use_somewhere_by_hand(name: str) -> None:
    """The generated list alone does not say what a command is good for."""
    by_hand = [path for path in PAGES if path.name not in ("commands.md", "CHANGELOG.md", "ARCHITECTURE.md")]
    group, _, last = name.rpartition(" ")
    words = re.compile(rf"mailer {name}\b" if not group else rf"mailer {group} [^\n]*\b{last}\b|`{last}`")
    assert any(words.search(path.read_text(encoding="utf-8")) for path in by_hand)


def setting_names(schema: dict[str, Any]) -> Iterator[str]:
    for definition in schema["$defs"].values():
        yield from definition.get("properties", {})


@pytest.mark.parametrize("name", sorted(set(setting_names(json_schema()))))
def test_every_setting_is_on_its_page(name: str) -> None:
    page = text_of("docs/configuration.md")
    assert f"| `{name}` |" in page or re.search(rf"^## `\[+\w+\.{name}(\.NAME)?\]+`$", page, re.MULTILINE)


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_of_an_issue_is_on_its_page(field: str) -> None:
    assert f"| `{field}` |" in text_of("docs/issue-files.md")


def test_the_issue_on_its_page_is_one() -> None:
    page = text_of("docs/issue-files.md")
    examples = [block for language, block in FENCE.findall(page) if language == "markdown"]
    assert [parse_issue(block, "issues/example.md").kind.value for block in examples] == ["bulletin"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_source_is_on_its_page_with_an_example(kind: str) -> None:
    page = text_of("docs/sources.md")
    assert f"| `{kind}` |" in page
    assert f'kind = "{kind}"' in page


@pytest.mark.parametrize("name", FACTORIES)
def test_every_provider_is_on_its_page(name: str) -> None:
    assert f"## `{name}`" in text_of("docs/providers.md")


def test_the_rules_on_their_page_are_those_there_are() -> None:
    assert set(re.findall(r"^### `([a-z0-9-]+)`$", text_of("docs/rules.md"), re.MULTILINE)) == set(BY_ID)


@pytest.mark.parametrize("path", sorted((ROOT / "templates").glob("*.*")), ids=lambda path: path.name)
def test_every_template_is_on_its_page(path: Path) -> None:
    assert path.name == "README.md" or f"`{path.name}`" in text_of("templates/README.md")


@pytest.mark.parametrize("package", sorted({path.stem for path in (ROOT / "mailer").glob("*") if path.name[0] != "_"}))
def test_every_part_of_the_program_is_on_the_map(package: str) -> None:
    lines = [line for line in text_of("ARCHITECTURE.md").splitlines() if line.startswith("| ")]
    assert package == "py" or any(f"`{package}/`" in line or f"`{package}.py`" in line for line in lines)


# --- errors -----------------------------------------------------------------------------------------------------------


def family(parent: type[errors.MailerError]) -> Iterator[type[errors.MailerError]]:
    for child in parent.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from family(child)


ERRORS = [errors.MailerError, *family(errors.MailerError)]


def test_the_tree_of_errors_is_the_one_that_is_drawn() -> None:
    drawn: dict[str, str] = {}
    parents = {0: "MailerError"}
    for prefix, name in re.findall(r"^([ │├└─]*[├└]── )(\w+)", inspect.getdoc(errors) or "", re.MULTILINE):
        depth = len(prefix) // 4 - 1
        parents[depth] = name
        drawn[name] = parents[depth - 1]
    real = {error.__name__: error.__bases__[0].__name__ for error in family(errors.MailerError)}
    assert drawn == real


WORDS: dict[type[errors.MailerError], tuple[Any, ...]] = {
    errors.IssueFileError: ("issues/a.md", [errors.Mistake(3, "kind is wrong")]),
    errors.MessageError: ("Subject", "holds a line break"),
}


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_error_is_one_line_with_an_exit_code(error: type[errors.MailerError]) -> None:
    made = error(*WORDS.get(error, ("the thing cannot be done",)), hint="do the other")
    assert str(made)
    assert "\n" not in str(made)
    assert made.hint == "do the other"
    assert made.exit_code in (1, 2, 3)
    assert f"| {made.exit_code} |" in text_of("docs/commands.md")


# --- what the pages say is there --------------------------------------------------------------------------------------


def anchors(page: str) -> set[str]:
    """The names that headings can be linked by, as they are made where Markdown is shown."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links() -> Iterator[tuple[Path, str]]:
    for path in PAGES:
        for target in LINK.findall(FENCE.sub("", path.read_text(encoding="utf-8"))):
            if not re.match(r"https?:|mailto:", target):
                yield path, target


@pytest.mark.parametrize(("page", "target"), list(links()), ids=lambda value: str(value).removeprefix(str(ROOT)))
def test_every_link_within_the_project_leads_somewhere(page: Path, target: str) -> None:
    file, _, anchor = target.partition("#")
    path = (page.parent / file).resolve() if file else page
    assert path.is_relative_to(ROOT)
    assert path.exists()
    assert not anchor or anchor in anchors(path.read_text(encoding="utf-8"))


def quoted_commands() -> Iterator[tuple[str, str]]:
    """Every `mailer ...` of the pages: lines of blocks, and code within sentences."""
    for path in PAGES:
        page = path.read_text(encoding="utf-8")
        for language, block in FENCE.findall(page):
            if language in ("sh", "console", ""):
                for line in block.splitlines():
                    if found := re.match(r"\s*(?:\$ )?(mailer \w.*)", line):
                        yield page_name(path), found[1]
        for code in CODE.findall(FENCE.sub("", page)):
            if code.startswith("mailer ") and path.name not in ("commands.md",):
                yield page_name(path), code


def known(words: list[str]) -> tuple[Any, list[str]]:
    """The command that the words name, and what follows it. AssertionError when there is none."""
    for length in (2, 1):
        if command := COMMANDS.get(tuple(words[:length])):
            return command, words[length:]
    groups = {path[0] for path in COMMANDS if len(path) > 1}
    assert words[0] in groups | {"--help", "--version", "--json"}, f"no command mailer {' '.join(words)}"
    assert len(words) == 1 or words[1].startswith("-"), f"no command mailer {' '.join(words)}"
    return None, []


@pytest.mark.parametrize(("page", "line"), sorted(set(quoted_commands())))
def test_every_command_on_a_page_exists_with_its_options(page: str, line: str) -> None:
    plain = re.sub(r"\s#.*|[<|;].*|\[OPTIONS\]", "", line)
    command, rest = known(shlex.split(plain.replace("...", ""))[1:])
    options = {"--help"} | {
        name for each in (command.params if command else ()) for name in (*each.opts, *each.secondary_opts)
    }
    for word in rest:
        if word.startswith("-") and len(word) > 1:
            assert word.partition("=")[0] in options


def test_the_sweep_of_commands_sees_something() -> None:
    assert len(set(quoted_commands())) > 40
    with pytest.raises(AssertionError):
        known(["articles", "fetch"])
    with pytest.raises(AssertionError):
        known(["deliver"])


NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@pytest.mark.parametrize(
    ("file", "name"),
    sorted({found for path in PAGES for found in NAMED_TEST.findall(path.read_text(encoding="utf-8"))}),
)
def test_every_test_that_a_page_names_is_there(file: str, name: str) -> None:
    assert re.search(rf"^def {name}\(", text_of(file), re.MULTILINE)


def named_files() -> Iterator[tuple[str, str]]:
    for path in (ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("p*.md"))):
        for code in CODE.findall(FENCE.sub("", path.read_text(encoding="utf-8"))):
            if re.fullmatch(r"(mailer|tests|bench|\.ci)/[\w./]+", code):
                yield page_name(path), code


@pytest.mark.parametrize(("page", "file"), sorted(set(named_files())))
def test_every_file_of_the_program_that_a_page_names_is_there(page: str, file: str) -> None:
    assert (ROOT / file).exists() or file == "mailer/_shipped/"


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_pages_are_laid_out_like_one_another(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    assert page.startswith("# ")
    assert page.endswith("\n")
    assert not re.search(r"[ \t]+$", page, re.MULTILINE)
    assert len(re.findall(r"^# ", FENCE.sub("", page), re.MULTILINE)) == 1
