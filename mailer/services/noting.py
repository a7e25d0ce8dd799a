"""Opens and clicks that a provider reports: counted where the organisation counts, and kept nowhere else.

They prove that a mail arrived all the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy.engine import Connection

from mailer.delivery.events import Event
from mailer.model import EngagementKind, EventKind, Reader
from mailer.services.program import Program
from mailer.store import attempts
from mailer.store import lists as stored_lists
from mailer.store.engagement import Seen, count, countable, keep
from mailer.store.events import Filed

TRACKED: Final[Mapping[EventKind, EngagementKind]] = {
    EventKind.OPENED: EngagementKind.OPENED,
    EventKind.CLICKED: EngagementKind.CLICKED,
}

AGAIN: Final = timedelta(days=7)
"""For so long it is known that an event was counted. Providers report again for a day."""


@dataclass(slots=True)
class Noted:
    """`new` were counted, by kind; `unkept` are not, because they are not counted here."""

    new: Counter[EventKind] = field(default_factory=Counter)
    unkept: int = 0


def note_all(program: Program, connection: Connection, pairs: Iterable[tuple[Filed, Event]], now: datetime) -> Noted:
    """Count those that may be, each once. Of that it was counted nothing stays but a hash, for a while."""
    noted, privacy = Noted(), program.settings.privacy
    given = sorted(pairs, key=lambda pair: stamp_of(pair[1]))
    names = stored_lists.names(connection, {ours.delivery.list_id for ours, _ in given}) if given else {}
    willing = countable(connection, [ours.delivery.subscriber_id for ours, _ in given]) if given else frozenset()
    seen: list[Seen] = []
    for ours, event in given:
        about = ours.delivery
        counts = privacy.tracking and _counted(program, names.get(about.list_id, "")) and not about.over
        if not counts or about.subscriber_id not in willing:
            noted.unkept += 1
        elif now - event.at < AGAIN and attempts.spend(connection, stamp_of(event), now + AGAIN):
            seen.append(Seen(about.issue_id, TRACKED[event.kind], event.reader, event.at))
            noted.new[event.kind] += 1
            if privacy.individual and event.reader is not Reader.MACHINE:
                keep(connection, about.subscriber_id, seen[-1])
    # All at once, which is in one order: two jobs that count the same issue never wait for one another in a circle.
    count(connection, seen)
    return noted


def _counted(program: Program, list_name: str) -> bool:
    definition = program.lists.get(list_name)
    return definition is None or definition.tracking


def stamp_of(event: Event) -> str:
    """What makes the same event twice one. Nobody can be found by it."""
    return sha256(f"event {event.key}".encode()).hexdigest()
