"""Rows by their numbers, thousands of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection

# Below the number of parameters every SQLite takes (999 before 3.32).
_FEW: Final = 400
_MANY: Final = 4000


def picked(
    connection: Connection, column: sa.Column[Any], numbers: Iterable[int]
) -> Iterator[tuple[sa.ColumnElement[bool], Sequence[int]]]:
    """Conditions that together say that the column is one of these numbers, each with those it is for, in order.

    A server gets them as one array: a parameter each costs more to write down than what is asked for.
    """
    ordered = sorted(set(numbers))
    on_server = connection.dialect.name == "postgresql"
    most = _MANY if on_server else _FEW
    for start in range(0, len(ordered), most):
        chunk = ordered[start : start + most]
        yield (column == sa.any_(sa.literal(chunk, ARRAY(sa.BigInteger))) if on_server else column.in_(chunk)), chunk
