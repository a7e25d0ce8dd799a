"""PostgreSQL: connecting, what a transaction is there, holding tables still, and its errors in our words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine

from mailer.errors import StoreBusyError, StoreError
from mailer.store.modes import MODE, READ, SCHEMA, compact_json

CONNECT_SECONDS = 10
FROZEN_SECONDS = 30
"""After so long without a word in the middle of a write transaction, the server ends it: what a client that is frozen
has locked would keep every other one waiting. Nothing of ours thinks for so long while it holds locks."""

# A network that goes away says nothing; by itself the system gives up on a connection after a quarter of an hour.
NETWORK = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 30_000}

# Names our upgrade among the advisory locks of the database: "mailer" in ASCII.
UPGRADE_LOCK = 0x6D61696C6572
# And those who bring people in, which forgetting somebody has to wait for.
DOOR_LOCK = UPGRADE_LOCK + 1

# A code of our own: what is raised where something is written to a database that was moved away.
MOVED = "MV001"

# https://www.postgresql.org/docs/15/errcodes-appendix.html: whole codes and their classes (the first two letters).
BUSY = frozenset({"40001", "40P01", "55P03", "57014", "23505"})
CAUSES = {
    "25006": "cannot be written: the transaction or the server is read-only",
    "28": "cannot be opened: the server refuses this user or password",
    "3D000": "cannot be opened: there is no database of that name",
    "42501": "permission denied for this user",
    "53100": "cannot be written: the server's disk is full",
    "53300": "cannot be opened: the server has too many connections",
    "57P": "the server is shutting down or starting",
    "23503": "a row refers to one that is not there (foreign key)",
    "23502": "a value is missing",
    "22": "a value cannot be stored",
    MOVED: "this database was moved, and nothing may be written to it any more",
}
HINTS = {
    "28": "DATABASE_URL holds user and password.",
    "3D000": "Make it on the server: createdb NAME",
    "42501": "The easiest is that this user owns the database: ALTER DATABASE name OWNER TO user",
    "53100": "Free some space and run the command again; nothing that was recorded is lost.",
    "53300": "Raise max_connections on the server, or stop another program.",
    "57P": "Run the command again when it is up; nothing that was recorded is lost.",
    MOVED: "Where it is now: mailer db status",
}


def connect(url: URL, pool: int) -> Engine:
    """An engine over the server with `pool` connections at most; the first is made when it is needed."""
    engine = bare(url, pool)
    event.listen(engine, "begin", _begin)
    return engine


def bare(url: URL, pool: int) -> Engine:
    """The same, with transactions as the server makes them."""
    try:
        return sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            connect_args={
                "connect_timeout": CONNECT_SECONDS,
                "application_name": "mailer",
                "options": f"-c idle_in_transaction_session_timeout={FROZEN_SECONDS}s",
                **NETWORK,
            },
            pool_size=pool,
            max_overflow=0,
            # A connection that a restart of the server cut is replaced before it is used.
            pool_pre_ping=True,
            hide_parameters=True,
            json_serializer=compact_json,
        )
    except ModuleNotFoundError as error:
        raise StoreError(
            "PostgreSQL needs its driver, which is not installed", hint="pip install 'campaign-mailer[postgresql]'"
        ) from error


def conninfo(url: URL) -> str:
    """The server's address in the words of libpq, as the driver itself would be given it."""
    engine = connect(url, 1)  # before the driver's own words: it says what to do where there is no driver
    from psycopg.conninfo import make_conninfo

    _, parts = engine.dialect.create_connect_args(url)
    parts.pop("context", None)  # SQLAlchemy's own: how Python values become the server's
    return make_conninfo(**parts)


def hold(connection: Connection, tables: Iterable[sa.Table]) -> None:
    """Let nobody else write to these tables until the transaction ends; reading goes on."""
    quote = connection.dialect.identifier_preparer.format_table
    names = ", ".join(map(quote, tables))
    connection.exec_driver_sql(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")


def pass_door(connection: Connection) -> None:
    """Any number may pass, none while it is shut."""
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(DOOR_LOCK)))


def shut_door(connection: Connection) -> None:
    """Wait for those who passed, and let nobody in until the transaction ends."""
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(DOOR_LOCK)))


def explained(cause: BaseException, name: str) -> StoreError:
    """The database's complaint as one line without data in it."""
    code = getattr(cause, "sqlstate", None) or _refused(str(cause))
    if code in BUSY:
        return StoreBusyError(
            f"{name}: another process changed the same thing at the same moment",
            hint="Run the command again; nothing was changed.",
        )
    for known in (code, code[:3], code[:2]):
        if known in CAUSES:
            return StoreError(f"{name}: {CAUSES[known]}", hint=HINTS.get(known))
    if not code:
        return StoreError(
            f"{name}: the server cannot be reached, or the connection broke",
            hint="Look whether it runs and whether DATABASE_URL is right; nothing that was recorded is lost.",
        )
    # The message may quote a row, so only its code and kind are told.
    return StoreError(f"{name}: PostgreSQL reports {type(cause).__name__} ({code})")


def _refused(message: str) -> str:
    """The code of a refused connection, which the driver tells by words alone."""
    if "authentication failed" in message or "no password supplied" in message:
        return "28000"
    return "3D000" if "does not exist" in message else "57P03" if "starting up" in message else ""


def size(connection: Connection) -> int:
    """Bytes on the server's disk."""
    query: sa.Select[Any] = sa.select(sa.func.pg_database_size(sa.func.current_database()))
    return int(connection.execute(query).scalar_one())


def _begin(connection: Connection) -> None:
    mode = connection.get_execution_options().get(MODE, READ)
    if mode == READ:
        # One moment of the database, as a reader of SQLite sees it. It may take its time, and locks nobody out.
        connection.exec_driver_sql(
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;"
            "SET LOCAL idle_in_transaction_session_timeout = 0"
        )
    elif mode == SCHEMA:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(UPGRADE_LOCK)))
