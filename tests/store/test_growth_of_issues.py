"""What an issue costs does not grow with the issues before it: no statement of its life reads all of a large table.

The plans of both databases say so, over a history with statistics; times would tell about the machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import EventKind, IssueState, Outcome
from mailer.store import (
    backlog,
    doubts,
    erasing,
    events,
    evidence,
    explaining,
    feeding,
    held,
    history,
    ledger,
    listing,
    pruning,
    resuming,
    scheduling,
    senders,
)
from mailer.store import issues as stored_issues
from mailer.store.bounces import came_back
from mailer.store.jotting import Jotter
from mailer.store.listing import Wanted
from mailer.store.pruning import Limits
from tests.store.world import MINUTE, NOW, World, key, receipts

ISSUES, PEOPLE, BATCH = 40, 1000, 100
SMALL = 10
"""The batches of the history are small, so that there are thousands."""

LARGE = ("deliveries", "events", "batches", "exclusions")
# SQLite reads the whole of a table, or of an index; an index that it searches is told as SEARCH.
SCANNED = re.compile(r"^SCAN (\w+)(?! USING (COVERING )?INDEX ix_batches_unsettled)\b")
SNAPSHOT = {"html": "x" * 20}


@pytest.fixture
def old(world: World) -> World:
    """Forty issues that were sent to a thousand people, with an event of each; and what the planner knows."""
    world.add("weekly", *(f"p{number}" for number in range(PEOPLE)))
    with world.store.write() as connection:
        for number in range(ISSUES):
            _sent(connection, number)
        connection.exec_driver_sql("ANALYZE")
        if connection.dialect.name == "postgresql":
            for table in ("batches", "deliveries", "events", "issues"):
                connection.exec_driver_sql(f"SELECT setval('{table}_id_seq', 1000000)")
    return world


def _sent(connection: Connection, number: int) -> None:
    at = int((NOW - timedelta(days=ISSUES - number)).timestamp() * 1e6)
    values = {"issue": number + 1, "name": f"past-{number}", "at": at, "batches": PEOPLE // SMALL, "size": SMALL}
    values["first"] = number * PEOPLE
    statements = (
        """INSERT INTO issues (id, name, kind, subject, state, hash, snapshot, batch_size, frozen_at, updated_at,
        started_at, finished_at, segment, local_time, reason) VALUES (:issue, :name, 'bulletin', 's', 'sent', 'h', '{}',
        :size, :at, :at, :at, :at, '', '', '')""",
        """INSERT INTO batches (id, issue_id, number, state, attempts, updated_at, provider, in_order, boot, hold)
        SELECT (:issue - 1) * :batches + id, :issue, id, 'accepted', 1, :at, '', false, '', '' FROM subscribers
        WHERE id <= :batches""",
        """INSERT INTO deliveries (id, issue_id, subscriber_id, list_id, batch_id, state, detail, provider_id,
        updated_at) SELECT :first + id, :issue, id, 1, (:issue - 1) * :batches + 1 + (id - 1) / :size, 'accepted', '',
        '', :at FROM subscribers""",
        """INSERT INTO exclusions (issue_id, subscriber_id, reason) SELECT :issue, 100000 + id, 'pending'
        FROM subscribers""",
        """INSERT INTO events (key, delivery_id, issue_id, subscriber_id, kind, detail, at, received_at)
        SELECT cast(id * 7919 % 10007 AS text), :first + id, :issue, id, 'delivered', '', :at, :at
        FROM subscribers""",
    )
    for statement in statements:
        names = re.findall(r"(?<!:):(\w+)", statement)
        connection.execute(sa.text(statement), {name: values[name] for name in names})


@contextmanager
def plans(world: World) -> Iterator[list[tuple[str, str]]]:
    """The statements that are executed, each with the large tables it reads as a whole."""
    found: list[tuple[str, str]] = []

    def look(_: Any, cursor: Any, statement: str, parameters: Any, __: Any, many: bool) -> None:
        if not statement.lstrip().startswith(("SELECT", "INSERT", "UPDATE", "DELETE")):
            return
        mine = (parameters[0] if parameters else ()) if many else parameters
        with cursor.connection.cursor() if not world.store.is_file else _plain(cursor) as asked:
            found.extend((statement, table) for table in whole_tables(asked, statement, mine))

    sa.event.listen(world.store.engine, "before_cursor_execute", look)
    try:
        yield found
    finally:
        sa.event.remove(world.store.engine, "before_cursor_execute", look)


@contextmanager
def _plain(cursor: Any) -> Iterator[Any]:
    made = cursor.connection.cursor()
    try:
        yield made
    finally:
        made.close()


def whole_tables(cursor: Any, statement: str, parameters: Any) -> list[str]:
    """The large tables that the plan of a statement reads from beginning to end."""
    if "sqlite" in type(cursor).__module__:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters or ())
        told = [match[1] for row in cursor.fetchall() if (match := SCANNED.match(row[3]))]
        return [name for name in told if name in LARGE]
    cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters or None)
    return list(_sequential(cursor.fetchone()[0][0]["Plan"]))


def _sequential(node: dict[str, Any]) -> Iterator[str]:
    # An index that is read without a condition is read as a whole too.
    reads_all = node["Node Type"] == "Seq Scan" or (
        node["Node Type"] in ("Index Scan", "Index Only Scan", "Bitmap Index Scan") and "Index Cond" not in node
    )
    if reads_all and node.get("Index Name") != "ix_batches_unsettled" and node.get("Relation Name", "") in LARGE:
        yield node["Relation Name"]
    for child in node.get("Plans", ()):
        yield from _sequential(child)


def test_the_life_of_an_issue_reads_no_table_as_a_whole(old: World) -> None:
    with plans(old) as found:
        old.freeze("weekly", batch_size=BATCH, snapshot=SNAPSHOT)
        _some_batches(old)
        _what_is_asked(old)
        _what_is_reported(old)
        while old.claim() is not None:
            pass
        old.later(30)
        old.sweep()
        with old.store.write() as connection:
            stored_issues.set_state(connection, "issue", IssueState.PAUSED, old.now)
            stored_issues.resume(connection, "issue", old.now)
            ledger.cancel(connection, "issue", old.now)
    assert found == []


def _some_batches(world: World) -> None:
    for outcome in (Outcome.ACCEPTED, Outcome.RETRY, Outcome.NOT_SENT, Outcome.DOUBTFUL):
        world.submit(outcome)
    world.give_back(world.claimed(most=7))
    batch = world.claimed()
    assert world.begin(batch, marks=ledger.Marks(in_order=True))
    jotter = Jotter(world.store, 60, lambda: world.now)
    for receipt in receipts(batch, Outcome.ACCEPTED)[:5]:
        assert jotter.jot(batch.id, "one", receipt)
    jotter.close()
    with world.store.write() as connection:
        ledger.renew(connection, batch.id, "one", 60, world.now)
    world.later(2)
    world.sweep()
    world.finish()


def _what_is_asked(world: World) -> None:
    """What workers and people want to know while it is sent."""
    now = world.now
    asked: list[Callable[[Connection, int], Any]] = [
        lambda connection, _: ledger.figures(connection, "issue"),
        lambda connection, _: ledger.refusals(connection, "issue"),
        lambda connection, _: ledger.frozen_counts(connection, "issue"),
        lambda connection, _: ledger.next_due(connection, "issue"),
        lambda connection, _: scheduling.due(connection, now),
        lambda connection, _: scheduling.ready(connection, now),
        lambda connection, _: scheduling.next_moment(connection),
        lambda connection, number: scheduling.left_since(connection, number, now),
        lambda connection, _: listing.frozen_issues(connection),
        lambda connection, number: list(listing.deliveries_of(connection, number, Wanted(limit=10))),
        lambda connection, number: list(listing.recipients_left(connection, number)),
        lambda connection, number: history.due_later(connection, number, now),
        lambda connection, number: history.held(connection, number, now),
        lambda connection, number: history.reported(connection, [number]),
        lambda connection, number: history.batch_rows(connection, number),
        lambda connection, number: history.counts_of(connection, [number]),
        lambda connection, _: doubts.listing(connection),
        lambda connection, number: came_back(connection, number, now, "host-1-a.w"),
        lambda connection, number: explaining.mail(connection, number, 5),
        lambda connection, number: explaining.exclusion(connection, number, 5),
        lambda connection, _: resuming.next_free(connection, "issue"),
        lambda connection, _: feeding.sending(connection),
        lambda connection, number: feeding.due_batches(connection, number, now, 10),
        lambda connection, number: feeding.is_open(connection, number),
        lambda connection, number: feeding.holders(connection, number, now),
        lambda connection, _: feeding.left_behind(connection, now),
        lambda connection, _: backlog.sending(connection, now),
        lambda connection, _: held.held(connection, key("p7"), []),
        lambda connection, _: erasing.traces(connection, key("p7"), []),
    ]
    with world.store.read() as connection:
        number = stored_issues.number(connection, "issue")
        for ask in asked:
            ask(connection, number)
    with world.store.write() as connection:
        senders.others(connection, "issue", "me", now)


def _what_is_reported(world: World) -> None:
    """A hundred events, and what they prove."""
    with world.store.read() as connection:
        rows = listing.deliveries_of(connection, stored_issues.number(connection, "issue"), Wanted(limit=100))
        numbers = [row.id for row in rows]
    with world.store.write() as connection:
        about = events.delivered(connection, numbers)
        filed = [events.Filed(f"k{each}", about[each], EventKind.DELIVERED, "", NOW) for each in numbers]
        assert len(events.add(connection, filed, NOW)) == len(numbers)
        assert events.of_delivery(connection, numbers[0])
        evidence.accept_all(connection, map(evidence.Proof, numbers), NOW)


def test_pruning_reads_no_table_as_a_whole(old: World) -> None:
    with plans(old) as found:
        with old.store.read() as connection:
            oldest = pruning.old(connection, Limits(NOW - 20 * 1440 * MINUTE), NOW)[0]
            pruning.closed(connection)
            pruning.rows_of(connection, oldest)
        with old.store.write() as connection:
            assert pruning.close(connection, oldest, NOW)
        for _ in range(30):
            with old.store.write() as connection:
                pruning.delete(connection, oldest, 100)
    assert found == []


def test_a_whole_table_is_seen(old: World) -> None:
    with plans(old) as found, old.store.read() as connection:
        connection.execute(sa.text("SELECT count(*) FROM deliveries WHERE detail = 'x'")).scalar()
    assert [table for _, table in found] == ["deliveries"]
