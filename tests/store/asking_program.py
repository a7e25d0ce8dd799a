"""A program over a store of a test, with a clock to be moved and a provider that does what a test wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from mailer.audience.address import parse_address
from mailer.config import Settings
from mailer.engine.carrier import Carrier
from mailer.engine.local import LocalCarrier
from mailer.model import Batch, How, MailingList, Outcome, Receipt, SubscriptionState
from mailer.providers import Capabilities, Provider
from mailer.services import asking
from mailer.services.asking import usual_rule
from mailer.services.subscribers import Added, Entry
from mailer.store import subscribers, subscriptions
from mailer.store.database import Store
from mailer.store.subscriptions import Origin, SubscriptionEvent
from mailer.workspace import Workspace
from tests.store.world import NOW

WEEKLY = MailingList("weekly", "Weekly bulletin", consent="I want the weekly bulletin.")
SETTINGS = {
    "organisation": {"name": "Rivers United", "postal_address": "1 Quay Street", "contact": "office@example.org"},
    "senders": {"office": {"name": "Rivers United", "email": "news@example.org"}},
    "web": {"base_url": "https://news.example.org"},
}
Answer = Callable[[Batch], tuple[Receipt, ...]]


def accept(batch: Batch) -> tuple[Receipt, ...]:
    return tuple(Receipt(each.delivery_id, Outcome.ACCEPTED) for each in batch.envelopes)


def answering(outcome: Outcome, detail: str = "for a reason") -> Answer:
    return lambda batch: tuple(Receipt(each.delivery_id, outcome, detail) for each in batch.envelopes)


@dataclass
class Desk:
    """A provider that keeps every mail it was handed."""

    answer: Answer = accept
    mails: list[EmailMessage] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(max_recipients=1000))
    name: str = "desk"

    def submit(self, batch: Batch) -> tuple[Receipt, ...]:
        parser = BytesParser(policy=policy.default)
        self.sizes.append(len(batch.envelopes))
        receipts = self.answer(batch)
        for envelope in batch.envelopes:
            message = parser.parsebytes(envelope.content)
            assert isinstance(message, EmailMessage)
            self.mails.append(message)
        return receipts

    def close(self) -> None:
        return

    def tokens(self) -> dict[str, str]:
        """The token of each addressee's last mail."""
        return {str(mail["To"]).partition("@")[0]: token_of(mail) for mail in self.mails}


def token_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    (line,) = [line for line in body.get_content().splitlines() if line.startswith("https://news.example.org/c/")]
    return str(line.rpartition("/")[2])


@dataclass
class Campaign:
    """What the services call a program."""

    store: Store
    workspace: Workspace
    desk: Desk = field(default_factory=Desk)
    settings: Settings = field(default_factory=lambda: Settings.model_validate(SETTINGS))
    environ: Mapping[str, str] = field(default_factory=dict)
    moment: datetime = NOW
    lists: Mapping[str, MailingList] = field(default_factory=lambda: {"weekly": WEEKLY})

    def __post_init__(self) -> None:
        self.now: Callable[[], datetime] = lambda: self.moment

    @classmethod
    def over(cls, store: Store, folder: Path) -> Campaign:
        return cls(store, Workspace(folder))

    def list_named(self, name: str) -> MailingList:
        return self.lists[name]

    def make_provider(self) -> Provider:
        return self.desk

    def make_carrier(self, name: str) -> Carrier:
        return LocalCarrier()

    def join(self, name: str, list_name: str = "weekly", definition: MailingList | None = None) -> Added:
        """As `mailer subscribers add` does it on a double opt-in list."""
        entry = Entry(definition or self.lists[list_name], SubscriptionState.PENDING, Origin(How.COMMAND, "added"))
        address = parse_address(f"{name}@example.org")
        return asking.add_and_ask(self, entry, address, {}, usual_rule(self.moment))

    def joined(self, name: str) -> str:
        """The token in the mail that a new person got."""
        self.join(name)
        return self.desk.tokens()[name]

    def state(self, name: str, list_name: str = "weekly") -> SubscriptionState | None:
        with self.store.read() as connection:
            return subscriptions.of(connection, f"{name}@example.org").get(list_name)

    def history(self, name: str) -> list[SubscriptionEvent]:
        with self.store.read() as connection:
            return subscriptions.history(connection, f"{name}@example.org")

    def id_of(self, name: str) -> str:
        with self.store.read() as connection:
            person = subscribers.get(connection, f"{name}@example.org")
        assert person is not None
        return person.id
