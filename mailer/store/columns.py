"""Column types: what a value is in the program, and what it is in a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

# SQLite makes only INTEGER (64 bits there) an alias of its row number; elsewhere an INTEGER ends at 2**31, which
# a million deliveries a week reach.
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


# JSONB on PostgreSQL: read by key without parsing the whole, and compared as a value.
Json = sa.JSON().with_variant(JSONB(), "postgresql")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time, stored as whole microseconds since 1970 in UTC.

    An integer sorts and compares by time in every database, without a collation or a session's time zone having
    a say; it is 7 bytes in a SQLite record and its indexes where ISO text is 32; and it loses nothing.
    """

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Refuse a time without zone: nobody knows which moment it is."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        return (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Aware and in UTC."""
        return None if value is None else EPOCH + timedelta(microseconds=value)


def choice(kind: type[StrEnum]) -> sa.Enum:
    """A column of an enumeration, stored as its text. No CHECK: a new member must not mean rebuilding the table."""
    return sa.Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=16,
        values_callable=lambda members: [member.value for member in members],
    )
