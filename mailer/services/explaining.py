"""Why a person got an issue, or did not: every decision about the two, in words, with its time.

What the freeze and the senders decided stands in the ledger and is told as it stands. An issue whose audience is not
frozen is decided now, by the same rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.engine import Connection

from mailer.audience.address import Address
from mailer.audience.decide import Terms, verdict
from mailer.audience.segment.evaluate import evaluate, failing_part
from mailer.audience.segment.nodes import Segment
from mailer.audience.segment.reading import parse
from mailer.errors import MailerError
from mailer.model import DeliveryState, Exclusion, IssueKind, IssueState, SubscriptionState
from mailer.services import explainwords as words
from mailer.services.explainwords import Step
from mailer.services.forgetting import recogniser
from mailer.services.program import Program
from mailer.services.segments import parse_for
from mailer.services.sending.access import provided
from mailer.services.sending.pace import pace_of
from mailer.store import capping, pacing, subscriptions, suppressions
from mailer.store import events as stored_events
from mailer.store import explaining as stored
from mailer.store import facts as stored_facts
from mailer.store import issues as stored_issues
from mailer.store.explaining import Mail, Person
from mailer.store.issues import StoredIssue

NOBODY, FORGOTTEN, NOT_ON_LISTS, WOULD_GET, WAITING = "nobody", "forgotten", "not_on_lists", "would_get", "waiting"
PRUNED = "pruned"
"""Verdicts beside the states of a delivery and the reasons for being left out. `pending` is a reason: who has not
confirmed; a mail that is pending waits."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one person got one issue, or did not.

    `verdict` is the state of their mail, the reason for which they were left out, or one of the words above. `frozen`:
    the ledger says so; otherwise it is how things stand now.
    """

    issue: str
    state: IssueState
    frozen: bool
    verdict: str
    summary: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """The issue as far as it decides about people. `issue` is None for a draft."""

    name: str
    lists: tuple[str, ...]
    segment: Segment | None
    issue: StoredIssue | None
    kind: IssueKind

    @property
    def state(self) -> IssueState:
        return self.issue.state if self.issue else IssueState.DRAFT

    @property
    def frozen_at(self) -> datetime | None:
        """When its audience was written down; None while it is not."""
        return self.issue.started_at if self.issue else None


def explain(program: Program, address: Address, name: str) -> Explanation:
    """NotFoundError for an issue that is neither in the ledger nor a file."""
    asked = asked_for(program, name)
    with program.store.read() as connection:
        about = stored.person(connection, address.key)
        steps = past(connection, address.key, asked.lists)
        if about is None:
            return unknown(connection, program, address, asked, steps)
        if asked.frozen_at is None:
            decided = forecast(connection, program, about, asked)
        else:
            decided = ledger_says(connection, program, about, asked)
    found, told, more = decided
    steps = sorted([*steps, *more], key=lambda step: step.at or datetime.max.replace(tzinfo=UTC))
    return Explanation(asked.name, asked.state, asked.frozen_at is not None, found, told, tuple(steps))


Decided = tuple[str, str, list[Step]]
"""The verdict, in a sentence, and the decisions that led to it."""


def asked_for(program: Program, name: str) -> Asked:
    """The issue as it was frozen or scheduled, else as its file says it."""
    with program.store.read() as connection:
        issue = stored_issues.get(connection, name)
    if issue is not None:
        return Asked(name, issue.lists, parse(issue.segment) if issue.segment else None, issue, issue.kind)
    draft = program.workspace.read_issue(name)
    segment = parse_for(program, draft.segment, draft.lists) if draft.segment else None
    for each in draft.lists:
        program.list_named(each)
    return Asked(name, draft.lists, segment, None, draft.kind)


def unknown(
    connection: Connection, program: Program, address: Address, asked: Asked, steps: Sequence[Step]
) -> Explanation:
    """Nobody has the address; whether it was forgotten is known by its hash."""
    frozen = asked.frozen_at is not None
    if suppressions.anybody_forgotten(connection):
        for entry in suppressions.entries(connection, recogniser(program)(address.key)):
            told = "that address was forgotten, or given up for another, and nothing is known of it any more"
            more = [Step(entry.created_at, "the address was erased")] if entry.created_at else []
            return Explanation(asked.name, asked.state, frozen, FORGOTTEN, told, (*steps, *more))
    return Explanation(asked.name, asked.state, frozen, NOBODY, "nobody here has that address", tuple(steps))


def past(connection: Connection, email_key: str, lists: Sequence[str]) -> list[Step]:
    """How the person came to the issue's lists and left them, and what kept mails from them."""
    steps = [
        words.subscription(each) for each in subscriptions.history(connection, email_key) if each.list_name in lists
    ]
    numbers = {number: name for name, number in stored.list_numbers(connection, lists).items()}
    steps += [
        words.suppression(entry, numbers.get(entry.list_id, ""))
        for entry in suppressions.history(connection, suppressions.values_of(email_key))
        if entry.list_id == suppressions.EVERY_LIST or entry.list_id in numbers
    ]
    return steps


def forecast(connection: Connection, program: Program, about: Person, asked: Asked) -> Decided:
    """How things stand now for an issue whose audience is not frozen."""
    now = program.now()
    with provided(program) as provider:
        smtputf8 = provider.capabilities.smtputf8
    numbers = stored.list_numbers(connection, asked.lists)

    def chosen(_: object, list_name: str) -> bool:
        facts = stored_facts.facts(connection, about.subscriber.email_key, numbers.get(list_name))
        return asked.segment is None or facts is None or evaluate(asked.segment, facts, now)

    def capped(_: object, list_name: str) -> bool:
        return bool(enough(connection, about, asked, list_name, now))

    banned = stored.suppressed(connection, about.subscriber.email_key, asked.lists)
    found = verdict(about.candidate, asked.lists, banned, Terms(smtputf8, now, chosen, capped))
    steps = [words.scheduled(asked.issue)] if asked.issue else []
    if found is None:
        return NOT_ON_LISTS, f"they would not get it: {words.not_on(asked.lists, about.states)}", steps
    if found.exclusion is None:
        told = f"they would get it if it were sent now, through {found.list_name}"
        return WOULD_GET, told, steps
    why = left_out(connection, about, asked, found.exclusion, now)
    return found.exclusion.value, f"they would not get it: {why}", steps


def ledger_says(connection: Connection, program: Program, about: Person, asked: Asked) -> Decided:
    """What the freeze and the senders decided."""
    assert asked.issue is not None
    assert asked.frozen_at is not None
    frozen = asked.frozen_at
    if asked.issue.pruned_at is not None:
        day = words.day(asked.issue.pruned_at)
        told = f"nobody knows any more: the deliveries of {asked.name} were pruned on {day}"
        return PRUNED, told, [Step(asked.issue.pruned_at, "the deliveries were counted and deleted")]
    mail = stored.mail(connection, asked.issue.id, about.number)
    if mail is not None:
        steps = [Step(frozen, f"chosen when the audience was frozen, through {mail.list_name}; batch {mail.batch}")]
        return of_mail(connection, program, asked.issue, mail, steps)
    reason = stored.exclusion(connection, asked.issue.id, about.number)
    if reason is not None:
        why = left_out(connection, about, asked, reason, frozen)
        return reason.value, f"they were left out: {why}", [Step(frozen, f"left out at the freeze: {reason.words}")]
    late = [name for name in asked.lists if name in about.joined and about.joined[name] > frozen]
    steps = [Step(frozen, "the audience was frozen without them")]
    if late:
        joined = about.joined[late[0]]
        why = f"they joined {late[0]} on {words.day(joined)}, after the audience was frozen"
        return NOT_ON_LISTS, f"they did not get it: {why}", steps
    return NOT_ON_LISTS, f"they did not get it: {words.not_on(asked.lists, about.states)}", steps


def of_mail(connection: Connection, program: Program, issue: StoredIssue, mail: Mail, steps: Iterable[Step]) -> Decided:
    """What became of a mail that was to be sent."""
    reports = stored_events.of_delivery(connection, mail.id)
    ready = None
    pending = mail.state is DeliveryState.PENDING
    if pending and issue.state is IssueState.SENDING:
        settings = program.settings
        ready = pacing.ready_at(connection, pace_of(settings, settings.provider.name), program.now())
    told = words.mail(mail, issue, reports, program.now(), ready)
    return WAITING if pending else mail.state.value, told, [*steps, *words.mail_steps(mail), *map(words.event, reports)]


def left_out(connection: Connection, about: Person, asked: Asked, reason: Exclusion, then: datetime) -> str:
    """Why somebody who is on the lists does not get it, as far as it can still be seen."""
    key = about.subscriber.email_key
    match reason:
        case Exclusion.SUPPRESSED:
            here = {suppressions.EVERY_LIST, *stored.list_numbers(connection, asked.lists).values()}
            entries = suppressions.entries(connection, suppressions.values_of(key))
            return words.suppressed([entry for entry in entries if entry.list_id in here])
        case Exclusion.SEGMENT if asked.segment is not None:
            return outside(connection, about, asked, asked.segment, then)
        case Exclusion.CAP:
            return enough(connection, about, asked, through(about, asked), then) or words.CAP_CHANGED
        case Exclusion.PAUSED:
            return words.pause(about.subscriber.paused_until, then)
        case Exclusion.NEEDS_SMTPUTF8:
            return "their address is not written in ASCII, which the provider cannot carry"
        case _:
            return words.state_since(reason, asked.lists, subscriptions.history(connection, key), then)


def through(about: Person, asked: Asked) -> str:
    """The list that brings the person in, as far as their states tell."""
    states = (name for name in asked.lists if about.states.get(name) is SubscriptionState.CONFIRMED)
    return next(states, asked.lists[0])


def enough(connection: Connection, about: Person, asked: Asked, list_name: str, then: datetime) -> str:
    """Whether they had as many issues of the list as its cap allows, in a sentence; empty where they did not."""
    number = stored.list_numbers(connection, [list_name]).get(list_name)
    cap = capping.caps(connection, [number]).get(number) if number is not None else None
    if number is None or cap is None or asked.kind is IssueKind.ALERT:
        return ""
    had = capping.had(connection, number, about.number, cap, then)
    return words.capped(list_name, had, cap) if had >= cap.issues else ""


def outside(connection: Connection, about: Person, asked: Asked, segment: Segment, then: datetime) -> str:
    """Which part of the segment keeps the person out, by what is known of them now."""
    numbers = stored.list_numbers(connection, asked.lists)
    facts = stored_facts.facts(connection, about.subscriber.email_key, numbers.get(through(about, asked)))
    try:
        part = failing_part(segment, facts, then) if facts else None
    except MailerError:  # pragma: no cover - what was frozen was evaluated before
        part = None
    if part is None:
        return (
            f"they were not in its segment then; what is known of them has changed since: {words.short(segment.text)}"
        )
    places = segment.attributes
    asked_of = [name for name, place in places.items() if segment.text[place.start : place.end] in part]
    known = [f"{name} is {words.value(about.subscriber.attributes.get(name))}" for name in asked_of]
    having = f" ({', '.join(known)})" if known else ""
    return f"they are not in its segment: {words.short(part)} is not so{having}"
