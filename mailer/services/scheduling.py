"""An issue is written down now and begins at a time: on one clock, or on those of its readers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from mailer.delivery.schedule import read_clock, read_day, read_moment, said, too_late
from mailer.delivery.zones import first_day, groups
from mailer.errors import MailerError, UsageError
from mailer.services.approvals import log_approvals, must_be_approved, unapproved_words
from mailer.services.prepare import Prepared, prepare
from mailer.services.program import Program
from mailer.services.sending.access import provided
from mailer.services.sending.freezing import content_of
from mailer.store import issues as stored_issues
from mailer.store import ledger, scheduling
from mailer.store import lists as stored_lists
from mailer.store.accepting import write_down
from mailer.store.database import shut_door
from mailer.store.issues import IssueRow
from mailer.store.scheduling import Schedule, Terms
from mailer.wording import quoted

LEAD = timedelta(minutes=5)
"""So long before the first reader's time the audience is chosen, so that the first batches wait and are not late."""


@dataclass(frozen=True, slots=True)
class When:
    """When to send, in a person's words; an empty one was not said."""

    at: str = ""
    local_time: str = ""
    not_after: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """When it is the wanted time for how many readers, and in which zones: `others` are those whose own is unknown."""

    due_at: datetime
    people: int
    zones: tuple[str, ...]
    others: bool


@dataclass(frozen=True, slots=True)
class Scheduled:
    """An issue as it is scheduled, or would be. `moments` are those of its readers, where they decide.

    `before`: the time it was scheduled for until now.
    """

    name: str
    schedule: Schedule
    zone: str
    said: str
    moments: tuple[Moment, ...] = ()
    before: datetime | None = None


def office_zone(program: Program) -> ZoneInfo:
    """The zone of times that a person names."""
    return ZoneInfo(program.settings.organisation.zone)


def plan_schedule(program: Program, prepared: Prepared, when: When) -> Scheduled:
    """What the words mean for this issue. UsageError says what is wrong with them."""
    now, zone = program.now(), office_zone(program)
    moments: tuple[Moment, ...] = ()
    if when.local_time:
        wall, moments = _readers(program, prepared, when)
        due_at = max(now, moments[0].due_at - LEAD)
        local_time = wall.isoformat(timespec="minutes")
    else:
        due_at, local_time = read_moment(when.at, zone, now), ""
    not_after = last_moment(program, when.not_after)
    last = moments[-1].due_at if moments else due_at
    if not_after is not None and not_after < last:
        raise UsageError(
            f"--not-after is {said(not_after, zone, now)}; the last mails are due {said(last, zone, now)}",
            hint="name a later moment for --not-after",
        )
    schedule = Schedule(due_at, not_after, local_time)
    return Scheduled(prepared.issue.name, schedule, zone.key, said(due_at, zone, now), moments)


def last_moment(program: Program, words: str) -> datetime | None:
    """What --not-after means."""
    return read_moment(words, office_zone(program), program.now()) if words else None


def schedule_issue(
    program: Program, prepared: Prepared, planned: Scheduled, accepted: Collection[str] = ()
) -> IssueRow | None:
    """Write an issue down with its time; the one that was scheduled before, if there was.

    `accepted`: fingerprints of the findings that were let pass, for its history.
    """
    frozen = content_of(program, prepared)
    with program.store.write() as connection:
        for definition in prepared.lists:
            stored_lists.ensure(connection, definition)
        before = scheduling.schedule(connection, frozen, planned.schedule, program.now())
        # After the issues are held: what is taken back at this moment is waited for.
        approvals = must_be_approved(connection, program.settings, (frozen.name, frozen.hash))
        log_approvals(connection, approvals, program.now())
        write_down(connection, frozen.name, accepted, program.now())
        return before


def file_words(program: Program, name: str, scheduled_hash: str) -> str:
    """What a person should know of a scheduled issue's file; empty while it is what will be sent."""
    try:
        prepared = prepare(program, name)
    except MailerError as error:
        return f"its file cannot be read any more, what is sent is as it was scheduled: {error.message.splitlines()[0]}"
    if prepared.hash == scheduled_hash:
        return ""
    return "its file has changed since it was scheduled, and what is sent is as it was: schedule it again"


def begin(program: Program, issue: IssueRow) -> tuple[ledger.FrozenCounts, str] | None:
    """Begin a scheduled issue that is due; its audience, and why it is paused at once if it is.

    None when another process was first. Found too late it is paused with its audience, so that a person can say
    whether it still makes sense; so is one whose approvals do not count any more.
    """
    with provided(program) as provider:
        terms = Terms(provider.capabilities.smtputf8, office_zone(program).key)
    with program.store.derive() as connection:
        shut_door(connection)
        # Asked when it is our turn: whoever was first began before us, and counts for the caps of lists.
        now = program.now()
        counts = scheduling.start(connection, issue.name, now, terms)
        if counts is None:
            return None
        begun = stored_issues.get(connection, issue.name)
        reason = too_late(begun.due_at, begun.not_after, now, longest(program)) if begun else ""
        reason = reason or unapproved_words(connection, program.settings, (issue.name, issue.hash))
        if reason:
            stored_issues.pause(connection, issue.name, reason, now)
        return counts, reason


def longest(program: Program) -> timedelta:
    """How late something may begin without a person's word."""
    return timedelta(hours=program.settings.limits.late_hours)


def _readers(program: Program, prepared: Prepared, when: When) -> tuple[datetime, tuple[Moment, ...]]:
    """The time on the readers' clocks, and when that is, for those who are on the issue's lists now."""
    now, zone = program.now(), office_zone(program)
    clock = read_clock(when.local_time)
    if clock is None:
        raise UsageError(f"{quoted(when.local_time)} is not a time of day", hint="write --local-time 09:00")
    with program.store.write() as connection:
        for definition in prepared.lists:
            stored_lists.ensure(connection, definition)
    with program.store.read() as connection:
        people = scheduling.zones_of_lists(connection, prepared.issue.lists)
    zones = {zone.key, *filter(None, people)}
    day = _day(when.at, zone, now) if when.at else first_day(clock, zones, now)
    wall = datetime.combine(day, clock)
    moments = _moments(wall, people, zone.key)
    if moments[0].due_at < now:
        place = min(moments[0].zones or (zone.key,))
        raise UsageError(
            f"{wall:%H:%M} on {day} is {said(moments[0].due_at, ZoneInfo(place), now)}",
            hint="name a later day, or none: then it is the first on which it is still to come for everybody",
        )
    return wall, moments


def _moments(wall: datetime, people: Mapping[str | None, int], fallback: str) -> tuple[Moment, ...]:
    found = []
    for group in groups(wall, filter(None, people), fallback):
        number = sum(people[zone] for zone in group.zones) + (people.get(None, 0) if group.rest else 0)
        found.append(Moment(group.due_at, number, tuple(sorted(group.zones)), group.rest))
    return tuple(each for each in found if each.people) or tuple(found)


def _day(words: str, zone: ZoneInfo, now: datetime) -> date:
    day = read_day(words, zone, now)
    if day is None:
        raise UsageError(
            f"{quoted(words)} is not a day", hint="beside --local-time, --at is a day: 2026-11-25, tomorrow or fri"
        )
    if day > now.astimezone(UTC).date() + timedelta(days=366):
        raise UsageError(f"{day} is more than a year away", hint="name an earlier day")
    return day
