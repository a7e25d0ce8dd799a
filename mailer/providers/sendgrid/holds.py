"""Batches that SendGrid keeps until a time, and drops when it is told so before: its scheduled sends.

What was said about a batch id holds for whatever comes under it, also for a request that arrives afterwards. Ten
minutes before the mails leave is the last moment, by SendGrid's clock: the `Date` of its answers.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from mailer.errors import ProviderError
from mailer.providers.protocol import HoldTerms
from mailer.providers.sendgrid.reply import HINTS, STOPPING, Answer, described, faults_of, pause

TERMS = HoldTerms(lead=timedelta(minutes=10), longest=timedelta(hours=72), most=10)
CANCEL = "cancel"
NUMBER = re.compile(r"[A-Za-z0-9_-]{1,200}")
LONGEST_CALL = 10.0
"""Seconds: these calls are small, and other work waits for them."""

PAUSES = (0.5, 2.0)
LONGEST_PAUSE = 5.0
CLOCK_SLACK = timedelta(minutes=1)


class ScheduledSends:
    """The calls. `client` is the SDK's, made when something is sent."""

    def __init__(self, client: Callable[[], Any], seconds: float) -> None:
        self._client = client
        self._seconds = min(seconds, LONGEST_CALL)

    def new(self) -> str:
        """A batch id that is not used yet."""
        from mailer.providers.sendgrid.transport import Unanswered, Unreached

        for seconds in (*PAUSES, None):
            try:
                answer = self._ask(self._client().mail.batch.post)
            except (Unreached, Unanswered) as error:
                said, named = error.reason, None
            else:
                if number := number_of(answer):
                    check_clock(answer)
                    return number
                refuse_lasting(answer)
                said, named = words(answer), pause(answer.headers, time.time())
            if seconds is not None:
                time.sleep(min(named or seconds, LONGEST_PAUSE))
        raise ProviderError(
            f"sendgrid gives no number to keep a batch under: {said}", hint="Nothing was sent of it. Send again later."
        )

    def drop(self, number: str, by: datetime) -> bool:
        """Cancel the batch; False when SendGrid says that it is not cancelled, ProviderError when that is not known."""
        sends = self._client().user.scheduled_sends
        ways = ((sends.post, {"batch_id": number, "status": CANCEL}), (sends._(number).patch, {"status": CANCEL}))
        # A batch about which something was said already, such as the same by a sender that died, needs the second way.
        for call, body in ways:
            answer = self._certain(call, request_body=body)
            if answer.status in (201, 204):
                return in_time(answer, by)
            if answer.status not in (400, 404):
                raise ProviderError(f"sendgrid does not say whether it dropped a batch: {words(answer)}")
        answer = self._certain(sends._(number).get)
        if answer.status not in (200, 404):
            raise ProviderError(f"sendgrid does not say whether it dropped a batch: {words(answer)}")
        return (number, CANCEL) in statuses(answer) and in_time(answer, by)

    def release(self, number: str) -> None:
        """Take back what was said about a batch; one about which nothing is said any more is fine too."""
        answer = self._certain(self._client().user.scheduled_sends._(number).delete)
        if answer.status not in (204, 404):
            raise ProviderError(f"sendgrid keeps the number of a dropped batch: {words(answer)}")

    def taken(self) -> int:
        """How many batches of the account are cancelled or paused, as far as it says so."""
        return len(statuses(self._certain(self._client().user.scheduled_sends.get)))

    def _certain(self, call: Any, **given: Any) -> Answer:
        from mailer.providers.sendgrid.transport import Unanswered, Unreached

        try:
            return self._ask(call, **given)
        except (Unreached, Unanswered) as error:
            raise ProviderError(f"sendgrid cannot be asked about a batch: {error.reason}") from None

    def _ask(self, call: Any, **given: Any) -> Answer:
        from mailer.providers.sendgrid.transport import answer_of

        return answer_of(call, timeout=self._seconds, **given)


def words(answer: Answer) -> str:
    return described(answer.status, list(faults_of(answer.body)))


def refuse_lasting(answer: Answer) -> None:
    """ProviderError when asking again would not help."""
    status = answer.status
    if 400 <= status < 500 and status not in (408, 429):
        reason = STOPPING.get(status, "it is refused")
        hint = "The key needs the scope mail.batch.create for safe = true." if status == 403 else HINTS.get(status)
        raise ProviderError(f"sendgrid gives no number to keep a batch under: {reason} ({words(answer)})", hint=hint)


def number_of(answer: Answer) -> str:
    """The batch id in an answer; empty where there is none that could stand in an address."""
    found = parsed(answer).get("batch_id") if 200 <= answer.status < 300 else None
    return found if isinstance(found, str) and NUMBER.fullmatch(found) else ""


def statuses(answer: Answer) -> list[tuple[str, str]]:
    """The batches in an answer and what was said about each: it lists them, also when asked for one."""
    if answer.status != 200:
        return []
    listed = parsed(answer, list)
    each = listed if isinstance(listed, list) else [listed]
    return [(str(one.get("batch_id")), str(one.get("status"))) for one in each if isinstance(one, dict) and one]


def parsed(answer: Answer, *others: type) -> Any:
    try:
        data = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return data if isinstance(data, (dict, *others)) else {}


def clock_of(answer: Answer) -> datetime | None:
    """What time SendGrid has, where it says so."""
    try:
        told = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return None
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def check_clock(answer: Answer) -> None:
    """ProviderError when the clocks differ: mails would leave at once that are believed to be kept."""
    there, here = clock_of(answer), datetime.now(UTC)
    if there is not None and abs(here - there) > CLOCK_SLACK:
        minutes = round(abs(here - there) / timedelta(minutes=1))
        way = "ahead of" if here > there else "behind"
        raise ProviderError(
            f"this machine's clock is {minutes:,} minutes {way} sendgrid's, so that nothing can be kept until a time",
            hint="Set the clock, then send again; or safe = false under [provider] in mailer.toml.",
        )


def in_time(answer: Answer, by: datetime) -> bool:
    """True; ProviderError when the answer came too late to be relied on, by either clock."""
    there = clock_of(answer)
    if max(datetime.now(UTC), there or by) > by:
        raise ProviderError("sendgrid was told too late to drop a batch: it may have left")
    return True
