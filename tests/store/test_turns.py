"""What is decided about an issue's audience, while another one's is chosen."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from mailer.model import Cap, MailingList
from mailer.services import scheduling as services
from mailer.services.sending.freezing import freeze_issue, plan_send
from mailer.store import issues, ledger, lists, scheduling
from mailer.store.database import Store
from mailer.store.scheduling import Schedule, Terms
from tests.store.house import House
from tests.store.world import SERVERS_ONLY, World

SECOND = timedelta(seconds=1)


@pytest.fixture
def house(tmp_path: Path, url: str) -> Iterator[House]:
    made = House(tmp_path / "workspace", url)
    yield made
    made.close()


def waits_for_the_door(store: Store) -> bool:
    with store.read() as connection:
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        return bool(connection.execute(sa.text(waiting)).scalar())


@SERVERS_ONLY
@pytest.mark.parametrize("scheduled", [True, False])
def test_who_waited_for_another_audience_counts_it(house: House, scheduled: bool) -> None:
    """Both begin at nine. The second one's moment is when its turn comes, else neither would see the other."""
    house.people(1)
    program, began = house.program(), house.now
    with program.store.write() as connection:
        lists.ensure(connection, MailingList("members", "Members", cap=Cap(1, 7)))
        for name in ("one", "two") if scheduled else ("one",):
            frozen = ledger.Frozen(name, "bulletin", "Rivers", "h", {"a": 1}, ("members",))  # type: ignore[arg-type]
            scheduling.schedule(connection, frozen, Schedule(began), began)
    house.write("subscribers/members.toml", 'title = "Members"\ncap = { issues = 1, days = 7 }\n')
    house.write("issues/now.md", "---\nkind: bulletin\nsubject: Rivers\nlists: [members]\n---\n\nHello.\n")
    found: list[int] = []

    def second() -> None:
        other = house.program()
        if not scheduled:
            found.append(freeze_issue(other, plan_send(other, "now")[0]).recipients)
            return
        with other.store.read() as connection:
            issue = issues.get(connection, "two")
        assert issue is not None
        begun = services.begin(other, issue)
        assert begun is not None
        found.append(begun[0].recipients)

    thread = threading.Thread(target=second)
    with program.store.derive() as connection:
        first = scheduling.start(connection, "one", began + SECOND, Terms())
        thread.start()
        while not waits_for_the_door(program.store):
            assert thread.is_alive()
            time.sleep(0.01)
        house.later(seconds=2)
    thread.join()
    assert first is not None
    assert (first.recipients, found) == (1, [0])


@SERVERS_ONLY
def test_an_issue_is_paused_while_another_one_is_frozen(world: World) -> None:
    """A pause has to stop calls within a second, and freezing takes a minute for a million people."""
    world.add("weekly", "ada")
    world.freeze("weekly", name="one")
    with world.store.derive() as connection:
        frozen = ledger.Frozen("two", "bulletin", "Rivers", "h", {"a": 1}, ("weekly",))  # type: ignore[arg-type]
        assert ledger.freeze(connection, frozen, world.now).recipients == 1
        with world.store.write() as other:
            other.execute(sa.text("SET LOCAL lock_timeout = '5s'"))
            issues.pause(other, "one", "", world.now)
