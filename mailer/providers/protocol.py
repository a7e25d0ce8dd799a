"""What a provider is: somebody who takes batches of finished mails and says what became of each."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from mailer.model import Batch, Receipt, SuppressionReason


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one call to a provider can carry and what it can promise. `None` is no limit of its own.

    `variables_bytes` limits the values of one recipient where the provider `personalises`, that is, puts values into
    one message itself (`Batch.merges`). `call_seconds` is the longest that one call may take: a lease covers it twice.
    `idempotent`: handing over a delivery a second time makes no second mail. `schedules` and
    `cancels`: it can hold mails until a time, and drop them before it. `smtputf8`: it takes addresses whose local part
    is not ASCII. `calls`: more than so many at once gain nothing.
    """

    max_recipients: int
    max_bytes: int | None = None
    variables_bytes: int | None = None
    personalises: bool = False
    schedules: bool = False
    cancels: bool = False
    idempotent: bool = False
    smtputf8: bool = False
    call_seconds: float = 0
    calls: int | None = None


class Provider(Protocol):
    """Who takes the mails."""

    @property
    def name(self) -> str: ...

    @property
    def capabilities(self) -> Capabilities: ...

    def submit(self, batch: Batch) -> tuple[Receipt, ...]:
        """Hand over a batch: one receipt for each delivery, in the order of `Batch.delivery_ids`.

        Raises ProviderError if it cannot begin, and only if nothing of the batch has left.
        """
        ...

    def close(self) -> None:
        """Finish what the batches left open. May be called twice."""
        ...


@runtime_checkable
class ChecksAccess(Protocol):
    """A provider that can be asked beforehand whether it would take mails at all."""

    def check_access(self) -> None:
        """Raises ProviderError saying what is missing: a right of the key, the way to the provider."""
        ...


@runtime_checkable
class NeedsKey(Protocol):
    """A provider whose key is read when something is sent, so that everything else works without one."""

    def check_key(self) -> None:
        """Raises ConfigError saying what is wrong with the key as it stands here. Asks nobody."""
        ...


@runtime_checkable
class Rehearses(Protocol):
    """A provider that can look at mails as if they were to be delivered, and deliver none."""

    def rehearse(self, batch: Batch) -> tuple[Receipt, ...]:
        """As `submit`, but nothing leaves: accepted is what would have been."""
        ...


@runtime_checkable
class KeepsMails(Protocol):
    """A provider that keeps copies of mails which can be deleted."""

    def erase(self, issue: str, delivery_ids: Collection[int]) -> int:
        """Delete the copies of these deliveries of an issue; how many there were."""
        ...


@runtime_checkable
class SubmitsInOrder(Protocol):
    """A provider that takes the mails of a batch one by one, so that a kill leaves one of them in doubt and not all."""

    def submit_each(self, batch: Batch, tell: Callable[[Receipt], bool]) -> tuple[Receipt, ...]:
        """As `submit`, in the batch's order. `tell` hears of each mail before the next one can be accepted.

        Whenever it is killed, the first mail in order that was not told of may have been accepted, and none after it.
        A mail that cannot be sent at all may be told of before its turn. `tell` returns False to have nothing more
        sent: the rest is `not_sent`.
        """
        ...


@dataclass(frozen=True, slots=True)
class HoldTerms:
    """What a provider asks of those who have mails kept.

    They can be dropped until `lead` before they leave, are kept no longer than `longest`, and no more than `most`
    batches may be dropped at one time.
    """

    lead: timedelta
    longest: timedelta
    most: int


@runtime_checkable
class Holds(Protocol):
    """A provider that can keep a batch until its `send_at`, and drop it before, so that nothing of it ever leaves."""

    @property
    def name(self) -> str: ...

    @property
    def hold_terms(self) -> HoldTerms: ...

    def new_hold(self) -> str:
        """A number to keep a batch under. ProviderError when there is none to be had; nothing was sent."""
        ...

    def drop(self, hold: str, by: datetime) -> bool:
        """Drop whatever was handed over under this number, or will be. May be asked again.

        True: it was dropped by that time, also on the provider's clock, and never leaves. False: it was not dropped.
        ProviderError: nobody knows.
        """
        ...

    def release(self, hold: str) -> None:
        """Forget a drop whose mails are long gone. ProviderError when that cannot be."""
        ...


@dataclass(frozen=True, slots=True)
class Listed:
    """Somebody whom a provider does not mail any more. `note` is for people; `at` is not always known."""

    email: str
    reason: SuppressionReason
    at: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class ListedPage:
    """A page of such a list: so many entries were `read`, of which these count. `last`: nothing comes after it."""

    entries: tuple[Listed, ...]
    read: int
    last: bool


@runtime_checkable
class SuppressionSource(Protocol):
    """A provider that keeps lists of those whom it does not mail any more."""

    @property
    def name(self) -> str: ...

    @property
    def suppression_lists(self) -> tuple[str, ...]: ...

    def suppressed(self, name: str, since: datetime | None, until: datetime, offset: int) -> ListedPage:
        """A page of what was put on a list in that span, ends included, from the so-many-th entry on.

        ProviderError when it cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class WantedRecord:
    """A DNS record that a provider wants; `found`: whether it saw it when it last looked."""

    kind: str
    name: str
    content: str
    found: bool


@dataclass(frozen=True, slots=True)
class SendingDomain:
    """A domain that a provider may send for. `envelope` is the one that bounces go to."""

    domain: str
    envelope: str
    records: tuple[WantedRecord, ...]


@runtime_checkable
class KnowsDomains(Protocol):
    """A provider that says for which domains it signs, and which records it wants for them."""

    def sending_domains(self) -> tuple[SendingDomain, ...]:
        """ProviderError when it does not say."""
        ...


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where a provider posts its reports. `key` verifies them: "" where nothing is signed, None where that is not
    known. `lacks`: reports that are needed and not posted. `number` is the provider's own, "" for none.
    """

    number: str
    url: str
    enabled: bool
    key: str | None
    lacks: tuple[str, ...] = ()


@runtime_checkable
class PostsEvents(Protocol):
    """A provider that posts its reports, and can be asked where to."""

    def webhooks(self) -> tuple[Webhook, ...]:
        """ProviderError when it does not say."""
        ...
