"""Sending an issue through the ledger.

The promise: each recipient in the frozen audience is handed to the provider at most once without a person's word,
and each one ends in a state that says what happened. The steps for a batch are those of `store.ledger`:

    claim     the batch is ours for a time; who unsubscribed since the freeze is taken out
    write     its mails; one that cannot be written is refused with the reason, and stops nobody else's
    begin     the point of no return
    submit    the provider, with no transaction open
    record    what it said of each

Killed before `begin`, nothing was sent and the batch goes back when its lease ends. Killed after it, the batch is in
doubt, and only a provider to which handing over twice makes no second mail (the outbox) is asked again.
"""

from __future__ import annotations

import os
import platform
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from mailer.errors import ConflictError, MailerError, NotFoundError, ProviderError
from mailer.model import Batch, DeliveryState, Envelope, IssueState, Outcome, Receipt
from mailer.providers import Provider
from mailer.services.plan import Plan, plan_prepared, refuse_errors
from mailer.services.prepare import Prepared, prepare
from mailer.services.program import Program
from mailer.services.writer import MailWriter
from mailer.store import issues as stored_issues
from mailer.store import ledger
from mailer.store import lists as stored_lists
from mailer.store.database import Store

LEASE_SECONDS = 30.0
"""How long a batch is a sender's. A thousand mails are written and handed to the outbox in under two seconds."""

LEASE_SHARE = 0.5
"""The part of the lease that may be used up when the call begins."""


@dataclass(frozen=True, slots=True)
class SendResult:
    """How an issue stands when a sender stops. `stopped`: it was asked to."""

    name: str
    state: IssueState
    figures: ledger.Figures
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a send has come, in recipients."""

    done: int
    total: int


OPEN = (DeliveryState.PENDING, DeliveryState.SUBMITTING)

Tell = Callable[[Progress], None]
Stop = Callable[[], bool]


def never() -> bool:
    return False


def silent(_: Progress) -> None:
    return


def plan_send(program: Program, name: str, *, again: bool = False) -> tuple[Prepared, Plan]:
    """What sending would do; CheckError when it must not be done."""
    prepared = prepare(program, name)
    plan = plan_prepared(program, prepared, again=again)
    if plan.state is None:
        refuse_errors(plan)
    return prepared, plan


def freeze_issue(program: Program, prepared: Prepared) -> ledger.FrozenCounts:
    """Write the issue and its audience down, once; the same issue again changes nothing."""
    capabilities = program.make_provider().capabilities
    frozen = ledger.Frozen(
        name=prepared.issue.name,
        kind=prepared.issue.kind,
        subject=prepared.issue.subject,
        hash=prepared.hash,
        snapshot=prepared.snapshot,
        lists=prepared.issue.lists,
        article_keys=tuple(article.key for article in prepared.articles),
        batch_size=min(program.settings.provider.batch_size, capabilities.max_recipients),
        smtputf8=capabilities.smtputf8,
    )
    with program.store.write() as connection:
        for definition in prepared.lists:
            stored_lists.ensure(connection, definition)
        return ledger.freeze(connection, frozen, program.now())


def send_frozen(program: Program, name: str, tell: Tell = silent, stop: Stop = never) -> SendResult:
    """Hand over every batch of a frozen issue that is still waiting, then close the issue."""
    with program.store.read() as connection:
        issue = stored_issues.get(connection, name)
    if issue is None:
        raise NotFoundError(f"issue {name} was never sent", hint=f"mailer send {name}")
    if issue.state is IssueState.CANCELLED:
        raise ConflictError(f"issue {name} was cancelled", hint="write it as an issue of another name to send it")
    if issue.state is IssueState.SENT:
        return result(program.store, name, issue.state)
    writer = MailWriter(name, issue.snapshot, program.workspace.secret_key(program.environ))
    with provided(program) as provider:
        run = Run(program.store, provider, writer, program.now)
        stopped = run.batches(tell, stop)
    with program.store.write() as connection:
        sent = ledger.finish(connection, name, program.now())
    return result(program.store, name, IssueState.SENT if sent else issue.state, stopped=stopped and not sent)


def result(store: Store, name: str, state: IssueState, *, stopped: bool = False) -> SendResult:
    with store.read() as connection:
        return SendResult(name, state, ledger.figures(connection, name), stopped)


@contextmanager
def provided(program: Program) -> Iterator[Provider]:
    provider = program.make_provider()
    try:
        yield provider
    finally:
        provider.close()


class Run:
    """One sender at work on one issue."""

    def __init__(self, store: Store, provider: Provider, writer: MailWriter, now: Callable[[], datetime]) -> None:
        self.store = store
        self.provider = provider
        self.writer = writer
        self.now = now
        self.owner = f"{platform.node() or 'host'}-{os.getpid()}-{secrets.token_hex(4)}"

    def batches(self, tell: Tell, stop: Stop) -> bool:
        """Work until nothing is left; True when `stop` ended it before."""
        while not stop():
            batch = self.claim()
            if batch is not None:
                self.one(batch)
                tell(self.progress())
            elif (seconds := self.wait()) is None:
                return False
            else:
                time.sleep(min(seconds, 0.5))
        return True

    def claim(self) -> ledger.ClaimedBatch | None:
        with self.store.write() as connection:
            now = self.now()
            ledger.sweep(connection, now)
            if self.provider.capabilities.idempotent:
                ledger.resend_doubts(connection, self.writer.issue, now)
            return ledger.claim(connection, self.writer.issue, self.owner, LEASE_SECONDS, now)

    def one(self, batch: ledger.ClaimedBatch) -> None:
        """Write, begin, submit and record one batch."""
        deadline = time.monotonic() + LEASE_SECONDS * LEASE_SHARE
        try:
            envelopes, refused = self.write(batch)
        except BaseException:
            self.give_back(batch)
            raise
        with self.store.write() as connection:
            if time.monotonic() > deadline or not ledger.begin(connection, batch.id, self.owner, self.now()):
                ledger.give_back(connection, batch.id, self.owner, self.now())
                return
        receipts = self.submit(batch, envelopes)
        with self.store.write() as connection:
            ledger.record(connection, batch.id, self.owner, (*receipts, *refused), self.now())

    def write(self, batch: ledger.ClaimedBatch) -> tuple[tuple[Envelope, ...], tuple[Receipt, ...]]:
        """The mails of a batch, and a receipt for each that cannot be written."""
        envelopes: list[Envelope] = []
        refused: list[Receipt] = []
        date = self.now()
        for recipient in batch.recipients:
            try:
                envelopes.append(self.writer.envelope(recipient, date))
            except MailerError as error:
                refused.append(Receipt(recipient.delivery_id, Outcome.REFUSED, f"not written: {error.message}"))
        return tuple(envelopes), tuple(refused)

    def submit(self, batch: ledger.ClaimedBatch, envelopes: tuple[Envelope, ...]) -> tuple[Receipt, ...]:
        if not envelopes:
            return ()
        try:
            return self.provider.submit(Batch(batch.id, batch.issue, batch.number, envelopes))
        except ProviderError as error:
            # It could not begin, so nothing left: the batch goes back before the error goes on.
            untried = [Receipt(each.delivery_id, Outcome.NOT_SENT, error.message) for each in envelopes]
            with self.store.write() as connection:
                ledger.record(connection, batch.id, self.owner, untried, self.now())
            raise

    def give_back(self, batch: ledger.ClaimedBatch) -> None:
        with self.store.write() as connection:
            ledger.give_back(connection, batch.id, self.owner, self.now())

    def wait(self) -> float | None:
        """Seconds until something may be done again; None when nothing is left to do."""
        with self.store.read() as connection:
            due = ledger.next_free(connection, self.writer.issue)
        return None if due is None else max(0.0, (due - self.now()).total_seconds()) + 0.01

    def progress(self) -> Progress:
        with self.store.read() as connection:
            figures = ledger.figures(connection, self.writer.issue)
        waiting = sum(figures.deliveries[state] for state in OPEN)
        return Progress(figures.recipients - waiting, figures.recipients)
