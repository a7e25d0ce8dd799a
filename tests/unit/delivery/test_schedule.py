"""Times as people say them, and the clocks of readers everywhere."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.delivery.schedule import apart, read_clock, read_day, read_moment, said, too_late
from mailer.delivery.zones import by_key, first_day, groups, local_instant, zone_of
from mailer.errors import UsageError

OSLO, UTC_ZONE, NEW_YORK = ZoneInfo("Europe/Oslo"), ZoneInfo("UTC"), ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)  # a Sunday, 10:00 in Oslo
ZONES = tuple(sorted(available_timezones()))


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-25T09:00Z", "2026-11-25T09:00"),
        ("2026-11-25t09:00z", "2026-11-25T09:00"),
        ("2026-11-25T09:00:30+01:00", "2026-11-25T08:00:30"),
        ("2026-11-25 09:00 -0500", "2026-11-25T14:00"),
        ("2026-11-25 09:00", "2026-11-25T08:00"),
        ("2026-11-25T09:00", "2026-11-25T08:00"),
        ("2027-07-01 09:00", "2027-07-01T07:00"),
        ("18:00", "2026-11-22T17:00"),
        ("9:30", "2026-11-23T08:30"),
        ("10:00", "2026-11-22T09:00"),
        ("today 10:01", "2026-11-22T09:01"),
        ("Tomorrow 09:00", "2026-11-23T08:00"),
        ("fri 18:00", "2026-11-27T17:00"),
        ("Friday  18:00", "2026-11-27T17:00"),
        ("sun 12:00", "2026-11-22T11:00"),
        ("sun 09:00", "2026-11-29T08:00"),
        ("+2h", "2026-11-22T11:00"),
        ("+90min", "2026-11-22T10:30"),
        ("+1d2h30m", "2026-11-23T11:30"),
        ("+20s", "2026-11-22T09:00:20"),
        (" now ", "2026-11-22T09:00"),
    ],
)
def test_a_moment_is_read_in_the_zone_of_the_office(text: str, moment: str) -> None:
    assert read_moment(text, OSLO, NOW) == at(moment)


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("", "is not a time", "fri 18:00"),
        ("2026-11-25", "is not a time", "fri 18:00"),
        ("25:00", "is not a time", "fri 18:00"),
        ("2026-02-30 09:00", "is not a time", "fri 18:00"),
        ("fr 18:00", "is not a time", "fri 18:00"),
        ("next fri 18:00", "is not a time", "fri 18:00"),
        ("+2", "is not a time", "fri 18:00"),
        ("+", "is not a time", "fri 18:00"),
        ("9999-12-31T23:59-12:00", "is not a time", "fri 18:00"),
        ("today 09:00", "Sun 2026-11-22 09:00 Europe/Oslo (08:00 UTC), 1 h ago", "still to come"),
        ("2026-11-22T08:59Z", "Sun 2026-11-22 09:59 Europe/Oslo (08:59 UTC), 1 min ago", "still to come"),
        ("2062-11-25 09:00", "in 13,152 days", "within a year"),
        ("2027-03-28 02:30", "02:30 on 2027-03-28 does not exist in Europe/Oslo", "say 03:30"),
        ("2027-10-31 02:30", "02:30 on 2027-10-31 comes twice in Europe/Oslo", "+02:00 or 2027-10-31T02:30+01:00"),
    ],
)
def test_what_is_no_time_to_come_is_refused(text: str, says: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_moment(text, OSLO, NOW)
    assert says in caught.value.message
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize("text", ["2027-10-31T02:30+02:00", "2027-10-31T02:30+01:00"])
def test_either_of_two_like_times_can_be_said_with_its_offset(text: str) -> None:
    assert read_moment(text, OSLO, NOW) == datetime.fromisoformat(text)


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_a_usage_error(text: str) -> None:
    try:
        moment = read_moment(text, OSLO, NOW)
    except UsageError:
        return
    assert moment.tzinfo is UTC
    assert moment >= NOW


@given(st.datetimes(wall("2026-11-22T09:00"), wall("2027-11-20")), st.sampled_from(ZONES))
def test_a_moment_said_with_its_zone_is_read_back(moment: datetime, zone: str) -> None:
    here = moment.replace(second=0, microsecond=0, tzinfo=UTC)
    text = here.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")
    assert read_moment(text, OSLO, NOW) == here


@pytest.mark.parametrize(
    ("moment", "zone", "text"),
    [
        ("2026-11-22T23:00", OSLO, "Mon 2026-11-23 00:00 Europe/Oslo (2026-11-22 23:00 UTC), in 14 h"),
        ("2026-11-22T17:00", OSLO, "Sun 2026-11-22 18:00 Europe/Oslo (17:00 UTC), in 8 h"),
        ("2026-11-22T11:25", UTC_ZONE, "Sun 2026-11-22 11:25 UTC, in 2 h 25 min"),
    ],
)
def test_a_moment_is_said_in_both_zones(moment: str, zone: ZoneInfo, text: str) -> None:
    assert said(at(moment), zone, NOW) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "now"),
        (29, "now"),
        (-29, "now"),
        (60, "in 1 min"),
        (-3540, "59 min ago"),
        (3600, "in 1 h"),
        (47 * 3600, "in 47 h"),
        (48 * 3600, "in 2 days"),
        (-10 * 86400, "10 days ago"),
        (36000 + 900, "in 10 h"),
    ],
)
def test_how_far_away(seconds: int, text: str) -> None:
    assert apart(NOW + timedelta(seconds=seconds), NOW) == text


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-25", date(2026, 11, 25)),
        ("wed", date(2026, 11, 25)),
        ("today", date(2026, 11, 22)),
        ("sunday", date(2026, 11, 22)),
        ("20261125", None),
        ("someday", None),
        ("2026-13-01", None),
    ],
)
def test_days(text: str, day: date | None) -> None:
    assert read_day(text, OSLO, NOW) == day


@pytest.mark.parametrize(("text", "clock"), [("09:00", time(9)), ("9:05", time(9, 5)), ("24:00", None), ("9", None)])
def test_clocks(text: str, clock: time | None) -> None:
    assert read_clock(text) == clock


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("due_at", "not_after", "says"),
    [
        (None, None, ""),
        (NOW - 6 * HOUR, None, ""),
        (NOW - 7 * HOUR, None, "it was due at 2026-11-22 02:00 UTC, 7 h before anybody could begin"),
        (NOW, NOW, ""),
        (NOW, NOW - HOUR, "nothing was to leave after 2026-11-22 08:00 UTC"),
        (NOW + HOUR, NOW + HOUR, ""),
    ],
)
def test_what_is_too_late(due_at: datetime | None, not_after: datetime | None, says: str) -> None:
    assert too_late(due_at, not_after, NOW, 6 * HOUR) == says


# --- readers' clocks --------------------------------------------------------------------------------------------------


@given(st.sampled_from(ZONES), st.datetimes(wall("2000-01-01"), wall("2037-12-31")))
def test_it_is_that_time_there_or_it_never_is(zone: str, shown_there: datetime) -> None:
    """The rule for times that the clocks leave out: as much later as they are put forward."""
    wanted = shown_there.replace(second=0, microsecond=0)
    here = ZoneInfo(zone)
    moment = local_instant(wanted, zone)
    shown = moment.astimezone(here)
    if shown.replace(tzinfo=None) == wanted:
        assert not shown.fold, "of a time that comes twice, the first"
        return
    jump = shown.replace(tzinfo=None) - wanted
    before, after = (each.astimezone(here).utcoffset() for each in (moment - jump, moment + jump))
    assert before is not None
    assert after is not None
    assert jump == after - before


@given(st.dates(date(2026, 1, 1), date(2037, 1, 1)), st.times(), st.lists(st.sampled_from(ZONES)))
def test_each_zone_is_in_one_group(day: date, clock: time, zones: list[str]) -> None:
    wanted = datetime.combine(day, clock)
    found = groups(wanted, zones, "Europe/Oslo")
    assert [group.due_at for group in found] == sorted({group.due_at for group in found})
    assert sorted(zone for group in found for zone in group.zones) == sorted(set(zones))
    assert [group.due_at for group in found if group.rest] == [local_instant(wanted, "Europe/Oslo")]
    assert all(group.due_at == local_instant(wanted, zone) for group in found for zone in group.zones)


def test_nine_in_the_morning_comes_38_times_over_26_hours() -> None:
    found = groups(wall("2026-11-25T09:00"), ZONES, "UTC")
    assert len(found) == 38
    assert found[-1].due_at - found[0].due_at == timedelta(hours=26)
    assert found[0].due_at == at("2026-11-24T19:00")


@given(st.lists(st.sampled_from(ZONES), min_size=1), st.times(), st.datetimes(wall("2026-01-01"), wall("2030-01-01")))
def test_the_first_day_on_which_it_is_still_to_come_for_everybody(zones: list[str], clock: time, now: datetime) -> None:
    now = now.replace(tzinfo=UTC)
    day = first_day(clock, zones, now)
    passed = [local_instant(datetime.combine(day - timedelta(days=1), clock), zone) < now for zone in zones]
    assert all(local_instant(datetime.combine(day, clock), zone) >= now for zone in zones)
    assert any(passed) or day == min(now.astimezone(ZoneInfo(zone)).date() for zone in zones)


def test_everybody_in_one_zone_gets_it_today() -> None:
    assert first_day(time(11), ["Europe/Oslo"], NOW) == date(2026, 11, 22)
    assert first_day(time(9), ["Europe/Oslo"], NOW) == date(2026, 11, 23)
    assert first_day(time(11), ["Europe/Oslo", "Pacific/Kiritimati"], NOW) == date(2026, 11, 23)


@pytest.mark.parametrize(
    ("attributes", "zone"),
    [
        ({"timezone": "Europe/Oslo"}, "Europe/Oslo"),
        ({"tz": "america/new_york"}, "America/New_York"),
        ({"timezone": "", "time_zone": "Asia/Tokyo", "tz": "UTC"}, "Asia/Tokyo"),
        ({"timezone": "CEST", "tz": ["UTC"]}, None),
        ({"timezone": 2, "zone": "Europe/Oslo"}, None),
        ({}, None),
    ],
)
def test_a_persons_zone(attributes: dict[str, object], zone: str | None) -> None:
    assert zone_of(attributes, by_key(ZONES)) == zone
