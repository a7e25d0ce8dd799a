"""What providers report: kept once, in any order, and proof of what nobody wrote down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailer.config import Settings
from mailer.delivery.events import Event
from mailer.model import DeliveryState, EventKind, IssueState, Outcome
from mailer.services.events import take
from mailer.services.references import key_of, reference
from mailer.store import erasing, evidence, ledger
from mailer.store import events as stored
from mailer.store import issues as stored_issues
from mailer.store.database import Store, open_store
from mailer.store.tables import batches, deliveries, events, issues
from tests.store.asking_program import SETTINGS, Campaign
from tests.store.world import NOW, World, key, receipts
from tests.thoroughness import examples

SNAPSHOT = {"message_ids": "ab" * 16}
TRACKING = Settings.model_validate({**SETTINGS, "privacy": {"tracking": True}})


@dataclass
class Reports:
    """A campaign with an issue on its way, and events about its mails."""

    world: World
    campaign: Campaign

    def about(self, name: str, kind: EventKind = EventKind.DELIVERED, minutes: int = 0, detail: str = "") -> Event:
        at = NOW + timedelta(minutes=minutes)
        return Event(self.reference(name), kind, at, f"test:{name}:{kind.value}:{minutes}", detail)

    def reference(self, name: str, issue: str = "issue") -> str:
        return reference(key_of(SNAPSHOT, ()), issue, self.number(name, issue))

    def number(self, name: str, issue: str = "issue") -> int:
        query = sa.select(deliveries.c.id, deliveries.c.subscriber_id).join(
            issues, issues.c.id == deliveries.c.issue_id
        )
        with self.world.store.read() as connection:
            names = {row.subscriber_id: row.id for row in connection.execute(query.where(issues.c.name == issue))}
            person = connection.execute(
                sa.text("SELECT id FROM subscribers WHERE email_key = :key"), {"key": key(name)}
            ).scalar_one()
        return int(names[person])

    def take(self, *told: Event) -> Any:
        return take(self.campaign, told, self.world.now)


@pytest.fixture
def reports(world: World, tmp_path: Path) -> Reports:
    world.add("members", "ada", "ben", "cy", "dee")
    world.freeze("members", snapshot=SNAPSHOT, batch_size=2)
    return Reports(world, Campaign.over(world.store, tmp_path))


def rows(store: Store, table: sa.Table, *hidden: str) -> list[tuple[Any, ...]]:
    columns = [column for column in table.c if column.name not in hidden]
    with store.read() as connection:
        return sorted(tuple(row) for row in connection.execute(sa.select(*columns)))


def test_an_event_settles_a_doubt(reports: Reports) -> None:
    world = reports.world
    world.submit(Outcome.DOUBTFUL)
    world.submit()
    assert world.finish()
    taken = reports.take(reports.about("ada"))
    assert (taken.new, taken.settled) == ({"delivered": 1}, {"issue": 1})
    assert world.states() == {"ada": "accepted", "ben": "doubtful", "cy": "accepted", "dee": "accepted"}
    assert world.batch_states() == ["doubtful", "accepted"]
    taken = reports.take(reports.about("ben", EventKind.DEFERRED))
    assert world.batch_states() == ["accepted", "accepted"]
    with world.store.read() as connection:
        issue = stored_issues.get(connection, "issue")
        assert issue is not None
        assert issue.state is IssueState.SENT
        changes = [change for change in stored_issues.changes(connection, issue.id) if change.what.value == "resolved"]
    assert [change.detail for change in changes] == ["1 in doubt were accepted, as events show"] * 2


@pytest.mark.parametrize("kind", list(EventKind), indirect=False)
def test_every_kind_is_proof(reports: Reports, kind: EventKind) -> None:
    reports.world.submit(Outcome.DOUBTFUL)
    reports.take(reports.about("ada", kind))
    assert reports.world.states()["ada"] == "accepted"


def test_an_event_before_the_answer_survives_the_sender(reports: Reports) -> None:
    world = reports.world
    batch = world.claimed()
    assert world.begin(batch)
    reports.take(reports.about("ada"))
    assert world.states()["ada"] == "accepted"
    assert world.batch_states()[0] == "submitting", "the sender may still be at work"
    world.later(5)
    world.sweep()
    assert world.states() == {"ada": "accepted", "ben": "doubtful", "cy": "pending", "dee": "pending"}


def test_a_late_answer_does_not_undo_what_was_shown(reports: Reports) -> None:
    world = reports.world
    batch = world.claimed()
    assert world.begin(batch)
    reports.take(reports.about("ada"), reports.about("ben"))
    world.record(batch, receipts(batch, Outcome.REFUSED))
    assert [world.states()[name] for name in ("ada", "ben")] == ["accepted", "accepted"]
    assert world.batch_states()[0] == "accepted"


def test_what_is_settled_stays_as_it_is(reports: Reports) -> None:
    world = reports.world
    world.submit(Outcome.REFUSED)
    reports.take(*(reports.about(name, EventKind.BOUNCED_HARD) for name in ("ada", "cy")))
    # Cy waits, and had it all the same: a database that was put back from a backup does not know.
    assert world.states() == {"ada": "refused", "ben": "refused", "cy": "accepted", "dee": "pending"}


@pytest.mark.parametrize(
    "forged", ["{}", "{}.0000000000000000", "{}.", "999.0123456789abcdef", "confirm." + "a" * 32, "9" * 40, "", "x@y"]
)
def test_a_forged_reference_does_nothing(reports: Reports, forged: str) -> None:
    reports.world.submit(Outcome.DOUBTFUL)
    number = str(reports.number("ada"))
    taken = reports.take(replace(reports.about("ada"), reference=forged.format(number)))
    assert (taken.new, taken.settled) == ({}, {})
    assert taken.foreign + taken.confirmations == 1
    assert reports.world.states()["ada"] == "doubtful"
    assert rows(reports.world.store, events) == []


def test_a_reference_of_another_delivery_or_issue_does_nothing(reports: Reports) -> None:
    world = reports.world
    world.freeze("members", name="second", snapshot={"message_ids": "cd" * 16})
    tag = reports.reference("ada").partition(".")[2]
    for number in (reports.number("ben"), reports.number("ada", "second")):
        taken = reports.take(replace(reports.about("ada"), reference=f"{number}.{tag}"))
        assert (taken.new, taken.foreign) == ({}, 1)


def test_opens_are_proof_and_not_kept_without_tracking(reports: Reports) -> None:
    reports.world.submit(Outcome.DOUBTFUL)
    taken = reports.take(reports.about("ada", EventKind.OPENED))
    assert (taken.new, taken.unkept, taken.settled) == ({}, 1, {"issue": 1})
    assert rows(reports.world.store, events) == []
    reports.campaign.settings = TRACKING
    assert reports.take(reports.about("ada", EventKind.OPENED)).new == {"opened": 1}


def test_nothing_personal_is_written_about_who_was_forgotten(reports: Reports) -> None:
    world = reports.world
    world.submit()
    with world.store.write() as connection:
        erasing.forget(connection, key("ada"), ["hash:k:1"], world.now)
    # Whoever opens it for good brings along what recognises them.
    reports.campaign.store = replace(world.store, hasher=lambda text: (f"hash:k:{text}",))
    event = reports.about("ben", EventKind.BOUNCED_HARD, detail="550 somebody")
    gone = replace(event, reference=reference(key_of(SNAPSHOT, ()), "issue", 1), key="other")
    assert reports.take(event, gone).new == {"bounced_hard": 2}
    details = sorted(row[0] for row in rows(world.store, events, *(c.name for c in events.c if c.name != "detail")))
    assert details == ["", "550 somebody"]


def test_two_importers_at_once_keep_each_event_once(reports: Reports, url: str) -> None:
    world = reports.world
    world.submit(Outcome.DOUBTFUL)
    told = [reports.about(name, kind) for name in ("ada", "ben") for kind in (EventKind.PROCESSED, EventKind.DELIVERED)]
    stores = [open_store(url, busy_timeout=10) for _ in range(2)]
    start = Barrier(2)
    failures: list[BaseException] = []

    def one(store: Store, mine: Sequence[Event]) -> None:
        start.wait()
        try:
            take(replace(reports.campaign, store=store), mine, NOW)
        except BaseException as error:
            failures.append(error)

    threads = [Thread(target=one, args=pair) for pair in zip(stores, (told, told[::-1]), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(rows(world.store, events)) == 4
    assert world.batch_states()[0] == "accepted"
    for store in stores:
        store.close()


def test_thousands_are_taken_in_a_few_statements(world: World, tmp_path: Path) -> None:
    names = [f"reader{number:04d}" for number in range(1500)]
    world.add("members", *names)
    world.freeze("members", snapshot=SNAPSHOT, batch_size=1000)
    secret = key_of(SNAPSHOT, ())
    with world.store.read() as connection:
        numbers = connection.execute(sa.select(deliveries.c.id)).scalars().all()
    world.submit(Outcome.DOUBTFUL)
    told = [Event(reference(secret, "issue", n), EventKind.DELIVERED, NOW, f"k{n}") for n in numbers for _ in range(3)]
    statements = 0

    def count(*_: Any) -> None:
        nonlocal statements
        statements += 1

    sa.event.listen(world.store.engine, "before_cursor_execute", count)
    taken = take(Campaign.over(world.store, tmp_path), told, NOW)
    assert (taken.new, taken.known, taken.settled) == ({"delivered": 1500}, 3000, {"issue": 1500})
    assert statements < 120


KINDS = (EventKind.PROCESSED, EventKind.DEFERRED, EventKind.DELIVERED, EventKind.BOUNCED_SOFT, EventKind.OPENED)
SAID = st.tuples(st.sampled_from(("ada", "ben", "cy", "dee")), st.sampled_from(KINDS), st.integers(0, 2))


@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SAID, min_size=1, max_size=8), st.data())
def test_order_and_repetition_do_not_matter(
    another: Any, tmp_path: Path, said: list[tuple[str, EventKind, int]], data: st.DataObject
) -> None:
    """Whatever order and repetitions, and however they are cut into posts, the same is known at the end."""
    order = data.draw(st.permutations(said)) + data.draw(st.lists(st.sampled_from(said), max_size=4))
    cut = data.draw(st.integers(0, len(order)))
    found = []
    for posts in ([said], [order[:cut], order[cut:]]):
        store = another()
        reports = Reports(World(store), Campaign.over(store, tmp_path))
        reports.world.add("members", "ada", "ben", "cy", "dee")
        reports.world.freeze("members", snapshot=SNAPSHOT, batch_size=2)
        reports.world.submit(Outcome.DOUBTFUL)
        for post in posts:
            reports.take(*(reports.about(*each) for each in post))
        found.append(
            [
                rows(store, events, "id", "received_at"),
                rows(store, deliveries),
                rows(store, batches),
            ]
        )
        store.close()
    assert found[0] == found[1]


def test_evidence_for_one_delivery(reports: Reports) -> None:
    world = reports.world
    world.submit(Outcome.DOUBTFUL)
    number = reports.number("ada")
    with world.store.write() as connection:
        assert evidence.accept(connection, number, "by a bounce", world.now)
        assert not evidence.accept(connection, number, "again", world.now)
        assert not evidence.accept(connection, 10**9, "nobody's", world.now)
        assert ledger.figures(connection, "issue").deliveries[DeliveryState.ACCEPTED] == 1
        assert stored.of_delivery(connection, number) == []


def waiting_again(reports: Reports) -> World:
    """Ada and Ben are to be handed over again by a person's word, and nobody has taken them yet."""
    world = reports.world
    world.submit(Outcome.DOUBTFUL)
    with world.store.write() as connection:
        ledger.resend_doubts(connection, "issue", world.now)
    assert world.states()["ada"] == "pending"
    return world


def test_who_is_to_get_it_again_and_had_it_does_not(reports: Reports) -> None:
    world = waiting_again(reports)
    taken = reports.take(reports.about("ada"))
    assert taken.settled == {"issue": 1}
    batch = world.claimed()
    assert [each.email for each in batch.recipients] == [key("ben")]


def test_a_batch_in_which_everybody_had_it_is_not_handed_over_again(reports: Reports) -> None:
    world = waiting_again(reports)
    reports.take(reports.about("ada"), reports.about("ben", EventKind.BOUNCED_SOFT))
    assert world.batch_states() == ["accepted", "pending"]
    assert [each.email for each in world.claimed().recipients] == [key("cy"), key("dee")]


def test_that_it_was_taken_once_is_no_proof_for_who_waits(reports: Reports) -> None:
    world = waiting_again(reports)
    reports.take(reports.about("ada", EventKind.PROCESSED), reports.about("ben", EventKind.DROPPED))
    assert world.batch_states() == ["pending", "pending"]


def test_what_a_sender_has_in_hand_is_left_to_it(reports: Reports) -> None:
    world = waiting_again(reports)
    batch = world.claimed()
    assert reports.take(reports.about("ada")).settled == {}
    assert world.begin(batch)
    assert world.record(batch, receipts(batch, Outcome.ACCEPTED)) == 2


def test_that_it_was_taken_with_another_batch_is_no_proof(reports: Reports) -> None:
    world = reports.world
    world.submit(Outcome.DOUBTFUL)
    of_another = replace(reports.about("ada", EventKind.PROCESSED), batch=99)
    assert reports.take(of_another).settled == {}
    of_its_own = replace(reports.about("ada", EventKind.PROCESSED, 1), batch=1)
    assert reports.take(of_its_own).settled == {"issue": 1}
