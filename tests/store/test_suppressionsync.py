"""Reading whom a provider does not mail: by pages, to be gone on with, and never against a person's word."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mailer.config import Settings
from mailer.errors import ConfigError, ProviderError
from mailer.model import JobKind, SuppressionReason
from mailer.providers.protocol import Listed, ListedPage
from mailer.services.jobs.clock import due_by_clock
from mailer.services.jobs.errand import Errand
from mailer.services.jobs.suppressing import work
from mailer.services.suppressionsync import AGAIN, sync
from mailer.store import jobs, marks, suppressions
from mailer.store.marks import Mark
from tests.store.asking_program import SETTINGS, Campaign, Desk
from tests.store.world import NOW, World

BOUNCED, COMPLAINED = SuppressionReason.BOUNCED, SuppressionReason.COMPLAINED
PAGE = 3


@dataclass
class Source(Desk):
    """A provider with two lists, in pages of three. `fails_at` so many calls it cannot be reached."""

    name: str = "sendgrid"
    lists: dict[str, list[Listed]] = field(default_factory=lambda: {"bounces": [], "spam_reports": []})
    asked: list[tuple[object, ...]] = field(default_factory=list)
    fails_at: int = 0

    @property
    def suppression_lists(self) -> tuple[str, ...]:
        return tuple(self.lists)

    def suppressed(self, name: str, since: datetime | None, until: datetime, offset: int) -> ListedPage:
        self.asked.append((name, since, until, offset))
        if len(self.asked) == self.fails_at:
            raise ProviderError("sendgrid cannot be reached")
        span = [
            each for each in self.lists[name] if each.at and (since is None or each.at >= since) and each.at <= until
        ]
        found = span[offset : offset + PAGE]
        return ListedPage(tuple(found), len(found), last=len(found) < PAGE)


@dataclass
class Place:
    world: World
    campaign: Campaign
    source: Source

    def fill(self, number: int) -> None:
        at = self.campaign.moment - timedelta(days=10)
        self.source.lists["bounces"] = [Listed(f"A{n}@Example.org", BOUNCED, at, "5.1.1") for n in range(number)]

    def first(self) -> object:
        """The first thing that the provider was asked."""
        return self.source.asked[0]

    def suppressed(self) -> set[str]:
        with self.world.store.read() as connection:
            return {one.value for one in suppressions.every(connection)}

    def mark(self) -> Mark:
        with self.world.store.read() as connection:
            return marks.get(connection, "sendgrid bounces")


@pytest.fixture
def place(world: World, tmp_path: Path) -> Place:
    source = Source()
    return Place(world, replace(Campaign.over(world.store, tmp_path), desk=source), source)


def test_all_pages_of_all_lists(place: Place) -> None:
    place.fill(7)
    place.source.lists["spam_reports"] = [
        Listed("bea@example.org", COMPLAINED, NOW - timedelta(days=1)),
        Listed("no address", COMPLAINED, NOW - timedelta(days=1)),
        Listed("@example.com", COMPLAINED, NOW - timedelta(days=1)),
    ]
    bounces, spam = sync(place.campaign)
    assert (bounces.read, bounces.new, bounces.unreadable) == (7, 7, 0)
    assert (spam.read, spam.new, spam.unreadable) == (3, 1, 2)
    assert place.suppressed() == {*(f"a{n}@example.org" for n in range(7)), "bea@example.org"}
    with place.world.store.read() as connection:
        (entry,) = suppressions.entries(connection, ["a0@example.org"])
    assert entry == suppressions.Suppression(
        "a0@example.org", BOUNCED, "on the list bounces of sendgrid: 5.1.1", 0, NOW - timedelta(days=10)
    )


def test_the_next_reading_begins_an_hour_before_the_last_one_ended(place: Place) -> None:
    place.fill(2)
    sync(place.campaign)
    place.campaign.moment += timedelta(days=1)
    place.source.asked.clear()
    done = sync(place.campaign)
    assert [each.new for each in done] == [0, 0]
    assert place.first() == ("bounces", NOW - AGAIN, NOW + timedelta(days=1), 0)
    place.source.asked.clear()
    sync(place.campaign, everything=True)
    assert place.first() == ("bounces", None, NOW + timedelta(days=1), 0)


def test_what_was_interrupted_goes_on_in_the_same_span(place: Place) -> None:
    place.fill(7)
    place.source.fails_at = 3
    with pytest.raises(ProviderError):
        sync(place.campaign)
    assert len(place.suppressed()) == 6, "two pages are in"
    assert place.mark() == Mark(None, NOW, 6)
    place.campaign.moment += timedelta(hours=5)
    done = sync(place.campaign)
    assert (done[0].read, done[0].new, len(place.suppressed())) == (1, 1, 7)
    assert place.source.asked[3] == ("bounces", None, NOW, 6)
    assert place.mark() == Mark(NOW, None, 0)


def test_a_dry_run_changes_nothing(place: Place) -> None:
    place.fill(4)
    assert sync(place.campaign, dry_run=True)[0].new == 4
    assert (place.suppressed(), place.mark()) == (set(), Mark())


def test_what_a_person_lifted_is_not_brought_back(place: Place) -> None:
    place.fill(1)
    sync(place.campaign)
    with place.world.store.write() as connection:
        suppressions.remove(connection, "a0@example.org", 0, "they wrote to us", NOW)
    sync(place.campaign, everything=True)
    assert place.suppressed() == set()
    place.campaign.moment += timedelta(days=2)
    place.source.lists["bounces"] = [Listed("a0@example.org", BOUNCED, NOW + timedelta(days=1))]
    sync(place.campaign)
    assert place.suppressed() == {"a0@example.org"}, "that was later"


def test_two_readings_at_once_do_not_take_each_others_place(place: Place) -> None:
    place.fill(7)
    read = place.source.suppressed
    beside: list[int] = []

    def meanwhile(name: str, since: datetime | None, until: datetime, offset: int) -> ListedPage:
        if not beside:
            beside.append(1)
            sync(place.campaign)
        return read(name, since, until, offset)

    place.source.suppressed = meanwhile  # type: ignore[method-assign]
    done = sync(place.campaign)
    assert done[0].stopped
    assert (len(place.suppressed()), place.mark()) == (7, Mark(NOW, None, 0))


def test_a_provider_without_lists_says_so(place: Place) -> None:
    place.campaign.desk = Desk()
    with pytest.raises(ConfigError, match="keeps no lists"):
        sync(place.campaign)


def test_the_clock_adds_a_job_and_a_failure_waits_for_the_next_period(place: Place) -> None:
    with place.world.store.write() as connection:
        due_by_clock(place.campaign, connection, NOW)
        assert JobKind.SUPPRESSIONS not in {job.kind for job in jobs.newest(connection)}
        values = {**SETTINGS, "provider": {"name": "sendgrid"}, "work": {"suppressions_hours": 6}}
        place.campaign.settings = Settings.model_validate(values)
        due_by_clock(place.campaign, connection, NOW)
        due_by_clock(place.campaign, connection, NOW + timedelta(hours=1))
        (job,) = [job for job in jobs.newest(connection) if job.kind is JobKind.SUPPRESSIONS]
    assert job.key == "suppressions 2026-11-22T06Z"
    place.fill(2)
    errand = Errand(place.campaign, job, lambda _: None, lambda: False)
    assert work(errand).words == "2 entries read, 2 new suppressions"
    place.source.fails_at = len(place.source.asked) + 1
    assert work(errand).words == "could not be read: sendgrid cannot be reached"
    assert work(replace(errand, stop=lambda: True)).stopped
