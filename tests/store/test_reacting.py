"""What follows from what providers report: for people, for mails that ask, and for issues."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailer.cli.status import advice_words
from mailer.config import Settings
from mailer.delivery.events import Event
from mailer.model import Cause, EventKind, IssueState, SuppressionReason
from mailer.services.events import Taken, take
from mailer.services.references import key_of, reference
from mailer.services.status import issue_status
from mailer.store import issues as stored_issues
from mailer.store import subscriptions, suppressions
from mailer.store.tables import confirmations, engagement_counts, engagements, events, subscribers
from tests.store.asking_program import SETTINGS, Campaign
from tests.store.world import NOW, World, key
from tests.thoroughness import examples

SNAPSHOT = {"message_ids": "ab" * 16}
HARD, SOFT, DELIVERED = EventKind.BOUNCED_HARD, EventKind.BOUNCED_SOFT, EventKind.DELIVERED
COMPLAINED, UNSUBSCRIBED, BLOCKED = EventKind.COMPLAINED, EventKind.UNSUBSCRIBED, EventKind.BLOCKED
NAMES = ("ada", "ben", "cy", "dee")


class Post:
    """People on a list who got issues, a week apart, and what is reported of those."""

    def __init__(self, world: World, folder: Path, issues: int = 1, names: tuple[str, ...] = NAMES) -> None:
        self.world = world
        self.campaign = Campaign.over(world.store, folder)
        self.names = names
        world.add("weekly", *names)
        for number in range(issues):
            world.freeze("weekly", name=f"issue-{number}", snapshot=SNAPSHOT, batch_size=1000)
            world.submit(issue=f"issue-{number}")
            world.later(7 * 24 * 60)

    def about(self, name: str, kind: EventKind, issue: int = 0, hours: float = 1, **more: Any) -> Event:
        at = NOW + timedelta(days=7 * issue, hours=hours)
        given = reference(key_of(SNAPSHOT, ()), f"issue-{issue}", self.number(name, issue))
        return Event(given, kind, at, f"{name}:{kind.value}:{issue}:{hours}", **more)

    def number(self, name: str, issue: int) -> int:
        """Deliveries are made in the order of people."""
        return issue * len(self.names) + self.names.index(name) + 1

    def take(self, *told: Event) -> Taken:
        return take(self.campaign, told, self.world.now)

    def configure(self, **sections: Any) -> None:
        self.campaign.settings = Settings.model_validate({**SETTINGS, **sections})

    def suppressed(self) -> set[tuple[str, str, int]]:
        with self.world.store.read() as connection:
            found = suppressions.every(connection)
            return {(one.value.partition("@")[0], one.reason.value, one.list_id) for one in found}

    def notes(self) -> set[str]:
        with self.world.store.read() as connection:
            return {one.note for one in suppressions.every(connection)}

    def issue(self, number: int = 0) -> tuple[IssueState, str]:
        with self.world.store.read() as connection:
            found = stored_issues.get(connection, f"issue-{number}")
            assert found is not None
            return found.state, found.reason


@pytest.fixture
def post(world: World, tmp_path: Path) -> Post:
    return Post(world, tmp_path)


def test_a_hard_bounce_a_complaint_and_an_unsubscribe_suppress(post: Post) -> None:
    taken = post.take(
        post.about("ada", HARD, cause=Cause.ADDRESS),
        post.about("ben", COMPLAINED),
        post.about("cy", UNSUBSCRIBED),
        post.about("dee", UNSUBSCRIBED, everywhere=True),
    )
    assert post.suppressed() == {
        ("ada", "bounced", 0),
        ("ben", "complained", 0),
        ("cy", "unsubscribed", 1),
        ("dee", "unsubscribed", 0),
    }
    assert taken.reacted == {"ended": 2, "complained": 1, "unsubscribed": 2, "bounced": 1}
    assert post.notes() == {
        "no such address, says the bounce of issue issue-0",
        "called issue issue-0 spam",
        "through the provider's link in issue issue-0",
    }
    with post.world.store.read() as connection:
        cause = connection.execute(sa.select(events.c.cause).where(events.c.kind == HARD)).scalar_one()
        states = [subscriptions.of(connection, key(name))["weekly"].value for name in NAMES]
        (*_, last) = subscriptions.history(connection, key("cy"))
    assert cause == "address"
    assert states == ["confirmed", "confirmed", "unsubscribed", "unsubscribed"]
    assert (last.how.value, last.source) == ("provider", "the provider's own link")
    assert last.evidence == {"reported_at": "2026-11-22T10:00:00+00:00", "mail": "issue issue-0"}


def test_nobody_is_suppressed_for_what_passes_or_is_ours(post: Post) -> None:
    for kind in set(EventKind) - {HARD, COMPLAINED, UNSUBSCRIBED}:
        post.take(post.about("ada", kind))
    assert post.suppressed() == set()


def test_soft_bounces_in_a_row_suppress_over_issues(world: World, tmp_path: Path) -> None:
    post = Post(world, tmp_path, issues=5)
    post.take(*(post.about("ada", SOFT, issue) for issue in range(3)), *(post.about("ben", SOFT, n) for n in (0, 1)))
    post.take(
        *(post.about("ben", SOFT, issue) for issue in (3, 4)), *(post.about("cy", DELIVERED, n) for n in range(4))
    )
    assert post.suppressed() == set(), "issue 2 of Ben arrived, and Ada had three"
    post.take(post.about("ada", SOFT, 3))
    assert post.suppressed() == set(), "the last issue to Ada arrived, as far as anybody knows"
    post.take(post.about("ada", SOFT, 4), post.about("ben", SOFT, 2))
    assert post.suppressed() == {("ada", "bounced", 0), ("ben", "bounced", 0)}
    assert post.notes() == {"5 bounces in a row, of 5 issues over 28 days; the last was issue issue-4",
                            "5 bounces in a row, of 5 issues over 28 days; the last was issue issue-2"}  # fmt: skip


KINDS = st.sampled_from((SOFT, HARD, DELIVERED, COMPLAINED, UNSUBSCRIBED, BLOCKED, EventKind.DEFERRED))
SAID = st.dictionaries(st.tuples(st.sampled_from(NAMES[:2]), st.integers(0, 3)), KINDS, min_size=3, max_size=8)


@settings(max_examples=examples(5), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SAID, st.data())
def test_order_repetition_and_lateness_do_not_matter(
    another: Any, tmp_path: Path, said: dict[tuple[str, int], EventKind], data: st.DataObject
) -> None:
    told = [(name, kind, issue) for (name, issue), kind in said.items()]
    order = data.draw(st.permutations(told)) + data.draw(st.lists(st.sampled_from(told), max_size=4))
    cut = data.draw(st.integers(0, len(order)))
    found = []
    for posts in ([told], [order[:cut], order[cut:]]):
        store = another()
        post = Post(World(store), tmp_path, issues=4, names=NAMES[:2])
        post.configure(bounces={"soft": 2, "soft_days": 7, "soft_issues": 2})
        for part in posts:
            post.take(*(post.about(*each) for each in part))
        with store.read() as connection:
            states = [subscriptions.of(connection, key(name)) for name in NAMES[:2]]
        # Of several reasons the first that was heard of stands.
        found.append(({(name, number) for name, _, number in post.suppressed()}, states))
        store.close()
    assert found[0] == found[1]


def test_who_was_let_in_again_stays_in(post: Post) -> None:
    told = [post.about("ada", HARD), post.about("ben", COMPLAINED), post.about("cy", UNSUBSCRIBED)]
    post.take(*told)
    assert len(post.suppressed()) == 3
    post.world.later()
    with post.world.store.write() as connection:
        for name, list_id in (("ada", 0), ("ben", 0), ("cy", 1)):
            assert suppressions.remove(connection, key(name), list_id, "a mistake", post.world.now)
    # The same again, also by another name, and what is known only now but happened before.
    again = [replace(each, key=f"again:{each.key}") for each in told]
    assert post.take(*told, *again).reacted == {}
    assert post.suppressed() == set()
    new = replace(post.about("ada", HARD), at=post.world.now + timedelta(hours=1), key="new")
    assert post.take(new).reacted == {"bounced": 1}


def test_what_is_suppressed_already_keeps_its_reason(post: Post) -> None:
    post.world.suppress("ada", SuppressionReason.MANUAL)
    assert post.take(post.about("ada", HARD)).reacted == {}
    assert post.suppressed() == {("ada", "manual", 0)}


def test_several_hard_bounces_where_the_organisation_wants_them(world: World, tmp_path: Path) -> None:
    post = Post(world, tmp_path, issues=2)
    post.configure(bounces={"hard": 2})
    post.take(post.about("ada", HARD), post.about("ada", HARD, 0, hours=2))
    assert post.suppressed() == set()
    post.take(post.about("ada", HARD, 1))
    assert post.suppressed() == {("ada", "bounced", 0)}


def test_an_event_that_somebody_forged_suppresses_nobody(post: Post) -> None:
    forged = replace(post.about("ada", COMPLAINED), reference=f"{post.number('ada', 0)}.0123456789abcdef")
    assert post.take(forged, replace(forged, reference="confirm." + "0" * 32)).reacted == {}
    assert post.suppressed() == set()


def test_killed_between_the_event_and_what_follows_neither_is_there(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(suppressions, "add_all", die)
        with pytest.raises(KeyboardInterrupt):
            post.take(post.about("ada", HARD))
    with post.world.store.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(events)).scalar_one() == 0
    assert post.take(post.about("ada", HARD)).reacted == {"bounced": 1}


# --- mails that ask to confirm ----------------------------------------------------------------------------------------


def ask(post: Post, name: str) -> str:
    """The reference of the mail that asked a new person."""
    post.campaign.join(name)
    with post.world.store.read() as connection:
        query = sa.select(confirmations.c.message_id).order_by(confirmations.c.id.desc())
        return str(connection.execute(query.limit(1)).scalar_one()).partition("@")[0]


def test_events_about_mails_that_ask(post: Post) -> None:
    told = {}
    for name, kind in (("eve", HARD), ("fay", COMPLAINED), ("gil", UNSUBSCRIBED), ("hal", SOFT), ("ian", DELIVERED)):
        told[name] = Event(ask(post, name), kind, post.world.now, f"k{name}")
    with post.world.store.write() as connection:
        connection.execute(sa.update(confirmations).values(outcome="open", sent_at=None))
    taken = post.take(*told.values())
    assert (taken.confirmations, taken.foreign, taken.new) == (5, 0, {})
    assert {(name, reason) for name, reason, _ in post.suppressed()} == {
        ("eve", "bounced"),
        ("fay", "complained"),
        ("gil", "unsubscribed"),
    }
    with post.world.store.read() as connection:
        outcomes = connection.execute(sa.select(confirmations.c.outcome)).scalars().all()
    assert outcomes == ["accepted"] * 5
    assert {name: post.campaign.state(name).value for name in ("gil", "ian")} == {  # type: ignore[union-attr]
        "gil": "unsubscribed",
        "ian": "pending",
    }


# --- issues -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def sending(world: World, tmp_path: Path) -> Post:
    """An issue half of which left; two hundred people."""
    names = tuple(f"reader{number:03}" for number in range(200))
    post = Post(world, tmp_path, issues=0, names=names)
    world.freeze("weekly", name="issue-0", snapshot=SNAPSHOT, batch_size=120)
    world.submit(issue="issue-0")
    post.configure(provider={"name": "sendgrid"})
    return post


def reported(post: Post, kind: EventKind, first: int, last: int, **more: Any) -> Taken:
    return post.take(*(post.about(name, kind, **more) for name in post.names[first:last]))


def test_an_issue_that_receivers_do_not_take_is_paused_and_nobody_is_blamed(sending: Post) -> None:
    reported(sending, BLOCKED, 0, 6, cause=Cause.POLICY)
    assert sending.issue()[0] is IssueState.SENDING, "six of six mean nothing"
    taken = reported(sending, DELIVERED, 6, 110)
    assert taken.paused == {}
    taken = reported(sending, BLOCKED, 110, 111, cause=Cause.POLICY)
    assert taken.paused == {
        "issue-0": "7 mails were refused for our sake, more than 5.0%: look at SPF, DKIM and DMARC of the sender's "
        "domain, and whether it stands on a blocklist"
    }
    assert sending.issue() == (IssueState.PAUSED, taken.paused["issue-0"])
    assert sending.suppressed() == set()


def test_whose_fault_it_is_and_what_to_look_at_is_shown(sending: Post) -> None:
    reported(sending, BLOCKED, 0, 2, cause=Cause.POLICY)
    reported(sending, BLOCKED, 2, 3, cause=Cause.CONTENT)
    reported(sending, HARD, 3, 7, cause=Cause.ADDRESS)
    found = issue_status(sending.campaign, "issue-0")
    assert found.causes == {"address": 4, "policy": 2, "content": 1}
    assert [words.partition(":")[0] for words in advice_words(found.causes)] == ["2 refused", "1 refused"]
    assert advice_words({"address": 4}) == []


def test_an_issue_that_readers_call_spam_is_paused(sending: Post) -> None:
    reported(sending, DELIVERED, 0, 120)
    taken = reported(sending, COMPLAINED, 0, 1)
    assert taken.paused["issue-0"] == "1 readers called it spam, more than 0.30% of those it reached"


def test_whoever_lets_it_go_on_is_not_overruled_by_the_same_mails(sending: Post) -> None:
    reported(sending, DELIVERED, 0, 110)
    assert reported(sending, BLOCKED, 110, 120).paused
    sending.world.later(24 * 60)
    with sending.world.store.write() as connection:
        stored_issues.resume(connection, "issue-0", sending.world.now)
    assert reported(sending, BLOCKED, 100, 110).paused == {}
    assert sending.issue()[0] is IssueState.SENDING


def test_without_reports_of_what_arrives_it_is_measured_by_what_left(sending: Post) -> None:
    sending.configure(provider={"name": "smtp"})
    assert reported(sending, BLOCKED, 0, 6).paused == {}
    assert reported(sending, BLOCKED, 6, 7).paused


def test_an_issue_that_was_sent_cannot_be_paused(world: World, tmp_path: Path) -> None:
    post = Post(world, tmp_path, names=tuple(f"reader{number:03}" for number in range(120)))
    post.configure(provider={"name": "smtp"})
    assert world.finish("issue-0")
    assert reported(post, BLOCKED, 0, 100).paused == {}


# --- opens and clicks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("individual", [False, True])
def test_opens_are_counted_once_and_kept_nowhere_but_where_asked_for(post: Post, individual: bool) -> None:
    post.configure(privacy={"tracking": True, "individual": individual})
    with post.world.store.write() as connection:
        connection.execute(sa.update(subscribers).where(subscribers.c.email_key == key("ben")).values(untracked=True))
    told = [post.about(name, EventKind.OPENED, hours=2) for name in ("ada", "ben")]
    assert post.take(*told).new == {"opened": 1}
    assert post.take(*told).new == {}
    with post.world.store.read() as connection:
        assert connection.execute(sa.select(engagement_counts.c.number)).scalars().all() == [1]
        kept = connection.execute(sa.select(sa.func.count()).select_from(engagements)).scalar_one()
        assert connection.execute(sa.select(sa.func.count()).select_from(events)).scalar_one() == 0
    assert kept == int(individual)


def test_thousands_of_reactions_take_few_statements(world: World, tmp_path: Path) -> None:
    post = Post(world, tmp_path, names=tuple(f"reader{number:04}" for number in range(1000)))
    statements = 0

    def count(*_: Any) -> None:
        nonlocal statements
        statements += 1

    sa.event.listen(world.store.engine, "before_cursor_execute", count)
    kinds = (HARD, COMPLAINED, SOFT, DELIVERED)
    taken = post.take(*(post.about(name, kinds[place % 4]) for place, name in enumerate(post.names)))
    assert taken.reacted == {"complained": 250, "bounced": 250}
    assert statements < 60
