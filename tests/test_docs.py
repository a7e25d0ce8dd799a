"""The pages say what is there: commands, settings, errors, sources, providers, checks, templates; and nothing else."""

from __future__ import annotations

import inspect
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
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


def in_use(name: str) -> re.Pattern[str]:
    """How a page shows that command."""
    group, _, last = name.rpartition(" ")
    return re.compile(rf"mailer {name}\b" if not group else rf"mailer {group} [^\n]*\b{last}\b|`{last}`")


def test_every_command_is_shown_in_use_somewhere_by_hand() -> None:
    """The generated list alone does not say what a command is good for."""
    by_hand = [path for path in PAGES if path.name not in ("commands.md", "CHANGELOG.md", "ARCHITECTURE.md")]
    texts = [path.read_text(encoding="utf-8") for path in by_hand]
    names = [" ".join(path) for path in COMMANDS]
    assert [name for name in names if not any(in_use(name).search(text) for text in texts)] == []


def setting_names(schema: dict[str, Any]) -> Iterator[str]:
    for definition in schema["$defs"].values():
        yield from definition.get("properties", {})


def test_every_setting_is_on_its_page() -> None:
    page = text_of("docs/configuration.md")
    tables = set(re.findall(r"^## `\[+\w+\.(\w+)(?:\.NAME)?\]+`$", page, re.MULTILINE))
    names = set(setting_names(json_schema())) - tables
    assert len(names) > 50
    assert [name for name in sorted(names) if f"| `{name}` |" not in page] == []


def test_every_field_of_an_issue_is_on_its_page() -> None:
    page = text_of("docs/issue-files.md")
    assert [field for field in FIELDS if f"| `{field}` |" not in page] == []


def test_the_issue_on_its_page_is_one() -> None:
    page = text_of("docs/issue-files.md")
    examples = [block for language, block in FENCE.findall(page) if language == "markdown"]
    assert [parse_issue(block, "issues/example.md").kind.value for block in examples] == ["bulletin"]


def test_every_kind_of_source_is_on_its_page_with_an_example() -> None:
    page = text_of("docs/sources.md")
    shown = [words for kind in KINDS for words in (f"| `{kind}` |", f'kind = "{kind}"')]
    assert [words for words in shown if words not in page] == []


def test_every_provider_is_on_its_page() -> None:
    page = text_of("docs/providers.md")
    assert [name for name in FACTORIES if f"## `{name}`" not in page] == []


def test_the_rules_on_their_page_are_those_there_are() -> None:
    assert set(re.findall(r"^### `([a-z0-9-]+)`$", text_of("docs/rules.md"), re.MULTILINE)) == set(BY_ID)


def test_every_template_is_on_its_page() -> None:
    page = text_of("templates/README.md")
    names = {path.name for path in (ROOT / "templates").glob("*.*")} - {"README.md"}
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []


def test_every_part_of_the_program_is_on_the_map() -> None:
    table = "\n".join(line for line in text_of("ARCHITECTURE.md").splitlines() if line.startswith("| "))
    parts = {path.stem for path in (ROOT / "mailer").glob("*") if path.name[0] != "_"} - {"py"}
    assert [part for part in sorted(parts) if f"`{part}/`" not in table and f"`{part}.py`" not in table] == []


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


@cache
def anchors_of(path: Path) -> set[str]:
    return anchors(path.read_text(encoding="utf-8"))


def leads_somewhere(page: Path, target: str) -> bool:
    file, _, anchor = target.partition("#")
    path = (page.parent / file).resolve() if file else page
    return path.is_relative_to(ROOT) and path.exists() and (not anchor or anchor in anchors_of(path))


def test_every_link_within_the_project_leads_somewhere() -> None:
    found = list(links())
    assert len(found) > 300
    assert [f"{page_name(page)}: {target}" for page, target in found if not leads_somewhere(page, target)] == []


def test_the_sweep_of_links_sees_a_dead_one() -> None:
    page = ROOT / "docs" / "sending.md"
    for target in ("absent.md", "#no-such-heading", "security.md#no-such-heading", "../../outside.md", "../../../etc"):
        assert not leads_somewhere(page, target)


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


def refuse_unknown(line: str) -> None:
    """AssertionError for a command that does not exist, or one with an option that it does not have."""
    plain = re.sub(r"\s#.*|[<|;].*|\[OPTIONS\]", "", line)
    command, rest = known(shlex.split(plain.replace("...", ""))[1:])
    options = {"--help"} | {
        name for each in (command.params if command else ()) for name in (*each.opts, *each.secondary_opts)
    }
    for word in rest:
        if word.startswith("-") and len(word) > 1:
            assert word.partition("=")[0] in options, f"no option {word}"


def test_every_command_on_a_page_exists_with_its_options() -> None:
    faults = []
    for page, line in sorted(set(quoted_commands())):
        try:
            refuse_unknown(line)
        except AssertionError as error:
            faults.append(f"{page}: {line}: {error}")
    assert faults == []


def test_the_sweep_of_commands_sees_something() -> None:
    assert len(set(quoted_commands())) > 40
    with pytest.raises(AssertionError):
        known(["articles", "fetch"])
    with pytest.raises(AssertionError):
        known(["deliver"])
    with pytest.raises(AssertionError):
        refuse_unknown("mailer send 2026-11-22-rivers --now")
    refuse_unknown("mailer send 2026-11-22-rivers --yes --max-rate=3 # at once")


NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@cache
def defined_in(file: str) -> set[str]:
    return set(re.findall(r"^def (\w+)\(", text_of(file), re.MULTILINE)) if (ROOT / file).is_file() else set()


def test_every_test_that_a_page_names_is_there() -> None:
    named = {found for path in PAGES for found in NAMED_TEST.findall(path.read_text(encoding="utf-8"))}
    assert len(named) > 100
    assert [f"{file}::{name}" for file, name in sorted(named) if name not in defined_in(file)] == []


def named_files() -> Iterator[tuple[str, str]]:
    for path in (ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("p*.md"))):
        for code in CODE.findall(FENCE.sub("", path.read_text(encoding="utf-8"))):
            if re.fullmatch(r"(mailer|tests|bench|\.ci)/[\w./]+", code):
                yield page_name(path), code


def test_every_file_of_the_program_that_a_page_names_is_there() -> None:
    named = {(page, file) for page, file in named_files() if file != "mailer/_shipped/"}
    assert len(named) > 20
    assert [f"{page}: {file}" for page, file in sorted(named) if not (ROOT / file).exists()] == []


def layout_faults(page: str) -> Iterator[str]:
    if not page.startswith("# "):
        yield "does not begin with its title"
    if not page.endswith("\n"):
        yield "does not end with a line's end"
    if found := re.search(r"[ \t]+$", page, re.MULTILINE):
        yield f"blanks at the end of line {page.count(chr(10), 0, found.start()) + 1}"
    if len(re.findall(r"^# ", FENCE.sub("", page), re.MULTILINE)) != 1:
        yield "has not one title"


def test_pages_are_laid_out_like_one_another() -> None:
    texts = {page_name(path): path.read_text(encoding="utf-8") for path in PAGES}
    assert [f"{name}: {fault}" for name, text in texts.items() for fault in layout_faults(text)] == []


def test_the_sweep_of_layout_sees_a_fault() -> None:
    assert len(list(layout_faults("Words \n# One\n# Two"))) == 4
    assert list(layout_faults("# One\n\n```sh\n# a comment\n```\n")) == []
