"""Bringing people in, one or a million: the rules are in `admission`, here is where they meet the database.

A chunk of rows is one transaction. Most of its people are new, and those go in as a whole, with statements over all
of them; whoever turns out to be known, is suppressed, or stands in the file twice is looked at row by row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from types import ModuleType
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.errors import StoreBusyError
from mailer.model import Attributes, SubscriptionState
from mailer.store import suppressions
from mailer.store.admission import Admission, Ban, NewSubscriber, Person, Update, admit, apply, said
from mailer.store.columns import EPOCH, MICROSECOND
from mailer.store.database import pass_door
from mailer.store.enrolment import Arrivals, Enrolment, Odd
from mailer.store.modes import compact_json
from mailer.store.seen import Seen
from mailer.store.subscriptions import Origin
from mailer.store.suppressions import Suppression
from mailer.store.tables import suppressions as suppressed_values

Tally = Counter[Admission]

SORTED_FROM = 2000

SUBSCRIPTION = ("list_id", "subscriber_id", "state", "created_at", "updated_at")
EVENT = ("list_id", "subscriber_id", "state", "source", "at", "how", "import_id", "consent_id", "evidence")


@dataclass(frozen=True, slots=True)
class Target:
    """Where rows go, how they came, and what they may change."""

    list_id: int
    origin: Origin
    now: datetime
    update: Update = Update.OVERWRITE


@dataclass(slots=True)
class Chunk:
    """Rows made ready. `arrivals`: addresses seen for the first time; `later`: all other rows, with whether first."""

    arrivals: list[Arrivals] = field(default_factory=list)
    later: list[tuple[NewSubscriber, bool]] = field(default_factory=list)

    def keys(self) -> set[str]:
        """Every address in it."""
        arriving = chain.from_iterable(group.addresses() for group in self.arrivals)
        return {*arriving, *(row.address.key for row, _ in self.later)}


class Gathering:
    """Makes a chunk of rows, in whatever thread. `seen` holds the addresses of the chunks before."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._keys: list[str] = []
        self._plain: list[tuple[SubscriptionState, int, list[str]]] = []
        self._rows: list[tuple[int, NewSubscriber]] = []

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, row: NewSubscriber) -> None:
        """One row."""
        self._rows.append((len(self._keys), row))
        self._keys.append(row.address.key)

    def add_plain(self, keys: Sequence[str], attributes: Sequence[Attributes], state: SubscriptionState) -> None:
        """Many rows whose addresses are written as their keys, in one state."""
        if not all(map(all, map(dict.values, attributes))):  # type: ignore[arg-type]
            attributes = list(map(said, attributes))
        self._plain.append((state, len(self._keys), json_texts(attributes)))
        self._keys += keys

    def chunk(self) -> Chunk:
        """What was gathered."""
        again = set(self._seen.repeated(self._keys))
        chunk = Chunk()
        groups: dict[SubscriptionState, Arrivals] = {}
        later: list[tuple[int, NewSubscriber]] = []
        for state, start, texts in self._plain:
            people = list(zip(self._keys[start : start + len(texts)], texts, strict=True))
            if not again.isdisjoint(range(start, start + len(texts))):
                places = range(start, start + len(texts))
                rows = [(at, _row(one, state)) for at, one in zip(places, people, strict=True) if at in again]
                later += rows
                people = [one for at, one in zip(places, people, strict=True) if at not in again]
            groups.setdefault(state, Arrivals(state)).plain.extend(people)
        for at, row in self._rows:
            if row.ban is not None or at in again:
                later.append((at, row))
                continue
            address = row.address
            odd = Odd(address.key, json_text(said(row.attributes)), address.email, address.ascii_email)
            groups.setdefault(row.state, Arrivals(row.state)).odd.append(odd)
        chunk.arrivals = [_in_order(group) for group in groups.values()]
        chunk.later = [(row, at not in again) for at, row in sorted(later, key=lambda one: one[0])]
        return chunk


def gather(rows: Iterable[NewSubscriber], seen: Seen) -> Chunk:
    """The rows as one chunk."""
    gathering = Gathering(seen)
    for row in rows:
        gathering.add(row)
    return gathering.chunk()


def bring_in(connection: Connection, chunk: Chunk, target: Target) -> Tally:
    """Write a chunk down; how many rows did what."""
    bulk = _bulk(connection)
    kept_out = _kept_out(connection, chunk, target.list_id)
    fresh = [group.without(kept_out) for group in chunk.arrivals] if kept_out else chunk.arrivals
    known = bulk.enrol(connection, _enrolment(target), [group for group in fresh if len(group)])
    tally: Tally = Counter({Admission.NEW: sum(map(len, fresh)) - len(known)})
    rows = [*_rows(chunk, known | kept_out.keys()), *chunk.later]
    if rows:
        tally.update(_Revision(connection, target, kept_out).carry_out(rows))
    return tally


def foresee(connection: Connection, chunk: Chunk, target: Target) -> Tally:
    """What `bring_in` would count, and nothing is written."""
    bulk = _bulk(connection)
    kept_out = _kept_out(connection, chunk, target.list_id)
    keys = [key for group in chunk.arrivals for key in group.addresses()]
    people = {
        one.key: Person(one.number, orjson.loads(one.attributes), _state(one.state))
        for one in bulk.load(connection, target.list_id, keys, lock=False)
    }
    tally: Tally = Counter({Admission.NEW: len(keys)})
    for row, _ in _rows(chunk, people.keys() | kept_out.keys()):
        key = row.address.key
        tally[Admission.NEW] -= 1
        tally[apply(people.get(key, Person()), row, kept_out.get(key), target.update)] += 1
    banned = _banned(connection, [row.address.key for row, _ in chunk.later if row.ban])
    for row, first in chunk.later:
        tally[_ban_result(row.address.key in banned) if first else Admission.DUPLICATE] += 1
    return tally


def prepare(connection: Connection) -> None:
    """Set the connection up for many chunks."""
    _bulk(connection).prepare(connection)


def settle(connection: Connection) -> None:
    """Set it back."""
    _bulk(connection).settle(connection)


def json_text(value: Any) -> str:
    """JSON as it is stored; the same as `compact_json`, much faster where that is possible."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # a whole number of more than 64 bits
        return compact_json(value)


def json_texts(values: Sequence[Attributes]) -> list[str]:
    """The JSON of each of these, which are objects."""
    try:
        whole = orjson.dumps(values).decode()
    except TypeError:
        return list(map(json_text, values))
    # Written together and cut apart where that is unmistakable: five times as fast as one by one.
    parts = whole[2:-2].split("},{") if values else []
    return [f"{{{part}}}" for part in parts] if len(parts) == len(values) else list(map(json_text, values))


class _Revision:
    """One pass over rows of people who are known, kept out, or in the file twice, in the order of the file."""

    def __init__(self, connection: Connection, target: Target, kept_out: dict[str, Admission]) -> None:
        self._connection = connection
        self._bulk = _bulk(connection)
        self._target = target
        self._kept_out = kept_out
        self._people: dict[str, Person] = {}
        self._newcomers: dict[str, NewSubscriber] = {}
        self._bans: dict[str, Ban] = {}

    def carry_out(self, rows: Sequence[tuple[NewSubscriber, bool]]) -> Tally:
        """Apply the rows and write down what changed."""
        tally: Tally = Counter()
        self._load([row.address.key for row, _ in rows])
        self._banned = _banned(self._connection, [row.address.key for row, _ in rows if row.ban])
        for row, first in rows:
            result = self._ban(row.address.key, row.ban) if row.ban else self._apply(row)
            tally[result if first else Admission.DUPLICATE] += 1
        self._write()
        return tally

    def _load(self, keys: Iterable[str]) -> None:
        for one in self._bulk.load(self._connection, self._target.list_id, sorted(set(keys))):
            state = _state(one.state)
            self._people[one.key] = Person(one.number, orjson.loads(one.attributes), state, state)

    def _ban(self, key: str, ban: Ban) -> Admission:
        there = key in self._banned
        if not there:
            self._bans[key] = ban
            self._banned.add(key)
        self._kept_out.setdefault(key, Admission.SUPPRESSED)
        return _ban_result(there)

    def _apply(self, row: NewSubscriber) -> Admission:
        key = row.address.key
        person = self._people.get(key)
        if person is None:
            refused = admit(None, row.state, self._kept_out.get(key))
            if refused is not None:
                return refused
            # Their first row was kept out, and what kept it out is gone.
            person = self._people[key] = Person()
            self._newcomers[key] = row
        return apply(person, row, self._kept_out.get(key), self._target.update)

    def _write(self) -> None:
        if self._newcomers:
            self._enrol_newcomers()
        entries = [Suppression(key, ban.reason, ban.note) for key, ban in sorted(self._bans.items())]
        if entries:
            suppressions.add_all(self._connection, entries, self._target.now)
        people = sorted(self._people.values(), key=lambda person: person.number or 0)
        how, at = _enrolment(self._target), _micros(self._target.now)
        touched = [(person.number, json_text(person.attributes)) for person in people if person.touched]
        self._bulk.revise(self._connection, at, touched)
        changed = [person for person in people if person.changes]
        first = [(how.list_id, one.number, one.state, at, at) for one in changed if one.first_state is None]
        self._bulk.append(self._connection, "subscriptions", SUBSCRIPTION, first)
        moved = [(one.number, str(one.state)) for one in changed if one.first_state is not None]
        self._bulk.move(self._connection, how.list_id, at, moved)
        origin = (how.source, how.at, how.how, how.import_id, how.consent_id, how.evidence)
        events = [(how.list_id, one.number, state, *origin) for one in changed for state in one.changes]
        self._bulk.append(self._connection, "subscription_events", EVENT, events)

    def _enrol_newcomers(self) -> None:
        """Rows of people; what else their rows changed is written with everybody's."""
        arrivals = []
        for key, row in sorted(self._newcomers.items()):
            first = self._people[key].changes.pop(0)
            text = json_text(self._people[key].attributes)
            arrivals.append(Arrivals(first, odd=[Odd(key, text, row.address.email, row.address.ascii_email)]))
        if self._bulk.enrol(self._connection, _enrolment(self._target), arrivals):
            raise StoreBusyError("another process brings in the same people", hint="Run the command again.")
        for one in self._bulk.load(self._connection, self._target.list_id, sorted(self._newcomers)):
            person = self._people[one.key]
            person.number, person.first_state, person.touched = one.number, _state(one.state), False


def _row(one: Sequence[Any], state: SubscriptionState) -> NewSubscriber:
    key, text, email, ascii_email = one if len(one) > 2 else (*one, one[0], one[0])
    return NewSubscriber(Odd(key, text, email, ascii_email), orjson.loads(text), state)


def _rows(chunk: Chunk, keys: Any) -> list[tuple[NewSubscriber, bool]]:
    """The arrivals with these keys, as rows that are looked at one by one."""
    if not keys:
        return []
    return [
        (_row(one, group.state), True)
        for group in chunk.arrivals
        for one in (*group.plain, *group.odd)
        if one[0] in keys
    ]


def _in_order(group: Arrivals) -> Arrivals:
    """Many people in the order of their addresses, to touch each page of that index once; few as they came."""
    if len(group) > SORTED_FROM:
        group.plain.sort()
        group.odd.sort()
    return group


def _kept_out(connection: Connection, chunk: Chunk, list_id: int) -> dict[str, Admission]:
    """The addresses of a chunk that are suppressed, by themselves or their domain, or were forgotten."""
    pass_door(connection)
    if connection.execute(sa.select(sa.literal(1)).select_from(suppressed_values).limit(1)).first() is None:
        return {}
    keys = chunk.keys()
    hashed: Mapping[str, Sequence[str]] = {}
    if suppressions.anybody_forgotten(connection):
        hasher = suppressions.hasher_of(connection)
        hashed = {key: hasher(key) for key in keys}
    domains = {key[key.rindex("@") :] for key in keys}
    values = {*keys, *domains, *(value for several in hashed.values() for value in several)}
    found = _bulk(connection).suppressed(connection, list_id, values)
    if not found:
        return {}
    forgotten = {key: Admission.FORGOTTEN for key, several in hashed.items() if not found.isdisjoint(several)}
    suppressed = (key for key in keys if key in found or key[key.rindex("@") :] in found)
    return forgotten | dict.fromkeys(suppressed, Admission.SUPPRESSED)


def _banned(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Those of the keys that are suppressed on every list."""
    return _bulk(connection).suppressed(connection, suppressions.EVERY_LIST, keys) if keys else set()


def _ban_result(there: bool) -> Admission:
    return Admission.SUPPRESSED if there else Admission.BANNED


def _state(text: str | None) -> SubscriptionState | None:
    return SubscriptionState(text) if text else None


def _micros(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def _enrolment(target: Target) -> Enrolment:
    origin = target.origin
    evidence = compact_json(dict(origin.evidence)) if origin.evidence else None
    how = (origin.how.value, origin.import_id, origin.consent_id, evidence)
    return Enrolment(target.list_id, _micros(target.now), origin.words, *how)


def _bulk(connection: Connection) -> ModuleType:
    """What speaks this database's own dialect; the driver of PostgreSQL need not be there for a file."""
    if connection.dialect.name == "postgresql":
        from mailer.store import bulk_postgresql

        return bulk_postgresql
    from mailer.store import bulk_sqlite

    return bulk_sqlite
