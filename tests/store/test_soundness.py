"""Whether a database is whole, and what was heard of last."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from mailer.model import EventKind
from mailer.store import soundness
from mailer.store.tables import events, subscriptions
from tests.store.world import World


def test_the_newest_batch_and_the_newest_report_are_found(world: World) -> None:
    with world.store.read() as connection:
        assert soundness.last_handed_over(connection) is None
        assert soundness.last_report(connection) is None
    world.add("weekly", "ann", "bo", "cy")
    world.freeze("weekly", batch_size=2)
    taken = world.later()
    world.submit()
    world.later()
    world.claimed()
    values = {"issue_id": 1, "subscriber_id": 1, "kind": EventKind.DELIVERED, "detail": "", "cause": ""}
    with world.store.write() as connection:
        for number, minutes in enumerate((1, 3, 2)):
            at = taken + timedelta(minutes=minutes)
            row = {"key": str(number), "delivery_id": number, "at": taken, "received_at": at}
            connection.execute(sa.insert(events), values | row)
    with world.store.read() as connection:
        assert soundness.last_handed_over(connection) == taken
        assert soundness.last_report(connection) == taken + timedelta(minutes=2), "the last that came in"


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_file_is_whole_until_a_row_refers_to_nothing(world: World) -> None:
    world.add("weekly", "ann")
    with world.store.read() as connection:
        assert soundness.fault_of(connection) == ""
    with world.store.derive() as connection:
        connection.execute(sa.update(subscriptions).values(list_id=99))
    with world.store.read() as connection:
        assert soundness.fault_of(connection) == "a row of subscriptions refers to nothing"
