"""The consent log is only ever added to, and each of its lines says where it came from."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from mailer.model import How, ImportState, MailingList, SubscriptionState
from mailer.store import consents, lists, subscribers, subscriptions
from mailer.store.database import Store
from mailer.store.subscriptions import Origin
from mailer.store.tables import imports, subscription_events, suppression_events
from tests.store.world import NOW, World, address

PACKAGE = Path(subscriptions.__file__).parent.parent
LOGS = {"subscription_events", "suppression_events"}
# Forgetting a person empties their words and leaves the change.
MAY_EMPTY = {"store/erasing.py"}
SQL = re.compile(r"\b(update|delete\s+from|replace\s+into|truncate)\s+\W*(\w+)", re.IGNORECASE)


def changes(source: str) -> Iterator[tuple[int, str]]:
    """The lines that change or delete rows of a table: by SQLAlchemy in either form, or by SQL in a text."""
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("update", "delete")
        ):
            names = [node.func.value, *node.args[:1]]
            yield from ((node.lineno, name.id) for name in names if isinstance(name, ast.Name))
            yield from ((node.lineno, name.attr) for name in names if isinstance(name, ast.Attribute))
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from ((node.lineno, found[2]) for found in SQL.finditer(node.value))


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_code_changes_a_line_of_a_log(path: Path) -> None:
    faults = [(line, name) for line, name in changes(path.read_text(encoding="utf-8")) if name in LOGS]
    assert not faults or path.relative_to(PACKAGE).as_posix() in MAY_EMPTY


@pytest.mark.parametrize(
    "source",
    [
        "sa.update(subscription_events).values(source='')",
        "connection.execute(subscription_events.delete())",
        "tables.subscription_events.update()",
        "sa.delete(tables.suppression_events)",
        "sql = 'UPDATE subscription_events SET source = ?'",
        "sql = 'delete from \"suppression_events\"'",
    ],
)
def test_the_guard_sees_a_change(source: str) -> None:
    assert [name for _, name in changes(source) if name in LOGS]


def count(store: Store) -> int:
    with store.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(subscription_events)).scalar_one()


def test_every_change_adds_a_line_and_leaves_the_others(world: World) -> None:
    def lines() -> list[tuple[object, ...]]:
        with world.store.read() as connection:
            return [tuple(row) for row in connection.execute(sa.select(subscription_events).order_by("id"))]

    before: list[tuple[object, ...]] = []
    steps: list[Callable[[], object]] = [
        lambda: world.add("weekly", "ann", state=SubscriptionState.PENDING),
        lambda: world.add("weekly", "ann"),
        lambda: world.change("weekly", "ann", SubscriptionState.UNSUBSCRIBED),
        lambda: world.add("members", "ann"),
    ]
    for step in steps:
        world.later()
        step()
        after = lines()
        assert after[: len(before)] == before
        assert len(after) == len(before) + 1
        before = after


def test_history_says_which_import_which_text_and_which_mail(world: World) -> None:
    weekly = MailingList("weekly", "Weekly", consent="I agree.")
    with world.store.write() as connection:
        number = lists.ensure(connection, weekly)
        text = consents.ensure(connection, weekly.consent, NOW)
        values = {"list_id": number, "name": "people.csv", "fingerprint": "f" * 64, "words": "signed at the fair"}
        state = {"state": ImportState.DONE, "rows_done": 1, "counts": {}, "started_at": NOW, "updated_at": NOW}
        key = connection.execute(sa.insert(imports).values(**values, **state)).inserted_primary_key
        assert key is not None
        person = subscribers.NewSubscriber(address("ann"), {}, SubscriptionState.PENDING)
        subscribers.upsert(connection, number, [person], Origin(How.IMPORT, "", key[0], text), NOW)
        found = subscribers.get(connection, "ann@example.org")
        assert found is not None
        standing = subscriptions.standing(connection, "weekly", found.id)
        assert standing is not None
        proof = Origin(How.CONFIRM_LINK, "pressed", evidence={"message_id": "confirm.1@example.org"})
        subscriptions.move(connection, standing, SubscriptionState.CONFIRMED, proof, NOW)
    with world.store.read() as connection:
        first, second = subscriptions.history(connection, "ann@example.org")
    assert (first.source, first.import_name, first.how) == ("signed at the fair", "people.csv", How.IMPORT)
    assert (first.consent_version, first.consent_text) == (consents.version_of("I agree."), "I agree.")
    assert first.evidence is None
    assert (second.source, second.import_name, second.consent_text) == ("pressed", None, None)
    assert second.evidence == {"message_id": "confirm.1@example.org"}


def test_both_logs_are_looked_after() -> None:
    assert {subscription_events.name, suppression_events.name} == LOGS
