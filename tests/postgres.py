"""A PostgreSQL server of the tests' own, in a folder that goes away with it. Nothing of the machine's is touched."""

from __future__ import annotations

import atexit
import getpass
import itertools
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest

DEBIAN = Path("/usr/lib/postgresql")
# Nothing here has to survive a power cut; a test that is about that starts a server of its own.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
SMALL = ("shared_buffers=64MB", "max_connections=80", "listen_addresses=", "autovacuum=off", "logging_collector=off")


def programs() -> Path | None:
    """The folder of initdb and postgres: on the path, or where Debian puts the newest."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return folders[-1].parent if folders else None


def owner() -> str | None:
    """Whom to become: the server refuses to run as root."""
    return "postgres" if os.name == "posix" and os.geteuid() == 0 else None


@dataclass
class Server:
    """A running server; `url` makes a database on it."""

    bin: Path
    folder: Path
    process: subprocess.Popen[bytes]
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def url(self, database: str) -> str:
        user = owner() or getpass.getuser()
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def create(self, template: str = "template0") -> str:
        """A new database, a copy of `template`; its URL."""
        name = f"mailer_{next(self.numbers)}"
        self.run(f'CREATE DATABASE {name} TEMPLATE {template} ENCODING UTF8 LOCALE "C.UTF-8"')
        return self.url(name)

    def drop(self, url: str) -> None:
        self.run(f"DROP DATABASE {name_of(url)} WITH (FORCE)")

    def cut(self, url: str) -> None:
        """End every connection to that database."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            connection.execute(others, [name_of(url)])

    def run(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def restart(self) -> None:
        """As after a crash: the server is killed and recovers."""
        self.process.kill()
        self.process.wait()
        self.process = launch(self.bin, self.folder, ())

    def stop(self) -> None:
        self.process.send_signal(3)  # SIGQUIT: at once
        self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)


SHAPE = """
SELECT (
    SELECT json_agg(json_build_array(c.oid, relname, reloptions) ORDER BY c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE c.oid >= 16384 AND nspname !~ '^pg_(toast_)?temp_'
)::text
    || (
        SELECT md5(string_agg(concat_ws(' ', attrelid, attnum, attname, atttypid, attnotnull, atthasdef), ','
            ORDER BY attrelid, attnum))
        FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace
        WHERE c.oid >= 16384 AND nspname !~ '^pg_(toast_)?temp_'
    )
    || (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal)
    || (SELECT count(*) FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_')
    || (SELECT count(*) FROM pg_proc WHERE oid >= 16384) || (SELECT count(*) FROM pg_db_role_setting)
"""
"""What is there beside rows, as one text. Where temporary tables were stays when they are gone, and is of no matter."""

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"


class Shelf:
    """Databases that are copies of a template. One that comes back is emptied, if only its rows were changed."""

    def __init__(self, server: Server, template: str) -> None:
        self.server = server
        self.template = template
        self.shapes: dict[str, str] = {}
        self.free: list[str] = []

    def take(self) -> str:
        """The URL of an empty one."""
        if self.free:
            return self.free.pop()
        url = self.server.create(self.template)
        with psycopg.connect(url) as connection:
            self.shapes[url] = self._shape(connection)
        return url

    def put_back(self, url: str) -> None:
        self.server.cut(url)
        # One that was renamed or dropped cannot be opened.
        with suppress(psycopg.Error), psycopg.connect(url) as connection:
            if self._shape(connection) == self.shapes[url] and self._versions(connection) == 1:
                self._empty(connection)
                self.free.append(url)
                return
        self.server.run(f"DROP DATABASE IF EXISTS {name_of(url)} WITH (FORCE)")

    @staticmethod
    def _shape(connection: psycopg.Connection) -> str:
        row = connection.execute(SHAPE).fetchone()
        assert row is not None
        return str(row[0])

    @staticmethod
    def _versions(connection: psycopg.Connection) -> int:
        return len(connection.execute("SELECT FROM alembic_version").fetchall())

    @staticmethod
    def _empty(connection: psycopg.Connection) -> None:
        names = [name for (name,) in connection.execute(TABLES)]
        asked = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in names)  # noqa: S608
        if filled := [name for (name,) in connection.execute(asked.encode())]:
            connection.execute(f"TRUNCATE {', '.join(filled)} CASCADE".encode())
        connection.execute("SELECT setval(seqrelid, seqstart, false) FROM pg_sequence")


def name_of(url: str) -> str:
    return url.rpartition("/")[2].partition("?")[0] if "?host=" not in url else url.partition("@/")[2].partition("?")[0]


def start(*options: str) -> Server:
    """A server on a socket of its own. Skips the test where PostgreSQL is not installed."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    folder = owned_folder()
    subprocess.run(["cp", "-a", initialised(found), folder / "data"], check=True)
    return Server(found, folder, launch(found, folder, options))


def owned_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="mailer-pg-"))
    if name := owner():
        shutil.chown(folder, name)
    return folder


@cache
def initialised(found: Path) -> Path:
    """What initdb makes, once for all servers of this process."""
    folder = owned_folder()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    as_owner: dict[str, Any] = {"user": owner(), "extra_groups": []} if owner() else {}
    subprocess.run(
        [found / "initdb", "--pgdata", folder / "data", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8",
         "--no-sync"],
        check=True, capture_output=True, cwd=folder, **as_owner,
    )  # fmt: skip
    return folder / "data"


@cache
def shared() -> Server:
    """One server for all tests of this process."""
    server = start()
    atexit.register(server.stop)
    return server


def launch(found: Path, folder: Path, options: tuple[str, ...]) -> subprocess.Popen[bytes]:
    settings = [word for setting in (*FAST, *SMALL, *options) for word in ("-c", setting)]
    as_owner: dict[str, Any] = {"user": owner(), "extra_groups": []} if owner() else {}
    with (folder / "log").open("ab") as log:
        process: subprocess.Popen[bytes] = subprocess.Popen(
            [found / "postgres", "-D", folder / "data", "-k", folder, *settings],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder, **as_owner,
        )  # fmt: skip
    for _ in range(600):
        ready = subprocess.run([found / "pg_isready", "-q", "-h", folder, "-d", "postgres"], check=False)
        if ready.returncode == 0:
            return process
        if process.poll() is not None:
            break
        time.sleep(0.05)
    process.kill()
    raise RuntimeError(f"the server did not start:\n{(folder / 'log').read_text(errors='replace')}")
