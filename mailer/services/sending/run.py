"""One sender at work on one issue: the steps of a batch, in as many threads as the provider is worth."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from threading import Lock

from sqlalchemy.engine import Connection

from mailer.errors import ConflictError, ProviderError, StoreBusyError, StoreError
from mailer.model import Batch, Outcome, Receipt
from mailer.providers import Provider, SubmitsInOrder
from mailer.services.merge_writer import MergeWriter
from mailer.services.program import Program
from mailer.services.sending.boot import boot_id
from mailer.services.sending.elsewhere import Elsewhere, gone, waits_for, who
from mailer.services.sending.halting import Halt
from mailer.services.sending.holding import Hold, hold_for
from mailer.services.sending.inorder import InOrder
from mailer.services.sending.pace import pace_of
from mailer.services.sending.results import End, SendOptions, Why
from mailer.services.sending.sharing import Shared
from mailer.services.sending.tally import Tally
from mailer.services.sending.transactions import insist
from mailer.services.writer import MailWriter
from mailer.store import issues as stored_issues
from mailer.store import ledger, pacing, senders
from mailer.store.jotting import Jotter
from mailer.wording import counted

LEASE_SHARE = 0.5
"""The part of the lease that may be used up when the call begins."""

SLOW_BATCHES = 3
"""After so many batches in a row that took longer than that, sending would never come to an end."""

IN_ORDER = 200
"""Mails that one connection takes from the ledger at once: few enough to be given back soon."""

SWEEP_SECONDS = 2.0
"""At least between two looks for the batches of dead senders, while there is other work."""

PLAIN = SendOptions()


class TooSlowError(StoreError):
    """An issue whose batches cannot be written within the lease. The database is not to blame."""


class Run:
    """One sender at work on one issue. `labels`: what kind of mails they are, for a provider's statistics."""

    def __init__(
        self,
        program: Program,
        provider: Provider,
        writer: MailWriter,
        labels: tuple[str, ...] = (),
        options: SendOptions = PLAIN,
    ) -> None:
        capabilities, limits = provider.capabilities, program.settings.limits
        shared = options.shared or Shared(program.store)
        self.program = program
        self.turns = shared.turns
        self.provider = provider
        self.in_order = isinstance(provider, SubmitsInOrder)
        self.writer = writer
        self.merger = MergeWriter(writer, capabilities.variables_bytes, labels) if capabilities.personalises else None
        self.now = program.now
        self.options = options
        # A call may begin at the end of its share and must be over before the lease is.
        self.lease = max(limits.lease_seconds, capabilities.call_seconds / (1 - LEASE_SHARE))
        self.owners = shared.owners
        self.name = self.owners.begins
        """How the owner of each of our claims begins."""
        self.boot = boot_id()
        self.pace = pace_of(program.settings, provider.name, options.per_minute)
        self.jotter = Jotter(program.store, self.lease, program.now, self.turns.turn)
        self.halt = Halt()
        self.tally = Tally(limits.pause_above)
        self.elsewhere = Elsewhere()
        self.waits_for = ""
        """What to tell about another sender that may be dead, while its batches are not free."""
        self.slow = 0
        self._counting = Lock()
        self.holding = 0
        """How many batches our threads have."""
        self._sweep_at = 0.0

    # --- taking a batch ---------------------------------------------------------------------------------------------

    def claim(self) -> ledger.ClaimedBatch | None:
        """The next batch; None when there is none now."""
        return self.claimed(self.take)

    def claim_of(self, batch_id: int, ahead: float) -> ledger.ClaimedBatch | None:
        """That batch or the first part of it, when it is due, nobody else's, and has a slot in so many seconds."""
        return self.claimed(lambda connection: self.take_one(connection, batch_id, ahead))

    def claimed(self, take: Callable[[Connection], ledger.ClaimedBatch | None]) -> ledger.ClaimedBatch | None:
        try:
            with self.turns.write() as connection:
                batch = take(connection)
        except StoreBusyError as error:
            # Nothing was claimed. Others have the database, or waited for us as we for them: a little later, then.
            self.tally.waiting = error.message
            return None
        return self.held(batch)

    def held(self, batch: ledger.ClaimedBatch | None) -> ledger.ClaimedBatch | None:
        if batch is not None:
            self.hold(1)
        return batch

    def hold(self, change: int) -> None:
        with self._counting:
            self.holding += change

    def take(self, connection: Connection) -> ledger.ClaimedBatch | None:
        """The next batch, in a transaction of somebody who may have more to write down in it."""
        now = self.now()
        if self.options.alone and not self.holding and self.left_to_another(connection):
            return None
        swept = time.monotonic() >= self._sweep_at
        if swept:
            self.sweep(connection)
        terms = self.terms()
        batch = ledger.claim(connection, self.writer.issue, terms, now)
        if batch is None and not swept:
            self.sweep(connection)
            batch = ledger.claim(connection, self.writer.issue, terms, now)
        return batch

    def take_one(self, connection: Connection, batch_id: int, ahead: float) -> ledger.ClaimedBatch | None:
        terms = replace(self.terms(), batch=batch_id, ahead=ahead)
        return ledger.claim(connection, self.writer.issue, terms, self.now())

    def terms(self) -> ledger.ClaimTerms:
        """Those of the next claim."""
        return ledger.ClaimTerms(self.owners.another(), self.lease, self.pace, IN_ORDER if self.in_order else None)

    def left_to_another(self, connection: Connection) -> bool:
        """Whether another sender holds batches, and is at work or may be."""
        now = self.now()
        others = senders.others(connection, self.writer.issue, self.name, now)
        held = {owner: theirs for owner, theirs in others.items() if not gone(owner)}
        self.waits_for = waits_for(held, now)
        if owner := self.elsewhere.alive(held):
            self.halt.because(End(Why.ELSEWHERE, who(owner)))
        return bool(held)

    def sweep(self, connection: Connection) -> None:
        """See to the batches of dead senders."""
        now = self.now()
        ledger.sweep(connection, now, self.boot)
        if self.provider.capabilities.idempotent:
            ledger.resend_doubts(connection, self.writer.issue, now, self.provider.name)
        self._sweep_at = time.monotonic() + SWEEP_SECONDS

    # --- one batch --------------------------------------------------------------------------------------------------

    def one(self, batch: ledger.ClaimedBatch, *, last: bool = False) -> ledger.ClaimedBatch | None:
        """Write, begin, submit and record one batch; the next one, where recording it took that as well.

        `last`: no next one is taken.
        """
        try:
            written = self.ready(batch)
            if written is None:
                return None
            receipts = self.submit(batch, *written)
            following = self.record(batch, receipts, last=last)
        except ProviderError as error:
            # At the first call it is a mistake in the settings, and trying again goes on. Later, somebody should look
            # before more senders run into it.
            if not self.tally.handled:
                raise
            self.trip(error.message, error.hint or "")
            return None
        finally:
            self.hold(-1)
            self.halt.wake()
        self.look()
        return following

    def ready(self, batch: ledger.ClaimedBatch) -> tuple[Batch, tuple[Receipt, ...]] | None:
        """The mails of a batch that was begun; None when it was given back."""
        deadline = time.monotonic() + self.lease * LEASE_SHARE
        begun = False
        try:
            if self.halt.asked:
                return None
            written, refused = self.write(batch, deadline)
            if time.monotonic() > deadline:
                self.too_slow(batch)
                return None
            self.slow = 0
            if not self.slot(batch):
                return None
            kept = hold_for(self.program, self.provider, batch, self.now())
            begun = self.begin(batch, refused, kept)
            if not begun:
                return None
            return (replace(written, hold=kept.hold, send_at=kept.send_at) if kept else written), refused
        finally:
            if not begun:
                self.give_back(batch)

    def slot(self, batch: ledger.ClaimedBatch) -> bool:
        """Wait for the batch's turn at the rate; False when there is a reason to stop before."""
        if batch.not_before is None:
            return not self.halt.asked
        return self.halt.wait_until(time.monotonic() + (batch.not_before - self.now()).total_seconds())

    def begin(self, batch: ledger.ClaimedBatch, refused: tuple[Receipt, ...], kept: Hold | None) -> bool:
        """The point of no return."""
        marks = ledger.Marks(self.provider.name, self.in_order, self.boot if self.in_order else "")
        if kept is not None:
            marks = replace(marks, hold=kept.hold, send_at=kept.send_at)
        try:
            with self.turns.write() as connection:
                now = self.now()
                begun = ledger.begin(connection, batch.id, batch.owner, now, marks)
                if begun and self.in_order and refused:
                    # Whoever finds this batch later takes the first one without an answer for the one in doubt.
                    ledger.record(connection, batch.id, batch.owner, refused, now)
        except StoreBusyError as error:
            self.tally.waiting = error.message
            return False
        return begun

    def too_slow(self, batch: ledger.ClaimedBatch) -> None:
        """Mails took so long to write that the call could outlive the lease."""
        self.slow += 1
        if self.slow >= SLOW_BATCHES:
            raise TooSlowError(
                f"writing {len(batch.recipients)} mails takes longer than {LEASE_SHARE:.0%} of {self.lease:g} seconds",
                hint="set lease_seconds under [limits] higher or batch_size under [provider] lower in mailer.toml",
            )

    def write(self, batch: ledger.ClaimedBatch, deadline: float) -> tuple[Batch, tuple[Receipt, ...]]:
        """The mails of a batch, and a receipt for each that cannot be written."""
        # In order, each answer that is written down renews the lease, and a batch that is not ours any more ends.
        empty = Batch(batch.id, batch.issue, batch.number, deadline=None if self.in_order else deadline)
        if self.merger is not None:
            merges, unwritable = self.merger.merges(batch.recipients)
            return replace(empty, merges=merges), unwritable
        envelopes, unwritable = self.writer.envelopes(batch.recipients, self.now())
        return replace(empty, envelopes=envelopes), unwritable

    def submit(self, claimed: ledger.ClaimedBatch, batch: Batch, refused: tuple[Receipt, ...]) -> Sequence[Receipt]:
        """Hand over a batch; the answers that are still to be written down."""
        if self.in_order:
            # They were written down when the batch was begun.
            self.tally.note(refused)
            refused = ()
        if not batch.delivery_ids:
            return refused
        try:
            if isinstance(self.provider, SubmitsInOrder):
                passing = InOrder(self.jotter, claimed.owner, self.tally.note, lambda: not self.halt.asked)
                return passing.hand_over(self.provider, batch)
            return (*self.provider.submit(batch), *refused)
        except ProviderError as error:
            # It could not begin, so nothing left: the batch goes back before the error goes on.
            untried = [Receipt(each, Outcome.NOT_SENT, error.message) for each in batch.delivery_ids]
            self.record(claimed, untried, last=True)
            raise

    def record(
        self, batch: ledger.ClaimedBatch, receipts: Sequence[Receipt], *, last: bool = False
    ) -> ledger.ClaimedBatch | None:
        """Write down what came of a batch; the next one, taken in the same transaction so that we always hold one.

        An answer that is not written down is a doubt, so a database that cannot is asked again for as long as a lease.
        """
        following: ledger.ClaimedBatch | None = None
        ours = True

        def work(first: bool) -> None:
            nonlocal following, ours
            following = None
            with self.turns.write() as connection:
                ours = self.put_down(connection, batch, receipts)
                if first and not last and not self.halt.asked and not self.pause_of(receipts):
                    following = self.take(connection)

        try:
            insist(work, time.monotonic() + self.lease, lambda error: self.cannot(error, receipts))
        except StoreError as error:
            raise self.lost(batch, receipts, error) from error
        self.tally.waiting = ""
        if not self.in_order:
            self.tally.note(receipts if ours else ())
        return self.held(following)

    def put_down(self, connection: Connection, batch: ledger.ClaimedBatch, receipts: Sequence[Receipt]) -> bool:
        now = self.now()
        ours = not receipts or ledger.record(connection, batch.id, batch.owner, receipts, now) > 0
        if self.in_order:
            ledger.settle(connection, batch.id, batch.owner, now)
        elif seconds := self.pause_of(receipts):
            # It wants to be left alone, by every sender and not by this batch. Nothing is claimed after it in this
            # transaction: who claims has the issue first and the rate then.
            pacing.block(connection, self.provider.name, now + timedelta(seconds=seconds), now)
        return ours

    def pause_of(self, receipts: Sequence[Receipt]) -> float:
        """For how many seconds the provider wants no call; 0 where it did not say so. In order it speaks of a mail."""
        if self.in_order:
            return 0
        waits = (each.retry_after for each in receipts if each.outcome is Outcome.RETRY and each.retry_after)
        return max(waits, default=0)

    def cannot(self, error: StoreError, receipts: Sequence[Receipt]) -> None:
        mails = counted(len(receipts), "mail")
        self.tally.waiting = f"{error.message}; trying to write down what became of {mails}"

    def lost(self, batch: ledger.ClaimedBatch, receipts: Sequence[Receipt], error: StoreError) -> StoreError:
        left = sum(each.outcome in (Outcome.ACCEPTED, Outcome.DOUBTFUL) for each in receipts)
        what = f"what became of {counted(left, 'mail')} of batch {batch.number} could not be written down"
        return StoreError(f"{error.message}; {what}, so they will be in doubt", hint=error.hint)

    def give_back(self, batch: ledger.ClaimedBatch) -> None:
        """Return a batch that was not begun. Where that cannot be written, the lease ends by itself."""
        with suppress(StoreError), self.turns.write() as connection:
            ledger.give_back(connection, batch.id, batch.owner, self.now(), self.pace)

    # --- stopping by itself -----------------------------------------------------------------------------------------

    def look(self, bounced: int = 0) -> None:
        """Stop when too much went wrong of late, or came back."""
        reason, advice = self.tally.trouble(bounced)
        if reason:
            self.trip(reason, advice)

    def trip(self, reason: str, advice: str) -> None:
        """Pause the issue, for every sender, until a person has looked."""
        with suppress(ConflictError), self.turns.write() as connection:
            stored_issues.pause(connection, self.writer.issue, reason, self.now())
        self.halt.because(End(Why.TRIPPED, reason, advice))
