"""Who is not mailed any more, and which issue stops."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.delivery.reactions import Mail, Policy, Word, since, too_many, why_not
from mailer.model import EventKind

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
HARD, SOFT, DELIVERED = EventKind.BOUNCED_HARD, EventKind.BOUNCED_SOFT, EventKind.DELIVERED
POLICY = Policy()


def mail(issue: int, *kinds: EventKind) -> Mail:
    """An issue a week, and what was reported of it hour by hour."""
    at = NOW + 7 * DAY * issue
    return Mail(issue, at, tuple(Word(kind, at + timedelta(hours=hour)) for hour, kind in enumerate(kinds, 1)))


def test_one_hard_bounce_is_enough_and_more_may_be_asked_for() -> None:
    assert why_not([mail(1, HARD), mail(2, DELIVERED)], POLICY) == "there is no such address"
    assert why_not([mail(1, HARD)], Policy(hard=2)) == ""
    assert why_not([mail(1, HARD, HARD)], Policy(hard=2)) == "", "the same mail twice is one"
    assert why_not([mail(1, HARD), mail(2, HARD)], Policy(hard=2)) == "2 mails came back: there is no such address"


def test_soft_bounces_in_a_row_over_weeks_and_issues() -> None:
    row = [mail(number, SOFT) for number in range(4)]
    assert why_not(row, POLICY) == "4 bounces in a row, of 4 issues over 21 days"
    assert why_not(row[1:], POLICY) == "", "three are too few"
    assert why_not(row, Policy(soft_days=22)) == "", "and so are three weeks, where more is asked for"
    assert why_not([mail(0, SOFT, SOFT), mail(4, SOFT, SOFT)], POLICY) == "", "two issues are too few"


@pytest.mark.parametrize("between", [(DELIVERED,), (), (EventKind.DEFERRED,), (EventKind.BLOCKED,), (SOFT, DELIVERED)])
def test_what_arrived_or_may_have_arrived_begins_anew(between: tuple[EventKind, ...]) -> None:
    row = [mail(0, SOFT), mail(1, SOFT), mail(2, *between), mail(3, SOFT), mail(4, SOFT)]
    assert why_not(row, POLICY) == ""


def test_that_it_came_back_after_it_was_taken_counts() -> None:
    row = [mail(number, DELIVERED, SOFT) for number in range(4)]
    assert why_not(row, POLICY)
    same = [Mail(one.issue, one.at, tuple(Word(word.kind, one.at) for word in one.words)) for one in row]
    assert why_not(same, POLICY)


def test_a_policy_block_never_blames_the_reader() -> None:
    row = [mail(number, EventKind.BLOCKED) for number in range(50)]
    assert why_not(row, Policy(1, 1, 0, 1)) == ""


def test_what_was_before_somebody_let_the_address_in_again_does_not_count() -> None:
    row = [mail(number, SOFT) for number in range(5)]
    assert since(row, None) == row
    assert why_not(since(row, row[1].when), POLICY) == ""
    assert why_not(since([mail(1, HARD)], NOW + 8 * DAY), POLICY) == ""
    assert why_not(since([mail(1, HARD)], NOW), POLICY) != ""


@given(st.permutations([mail(n, kind) for n, kind in enumerate((SOFT, DELIVERED, SOFT, SOFT, SOFT, SOFT, SOFT))]))
def test_the_order_in_which_it_is_read_does_not_matter(row: list[Mail]) -> None:
    assert why_not(row, POLICY) == "5 bounces in a row, of 5 issues over 28 days"


def test_a_part_that_is_too_much() -> None:
    assert too_many(6, 100, 0.05, 100)
    assert not too_many(5, 100, 0.05, 100), "not more than a part"
    assert not too_many(50, 99, 0.05, 100), "too few to mean anything"
    assert not too_many(100, 100, 1, 1), "never"
