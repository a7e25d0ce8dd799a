"""Where procrastinate's tables are: in a schema of their own on the server, made when it is not there.

What is in them is derived from the program's own tables and fed anew every second. So there is nothing to upgrade:
another version has another schema, and one that nobody has used for an hour goes when a new one is made.
"""

from __future__ import annotations

from importlib.metadata import version

import psycopg
from procrastinate.schema import SchemaManager
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mailer.errors import StoreError

FORMAT = 1
"""Of what we put into procrastinate's tables: counts up when a worker could no longer read an older one's."""

PREFIX = "mailer_engine_"
SCHEMA = f"{PREFIX}{FORMAT}_{version('procrastinate').replace('.', '_')}"

CONNECT_SECONDS = 10
SILENT_SECONDS = 10
"""After so long without an answer the server counts as gone. Nothing that an engine asks takes a second."""

UNUSED_HOURS = 1
MAKING_LOCK = 0x6D61696C65720001
"""Names the making of the schema among the advisory locks of the database."""

UNSEEN = frozenset({"42883", "42704", "42P01"})
"""A function, type or table that is gone, or is not shown to this user."""

OPTIONS = f"-c search_path={SCHEMA} -c idle_in_transaction_session_timeout={SILENT_SECONDS}s"


def connect(address: str) -> psycopg.Connection:
    """A connection to the engine's tables; the caller closes it."""
    return psycopg.connect(address, autocommit=True)


def address_of(dsn: str) -> str:
    """The server's address with all that a connection of the engine needs.

    A network that goes away says nothing: without the time limits a worker would wait for hours.
    """
    given = conninfo_to_dict(dsn)
    limits = {
        "connect_timeout": CONNECT_SECONDS,
        "keepalives_idle": SILENT_SECONDS,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": SILENT_SECONDS * 1000,
    }
    options = f"{given.get('options') or ''} {OPTIONS}".strip()
    return make_conninfo(dsn, **limits, application_name="mailer engine", options=options)


def make_tables(connection: psycopg.Connection) -> None:
    """Make the schema and its tables unless they are there, whoever else does so at this moment."""
    if _is_there(connection):
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MAKING_LOCK])
        if _is_there(connection):
            return
        _drop_unused(connection)
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)))
        connection.execute(SchemaManager.get_schema())


def explained(error: BaseException) -> StoreError:
    """What the server or the driver reports, as one line without data in it."""
    cause = error if isinstance(error, psycopg.Error) else error.__cause__
    code = getattr(cause, "sqlstate", None) or ""
    if code == "42501":
        return StoreError(
            "the engine may not make its tables: permission denied",
            hint="As the database's owner: GRANT CREATE ON DATABASE name TO user",
        )
    if code in UNSEEN:
        return StoreError(
            f"the engine's tables (schema {SCHEMA}) are not there, or are another user's",
            hint="Every host needs the same user in DATABASE_URL.",
        )
    if code == "53300":
        return StoreError(
            "the engine's database cannot be opened: the server has too many connections",
            hint="Raise max_connections on the server, or set pool under [database] lower.",
        )
    if code == "23503":
        return StoreError("other hosts took this worker for dead, as it was silent for half a minute")
    return StoreError(
        "the engine's database cannot be reached, or the connection broke" + (f" ({code})" if code else ""),
        hint="Look whether the server runs; nothing is lost, what waits is in the program's own tables.",
    )


def _is_there(connection: psycopg.Connection) -> bool:
    """Read from the catalogue itself: to_regclass answers from a memory that a wait for a lock does not refresh."""
    query = "SELECT FROM pg_tables WHERE schemaname = %s AND tablename = 'procrastinate_jobs'"
    return connection.execute(query, [SCHEMA]).fetchone() is not None


def _drop_unused(connection: psycopg.Connection) -> None:
    """Those of other versions in which no worker has been heard of for an hour. A worker that is wrong about it
    makes its own anew."""
    others = """
        SELECT schemaname FROM pg_tables
        WHERE tablename = 'procrastinate_workers' AND tableowner = current_user
            AND schemaname ^@ %s AND schemaname <> %s
    """
    found = connection.execute(others, [PREFIX, SCHEMA]).fetchall()
    for (name,) in found:
        workers = sql.Identifier(name, "procrastinate_workers")
        heard = sql.SQL("SELECT 1 FROM {} WHERE last_heartbeat > now() - make_interval(hours => {})")
        if not connection.execute(heard.format(workers, UNUSED_HOURS)).fetchone():
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))
