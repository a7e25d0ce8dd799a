"""What costs more to make than most tests take, kept for all tests of a process. Nothing of it remembers a test.

Compiled statements: SQLAlchemy keeps them for an engine, of which each test has its own. They were half of the time of
the tests of the store. And the commands: Typer makes them anew whenever a command is called.
"""

from __future__ import annotations

from collections import UserDict
from collections.abc import Collection, Hashable
from functools import cache
from typing import Any

import pytest
import typer
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from mailer.cli import commands

# Statements that are made by chance (of segments) would add up for as long as tests run.
MOST = 5_000

Key = tuple[Hashable, ...]


class Statements(UserDict[Key, Any]):
    """Known by all of SQLAlchemy's key but its first part, the dialect, which each engine has of its own.

    The dialects of two engines for one kind of database differ in nothing that a statement's text depends on.
    """

    def __getitem__(self, key: Key) -> Any:
        return super().__getitem__(key[1:])

    def __contains__(self, key: object) -> bool:
        return isinstance(key, tuple) and super().__contains__(key[1:])

    def __setitem__(self, key: Key, compiled: Any) -> None:
        if len(self) >= MOST:
            self.clear()
        super().__setitem__(key[1:], compiled)


STATEMENTS: dict[str, Statements] = {}


def keep() -> None:
    """From now on, for every engine that connects and every command that is called in this process."""
    event.listen(Engine, "engine_connect", lend)
    pytest.MonkeyPatch().setattr("mailer.cli.build_app", program)


def lend(connection: Connection) -> None:
    connection.execution_options(compiled_cache=STATEMENTS.setdefault(connection.dialect.name, Statements()))


def program(words: Collection[str] | None = None) -> Any:
    """As `build_app`, made into commands already."""
    return built(None if words is None else frozenset(words) & {command.name for command in commands.COMMANDS})


@cache
def built(names: frozenset[str] | None) -> Any:
    return typer.main.get_command(commands.build_app(names))
