"""What the database knows against the people of a list: counted exactly, and never of those who left."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from mailer.model import EngagementKind, How, ImportState, Outcome
from mailer.store import hygiene, lists, subscribers, subscriptions
from mailer.store.consents import ensure
from mailer.store.subscriptions import Change, Origin
from mailer.store.tables import engagements, imports, issues
from mailer.store.tables import subscribers as people
from tests.store.world import CONFIRMED, NOW, PENDING, UNSUBSCRIBED, World, key, receipts

YEAR = timedelta(days=365)


def list_id(world: World, name: str = "weekly") -> int:
    with world.store.read() as connection:
        return lists.ids(connection, [name])[0]


def found(world: World, query: sa.Select[Any]) -> list[str]:
    """Their names; the count says the same."""
    with world.store.read() as connection:
        emails = hygiene.sample(connection, query, 100)
        assert hygiene.count(connection, query) == len(emails)
    return [email.partition("@")[0] for email in emails]


def confirm(world: World, name: str, origin: Origin) -> None:
    with world.store.write() as connection:
        person = subscribers.get(connection, key(name))
        assert person is not None
        subscriptions.change(connection, Change("weekly", person.id, CONFIRMED, origin), world.now)


def test_each_address_is_examined_once_and_nobody_who_left_or_must_not_be_mailed(world: World) -> None:
    world.add("weekly", "ada", "ben", "cleo", "dan")
    world.add("weekly", "eve", state=PENDING)
    world.add("weekly", "åsa", ascii_only=False)
    world.add("alerts", "fay")
    world.change("weekly", "cleo", UNSUBSCRIBED)
    world.suppress("dan")
    with world.store.read() as connection:
        seen = dict(hygiene.addresses(connection, list_id(world)))
    assert seen == {key("ada"): True, key("ben"): True, key("eve"): True, key("åsa"): False}


def test_who_waits_for_longer_than_a_month(world: World) -> None:
    world.add("weekly", "old", "left", state=PENDING)
    world.change("weekly", "left", UNSUBSCRIBED)
    world.now += timedelta(days=40)
    world.add("weekly", "new", state=PENDING)
    world.add("weekly", "ready")
    assert found(world, hygiene.long_pending(list_id(world), world.now - timedelta(days=31))) == ["old"]


def test_consent_is_as_old_as_the_last_confirmation(world: World) -> None:
    world.add("weekly", "ada", "ben", "cleo", state=PENDING)
    for name in ("ada", "ben", "cleo"):
        confirm(world, name, Origin(How.CONFIRM_LINK))
    world.now += 2 * YEAR
    world.change("weekly", "ben", PENDING)
    confirm(world, "ben", Origin(How.CONFIRM_LINK))
    world.change("weekly", "cleo", UNSUBSCRIBED)
    assert found(world, hygiene.old_consent(list_id(world), world.now - YEAR)) == ["ada"]
    assert found(world, hygiene.old_consent(list_id(world), NOW)) == []


def test_evidence_is_a_text_a_word_or_a_mail_that_was_answered(world: World) -> None:
    with world.store.write() as connection:
        text = ensure(connection, "I agree.", world.now)
    origins = {
        "bare": Origin(How.COMMAND, "added"),
        "file": Origin(How.IMPORT, "import of people.csv"),
        "words": Origin(How.IMPORT, "import of people.csv: signed up at the fair"),
        "text": Origin(How.FORM, "", consent_id=text),
        "mail": Origin(How.CONFIRM_LINK, "", evidence={"message_id": "<a@example.org>"}),
    }
    world.add("weekly", *origins, state=PENDING)
    for name, origin in origins.items():
        confirm(world, name, origin)
    assert found(world, hygiene.no_evidence(list_id(world))) == ["bare", "file"]


def test_a_new_address_is_no_new_consent(world: World) -> None:
    """Its entry in the log repeats the state, with words of its own."""
    world.add("weekly", "ada", state=PENDING)
    confirm(world, "ada", Origin(How.COMMAND, "added"))
    world.now += 2 * YEAR
    with world.store.write() as connection:
        number = connection.execute(sa.select(people.c.id).where(people.c.email_key == key("ada"))).scalar_one()
        row = {"list_id": lists.ids(connection, ["weekly"])[0], "subscriber_id": number}
        words = Origin(How.COMMAND, "address changed: she wrote to us")
        subscriptions.write_event(connection, row, CONFIRMED, words, world.now)
    assert found(world, hygiene.old_consent(list_id(world), world.now - YEAR)) == ["ada"]
    assert found(world, hygiene.no_evidence(list_id(world))) == ["ada"]


def test_the_words_of_an_import_stand_once_for_all_its_rows(world: World) -> None:
    world.add("weekly", "ada", "ben", state=PENDING)
    for name, words in (("ada", "import of a.csv: signed up at the fair"), ("ben", "import of b.csv")):
        with world.store.write() as connection:
            row = {"list_id": lists.ids(connection, ["weekly"])[0], "name": "a.csv", "fingerprint": words[:64]}
            times = {"started_at": world.now, "updated_at": world.now}
            state = {"state": ImportState.DONE, "rows_done": 1, "counts": {}, "words": words}
            connection.execute(sa.insert(imports).values(**row, **times, **state))
            number = connection.execute(sa.select(sa.func.max(imports.c.id))).scalar_one()
        confirm(world, name, Origin(How.IMPORT, import_id=number))
    assert found(world, hygiene.no_evidence(list_id(world))) == ["ben"]


def engage(world: World, name: str, at: datetime) -> None:
    with world.store.write() as connection:
        person = connection.execute(sa.select(people.c.id).where(people.c.email_key == key(name))).scalar_one()
        issue = connection.execute(sa.select(sa.func.min(issues.c.id))).scalar_one()
        values = {"issue_id": issue, "subscriber_id": person, "kind": EngagementKind.OPENED, "at": at}
        connection.execute(sa.insert(engagements).values(**values))


def test_who_never_opened_is_somebody_who_got_something_to_open(world: World) -> None:
    world.add("weekly", "reader", "silent", "lapsed")
    world.later(60 * 24 * 400)
    world.add("weekly", "fresh")
    with world.store.read() as connection:
        assert hygiene.first_engagement(connection) is None
    since = world.now - YEAR
    query = hygiene.never_opened(list_id(world), since)
    assert found(world, query) == []
    world.freeze("weekly")
    world.submit(Outcome.ACCEPTED)
    engage(world, "reader", world.now)
    engage(world, "lapsed", since - timedelta(days=1))
    assert found(world, query) == ["silent", "lapsed"]
    with world.store.read() as connection:
        assert hygiene.first_engagement(connection) == since - timedelta(days=1)


def test_a_domain_that_refuses_is_named_with_its_share(world: World) -> None:
    world.add("weekly", *(f"p{number}" for number in range(10)))
    world.freeze("weekly", batch_size=10)
    batch = world.claimed()
    world.begin(batch)
    world.record(batch, receipts(batch, Outcome.REFUSED, Outcome.REFUSED, Outcome.REFUSED, Outcome.ACCEPTED))
    with world.store.read() as connection:
        assert hygiene.refusing(connection, list_id(world)) == [hygiene.Refusing("example.org", 3, 10)]


def test_a_few_refusals_make_no_refusing_domain(world: World) -> None:
    world.add("weekly", *(f"p{number}" for number in range(20)))
    world.freeze("weekly", batch_size=20)
    batch = world.claimed()
    world.begin(batch)
    world.record(batch, receipts(batch, Outcome.REFUSED, Outcome.REFUSED, Outcome.REFUSED, Outcome.ACCEPTED))
    with world.store.read() as connection:
        assert hygiene.refusing(connection, list_id(world)) == []
