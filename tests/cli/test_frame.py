"""The error boundary, the options before the command, and what every command has."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from mailer import __version__
from mailer.cli import commands, main, output
from mailer.cli.commands import COMMANDS, build_app
from mailer.errors import ConfigError, IssueFileError, MailerError, Mistake, NeedsAttention, UsageError

# Print what has a form of its own, or nothing.
# Their form is one for programs already.
WITHOUT_JSON = {"config schema", "subscribers data", "subscribers export", "suppressions export"}


def all_commands() -> Iterator[tuple[str, Any]]:
    """Every command that runs, by its whole name."""
    app = typer.main.get_command(build_app())
    waiting = [("", app)]
    while waiting:
        name, command = waiting.pop()
        inner = getattr(command, "commands", None)
        if inner is None:
            yield name, command
            continue
        if name and getattr(command, "invoke_without_command", False):
            yield name, command
        waiting += [(f"{name} {word}".strip(), each) for word, each in inner.items()]


EVERY = sorted(all_commands(), key=lambda pair: pair[0])
NAMES = [name for name, _ in EVERY]


@pytest.mark.parametrize(("name", "command"), EVERY, ids=NAMES)
def test_every_command_and_each_of_its_options_has_help(name: str, command: Any) -> None:
    assert command.help and command.help.splitlines()[0].endswith(".")
    silent = [parameter.name for parameter in command.params if not parameter.help]
    assert silent == []


@pytest.mark.parametrize(("name", "command"), EVERY, ids=NAMES)
def test_every_command_that_prints_data_has_json(name: str, command: Any) -> None:
    has_json = any("--json" in parameter.opts for parameter in command.params)
    assert has_json is (name not in WITHOUT_JSON)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_the_table_says_what_the_command_says(command: commands.Command) -> None:
    loaded = command.load()
    assert command.help.endswith(".")
    if command.is_group:
        assert isinstance(loaded, typer.Typer)
    else:
        assert (inspect.getdoc(loaded) or "").splitlines()[0] == command.help


@pytest.mark.parametrize(
    "words", [[], *([command.name] for command in COMMANDS if command.is_group and not command.acts)]
)
def test_without_a_command_the_help_is_shown(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    shown = capsys.readouterr()
    assert f"Usage: {' '.join(['mailer', *words])} " in shown.err
    assert "Commands:" in shown.err
    assert shown.out == ""


@pytest.mark.parametrize("name", NAMES)
def test_help_of_every_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*name.split(), "--help"]) == 0
    assert f"Usage: mailer {name} " in capsys.readouterr().out


def test_the_program_runs_under_typers_own_runner() -> None:
    result = CliRunner().invoke(build_app(), ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"mailer {__version__}\n")


@pytest.mark.parametrize("words", [["--nonsense"], ["nonsense"], ["articles", "list", "--limit", "many"]])
def test_wrong_usage_is_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert "Error:" in capsys.readouterr().err


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Makes the command `fail` raise the error."""

    def fail() -> None:
        """Fail."""
        raise error

    def build(words: object = None) -> typer.Typer:
        app = typer.Typer(callback=commands.program, rich_markup_mode=None, pretty_exceptions_enable=False)
        app.command("fail")(fail)
        return app

    monkeypatch.setattr("mailer.cli.build_app", build)


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (MailerError("it broke"), 1, "error: it broke\n"),
        (ConfigError("mailer.toml: no", hint="Fix it."), 1, "error: mailer.toml: no\nhint: Fix it.\n"),
        (UsageError("cannot be"), 2, "error: cannot be\n"),
        (NeedsAttention("2 rows", hint="Look."), 3, "attention: 2 rows\nhint: Look.\n"),
        (
            IssueFileError("issues/a.md", [Mistake(4, "second"), Mistake(2, "first")]),
            1,
            "error: issues/a.md:2: first\nissues/a.md:4: second\n",
        ),
        (MailerError("title \x1b]0;evil\x07 here"), 1, "error: title  here\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_an_error_is_lines_and_a_code(
    error: BaseException,
    code: int,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    failing(monkeypatch, error)
    assert main(["fail"]) == code
    shown = capsys.readouterr()
    assert shown.err == text
    assert shown.out == ""


def test_debug_shows_where_a_known_error_comes_from(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, MailerError("it broke"))
    monkeypatch.setenv("MAILER_DEBUG", "1")
    assert main(["fail"]) == 1
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert shown.endswith("error: it broke\n")


def test_an_unknown_error_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, ZeroDivisionError("a fault of the program"))
    with pytest.raises(ZeroDivisionError):
        main(["fail"])


def test_an_unknown_error_shows_a_plain_traceback() -> None:
    script = (
        "import sys, mailer.cli as c\n"
        "def broken(words): raise ZeroDivisionError('fault')\n"
        "c.build_app = broken\nsys.exit(c.main(['x']))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert "ZeroDivisionError: fault" in done.stderr


def test_outside_a_workspace_the_error_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--workspace", str(tmp_path), "lists", "list"]) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("error: ")
    assert "mailer.toml" in shown


def test_the_workspace_may_come_from_the_environment(mailer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILER_WORKSPACE", str(mailer.root))
    assert main(["lists", "list"]) == 0


def test_a_closed_pipe_is_quiet(mailer: Any) -> None:
    command = [sys.executable, "-m", "mailer", "-w", str(mailer.root), "config", "schema"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


def test_an_interrupt_ends_with_one_line(mailer: Any) -> None:
    """A real SIGINT while a real command reads its input."""
    script = (
        "import signal, sys\n"
        "from mailer.cli import main, output\n"
        "output.standard_input = lambda limit: signal.raise_signal(signal.SIGINT)\n"
        f"sys.exit(main(['-w', {str(mailer.root)!r}, 'articles', 'import', '-']))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"interrupted\n")


class Terminal:
    def __init__(self, tty: bool) -> None:
        self.tty = tty

    def isatty(self) -> bool:
        return self.tty


@pytest.mark.parametrize(
    ("tty", "environ", "wanted"),
    [
        (True, {"TERM": "xterm"}, True),
        (False, {"TERM": "xterm"}, False),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (True, {"TERM": "xterm", "NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colours(tty: bool, environ: dict[str, str], wanted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert output.coloured(Terminal(tty)) is wanted  # type: ignore[arg-type]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_that_cannot_be_written_is_one_line(unbuffered: str) -> None:
    command = f"{sys.executable} -m mailer --version >/dev/full"
    environ = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=environ)
    assert (done.returncode, done.stderr) == (1, "error: the output cannot be written: No space left on device\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is always full")
def test_an_error_that_cannot_be_told_keeps_its_exit_code(tmp_path: Path) -> None:
    command = f"{sys.executable} -m mailer --workspace nowhere status 2>/dev/full"
    assert subprocess.run(["sh", "-c", command], cwd=tmp_path).returncode == 1
