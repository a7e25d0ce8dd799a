"""What the services need of the opened program. `app.Mailer` is it; the services do not import it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from mailer.config import Settings
from mailer.engine.carrier import Carrier
from mailer.model import MailingList
from mailer.providers import Provider
from mailer.store.database import Store
from mailer.workspace import Workspace


class Program(Protocol):
    """One workspace with everything opened over it."""

    workspace: Workspace
    settings: Settings
    environ: Mapping[str, str]
    now: Callable[[], datetime]

    @property
    def store(self) -> Store: ...

    @property
    def lists(self) -> Mapping[str, MailingList]: ...

    def list_named(self, name: str) -> MailingList: ...

    def make_provider(self) -> Provider: ...

    def make_carrier(self, name: str) -> Carrier: ...
