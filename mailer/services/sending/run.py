"""One sender at work on one issue."""

from __future__ import annotations

import os
import platform
import secrets
import time
from dataclasses import replace

from mailer.errors import MailerError, ProviderError, StoreError
from mailer.model import Batch, DeliveryState, Envelope, Outcome, Receipt
from mailer.providers import Provider
from mailer.services.merge_writer import MergeWriter
from mailer.services.program import Program
from mailer.services.sending.results import Progress, Stop, Tell
from mailer.services.writer import MailWriter
from mailer.store import ledger

LEASE_SHARE = 0.5
"""The part of the lease that may be used up when the call begins."""

SLOW_BATCHES = 3
"""After so many batches in a row that took longer than that, sending would never come to an end."""

TELL_SECONDS = 0.5
"""At least between two reports of progress."""

TELL_SHARE = 0.02
"""The part of a send that reports may take: counting the rows of a million takes longer than sending a batch."""

OPEN = (DeliveryState.PENDING, DeliveryState.SUBMITTING)


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
            return ledger.claim(connection, self.writer.issue, ledger.ClaimTerms(self.owner, self.lease), now)

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
