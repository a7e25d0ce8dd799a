"""The composition root: one workspace and everything opened over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from mailer.config import Settings, load_settings
from mailer.engine import make_carrier
from mailer.engine.carrier import Carrier
from mailer.errors import ConfigError, NotFoundError, StoreError
from mailer.model import MailingList
from mailer.providers import Provider, make_provider
from mailer.services.binding import refuse_arriving
from mailer.services.recognising import Recogniser
from mailer.store.database import Store, open_store, server_address
from mailer.store.migrate import is_empty, upgrade
from mailer.store.serverclock import ServerClock
from mailer.wording import unknown
from mailer.workspace import Workspace


def utc_now() -> datetime:
    return datetime.now(UTC)


class Mailer:
    """The program over one workspace. The store is opened when it is first used and closed at the end."""

    def __init__(
        self,
        workspace: Workspace,
        settings: Settings,
        environ: Mapping[str, str],
        now: Callable[[], datetime] | None = None,
    ) -> None:
        """`now` is whose clock decides; by default the server's where the database is on one, else this machine's."""
        self.workspace = workspace
        self.settings = settings
        self.environ = environ
        on_server = self.database_url.startswith("postgres")
        self._server_clock = ServerClock(self.database_url) if on_server and now is None else None
        self.now = now or self._server_clock or utc_now

    @property
    def database_url(self) -> str:
        return self.workspace.database_url(self.settings.database.url)

    @property
    def database_file(self) -> Path | None:
        """Where the database is or will be; None when it is on a server."""
        if not self.database_url.startswith("sqlite"):
            return None
        return Path(self.database_url.partition(":///")[2].partition("?")[0])

    @cached_property
    def store_as_it_is(self) -> Store:
        """The store without looking at its version: for the commands that show or upgrade it."""
        hasher = Recogniser(self.workspace.key_file, self.environ)
        pool = self.settings.database.pool
        return replace(open_store(self.database_url, backup_dir=self.workspace.backup_dir, pool=pool), hasher=hasher)

    @cached_property
    def store(self) -> Store:
        """The store at the version of this program; an older one is copied and upgraded first.

        Raises StoreError when this workspace had a database and it is gone: an empty one in its place would not
        know who got what, and everybody would be mailed again.
        """
        if self.workspace.had_database:
            self._refuse_an_empty_one()
        upgrade(self.store_as_it_is)
        refuse_arriving(self.store_as_it_is)
        self.workspace.remember_database()
        return self.store_as_it_is

    def _refuse_an_empty_one(self) -> None:
        file = self.database_file
        if file is not None and not file.exists():
            raise StoreError(
                f"the database {file} is missing, and with it who got which issue",
                hint="Copy the last one back from .mailer/backups. To begin anew with nothing: mailer db upgrade",
            )
        if file is None and is_empty(self.store_as_it_is):
            raise StoreError(
                f"the database {self.store_as_it_is.name} is empty; this workspace had one that knew who got which "
                "issue",
                hint="Look at DATABASE_URL, or restore the server's backup. To begin anew: mailer db upgrade",
            )

    @cached_property
    def lists(self) -> Mapping[str, MailingList]:
        """The lists that the workspace defines, by name."""
        return self.workspace.load_lists()

    def list_named(self, name: str) -> MailingList:
        """The list of that name; NotFoundError tells the near one."""
        if name not in self.lists:
            raise NotFoundError(unknown("list", name, self.lists), hint="Lists are files in subscribers/.")
        return self.lists[name]

    def make_provider(self) -> Provider:
        """A new provider as the settings name it; the caller closes it."""
        return make_provider(self.settings, self.workspace.root)

    def make_carrier(self, name: str) -> Carrier:
        """A new carrier as the settings name it, for a worker of that name."""
        engine = self.settings.work.engine
        if engine == "local":
            return make_carrier(engine, "", name)
        if self.database_file is not None:
            raise ConfigError(
                f'[work] engine = "{engine}" needs PostgreSQL, and the database is the file {self.database_file.name}',
                hint='Name a server in DATABASE_URL (mailer db move brings everything there), or set engine = "local".',
            )
        return make_carrier(engine, server_address(self.database_url), name)

    def close(self) -> None:
        if self._server_clock is not None:
            self._server_clock.close()
        if "store_as_it_is" in self.__dict__:
            self.store_as_it_is.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_mailer(workspace: Workspace, environ: Mapping[str, str], now: Callable[[], datetime] | None = None) -> Mailer:
    """The program over `workspace`, with the settings of its `mailer.toml` and of `environ`."""
    return Mailer(workspace, load_settings(workspace.settings_file, environ), environ, now)
