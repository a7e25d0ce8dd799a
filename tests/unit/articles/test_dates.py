from __future__ import annotations

import calendar
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.articles.dates import parse_date
from mailer.errors import ConfigError


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Mon, 03 Jul 2023 10:00:00 +0200", "2023-07-03T08:00"),
        ("Mon, 3 Jul 2023 10:00 GMT", "2023-07-03T10:00"),
        ("Mon, 03 Jul 2023 10:00:00 CEST", "2023-07-03T08:00"),
        ("Mon, 03 Jul 2023 10:00:00 BST", "2023-07-03T09:00"),
        ("Mon, 03 Jul 2023 10:00:00 AEST", "2023-07-03T00:00"),
        ("Mon, 03 Jul 2023 10:00:00 IST", "2023-07-03T04:30"),
        ("Mon, 03 Jul 2023 10:00:00 EST", "2023-07-03T15:00"),
        ("Mon, 03 Jul 2023 10:00:00 PDT", "2023-07-03T17:00"),
        ("Mon, 03 Jul 2023 10:00:00 -0000", "2023-07-03T10:00"),
        ("Mon, 03 Jul 2023 10:00:00 +0530 (IST)", "2023-07-03T04:30"),
        ("Mon, 03 Jul 2023 10:00:00 GMT+02:00", "2023-07-03T08:00"),
        ("Mon, 03 Jul 2023 10:00:00", "2023-07-03T10:00"),
        ("Tues, 4 July 2023 10:00:00 Z", "2023-07-04T10:00"),
        ("Thursday, 07-Sept-23 10:00:00 UT", "2023-09-07T10:00"),
        ("01 Jan 99 00:00 GMT", "1999-01-01T00:00"),
        ("Sat, 31 Dec 2016 23:59:60 GMT", "2016-12-31T23:59:59"),
        ("Mon Jul  3 10:00:00 2023", "2023-07-03T10:00"),
        ("Mon Jul 03 10:00:00 CEST 2023", "2023-07-03T08:00"),
        ("July 3, 2023 10:05 pm", "2023-07-03T22:05"),
        ("July 3rd, 2023 at 12:05 AM", "2023-07-03T00:05"),
        ("3 May 2023", "2023-05-03T00:00"),
        ("2023-07-03T10:00:00Z", "2023-07-03T10:00"),
        ("2023-07-03T10:00:00.123456789+02:00", "2023-07-03T08:00"),
        ("2023-07-03t10:00:00,5z", "2023-07-03T10:00"),
        ("2023-07-03 10:00:00 +0200", "2023-07-03T08:00"),
        ("2023-07-03 10:00 UTC", "2023-07-03T10:00"),
        ("2023-07-03", "2023-07-03T00:00"),
        ("2023/07/03", "2023-07-03T00:00"),
        ("20230703T100000Z", "2023-07-03T10:00"),
        ("  \n2023-07-03\t", "2023-07-03T00:00"),
    ],
)
def test_a_date_that_says_what_it_means(text: str, moment: str) -> None:
    assert parse_date(text) == at(moment)


@pytest.mark.parametrize(
    "text",
    [
        "03/07/2023",
        "7.3.2023",
        "03-07-2023 10:00",
        "Mo, 03 Jul 2023 10:00:00 +0200",
        "lun., 03 juil. 2023 10:00:00",
        "3. Juli 2023",
        "Mon, 31 Feb 2023 10:00:00 GMT",
        "2023-13-01",
        "2023-07-03T25:00:00Z",
        "2023-07-03 13:00 pm",
        "Mon, 03 Jul 2023 10:00:00 +9900",
        "Mon, 03 Jul 2023 10:00:00 +0275",
        "Mon, 03 Jul 2023 10:00:00 XYZ",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-12:00",
        "yesterday",
        "1700000000",
        "2023",
        "",
        "   ",
        None,
        "2023-07-03" + " " * 10 + "x" * 100,
        "٢٠٢٣-٠٧-٠٣",
        "2023-07-03\x00",
    ],
)
def test_a_date_that_would_have_to_be_guessed(text: str | None) -> None:
    assert parse_date(text) is None


@pytest.mark.parametrize(
    ("text", "zone", "moment"),
    [
        ("Mon, 03 Jul 2023 10:00:00", "Europe/Oslo", "2023-07-03T08:00"),
        ("2023-01-03 10:00:00", "Europe/Oslo", "2023-01-03T09:00"),
        ("2023-07-03", "Australia/Sydney", "2023-07-02T14:00"),
        ("Mon, 03 Jul 2023 10:00:00 IST", "Asia/Jerusalem", "2023-07-03T04:30"),
        ("Tue, 03 Jan 2023 10:00:00 IST", "Asia/Jerusalem", "2023-01-03T08:00"),
        ("Mon, 03 Jul 2023 10:00:00 IST", "Europe/Dublin", "2023-07-03T09:00"),
        ("Mon, 03 Jul 2023 10:00:00 CST", "Asia/Shanghai", "2023-07-03T02:00"),
        ("Mon, 03 Jul 2023 10:00:00 CST", "America/Chicago", "2023-07-03T16:00"),
        ("Mon, 03 Jul 2023 10:00:00 GMT", "Europe/Oslo", "2023-07-03T10:00"),
    ],
)
def test_the_zone_of_the_source(text: str, zone: str, moment: str) -> None:
    assert parse_date(text, zone) == at(moment)


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "../../etc/passwd", "", "\x00"])
def test_an_unknown_zone_is_named(zone: str) -> None:
    with pytest.raises(ConfigError, match="time zone"):
        parse_date("2023-07-03", zone)


@given(st.datetimes(datetime(1971, 1, 1), datetime(2099, 12, 30)), st.integers(-14 * 4, 14 * 4))  # noqa: DTZ001
def test_what_is_written_with_an_offset_is_read_back(moment: datetime, quarters: int) -> None:
    sign = "-" if quarters < 0 else "+"
    hours, minutes = divmod(abs(quarters) * 15, 60)
    offset = f"{sign}{hours:02}:{minutes:02}"
    whole = moment.replace(microsecond=0)
    expected = datetime.fromisoformat(f"{whole.isoformat()}{offset}").astimezone(UTC)
    months = list(calendar.month_abbr)
    rfc822 = f"{whole.day:02} {months[whole.month]} {whole.year} {whole:%H:%M:%S} {offset.replace(':', '')}"
    assert parse_date(f"{whole.isoformat()}{offset}") == expected
    assert parse_date(rfc822) == expected


@given(st.text(max_size=60))
def test_any_text_is_a_date_or_none(text: str) -> None:
    moment = parse_date(text)
    assert moment is None or moment.tzinfo is UTC
