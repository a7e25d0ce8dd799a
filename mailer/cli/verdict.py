"""The end of a send for people and for programs: who got it, who did not and why, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from mailer.cli import output
from mailer.errors import MailerError, NeedsAttention
from mailer.wording import counted

if TYPE_CHECKING:
    from mailer.app import Mailer
    from mailer.services.sending.results import SendResult

REASONS = 3
"""So many reasons for refusals are shown; `mailer status` has all."""


@contextmanager
def told_anyway(mailer: Mailer, name: str, *, as_json: bool) -> Iterator[None]:
    """A send that ends with an error says how it stands as well, if the database can still be asked."""
    try:
        yield
    except MailerError:
        from mailer.services.sending.results import result

        with suppress(MailerError):
            show(result(mailer.store, name), as_json=as_json)
        raise


def show(done: SendResult, *, as_json: bool) -> None:
    output.result(summary(done), as_json, lambda: output.lines(told(done)))


def summary(done: SendResult) -> dict[str, Any]:
    figures = done.figures
    return {
        "issue": done.name,
        "state": done.state,
        "recipients": figures.recipients,
        "accepted_now": done.accepted_now,
        "twice": done.twice,
        "deliveries": {state: count for state, count in figures.deliveries.items() if count},
        "batches": {state: count for state, count in figures.batches.items() if count},
        "left_out": {reason: count for reason, count in figures.exclusions.items() if count},
        "refusals": done.refusals,
        "held": done.held,
        "ended": done.why,
        "detail": done.detail,
        "resume_at": done.resume_at,
    }


def told(done: SendResult) -> list[str]:
    """The verdict, why mails were refused, and whether this run did anything."""
    lines = [verdict(done)]
    lines += [f"refused: {count:,} {why}" for why, count in list(done.refusals.items())[:REASONS]]
    if len(done.refusals) > REASONS:
        rest = sum(list(done.refusals.values())[REASONS:])
        lines.append(f"refused: {rest:,} for other reasons; mailer status {done.name} has all")
    lines += leaving(done)
    return lines if done.accepted_now else [*lines, "nothing was sent now"]


def leaving(done: SendResult) -> list[str]:
    """When what the provider keeps leaves, and that it can be taken back."""
    if not done.held:
        return []
    first, last = done.held[0].at, done.held[-1].at
    span = f"at {first:%H:%M}" if first == last else f"from {first:%H:%M} to {last:%H:%M}"
    mails = counted(sum(each.mails for each in done.held), "mail")
    return [
        f"the provider keeps {mails}, which leave {span} UTC;"
        f" until ten minutes before, mailer cancel {done.name} takes them back"
    ]


def verdict(done: SendResult) -> str:
    """The end of a send in one line: how many got it, who did not, and whether anybody got it twice."""
    counts = {state.value: count for state, count in done.figures.deliveries.items()}
    words = [f"{counts.pop('accepted'):,} accepted", f"{done.twice:,} twice", doubts(done)]
    counts.pop("doubtful")
    words += [f"{count:,} {state}" for state, count in counts.items() if count]
    left_out = sum(done.figures.exclusions.values())
    return f"{done.name} is {done.state.value}: {', '.join(words)}" + (f"; {left_out:,} left out" if left_out else "")


def doubts(done: SendResult) -> str:
    """How many mails are in doubt, and in how many batches."""
    from mailer.model import BatchState, DeliveryState

    mails, batches = done.figures.deliveries[DeliveryState.DOUBTFUL], done.figures.batches[BatchState.DOUBTFUL]
    return f"{mails:,} in doubt" + (f" ({counted(batches, 'batch', 'batches')})" if mails else "")


def finish(done: SendResult) -> None:
    """NeedsAttention where something is left to do, with what that is."""
    from mailer.model import DeliveryState, IssueState

    figures = done.figures.deliveries
    if done.state is not IssueState.SENT:
        raise unfinished(done)
    if doubtful := figures[DeliveryState.DOUBTFUL]:
        raise NeedsAttention(
            f"{counted(doubtful, 'mail')} {'is' if doubtful == 1 else 'are'} in doubt: they may have been sent",
            hint=f"nothing sends them again without your word: mailer doubts list {done.name}",
        )
    if refused := figures[DeliveryState.REFUSED]:
        raise NeedsAttention(f"{refused} mails were refused", hint=f"mailer status {done.name} says why")


def unfinished(done: SendResult) -> NeedsAttention:
    """Why an issue is not sent yet, and how it goes on."""
    from mailer.services.sending.results import Why

    name, again = done.name, f"mailer send {done.name}"
    when = f"{done.resume_at:%Y-%m-%d %H:%M} UTC" if done.resume_at else "later"
    match done.why:
        case Why.ASKED:
            return NeedsAttention(
                "stopped before the end", hint=f"go on: {again}; keep mailer work from it: mailer pause {name}"
            )
        case Why.TRIPPED:
            advice = f"{done.advice.rstrip('.')}; then: " if done.advice else "when that is settled: "
            return NeedsAttention(f"the issue was paused: {done.detail}", hint=f"{advice}mailer resume {name}, {again}")
        case Why.PAUSED:
            reason = f": {done.detail}" if done.detail else ""
            return NeedsAttention(f"the issue is paused{reason}", hint=f"go on: mailer resume {name}, then {again}")
        case Why.CANCELLED:
            return NeedsAttention("the issue was cancelled while it was sent", hint=f"mailer status {name}")
        case Why.CAP:
            return NeedsAttention(
                f"the mails that the warm-up allows today are sent; more may go from {when}", hint=f"then: {again}"
            )
        case Why.WAITS:
            return NeedsAttention(f"what is left is due from {when}", hint=f"then: {again}")
        case Why.ELSEWHERE:
            return NeedsAttention(
                f"another sender is at work on it ({done.detail}); nothing to do here",
                hint=f"how far it is: mailer status {name}. If it ends before all is sent: {again}",
            )
    return NeedsAttention(f"the issue is {done.state.value}", hint=f"mailer status {name} shows how it stands")
