"""Why a person got an issue, or did not: what is told is what the ledger has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailer.audience.address import parse_address
from mailer.errors import NotFoundError
from mailer.model import (
    DeliveryState,
    EventKind,
    MailingList,
    Outcome,
    SubscriptionState,
    SuppressionReason,
)
from mailer.services.events import take
from mailer.services.explaining import Explanation, explain
from mailer.services.forgetting import recogniser
from mailer.store import erasing, ledger, lists, suppressions
from mailer.store import issues as stored_issues
from mailer.store.suppressions import Suppression
from mailer.store.tables import deliveries, exclusions
from mailer.store.tables import subscribers as people
from mailer.workspace import Workspace
from tests.store.asking_program import Campaign
from tests.store.test_events import SNAPSHOT, Reports
from tests.store.world import CONFIRMED, NOW, PENDING, UNSUBSCRIBED, World, key, receipts
from tests.thoroughness import examples

LISTS = {name: MailingList(name, name.title()) for name in ("members", "weekly")}
DRAFT = """---
kind: bulletin
subject: Rivers
lists: {lists}
segment: {segment}
---

Hello.
"""


@pytest.fixture
def campaign(world: World, tmp_path: Path) -> Campaign:
    return replace(Campaign.over(world.store, tmp_path), lists=LISTS)


def told(campaign: Campaign, name: str, issue: str = "issue") -> Explanation:
    return explain(campaign, parse_address(key(name)), issue)


def what(found: Explanation) -> list[str]:
    return [step.what for step in found.steps]


def test_who_got_it(world: World, campaign: Campaign) -> None:
    world.add("members", "ada")
    world.freeze("members")
    world.later()
    world.submit()
    found = told(campaign, "ada")
    assert (found.verdict, found.frozen) == ("accepted", True)
    assert found.summary == "the mail was accepted at 2026-11-22 09:01 UTC; nothing was reported of it since"
    assert what(found) == [
        "confirmed on members, by an import",
        "chosen when the audience was frozen, through members; batch 1",
        "accepted in batch 1",
    ]
    assert [step.at for step in found.steps] == [NOW, NOW, world.now]


def test_what_was_reported_of_it(world: World, campaign: Campaign) -> None:
    world.add("members", "ada")
    world.freeze("members", snapshot=SNAPSHOT)
    world.submit(Outcome.DOUBTFUL)
    reports = Reports(world, campaign)
    kinds = ((EventKind.BOUNCED_HARD, 2, "5.1.1 no such user"), (EventKind.DEFERRED, 1, ""))
    take(campaign, [reports.about("ada", kind, minutes, detail) for kind, minutes, detail in kinds], world.later(5))
    found = told(campaign, "ada")
    assert found.verdict == "accepted"
    assert "it bounced: the address takes no mail: 5.1.1 no such user" in found.summary
    assert what(found)[2:] == [
        "their mail server asked to be tried again later",
        "it bounced: the address takes no mail: 5.1.1 no such user",
        "the address was suppressed on every list (bounced)",
        "accepted in batch 1: shown by what the provider reported of it",
    ]


def test_what_the_provider_dropped_is_said(world: World, campaign: Campaign) -> None:
    world.add("members", "ada")
    world.freeze("members", snapshot=SNAPSHOT)
    world.submit(Outcome.DOUBTFUL)
    reports = Reports(world, campaign)
    take(campaign, [reports.about("ada", EventKind.DROPPED, detail="Bounced Address")], world.now)
    assert "took the mail and did not send it: Bounced Address" in told(campaign, "ada").summary


@pytest.mark.parametrize(
    ("state", "verdict", "words"),
    [
        (PENDING, "pending", "they had not confirmed on members, since 2026-11-22 09:00 UTC"),
        (UNSUBSCRIBED, "unsubscribed", "they had unsubscribed on members, since 2026-11-22 09:00 UTC"),
    ],
)
def test_who_had_not_confirmed_or_had_left(
    world: World, campaign: Campaign, state: SubscriptionState, verdict: str, words: str
) -> None:
    world.add("members", "ada", state=state)
    world.freeze("members")
    found = told(campaign, "ada")
    assert (found.verdict, found.summary) == (verdict, f"they were left out: {words}")
    if state is UNSUBSCRIBED:
        return
    world.later()
    world.change("members", "ada", CONFIRMED)
    assert told(campaign, "ada").summary.endswith("; confirmed on members since 2026-11-22 09:01 UTC")


def test_who_was_suppressed_and_is_no_more(world: World, campaign: Campaign) -> None:
    world.add("members", "ada")
    world.suppress("ada")
    world.later()
    world.freeze("members")
    found = told(campaign, "ada")
    assert found.verdict == "suppressed"
    assert found.summary == "they were left out: they are suppressed since 2026-11-22 09:00 UTC (bounced)"
    assert "the address was suppressed on every list (bounced)" in what(found)
    with world.store.write() as connection:
        suppressions.remove(connection, key("ada"), suppressions.EVERY_LIST, "a mistake", world.later())
    assert told(campaign, "ada").summary.endswith("they were suppressed then, and are not any more")


def test_a_suppressed_domain_and_one_of_another_list(world: World, campaign: Campaign) -> None:
    world.add("members", "ada")
    world.add("weekly", "ada")
    with world.store.write() as connection:
        weekly = lists.number(connection, "weekly") or 0
        elsewhere = Suppression(key("ada"), SuppressionReason.MANUAL, "", weekly)
        suppressions.add_all(connection, [Suppression("@example.org"), elsewhere], world.now)
    world.freeze("members")
    summary = told(campaign, "ada").summary
    assert "their whole domain is suppressed since" in summary
    assert "on one list" not in summary


def test_which_part_of_the_segment(world: World, campaign: Campaign) -> None:
    world.add("members", "ada", city="Bergen", age=40)
    segment = 'age > 18 and (city == "Oslo" or city == "Gent")'
    world.freeze("members", segment=segment)
    found = told(campaign, "ada")
    assert found.verdict == "segment"
    assert 'city == "Oslo" or city == "Gent"' in found.summary
    assert "age" not in found.summary
    assert "city is 'Bergen'" in found.summary
    world.add("members", "ada", city="Oslo")
    assert "what is known of them has changed since" in told(campaign, "ada").summary


def test_whose_address_the_provider_cannot_carry(world: World, campaign: Campaign) -> None:
    world.add("members", "ada", ascii_only=False)
    world.freeze("members")
    assert (told(campaign, "ada").verdict, "ASCII" in told(campaign, "ada").summary) == ("needs_smtputf8", True)


def test_who_asked_for_a_pause(world: World, campaign: Campaign) -> None:
    world.add("members", "ada")
    world.pause("ada", minutes=90)
    world.freeze("members")
    found = told(campaign, "ada")
    assert found.verdict == "paused"
    assert found.summary == "they were left out: they asked for a pause until 2026-11-22 10:30 UTC"
    world.pause("ada", minutes=-1)
    assert told(campaign, "ada").summary.endswith("they had asked for a pause, which has been ended since")


def test_who_came_too_late_or_never(world: World, campaign: Campaign) -> None:
    world.add("members", "ada")
    world.add("weekly", "wim")
    world.freeze("members")
    world.later(60)
    world.add("members", "ben")
    assert "joined members on 2026-11-22, after the audience was frozen" in told(campaign, "ben").summary
    assert told(campaign, "wim").summary.endswith("it goes to members, and they are on weekly")
    assert {told(campaign, name).verdict for name in ("ben", "wim")} == {"not_on_lists"}
    assert (told(campaign, "zoe").verdict, told(campaign, "zoe").steps) == ("nobody", ())


def test_who_was_forgotten(world: World, campaign: Campaign) -> None:
    world.add("members", "ada")
    world.freeze("members")
    hasher = recogniser(campaign)
    with world.store.write() as connection:
        erasing.forget(connection, key("ada"), hasher(key("ada")), world.later())
    assert told(campaign, "ada").verdict == "forgotten"
    assert told(campaign, "zoe").verdict == "nobody"


def test_what_waits(world: World, campaign: Campaign) -> None:
    world.add("members", "ada")
    world.freeze("members")
    assert "goes with the next" in told(campaign, "ada").summary
    world.submit(Outcome.RETRY)
    assert "is due at 2026-11-22 09:" in told(campaign, "ada").summary
    with world.store.write() as connection:
        stored_issues.pause(connection, "issue", "too many bounces", world.now)
    assert "the issue is paused: too many bounces" in told(campaign, "ada").summary
    with world.store.write() as connection:
        ledger.cancel(connection, "issue", world.now)
    assert told(campaign, "ada").verdict == "cancelled"


def test_what_is_under_way_refused_and_in_doubt(world: World, campaign: Campaign) -> None:
    world.add("members", "ada", "ben", "cy", "dee")
    world.freeze("members", batch_size=1)
    for name in ("refused", "doubtful"):
        world.submit(Outcome(name))
    batch = world.claimed()
    assert "a sender is preparing it" in told(campaign, "cy").summary
    assert world.begin(batch)
    assert "at this moment" in told(campaign, "cy").summary
    campaign.moment = world.later(10)
    assert "when its sender stopped" in told(campaign, "cy").summary
    assert told(campaign, "ada").summary == "they did not get it: the provider refused the mail"
    assert "mailer doubts resolve issue --email -" in told(campaign, "ben").summary
    world.change("members", "dee", UNSUBSCRIBED)
    assert world.claim("two") is None
    assert "unsubscribed between the freeze and the sending" in told(campaign, "dee").summary
    verdicts = [told(campaign, name).verdict for name in ("ada", "ben", "cy", "dee")]
    assert verdicts == ["refused", "doubtful", "submitting", "excluded"]


def test_an_issue_that_nobody_wrote(campaign: Campaign) -> None:
    with pytest.raises(NotFoundError):
        told(campaign, "ada", "nonesuch")


PERSON = st.fixed_dictionaries(
    {
        "members": st.sampled_from([None, *SubscriptionState]),
        "weekly": st.sampled_from([None, *SubscriptionState]),
        "city": st.sampled_from(["Oslo", "Bergen", None]),
        "ascii": st.booleans(),
        "paused": st.booleans(),
        "banned": st.sampled_from([None, "everywhere", "members", "weekly"]),
    }
)
NAMES = ("ada", "ben", "cy")


def populate(world: World, people: list[dict[str, Any]]) -> None:
    for list_name in LISTS:
        with world.store.write() as connection:
            world.lists[list_name] = lists.ensure(connection, LISTS[list_name])
    for name, person in zip(NAMES, people, strict=True):
        known = {"city": person["city"]} if person["city"] else {}
        for list_name in LISTS:
            if person[list_name] is not None:
                world.add(list_name, name, state=person[list_name], ascii_only=person["ascii"], **known)
        if person["paused"] and (person["members"] or person["weekly"]):
            world.pause(name, minutes=60)
        if person["banned"]:
            number = 0 if person["banned"] == "everywhere" else world.lists[person["banned"]]
            with world.store.write() as connection:
                suppressions.add(connection, Suppression(key(name), SuppressionReason.MANUAL, "", number), world.now)


@settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(PERSON, min_size=3, max_size=3),
    st.sampled_from([("members",), ("members", "weekly"), ("weekly", "members")]),
    st.sampled_from(["", 'city == "Oslo"', 'not city == "Oslo" or joined < "2020-01-01"']),
    st.data(),
)
def test_the_verdict_is_that_of_the_ledger(
    another: Any,
    tmp_path: Path,
    crowd: list[dict[str, Any]],
    chosen: tuple[str, ...],
    segment: str,
    data: st.DataObject,
) -> None:
    """Before the freeze what it will decide, after it what it decided, and after sending what became of it."""
    world = World(another())
    campaign = Campaign(world.store, Workspace(tmp_path), lists=LISTS)
    populate(world, crowd)
    (tmp_path / "issues").mkdir(exist_ok=True)
    written = segment.replace("'", "''")
    (tmp_path / "issues" / "issue.md").write_text(DRAFT.format(lists=list(chosen), segment=f"'{written}'"))
    world.add("members", "known", city="Oslo", state=UNSUBSCRIBED)
    foretold = {name: told(campaign, name) for name in NAMES}
    assert not any(each.frozen for each in foretold.values())
    world.freeze(*chosen, segment=segment, batch_size=1)
    for name in NAMES:
        found = told(campaign, name)
        assert found.frozen
        assert found.verdict == ledger_of(world, name)
        assert foretold[name].verdict == ("would_get" if found.verdict == "waiting" else found.verdict)
        parts = (foretold[name].summary.partition(": ")[2], found.summary.partition(": ")[2])
        assert parts[0] == parts[1] or found.verdict == "waiting", "the same reason, before and after"
    while (batch := world.claim()) is not None:
        assert world.begin(batch)
        world.record(batch, receipts(batch, data.draw(ENDINGS)))
    for name in NAMES:
        assert told(campaign, name).verdict == ledger_of(world, name)
    world.store.close()


ENDINGS = st.sampled_from((Outcome.ACCEPTED, Outcome.REFUSED, Outcome.DOUBTFUL, Outcome.RETRY))


def ledger_of(world: World, name: str) -> str:
    """What the rows say of a person: the state of the mail, or why there is none."""
    mine = people.c.email_key == key(name)
    state = sa.select(deliveries.c.state).join(people, people.c.id == deliveries.c.subscriber_id).where(mine)
    reason = sa.select(exclusions.c.reason).join(people, people.c.id == exclusions.c.subscriber_id).where(mine)
    with world.store.read() as connection:
        if (found := connection.execute(state).scalar()) is not None:
            return "waiting" if found is DeliveryState.PENDING else str(found.value)
        if (left_out := connection.execute(reason).scalar()) is not None:
            return str(left_out.value)
        return "not_on_lists" if connection.execute(sa.select(people.c.id).where(mine)).first() else "nobody"
