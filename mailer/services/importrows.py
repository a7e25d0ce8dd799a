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
from mailer.store.importing import Chunk, gather
from mailer.store.seen import Seen

# Large enough that the index over addresses is written few times; small enough for the memory of several at once.
ROWS = 25_000

BANS = {
    RowState.SUPPRESSED_BOUNCED: SuppressionReason.BOUNCED,
    RowState.SUPPRESSED_COMPLAINED: SuppressionReason.COMPLAINED,
    RowState.SUPPRESSED_OTHER: SuppressionReason.MANUAL,
}
LOWERED = {
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
        """The rows after the first `done`, `size` at a time; those before are only looked at."""
        seen, rows, first = Seen(), [], True
        for row in self._skipped(done, seen):
            rows.append(row)
            if len(rows) >= size:
                yield self._prepared(rows, seen)
                rows, first = [], False
        if rows or first:
            yield self._prepared(rows, seen)

    def sample(self, number: int) -> list[Row]:
        """The first good rows."""
        return [row for row in self.file.sample(5 * number) if isinstance(row, Row)][:number]

    def _skipped(self, done: int, seen: Seen) -> Iterator[Row | RejectedRow]:
        """The rows that are to be done. What those before said is needed: their addresses, and who was refused."""
        place = 0
        for batch in self.file.batches():
            skipped = batch[: max(0, done - place)]
            place += len(batch)
            if skipped:
                self._prepared(skipped, seen)
            yield from batch[len(skipped) :] if skipped else batch

    def _prepared(self, rows: Sequence[Row | RejectedRow], seen: Seen) -> Prepared:
        prepared = Prepared(Chunk(), len(rows))
        prepared.people = gather(self._people(rows, prepared), seen)
        prepared.read = self.file.done / self.file.size if self.file.size else 1.0
        return prepared

    def _people(self, rows: Sequence[Row | RejectedRow], prepared: Prepared) -> Iterator[NewSubscriber]:
        entry, more = self.state, self.tags
        for row in rows:
            if isinstance(row, RejectedRow):
                self.refusals.add(row)
                prepared.refused += 1
                continue
            _, address, attributes, tags, state, _, said = row
            if tags or more:
                attributes = {**attributes, TAGS: list(with_tags(tags, more))}
            if state is None or state is RowState.MAILABLE:
                yield NewSubscriber(address, attributes, entry)
            elif state is RowState.NOT_MAILABLE:
                prepared.not_mailable += 1
            elif state in LOWERED:
                yield NewSubscriber(address, attributes, LOWERED[state])
            else:
                yield NewSubscriber(address, attributes, entry, Ban(BANS[state], self._note(said)))

    def _note(self, said: str) -> str:
        """What is kept beside a suppression: where it came from, and the words there."""
        source = self.name or "an import"
        return f"{source}: {said}" if said else source
