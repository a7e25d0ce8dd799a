"""Carriers: who brings numbers of batches, issues and jobs to the threads that see to them."""

from __future__ import annotations

from mailer.engine.carrier import Carrier
from mailer.engine.local import LocalCarrier
from mailer.errors import ConfigError

__all__ = ["make_carrier"]


def make_carrier(engine: str, dsn: str, name: str) -> Carrier:
    """The carrier that `[work] engine` names. `dsn` is the server's address as psycopg takes it, `name` the worker's.

    Raises ConfigError when the engine's package is not installed.
    """
    if engine == "local":
        return LocalCarrier()
    try:
        from mailer.engine.procrastinate import ProcrastinateCarrier
    except ModuleNotFoundError as error:
        raise ConfigError(
            f'[work] engine = "{engine}" needs a package that is not installed',
            hint="pip install 'campaign-mailer[cluster]'",
        ) from error
    return ProcrastinateCarrier(dsn, name)
