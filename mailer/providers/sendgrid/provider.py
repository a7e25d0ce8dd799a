"""SendGrid as a provider: a batch as few requests, each person's fate from the answers.

A request is taken whole or not at all, and there is no key by which SendGrid would know one again. So a request
without an answer is in doubt for everybody in it, and after one nothing more of the batch is tried. One recipient who
cannot be mailed refuses a whole request: it is divided until that one is alone, and the others get theirs.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from itertools import repeat
from threading import Lock
from typing import Any

from mailer.errors import MailerError, ProviderError
from mailer.model import Batch, Merge, Outcome, Receipt
from mailer.providers.protocol import Capabilities, HoldTerms, ListedPage, SendingDomain, Webhook
from mailer.providers.sendgrid import domains, suppressions, webhooks
from mailer.providers.sendgrid.access import refuse_unfit, unreachable
from mailer.providers.sendgrid.holds import TERMS, ScheduledSends
from mailer.providers.sendgrid.mail import merge_of
from mailer.providers.sendgrid.quota import Quota
from mailer.providers.sendgrid.reply import Answer, Meaning, Reply, read
from mailer.providers.sendgrid.request import (
    MAX_BYTES,
    MAX_RECIPIENTS,
    MAX_VALUES,
    Options,
    divided,
    requests,
    serialised,
)

PAUSE = 30.0
"""Seconds until a batch is tried again that could not be begun, or of which a part is in doubt."""

REFUSALS = 10
"""So many people refused one after the other and nobody taken: it is not the people."""


class SendGrid:
    """The provider. May be shared by threads."""

    name = "sendgrid"

    def __init__(
        self, key: Callable[[], str], options: Options, *, region: str = "global", base_url: str = "", seconds: float
    ) -> None:
        """`key` is asked for when something is sent: an issue can be planned and previewed without one."""
        self.options = options
        self.seconds = seconds
        self.capabilities = Capabilities(
            max_recipients=MAX_RECIPIENTS,
            max_bytes=MAX_BYTES,
            variables_bytes=MAX_VALUES,
            personalises=True,
            schedules=True,
            cancels=True,
            call_seconds=seconds,
        )
        self.quota = Quota()
        self.sends = ScheduledSends(lambda: self.client, seconds)
        self._key = key
        self._place = (region, base_url)
        self._client: Any = None
        self._making = Lock()

    @property
    def client(self) -> Any:
        """The SDK's client, imported when something is sent: it costs as much as the rest of the program."""
        from mailer.providers.sendgrid.transport import make_client

        with self._making:
            if self._client is None:
                self._client = make_client(self._key(), *self._place, self.seconds)
            return self._client

    def submit(self, batch: Batch) -> tuple[Receipt, ...]:
        """Hand over a batch. ProviderError when key, account or message as such are refused and nothing has left."""
        if self.options.sandbox:
            raise ProviderError(
                "sendgrid: sandbox is on, so nothing would be delivered and the ledger would say that it was",
                hint="mailer send ISSUE --sandbox has mails checked; sandbox = false in mailer.toml sends them",
            )
        return Handover(self, batch, self.options).receipts()

    def rehearse(self, batch: Batch) -> tuple[Receipt, ...]:
        """Have a batch checked in SendGrid's sandbox, which delivers nothing."""
        return Handover(self, batch, replace(self.options, sandbox=True)).receipts()

    def send(self, content: bytes) -> Answer:
        """One call of Mail Send, with the answer whatever it is."""
        from mailer.providers.sendgrid.transport import answer_of

        answer = answer_of(self.client.mail.send.post, request_body=content)
        self.quota.heard(answer.headers)
        return answer

    def check_key(self) -> None:
        """Read the key, and ask nobody."""
        self._key()

    def check_access(self) -> None:
        """Ask SendGrid what the key may do, before anything is handed over."""
        refuse_unfit(self._asked(self.client.scopes.get), safe=self.options.safe)
        if self.options.safe and (taken := self.sends.taken()) >= TERMS.most:
            raise ProviderError(
                f"sendgrid: {taken} batches of the account are cancelled or paused, and no more may be",
                hint="Delete old ones at SendGrid (its API: scheduled sends), or set safe = false in mailer.toml.",
            )

    @property
    def hold_terms(self) -> HoldTerms:
        return TERMS

    def new_hold(self) -> str:
        """A batch id to keep a batch under."""
        return self.sends.new()

    def drop(self, hold: str, by: datetime) -> bool:
        """Have a batch dropped before it leaves."""
        return self.sends.drop(hold, by)

    def release(self, hold: str) -> None:
        """Let SendGrid forget that a batch was dropped, so that another one can be."""
        self.sends.release(hold)

    @property
    def suppression_lists(self) -> tuple[str, ...]:
        """Those whom SendGrid does not mail any more, by why."""
        return tuple(suppressions.LISTS)

    def suppressed(self, name: str, since: datetime | None, until: datetime, offset: int) -> ListedPage:
        """A page of one of its lists."""
        from mailer.providers.sendgrid.transport import Unanswered, Unreached, answer_of

        call = getattr(self.client.suppression, name).get
        try:
            answer = answer_of(call, query_params=suppressions.query(since, until, offset))
        except (Unreached, Unanswered) as error:
            raise ProviderError(f"sendgrid cannot be reached: {error.reason}", hint="Try again later.") from None
        return suppressions.page(name, answer, time.time())

    def sending_domains(self) -> tuple[SendingDomain, ...]:
        """The domains that the account has authenticated."""
        return domains.domains_of(self._asked(self.client.whitelabel.domains.get, query_params=domains.QUERY))

    def webhooks(self) -> tuple[Webhook, ...]:
        """Where events of the account are posted. Of one that is on and names no key it is asked whether it signs."""
        settings = self.client.user.webhooks.event.settings
        return tuple(
            replace(each, key=webhooks.key_of(self._asked(settings.signed._(each.number).get)))
            if each.enabled and each.key is None and each.number
            else each
            for each in webhooks.webhooks_of(self._asked(settings.all.get))
        )

    @staticmethod
    def _asked(call: Any, **given: Any) -> Answer:
        """An answer, whatever it is. ProviderError when there is none."""
        from mailer.providers.sendgrid.transport import Unanswered, Unreached, answer_of

        try:
            return answer_of(call, **given)
        except (Unreached, Unanswered) as error:
            raise unreachable(error.reason) from None

    def close(self) -> None:
        with self._making:
            if self._client is not None:
                self._client.connections.close()


class Handover:
    """One batch on its way: requests that wait, and what became of each delivery."""

    def __init__(self, provider: SendGrid, batch: Batch, options: Options) -> None:
        self.provider = provider
        self.batch = batch
        self.options = held(options, batch)
        self.said: dict[int, Receipt] = {}
        self.waiting = deque(part for merge in self.merges() for part in requests(merge))
        self.left = False
        self.refusals = 0

    def merges(self) -> Iterable[Merge]:
        for envelope in self.batch.envelopes:
            try:
                yield merge_of(envelope)
            except MailerError as error:
                self.said[envelope.delivery_id] = Receipt(envelope.delivery_id, Outcome.REFUSED, error.message)
        yield from self.batch.merges

    def receipts(self) -> tuple[Receipt, ...]:
        """Work until nothing waits or going on makes no sense."""
        while self.waiting:
            if self.over():
                self.leave("not tried: the time for this batch was over")
                break
            if (seconds := self.provider.quota.wait()) and not self.rest(seconds):
                self.leave("not tried: the limit of calls is used up", seconds, Outcome.RETRY)
                break
            self.one(self.waiting.popleft())
        return tuple([self.said[delivery_id] for delivery_id in self.batch.delivery_ids])

    def over(self) -> bool:
        """Whether no further call may begin: the lease could end before it, or the mails leave before they could be
        dropped."""
        if self.batch.deadline is not None and time.monotonic() > self.batch.deadline:
            return True
        kept_until = self.options.send_at if self.options.hold else None
        return kept_until is not None and time.time() > kept_until - TERMS.lead.total_seconds()

    def rest(self, seconds: float) -> bool:
        """Wait for the limit to be renewed; False where that would take longer than a call may."""
        latest = self.batch.deadline or time.monotonic() + self.provider.seconds
        if time.monotonic() + seconds > latest:
            return False
        time.sleep(seconds)
        return True

    def one(self, merge: Merge) -> None:
        """One request."""
        from mailer.providers.sendgrid.transport import Unanswered, Unreached

        content = serialised(merge, self.batch.id, self.options)
        if len(content) >= MAX_BYTES:
            self.refused(merge, Reply(Meaning.REFUSED, f"larger than {MAX_BYTES // 1_000_000} MB"))
            return
        try:
            answer = self.provider.send(content)
        except Unreached as error:
            self.waiting.appendleft(merge)
            if error.lasting:
                self.stop(unreachable(error.reason))
            self.leave(f"not sent: {error.reason}", PAUSE)
        except Unanswered as error:
            self.doubt(merge, error.reason)
        else:
            self.judge(merge, read(answer, time.time(), sandbox=self.options.sandbox))

    def judge(self, merge: Merge, reply: Reply) -> None:
        match reply.meaning:
            case Meaning.ACCEPTED:
                self.left = True
                self.say(merge, Outcome.ACCEPTED, reply)
            case Meaning.REFUSED:
                self.refused(merge, reply)
            case Meaning.RETRY:
                self.waiting.appendleft(merge)
                self.leave(reply.detail, reply.retry_after, Outcome.RETRY)
            case Meaning.DOUBTFUL:
                self.doubt(merge, reply.detail)
            case Meaning.STOP:
                self.waiting.appendleft(merge)
                self.stop(ProviderError(f"sendgrid: {reply.detail}", hint=reply.hint or None))

    def refused(self, merge: Merge, reply: Reply) -> None:
        if len(merge.people) > 1:
            self.waiting.extendleft(reversed(divided(merge, reply.pointed)))
            return
        self.say(merge, Outcome.REFUSED, reply)
        self.refusals += 1
        if self.refusals >= REFUSALS and not self.left:
            self.stop(
                ProviderError(
                    f"sendgrid: {self.refusals} people after one another were refused ({reply.detail})",
                    hint="That is hardly because of them: look at the message and the account.",
                )
            )

    def doubt(self, merge: Merge, reason: str) -> None:
        self.left = True
        self.say(merge, Outcome.DOUBTFUL, Reply(Meaning.DOUBTFUL, reason))
        self.leave("not tried: an earlier request of the batch is in doubt", PAUSE)

    def stop(self, error: ProviderError) -> None:
        """Nothing further will be taken. The error goes up only if nothing has left, because it says so."""
        if not self.left:
            raise error
        self.leave(error.message, PAUSE)

    def say(self, merge: Merge, outcome: Outcome, reply: Reply) -> None:
        ids = merge.people.delivery_ids
        receipts = map(Receipt, ids, repeat(outcome), repeat(reply.detail), repeat(reply.provider_id))
        self.said.update(zip(ids, receipts, strict=True))

    def leave(self, reason: str, seconds: float | None = None, outcome: Outcome = Outcome.NOT_SENT) -> None:
        """Give back everybody who still waits."""
        for merge in self.waiting:
            for each in merge.people.delivery_ids:
                self.said[each] = Receipt(each, outcome, reason, retry_after=seconds)
        self.waiting.clear()


def held(options: Options, batch: Batch) -> Options:
    """What is added to the requests of one batch."""
    if not batch.hold or batch.send_at is None:
        return options
    return replace(options, hold=batch.hold, send_at=int(batch.send_at.timestamp()))
