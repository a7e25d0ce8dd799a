"""The words of an explanation: what each row means, for a person who asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailer.delivery.doubts import TAKEN_AS_SENT
from mailer.model import BatchState, Cap, DeliveryState, EventKind, Exclusion, How, IssueState, SubscriptionState
from mailer.store.events import Told
from mailer.store.explaining import Mail
from mailer.store.issues import IssueRow
from mailer.store.subscriptions import SubscriptionEvent
from mailer.store.suppressions import EVERY_LIST, Suppression, SuppressionEvent
from mailer.wording import counted

LONGEST = 120


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was decided or happened. `at` is None where nobody wrote down when."""

    at: datetime | None
    what: str


HOW: Mapping[How, str] = {
    How.FORM: "by a form",
    How.IMPORT: "by an import",
    How.COMMAND: "by a command here",
    How.CONFIRM_LINK: "by their link to confirm",
    How.LINK: "by the link in a mail",
    How.ONE_CLICK: "by the button of their mail program",
    How.PROVIDER: "by the provider",
    How.API: "by another program",
}

EVENTS: Mapping[EventKind, str] = {
    EventKind.PROCESSED: "the provider prepared the mail",
    EventKind.DEFERRED: "their mail server asked to be tried again later",
    EventKind.DELIVERED: "their mail server took the mail",
    EventKind.BOUNCED_HARD: "it bounced: the address takes no mail",
    EventKind.BOUNCED_SOFT: "it bounced for now",
    EventKind.BLOCKED: "their mail server refused it, and not for the address's sake",
    EventKind.DROPPED: "the provider took the mail and did not send it",
    EventKind.COMPLAINED: "they called it spam",
    EventKind.UNSUBSCRIBED: "they unsubscribed",
    EventKind.OPENED: "it was opened",
    EventKind.CLICKED: "a link in it was followed",
    EventKind.OTHER: "the provider reported something else",
}
# What a mail came to, the weightier first: a mail that was opened arrived, whatever else was said of it.
ENDS = (
    EventKind.COMPLAINED, EventKind.CLICKED, EventKind.OPENED, EventKind.BOUNCED_HARD, EventKind.BLOCKED,
    EventKind.BOUNCED_SOFT, EventKind.DELIVERED, EventKind.DROPPED, EventKind.DEFERRED,
)  # fmt: skip


CAP_CHANGED = "they had as many issues as their list allowed then; its cap was changed since"


def capped(list_name: str, had: int, cap: Cap) -> str:
    days = counted(cap.days, "day")
    return f"{list_name} allows {counted(cap.issues, 'issue')} in {days}, and they had {had:,} in the {days} before"


def moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"


def short(text: str) -> str:
    """A part of an expression on one line."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def value(known: Any) -> str:
    """What is known of a person, as it may stand in a sentence."""
    return "not known" if known is None or known == "" else short(repr(known) if isinstance(known, str) else str(known))


def detailed(sentence: str, detail: str) -> str:
    return f"{sentence}: {detail}" if detail else sentence


def subscription(change: SubscriptionEvent) -> Step:
    """How they came to a list, or left it."""
    how = HOW[change.how] + (f" ({change.import_name})" if change.import_name else "")
    return Step(change.at, f"{change.state.value} on {change.list_name}, {how}")


def suppression(entry: SuppressionEvent, list_name: str) -> Step:
    """What kept mails from them, or stopped to."""
    whom = "their whole domain" if entry.value.startswith("@") else "the address"
    where = "every list" if entry.list_id == EVERY_LIST else list_name
    became = "was suppressed" if entry.added else "is not suppressed any more"
    return Step(entry.at, f"{whom} {became} on {where} ({entry.reason.value})")


def event(report: Told) -> Step:
    """What the provider reported."""
    return Step(report.at, detailed(EVENTS[report.kind], report.detail))


def scheduled(issue: IssueRow) -> Step:
    """An issue that waits to be sent. Its audience is frozen when it begins."""
    waits = "is paused" if issue.state is IssueState.PAUSED else "is scheduled"
    return Step(issue.due_at, f"the issue {waits}; its audience is chosen when it begins")


def not_on(lists: Sequence[str], states: Mapping[str, SubscriptionState]) -> str:
    """They are on none of the issue's lists."""
    others = ", ".join(sorted(states)) or "none"
    return f"it goes to {', '.join(lists)}, and they are on {others}"


def suppressed(entries: Sequence[Suppression]) -> str:
    """Which entries keep mails from them, as far as they are still there."""
    if not entries:
        return "they were suppressed then, and are not any more"
    told = []
    for entry in entries:
        whom = "their whole domain is" if entry.value.startswith("@") else "they are"
        where = "" if entry.list_id == EVERY_LIST else " on one list"
        since = f" since {moment(entry.created_at)}" if entry.created_at else ""
        told.append(f"{whom} suppressed{where}{since} ({entry.reason.value})")
    return "; ".join(told)


def pause(until: datetime | None, then: datetime) -> str:
    """Until when they want nothing, as far as that is still known."""
    if until is None or until <= then:
        return "they had asked for a pause, which has been ended since"
    return f"they asked for a pause until {moment(until)}"


def state_since(reason: Exclusion, lists: Sequence[str], changes: Sequence[SubscriptionEvent], then: datetime) -> str:
    """Since when they were pending or unsubscribed at that moment, and whether they still are."""
    mine = [change for change in changes if change.list_name in lists]
    before = [change for change in mine if change.at <= then and change.state.value == reason.value]
    what = {
        Exclusion.PENDING: "they had not confirmed",
        Exclusion.UNSUBSCRIBED: "they had unsubscribed",
    }.get(reason, reason.words)
    told = f"{what} on {before[-1].list_name}, since {moment(before[-1].at)}" if before else what
    after = [change for change in mine if change.at > then]
    return f"{told}; {after[-1].state.value} on {after[-1].list_name} since {moment(after[-1].at)}" if after else told


def mail_steps(mail: Mail) -> list[Step]:
    """What the ledger says of the mail itself."""
    said = {
        DeliveryState.ACCEPTED: f"accepted{by(mail)} in batch {mail.batch}",
        DeliveryState.REFUSED: detailed(f"refused{by(mail)} in batch {mail.batch}", mail.detail),
        DeliveryState.DOUBTFUL: detailed(f"in doubt since then, in batch {mail.batch}", mail.detail),
        DeliveryState.EXCLUDED: f"taken out of batch {mail.batch} at its claim: {excluded(mail.detail)} by then",
        DeliveryState.CANCELLED: f"cancelled: {mail.detail}" if mail.detail else "cancelled before it was handed over",
        DeliveryState.SUBMITTING: f"being handed over{by(mail)} in batch {mail.batch}",
    }.get(mail.state)
    if said is None:
        return []
    if mail.state is DeliveryState.ACCEPTED:
        if mail.detail.startswith(TAKEN_AS_SENT):
            said = f"counts as accepted in batch {mail.batch}"
        said += f", under {mail.provider_id}" if mail.provider_id else ""
        said = detailed(said, mail.detail)
    return [Step(mail.at, said)]


def by(mail: Mail) -> str:
    return f" by {mail.provider}" if mail.provider else ""


def excluded(detail: str) -> str:
    return Exclusion(detail).words if detail in set(Exclusion) else detail


def mail(mail: Mail, issue: IssueRow, reports: Sequence[Told], now: datetime, ready: datetime | None) -> str:
    """What became of the mail, in a sentence."""
    match mail.state:
        case DeliveryState.ACCEPTED:
            return accepted(mail, reports)
        case DeliveryState.REFUSED:
            return detailed("they did not get it: the provider refused the mail", mail.detail)
        case DeliveryState.DOUBTFUL:
            return doubtful(mail, issue, now)
        case DeliveryState.EXCLUDED:
            return f"they did not get it: {excluded(mail.detail)} between the freeze and the sending"
        case DeliveryState.CANCELLED:
            return f"they did not get it: the issue was cancelled, {mail.detail or 'before it was handed over'}"
        case DeliveryState.SUBMITTING:
            return submitting(mail, now)
        case _:
            return waiting(mail, issue, now, ready)


def accepted(mail: Mail, reports: Sequence[Told]) -> str:
    """Accepted is the provider's word; what came after it is told where it is known."""
    kinds = {report.kind: report for report in reports}
    end = next((kinds[kind] for kind in ENDS if kind in kinds), None)
    if mail.detail.startswith(TAKEN_AS_SENT):
        told = f"nobody knew whether they got it; {mail.detail}"
    else:
        told = f"the mail was accepted{by(mail)} at {moment(mail.at)}"
    if end is None:
        return f"{told}; nothing was reported of it since"
    return f"{told}; {detailed(EVENTS[end.kind], end.detail)}"


def doubtful(mail: Mail, issue: IssueRow, now: datetime) -> str:
    told = detailed(f"nobody knows whether they got it, since {moment(mail.at)}", mail.detail)
    if mail.send_at is not None and mail.send_at > now:
        told += f"; the provider keeps the mail until {moment(mail.send_at)}"
    return f"{told}; an event settles it, or: mailer doubts resolve {issue.name} --email -"


def submitting(mail: Mail, now: datetime) -> str:
    if mail.lease_until is not None and mail.lease_until <= now:
        return f"their mail was being handed over when its sender stopped, at {moment(mail.lease_until)} or before"
    return "their mail is being handed over at this moment"


def waiting(mail: Mail, issue: IssueRow, now: datetime, ready: datetime | None) -> str:
    """Why a mail that was not handed over yet waits."""
    told = f"their mail waits in batch {mail.batch}"
    if mail.attempts and mail.detail:
        told += f", was tried {mail.attempts} time{'s' if mail.attempts > 1 else ''} ({mail.detail})"
    if issue.state is IssueState.PAUSED:
        return f"{told}; the issue is paused{f': {issue.reason}' if issue.reason else ''}"
    due = max((at for at in (mail.due_at, mail.batch_due_at) if at is not None), default=None)
    if due is not None and due > now:
        return f"{told}; it is due at {moment(due)}"
    if mail.batch_state is BatchState.CLAIMED:
        return f"{told}; a sender is preparing it"
    if ready is not None and ready > now:
        return f"{told}; the provider is asked again at {moment(ready)}, by the rate, the warm-up or its own word"
    return f"{told}, and goes with the next: mailer send {issue.name} --frozen"
