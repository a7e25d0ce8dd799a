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
from dataclasses import dataclass, replace

from mailer.errors import ConflictError, MailerError, NotFoundError, ProviderError, StoreError
from mailer.model import Batch, DeliveryState, Envelope, IssueState, Outcome, Receipt
from mailer.providers import ChecksAccess, Provider
from mailer.services.merge_writer import MergeWriter
from mailer.services.plan import Plan, plan_prepared, refuse_errors
from mailer.services.prepare import Prepared, prepare
from mailer.services.program import Program
from mailer.services.writer import MailWriter, Route
from mailer.store import issues as stored_issues
from mailer.store import ledger
from mailer.store import lists as stored_lists
from mailer.store.database import Store

LEASE_SHARE = 0.5
"""The part of the lease that may be used up when the call begins."""

SLOW_BATCHES = 3
"""After so many batches in a row that took longer than that, sending would never come to an end."""

TELL_SECONDS = 0.5
"""At least between two reports of progress."""

TELL_SHARE = 0.02
"""The part of a send that reports may take: counting the rows of a million takes longer than sending a batch."""


@dataclass(frozen=True, slots=True)
class SendResult:
    """How an issue stands when a sender stops.

    `accepted_now`: mails that this sender handed over; `twice`: people with more than one accepted delivery;
    `stopped`: it was asked to.
    """

    name: str
    state: IssueState
    figures: ledger.Figures
    twice: int
    accepted_now: int = 0
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
    with provided(program) as provider:
        check_access(program, prepared.issue.name, provider)
        capabilities = provider.capabilities
    frozen = ledger.Frozen(
        name=prepared.issue.name,
        kind=prepared.issue.kind,
        subject=prepared.issue.subject,
        hash=prepared.hash,
        # Message-IDs are made with it: a send that goes on after the keys were changed writes the same ones.
        snapshot={**prepared.snapshot, "message_ids": secrets.token_hex(16)},
        lists=prepared.issue.lists,
        article_keys=tuple(article.key for article in prepared.articles),
        batch_size=min(program.settings.provider.batch_size, capabilities.max_recipients),
        smtputf8=capabilities.smtputf8,
        segment=prepared.issue.segment,
    )
    with program.store.derive() as connection:
        for definition in prepared.lists:
            stored_lists.ensure(connection, definition)
        try:
            return ledger.freeze(connection, frozen, program.now())
        except ConflictError as error:
            # The file, an article or a template is another one now. While people wait, going on is a choice too.
            issue = stored_issues.get(connection, frozen.name)
            if issue is None or issue.state is not IssueState.SENDING:
                raise
            hint = f"mailer send {frozen.name} --frozen goes on with the content of then"
            raise ConflictError(error.message, hint=hint) from error


def send_frozen(program: Program, name: str, tell: Tell = silent, stop: Stop = never) -> SendResult:
    """Hand over every batch of a frozen issue that is still waiting, then close the issue."""
    with program.store.read() as connection:
        issue = stored_issues.get(connection, name)
    if issue is None:
        raise NotFoundError(f"issue {name} was never sent", hint=f"mailer send {name}")
    if issue.state is IssueState.CANCELLED:
        raise ConflictError(f"issue {name} was cancelled", hint="write it as an issue of another name to send it")
    if issue.state is IssueState.SENT:
        return result(program.store, name)
    keys = program.workspace.secret_keys(program.environ)
    with provided(program) as provider:
        check_access(program, name, provider)
        route = Route(program.settings.provider.bounces, provider.capabilities.smtputf8)
        writer = MailWriter(name, issue.snapshot, keys, route=route)
        run = Run(program, provider, writer, (issue.kind.value,))
        stopped = run.batches(tell, stop)
    with program.store.write() as connection:
        sent = ledger.finish(connection, name, program.now())
    return result(program.store, name, accepted_now=run.accepted, stopped=stopped and not sent)


def result(store: Store, name: str, *, accepted_now: int = 0, stopped: bool = False) -> SendResult:
    with store.read() as connection:
        state = stored_issues.state_of(connection, name)
        twice = ledger.accepted_twice(connection, name)
        return SendResult(name, state, ledger.figures(connection, name), twice, accepted_now, stopped)


@contextmanager
def provided(program: Program) -> Iterator[Provider]:
    provider = program.make_provider()
    try:
        yield provider
    finally:
        provider.close()


def check_access(program: Program, name: str, provider: Provider) -> None:
    """Ask a provider that can be asked whether it would take the issue's mails; ProviderError says what is missing."""
    if not isinstance(provider, ChecksAccess):
        return
    with program.store.read() as connection:
        issue = stored_issues.get(connection, name)
    if issue is None or issue.state is IssueState.SENDING:
        provider.check_access()


class Run:
    """One sender at work on one issue. `labels`: what kind of mails they are, for a provider's statistics."""

    def __init__(self, program: Program, provider: Provider, writer: MailWriter, labels: tuple[str, ...] = ()) -> None:
        capabilities = provider.capabilities
        self.store = program.store
        self.provider = provider
        self.writer = writer
        self.merger = MergeWriter(writer, capabilities.variables_bytes, labels) if capabilities.personalises else None
        self.now = program.now
        # A call may begin at the end of its share and must be over before the lease is.
        self.lease = max(program.settings.limits.lease_seconds, capabilities.call_seconds / (1 - LEASE_SHARE))
        self.accepted = 0
        self.slow = 0
        self.owner = f"{platform.node() or 'host'}-{os.getpid()}-{secrets.token_hex(4)}"

    def batches(self, tell: Tell, stop: Stop) -> bool:
        """Work until nothing is left; True when `stop` ended it before."""
        tell_at = 0.0
        while not stop():
            batch = self.claim()
            if batch is not None:
                self.one(batch)
                if (begun := time.monotonic()) >= tell_at:
                    tell(self.progress())
                    now = time.monotonic()
                    tell_at = now + max(TELL_SECONDS, (now - begun) / TELL_SHARE)
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
            return ledger.claim(connection, self.writer.issue, self.owner, self.lease, now)

    def one(self, batch: ledger.ClaimedBatch) -> None:
        """Write, begin, submit and record one batch."""
        deadline = time.monotonic() + self.lease * LEASE_SHARE
        try:
            written, refused = self.write(batch, deadline)
        except BaseException:
            self.give_back(batch)
            raise
        if time.monotonic() > deadline:
            self.too_slow(batch)
            return
        self.slow = 0
        with self.store.write() as connection:
            if not ledger.begin(connection, batch.id, self.owner, self.now()):
                ledger.give_back(connection, batch.id, self.owner, self.now())
                return
        receipts = self.submit(written)
        with self.store.write() as connection:
            ours = ledger.record(connection, batch.id, self.owner, (*receipts, *refused), self.now())
        self.accepted += sum(each.outcome is Outcome.ACCEPTED for each in receipts) if ours else 0

    def too_slow(self, batch: ledger.ClaimedBatch) -> None:
        """Give back a batch whose mails took so long that the call could outlive the lease."""
        self.give_back(batch)
        self.slow += 1
        if self.slow >= SLOW_BATCHES:
            raise StoreError(
                f"writing {len(batch.recipients)} mails takes longer than {LEASE_SHARE:.0%} of {self.lease:g} seconds",
                hint="set lease_seconds under [limits] higher or batch_size under [provider] lower in mailer.toml",
            )

    def write(self, batch: ledger.ClaimedBatch, deadline: float) -> tuple[Batch, tuple[Receipt, ...]]:
        """The mails of a batch, and a receipt for each that cannot be written."""
        empty = Batch(batch.id, batch.issue, batch.number, deadline=deadline)
        if self.merger is not None:
            merges, unwritable = self.merger.merges(batch.recipients)
            return replace(empty, merges=merges), unwritable
        envelopes: list[Envelope] = []
        refused: list[Receipt] = []
        date = self.now()
        for recipient in batch.recipients:
            try:
                envelopes.append(self.writer.envelope(recipient, date))
            except MailerError as error:
                refused.append(Receipt(recipient.delivery_id, Outcome.REFUSED, f"not written: {error.message}"))
        return replace(empty, envelopes=tuple(envelopes)), tuple(refused)

    def submit(self, batch: Batch) -> tuple[Receipt, ...]:
        if not batch.delivery_ids:
            return ()
        try:
            return self.provider.submit(batch)
        except ProviderError as error:
            # It could not begin, so nothing left: the batch goes back before the error goes on.
            untried = [Receipt(each, Outcome.NOT_SENT, error.message) for each in batch.delivery_ids]
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
