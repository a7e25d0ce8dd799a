"""What tests of the public side begin with: an organisation with three lists, and its mails as they left."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from mailer.app import Mailer
from mailer.audience.address import parse_address
from mailer.model import How, SubscriptionState
from mailer.services.jobs.carrying import carry
from mailer.services.subscribers import Entry, add_in
from mailer.store import jobs, subscribers, subscriptions
from mailer.store.subscriptions import Origin
from tests.store.world import NOW

BASE = "https://news.example.org"
SETTINGS = f"""
[organisation]
name = "Rivers United"
postal_address = "1 Quay Street, Oslo"
contact = "office@example.org"
website = "https://www.example.org"

[from.office]
name = "Rivers United"
email = "news@example.org"

[web]
base_url = "{BASE}"
form_seconds = 0
"""
LISTS = {
    "weekly": 'title = "Weekly bulletin"\nconsent = "I want the weekly bulletin."\npublic = true\narchive = true\n'
    'fields = ["first_name"]\n',
    "alerts": 'title = "Alerts"\nopt_in = "single"\npublic = true\n',
    "members": 'title = "Members"\n',
}


def furnish(folder: Path) -> None:
    """Write the files of the workspace."""
    (folder / "subscribers").mkdir(parents=True)
    (folder / "mailer.toml").write_text(SETTINGS)
    for name, text in LISTS.items():
        (folder / "subscribers" / f"{name}.toml").write_text(text)


@dataclass
class House:
    """A workspace, its program, and a clock to be moved."""

    folder: Path
    moment: datetime = NOW
    woken: int = 0
    program: Mailer = field(init=False)

    def later(self, **span: float) -> datetime:
        self.moment += timedelta(**span)
        return self.moment

    def wake(self) -> None:
        self.woken += 1

    def join(self, name: str, list_name: str = "weekly", state: SubscriptionState = SubscriptionState.CONFIRMED) -> str:
        """Put NAME@example.org on a list, without a mail; what names them in links."""
        entry = Entry(self.program.list_named(list_name), state, Origin(How.COMMAND, "a test"))
        with self.program.store.write() as connection:
            add_in(connection, entry, parse_address(f"{name}@example.org"), {}, self.moment)
            person = subscribers.get(connection, f"{name}@example.org")
        assert person is not None
        return person.id

    def state(self, name: str, list_name: str = "weekly") -> SubscriptionState | None:
        with self.program.store.read() as connection:
            return subscriptions.of(connection, f"{name}@example.org").get(list_name)

    def work(self) -> list[str]:
        """Do every job that is due, as a worker would; what came of them."""
        told = []
        while numbers := self._due():
            told += [words for number in numbers if (words := carry(self.program, number, "a test", lambda: False))]
        return told

    def _due(self) -> list[int]:
        with self.program.store.read() as connection:
            return jobs.due(connection, self.moment, 100)

    def mails(self) -> list[EmailMessage]:
        """Every mail that left, by the name of its file."""
        parser = BytesParser(policy=policy.default)
        found = []
        for path in sorted((self.folder / "outbox").rglob("*.eml")):
            message = parser.parsebytes(path.read_bytes())
            assert isinstance(message, EmailMessage)
            found.append(message)
        return found
