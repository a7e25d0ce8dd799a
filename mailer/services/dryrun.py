"""Everything that a send does but the call: each recipient's mail is written and thrown away, and nothing is frozen."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from sqlalchemy.engine import Connection

from mailer.audience.segment.reading import parse
from mailer.model import IssueState, Merge, Receipt, Recipient
from mailer.providers.protocol import Capabilities
from mailer.services.merge_writer import MergeWriter
from mailer.services.plan import Plan, plan_prepared
from mailer.services.prepare import Prepared, prepare
from mailer.services.program import Program
from mailer.services.sending.access import provided
from mailer.services.writer import MailWriter, Route
from mailer.store import issues as stored_issues
from mailer.store import listing
from mailer.store.audience import Narrowing
from mailer.store.capping import caps_at

BEGUN = (IssueState.SENDING, IssueState.PAUSED)

Tell = Callable[[int, float], None]
"""Progress: so many mails, which are this part of all."""


@dataclass(slots=True)
class Written:
    """What became of writing the mails. `bytes` before the provider adds to them; `unwritable`: reasons with counts."""

    mails: int = 0
    bytes: int = 0
    largest: int = 0
    seconds: float = 0.0
    unwritable: Counter[str] = field(default_factory=Counter)

    def add(self, sizes: Sequence[int], refused: Sequence[Receipt]) -> None:
        self.mails += len(sizes)
        self.bytes += sum(sizes)
        self.largest = max(self.largest, *sizes, 0)
        self.unwritable.update(receipt.detail.removeprefix("not written: ") for receipt in refused)

    @property
    def failed(self) -> int:
        return sum(self.unwritable.values())


@dataclass(frozen=True, slots=True)
class DryRun:
    """The plan of an issue, and its mails as they would be written."""

    plan: Plan
    written: Written


def dry_run(program: Program, name: str, tell: Tell, *, again: bool = False) -> DryRun:
    """Write every mail of the issue that a send would write now."""
    prepared = prepare(program, name)
    planned = plan_prepared(program, prepared, again=again)
    with provided(program) as provider:
        capabilities = provider.capabilities
    written, begin = Written(), time.monotonic()
    with program.store.read() as connection:
        snapshot, people = whom(program, connection, prepared, capabilities)
        route = Route(program.settings.provider.bounces, capabilities.smtputf8)
        keys = program.workspace.secret_keys(program.environ)
        writer = MailWriter(name, snapshot, keys, preview=True, route=route)
        size = min(program.settings.provider.batch_size, capabilities.max_recipients)
        write = merging(writer, capabilities) if capabilities.personalises else one_by_one(writer, program.now())
        while chunk := list(islice(people, size)):
            write(chunk, written)
            done = written.mails + written.failed
            tell(done, done / max(done, planned.recipients))
    written.seconds = round(time.monotonic() - begin, 2)
    return DryRun(planned, written)


def whom(
    program: Program, connection: Connection, prepared: Prepared, capabilities: Capabilities
) -> tuple[Mapping[str, object], Iterator[Recipient]]:
    """What is sent and to whom: of an issue that is being sent, what was frozen and those who are left."""
    issue = stored_issues.get(connection, prepared.issue.name)
    if issue is not None and issue.state in BEGUN:
        return issue.snapshot, listing.recipients_left(connection, issue.id)
    if issue is not None and issue.state is not IssueState.SCHEDULED:
        return prepared.snapshot, iter(())
    source = prepared.issue if issue is None else issue
    narrowing = Narrowing(parse(source.segment), program.now()) if source.segment else None
    people = listing.recipients_now(
        connection,
        source.lists,
        smtputf8=capabilities.smtputf8,
        narrowing=narrowing,
        capped_at=caps_at(source.kind, program.now()),
        now=program.now(),
    )
    return prepared.snapshot if issue is None else issue.snapshot, people


Write = Callable[[Sequence[Recipient], Written], None]


def one_by_one(writer: MailWriter, date: datetime) -> Write:
    """Whole mails, as a mail server takes them."""

    def write(people: Sequence[Recipient], written: Written) -> None:
        envelopes, refused = writer.envelopes(people, date)
        written.add([len(envelope.content) for envelope in envelopes], refused)

    return write


def merging(writer: MailWriter, capabilities: Capabilities) -> Write:
    """Messages for many, as a provider takes them that personalises."""
    merger = MergeWriter(writer, capabilities.variables_bytes)

    def write(people: Sequence[Recipient], written: Written) -> None:
        merges, refused = merger.merges(people)
        written.add([size for merge in merges for size in sizes(merge)], refused)

    return write


def sizes(merge: Merge) -> list[int]:
    """How large each recipient's mail becomes: the texts of all and the values of one."""
    shared = sum(len(text.encode()) for text in (merge.subject, merge.text, merge.html))
    columns = [[len(value.encode()) for value in column] for column in merge.people.values.values()]
    return [shared + sum(own) for own in zip(*columns, strict=True)] if columns else [shared] * len(merge.people)
