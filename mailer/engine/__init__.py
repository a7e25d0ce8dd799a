"""Carriers: who brings numbers of batches, issues and jobs to the threads that see to them."""

from __future__ import annotations

from mailer.engine.carrier import Carrier
from mailer.engine.local import LocalCarrier

__all__ = ["make_carrier"]


def make_carrier(engine: str, dsn: str, name: str) -> Carrier:
    """The carrier that `[work] engine` names. `dsn` is the server's address as psycopg takes it, `name` the worker's.

    Raises ConfigError when the engine's package is not installed.
    """
    if engine == "local":
        return LocalCarrier()
    from mailer.engine.procrastinate import ProcrastinateCarrier

    return ProcrastinateCarrier(dsn, name)
