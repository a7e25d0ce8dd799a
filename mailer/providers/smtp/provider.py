"""The provider over SMTP: batches in, receipts out, connections kept between them."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from mailer.errors import ProviderError
from mailer.model import Batch, Outcome, Receipt
from mailer.providers.protocol import Capabilities
from mailer.providers.smtp.connection import Connection, LostError, UnreachableError
from mailer.providers.smtp.exchange import Exchange, ServerRefusesError, Terms
from mailer.providers.smtp.pool import Pool
from mailer.providers.smtp.work import Tell, Work

PER_LANE = 10
"""Fewer mails than this are not worth a connection of their own."""

FRUITLESS = 3
"""After so many connections in a row on which no mail was settled, this batch is over; after as many such batches,
somebody should look."""

WAITS = (0.5, 1.0, 2.0, 4.0)
"""Seconds between attempts to connect again, which a server's restart fits in."""


class Smtp:
    """Mails to one server, which delivers them. May be shared by threads."""

    name = "smtp"

    def __init__(
        self, pool: Pool, terms: Terms, *, smtputf8: bool = False, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.capabilities = Capabilities(max_recipients=10_000, smtputf8=smtputf8, call_seconds=pool.server.timeout)
        self._pool = pool
        self._terms = terms
        self._sleep = sleep
        self._failed = 0
        self._trouble = ""

    def submit(self, batch: Batch) -> tuple[Receipt, ...]:
        """Hand over a batch on as many connections as it is worth; a receipt for each mail, in their order."""
        lanes = min(self._pool.size, -(-len(batch.envelopes) // PER_LANE))
        return self._submit(Work(batch), lanes)

    def submit_each(self, batch: Batch, tell: Tell) -> tuple[Receipt, ...]:
        """Hand over a batch on one connection, in order, and tell of each mail before the next one can be accepted.

        Whenever it is killed, the first mail in order that was not told of may have been accepted, and none after it.
        What cannot be sent at all may be told of before its turn. Once `tell` returns False, the rest is not sent.
        """
        return self._submit(Work(batch, tell), 1)

    def check_access(self) -> None:
        """Connect and log in, before anything depends on it. ProviderError says what is in the way."""
        try:
            connection = self._pool.take()
        except UnreachableError as error:
            raise ProviderError(str(error), hint=_UNREACHABLE_HINT) from None
        utf8 = connection.offers.smtputf8
        self._pool.give_back(connection)
        if self.capabilities.smtputf8 and not utf8:
            raise ProviderError(
                f"smtp: {self._pool.server.place} takes no addresses beyond ASCII (SMTPUTF8)",
                hint="Remove smtputf8 under [provider]: whoever has such an address is left out then, with the reason.",
            )

    def close(self) -> None:
        """Say goodbye to the server."""
        self._pool.close()

    def _submit(self, work: Work, lanes: int) -> tuple[Receipt, ...]:
        if not work.left:
            return ()
        place = self._pool.server.place
        if self._failed >= FRUITLESS:
            self._failed = 0
            raise ProviderError(f"smtp: {place} keeps failing: {self._trouble}", hint="Nothing was sent of this batch.")
        try:
            reason = self._lanes(work, lanes)
        except ServerRefusesError as error:
            if not work.begun:
                raise ProviderError(f"smtp: {place} {error}", hint=_REFUSES_HINT) from None
            work.rest(Outcome.NOT_SENT, f"smtp: {place} {error}")
        except ProviderError as error:
            # A password changed in the middle, as it were. What was answered before must not be lost with it.
            if not work.begun:
                raise
            work.rest(Outcome.NOT_SENT, error.message)
        else:
            self._trouble = reason
            if work.suspicion and not (self._terms.pauses.any_took or work.settled or work.doubtful):
                raise ProviderError(f"smtp: {place} refuses whatever we send, {work.suspicion}", hint=_REFUSES_HINT)
            work.rest(Outcome.NOT_SENT if work.stopped else Outcome.RETRY, work.stopped or f"not sent: {reason}")
        self._failed = 0 if work.settled or not self._trouble else self._failed + 1
        return work.receipts()

    def _lanes(self, work: Work, lanes: int) -> str:
        """Work in parallel; why it ended, where something is left."""
        if work.over():
            return ""
        # The first connection by itself: if there is something wrong with the server, once is enough to hear it.
        try:
            first = self._connection(work)
        except UnreachableError as error:
            return str(error)
        with ThreadPoolExecutor(max(1, lanes - 1), "smtp") as threads:
            others: list[Future[str]] = [threads.submit(self._extra_lane, work) for _ in range(lanes - 1)]
            reason = self._lane(work, first)
        return next(filter(None, (other.result() for other in others)), reason)

    def _extra_lane(self, work: Work) -> str:
        """A lane that does what it can: a server that grants fewer connections than we ask for is no trouble."""
        try:
            connection = self._pool.take()
        except (UnreachableError, ProviderError):
            return ""
        return self._lane(work, connection)

    def _lane(self, work: Work, connection: Connection) -> str:
        """Mails on one connection after the other until there are none; else why it gave up."""
        fruitless = 0
        while True:
            before = work.settled
            try:
                reusable = Exchange(connection, work, self._terms).run()
            except LostError as error:
                self._pool.drop(connection)
                reason = error.reason
            except BaseException:
                self._pool.drop(connection)
                work.stop("another mail of the batch could not be sent")
                raise
            else:
                (self._pool.give_back if reusable else self._pool.drop)(connection)
                return ""
            fruitless = 0 if work.settled > before else fruitless + 1
            if not work.left or work.stopped or fruitless >= FRUITLESS:
                return reason
            try:
                connection = self._connection(work)
            except UnreachableError as error:
                return str(error)

    def _connection(self, work: Work) -> Connection:
        """A connection, after a few attempts where there was one before; ProviderError where there never was."""
        for wait in WAITS:
            try:
                return self._pool.take()
            except UnreachableError as error:
                if not self._pool.connected:
                    raise ProviderError(str(error), hint=_UNREACHABLE_HINT) from None
                if work.stopped:
                    raise
            self._sleep(wait)
        return self._pool.take()


_UNREACHABLE_HINT = "Nothing was sent. Look at host, port and tls under [provider] in mailer.toml."
_REFUSES_HINT = (
    "Nothing was sent. It may want a user and MAILER_SMTP_PASSWORD, or another sender address; docs/smtp.md has more."
)
