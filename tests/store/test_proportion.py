"""What an issue is measured by: the issues before it, what was heard of them, and how people agreed."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from mailer.audience.address import Address
from mailer.model import EventKind, How, IssueState, SubscriptionState, SuppressionReason
from mailer.store import consents as stored_consents
from mailer.store import lists, proportion, subscribers
from mailer.store.proportion import Before
from mailer.store.subscriptions import Change, Origin, change
from mailer.store.tables import deliveries, events, issue_counts, issues
from mailer.store.tables import subscribers as people
from tests.store.world import NOW, World, address

DAY = timedelta(days=1)


def before(world: World, *list_names: str, limit: int = 8) -> list[Before]:
    with world.store.read() as connection:
        return proportion.before(connection, "now", lists.ids(connection, list_names), limit)


def report(world: World, issue: str, **kinds: int) -> None:
    """So many mails of the issue had an event of each kind, each of them told twice."""
    with world.store.write() as connection:
        query = sa.select(deliveries.c.id, deliveries.c.issue_id, deliveries.c.subscriber_id)
        rows = connection.execute(
            query.join(issues, issues.c.id == deliveries.c.issue_id).where(issues.c.name == issue)
        )
        mails = rows.all()
        for kind, number in kinds.items():
            for key in ("first", "again"):
                values = [
                    {
                        "key": f"{kind} {key}",
                        "delivery_id": mail.id,
                        "issue_id": mail.issue_id,
                        "subscriber_id": mail.subscriber_id,
                        "kind": EventKind(kind),
                        "detail": "",
                        "at": world.now,
                        "received_at": world.now,
                        "cause": "",
                    }
                    for mail in mails[:number]
                ]
                connection.execute(sa.insert(events), values)


def test_the_last_issues_come_with_their_sizes_the_newest_first(world: World) -> None:
    world.add("weekly", "ann", "bo", "cy")
    world.add("other", "dan")
    sent = {"one": ["weekly"], "two": ["weekly", "other"], "far": ["other"], "now": ["weekly"]}
    for name, list_names in sent.items():
        world.later()
        world.freeze(*list_names, name=name, batch_size=2)
    found = before(world, "weekly")
    assert [(each.name, each.recipients, len(each.lists)) for each in found] == [("two", 4, 2), ("one", 3, 1)]
    assert [each.name for each in before(world, "weekly", "other")] == ["far", "two", "one"]
    assert [each.name for each in before(world, "weekly", limit=1)] == ["two"]
    assert before(world, "other")[0].at == world.now - timedelta(minutes=1)


def test_what_never_began_or_was_cancelled_does_not_count(world: World) -> None:
    world.add("weekly", "ann")
    world.freeze("weekly", name="one")
    with world.store.write() as connection:
        connection.execute(sa.update(issues).values(state=IssueState.CANCELLED))
    assert before(world, "weekly") == []


def test_large_issues_are_told_by_their_batches(world: World) -> None:
    world.add("weekly", *(f"reader{number}" for number in range(23)))
    world.freeze("weekly", name="one", batch_size=2)
    assert [each.recipients for each in before(world, "weekly")] == [24]
    world.later()
    world.freeze("weekly", name="two", batch_size=3)
    assert before(world, "weekly")[0].recipients == 23


def test_mails_that_came_back_are_counted_once_each(world: World) -> None:
    world.add("weekly", "ann", "bo", "cy")
    for name in ("one", "two"):
        world.later()
        world.freeze("weekly", name=name)
    report(world, "one", bounced_hard=2, complained=1, bounced_soft=3)
    two, one = before(world, "weekly")
    assert (one.bounced, one.complained, one.heard) == (2, 1, True)
    assert (two.bounced, two.complained, two.heard) == (0, 0, False)
    report(world, "two", delivered=1)
    assert before(world, "weekly")[0].heard


def test_what_was_pruned_is_known_from_its_counts(world: World) -> None:
    world.add("weekly", "ann")
    world.freeze("weekly", name="one")
    with world.store.write() as connection:
        number = connection.execute(sa.select(issues.c.id)).scalar_one()
        for kind, what, count in (("delivery", "accepted", 90), ("delivery", "refused", 9), ("event", "complained", 4)):
            values = {"issue_id": number, "kind": kind, "what": what, "number": count}
            connection.execute(sa.insert(issue_counts).values(values))
    (one,) = before(world, "weekly")
    assert (one.recipients, one.complained, one.bounced, one.heard) == (99, 4, 0, True)


def test_other_issues_of_the_day_are_named(world: World) -> None:
    world.add("weekly", "ann")
    world.add("other", "bo")
    for name, list_name in {"now": "weekly", "one": "weekly", "far": "other", "later": "weekly"}.items():
        world.freeze(list_name, name=name)
    with world.store.write() as connection:
        values = {"state": IssueState.SCHEDULED, "started_at": None, "due_at": NOW + DAY}
        connection.execute(sa.update(issues).where(issues.c.name == "later").values(values))
        number = lists.ids(connection, ["weekly"])

        def between(since: timedelta, until: timedelta) -> list[str]:
            return proportion.between(connection, "now", number, (NOW + since, NOW + until))

        assert between(0 * DAY, DAY) == ["one"]
        assert between(0 * DAY, 2 * DAY) == ["later", "one"]
        assert between(-DAY, 0 * DAY) == []
        assert between(DAY, 2 * DAY) == ["later"]


def test_suppressions_that_hold_for_a_list_are_counted(world: World) -> None:
    world.add("weekly", "ann")
    for name in ("ann", "bo"):
        world.suppress(name, SuppressionReason.BOUNCED)
    with world.store.read() as connection:
        assert proportion.suppressed(connection, lists.ids(connection, ["weekly"])) == 2


def test_the_last_senders_are_known(world: World) -> None:
    world.add("weekly", "ann")
    for name in ("one", "two", "now"):
        world.later()
        world.freeze("weekly", name=name, snapshot={"from": {"email": f"{name}@example.org"}})
    with world.store.read() as connection:
        assert proportion.senders(connection, "now", 3) == {"one@example.org", "two@example.org"}
        assert proportion.senders(connection, "now", 1) == {"two@example.org"}


def consents(world: World, *names: str) -> list[tuple[int, bool]]:
    """How long ago in days each of them agreed, and whether that shows."""
    with world.store.read() as connection:
        query = sa.select(people.c.public_id).where(people.c.email.in_([f"{name}@example.org" for name in names]))
        ids = list(connection.execute(query).scalars())
        found = proportion.consents(connection, ids, lists.ids(connection, ["weekly"]))
    return sorted(((world.now - each.at).days, each.shown) for each in found)


def test_a_consent_shows_by_a_word_a_text_or_a_pressed_link(world: World) -> None:
    rows = [subscribers.NewSubscriber(address, {}, SubscriptionState.CONFIRMED) for address in addresses("ann", "bo")]
    world.upsert("weekly", rows[:1], "import of a.csv: at the fair")
    world.upsert("weekly", rows[1:], "import of a.csv")
    assert consents(world, "ann") == [(0, True)]
    assert consents(world, "bo") == [(0, False)]
    with world.store.write() as connection:
        number = stored_consents.ensure(connection, "I agree", NOW)
        person = subscribers.get(connection, "bo@example.org")
        assert person is not None
        for state in (SubscriptionState.UNSUBSCRIBED, SubscriptionState.CONFIRMED):
            change(connection, Change("weekly", person.id, state, Origin(How.FORM, "form", consent_id=number)), NOW)
    assert consents(world, "bo") == [(0, True)]


def test_the_age_is_that_of_the_last_time_they_became_confirmed(world: World) -> None:
    world.add("weekly", "ann")
    world.add("other", "ann")
    world.now += 800 * DAY
    world.change("weekly", "ann", SubscriptionState.CONFIRMED)
    assert consents(world, "ann") == [(800, False)]
    world.change("weekly", "ann", SubscriptionState.UNSUBSCRIBED)
    world.change("weekly", "ann", SubscriptionState.CONFIRMED, "asked: by phone")
    assert consents(world, "ann") == [(0, True)]
    assert consents(world) == []


def test_many_people_are_asked_for_in_pieces(world: World) -> None:
    names = [f"reader{number}" for number in range(proportion.CHUNK + 5)]
    world.add("weekly", *names)
    assert len(consents(world, *names)) == len(names)


def addresses(*names: str) -> list[Address]:
    return [address(name) for name in names]
