"""A subscriber file as chunks that are ready to be written down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mailer.audience.layout import Summary
from mailer.audience.reading import PeopleFile
from mailer.audience.rows import RejectedRow, Row, RowState
from mailer.audience.tagging import with_tags
from mailer.model import SubscriptionState, SuppressionReason
from mailer.services.refusing import Refusals
from mailer.store.admission import TAGS, Ban, NewSubscriber
from mailer.store.importing import Chunk, Gathering
from mailer.store.seen import Seen

# Large enough that the index over addresses is written few times; small enough for the memory of several at once.
ROWS = 20_000

BANS = {
    RowState.SUPPRESSED_BOUNCED: SuppressionReason.BOUNCED,
    RowState.SUPPRESSED_COMPLAINED: SuppressionReason.COMPLAINED,
    RowState.SUPPRESSED_OTHER: SuppressionReason.MANUAL,
}
MAILABLE = {None, RowState.MAILABLE}
LOWERED: dict[RowState | None, SubscriptionState] = {
    RowState.PENDING: SubscriptionState.PENDING,
    RowState.UNSUBSCRIBED: SubscriptionState.UNSUBSCRIBED,
}


@dataclass(slots=True)
class Prepared:
    """So many rows of the file: people, and how many were refused or left to themselves. `read`: of its bytes."""

    people: Chunk
    rows: int
    refused: int = 0
    not_mailable: int = 0
    read: float = 0.0


@dataclass(slots=True)
class People:
    """The rows of a file as an import takes them. `state` is the one that the importer vouches for; `name`: whose."""

    file: PeopleFile
    state: SubscriptionState
    tags: Sequence[str] = ()
    name: str = ""
    refusals: Refusals = field(init=False)

    def __post_init__(self) -> None:
        self.refusals = Refusals(self.summary)

    @property
    def summary(self) -> Summary:
        """What the file is."""
        return self.file.summary

    def chunks(self, done: int, size: int) -> Iterator[Prepared]:
        """The rows after the first `done`, about `size` at a time; those before are only looked at."""
        seen, place = Seen(), 0
        prepared = _Preparing(self, seen)
        for batch in self.file.batches():
            if place < done:
                # What they said is needed: their addresses, and who was refused.
                skipped, batch = batch[: done - place], batch[done - place :]
                place += len(skipped)
                self._skip(skipped, seen)
            if batch:
                prepared.add(batch)
            if prepared.rows >= size:
                yield prepared.done()
                prepared = _Preparing(self, seen)
        yield prepared.done()

    def sample(self, number: int) -> list[Row]:
        """The first good rows."""
        return [row for row in self.file.sample(5 * number) if isinstance(row, Row)][:number]

    def _skip(self, rows: Sequence[Row | RejectedRow], seen: Seen) -> None:
        taken = [row for row in rows if isinstance(row, Row) and row.state is not RowState.NOT_MAILABLE]
        seen.repeated([row.address.key for row in taken])
        if len(taken) < len(rows):
            for row in rows:
                if isinstance(row, RejectedRow):
                    self.refusals.add(row)

    def note(self, said: str) -> str:
        """What is kept beside a suppression: where it came from, and the words there."""
        source = self.name or "an import"
        return f"{source}: {said}" if said else source


class _Preparing:
    """A chunk that grows by batches of rows."""

    def __init__(self, people: People, seen: Seen) -> None:
        self.rows = 0
        self._people = people
        self._gathering = Gathering(seen)
        self._refused = self._not_mailable = 0

    def add(self, rows: Sequence[Row | RejectedRow]) -> None:
        """Take rows in; nearly all files are of ordinary ones alone, which are taken together."""
        self.rows += len(rows)
        if not self._added_together(rows):
            for row in rows:
                self._add(row)

    def done(self) -> Prepared:
        """The chunk."""
        file = self._people.file
        read = file.done / file.size if file.size else 1.0
        return Prepared(self._gathering.chunk(), self.rows, self._refused, self._not_mailable, read)

    def _added_together(self, rows: Sequence[Row | RejectedRow]) -> bool:
        if self._people.tags or set(map(type, rows)) != {Row}:
            return False
        _, addresses, attributes, tags, states, _, _ = zip(*rows, strict=True)
        if any(tags) or not set(states) <= MAILABLE:
            return False
        emails, keys, ascii_emails = zip(*addresses, strict=True)
        if not emails == keys == ascii_emails:
            return False
        self._gathering.add_plain(keys, attributes, self._people.state)
        return True

    def _add(self, row: Row | RejectedRow) -> None:
        if isinstance(row, RejectedRow):
            self._people.refusals.add(row)
            self._refused += 1
            return
        _, address, attributes, tags, state, _, said = row
        if tags or self._people.tags:
            attributes = {**attributes, TAGS: list(with_tags(tags, self._people.tags))}
        if state is RowState.NOT_MAILABLE:
            self._not_mailable += 1
        elif state in BANS:
            ban = Ban(BANS[state], self._people.note(said))
            self._gathering.add(NewSubscriber(address, attributes, self._people.state, ban))
        else:
            self._gathering.add(NewSubscriber(address, attributes, LOWERED.get(state, self._people.state)))
