"""When a send stops by itself."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.delivery.breaker import ADVICE, LEAST, OTHER, WINDOW, Answers, kind_of


def answers(*blocks: tuple[int, list[str]], share: float = 0.1) -> Answers:
    found = Answers(share)
    for taken, refusals in blocks:
        found.note(taken, refusals)
    return found


DEAD = "address: 550 5.1.1 no such user"
DISTRUST = "policy: 550 5.7.26 not authenticated"


@pytest.mark.parametrize(
    ("taken", "refused", "trips"),
    [(0, LEAST - 1, False), (0, LEAST, True), (90, 10, False), (89, 11, True), (900, 100, False), (899, 101, True)],
)
def test_more_than_the_share_of_enough_mails(taken: int, refused: int, trips: bool) -> None:
    assert bool(answers((taken, [DEAD] * refused)).reason()) is trips


def test_it_says_how_many_of_what_and_what_to_look_at() -> None:
    found = answers((150, [DEAD] * 20 + [DISTRUST] * 30 + ["what is this"]))
    assert found.reason() == "51 of the last 201 mails were refused (30 policy, 20 address, 1 other)"
    assert "SPF, DKIM and DMARC" in found.advice()


def test_one_is_never_too_much() -> None:
    assert answers((0, [DEAD] * 5000), share=1).reason(bounced=5000) == ""


def test_trouble_after_a_million_good_mails_is_trouble() -> None:
    found = answers(*[(1000, [])] * 1000, (0, [DISTRUST] * 150))
    assert found.reason().startswith("150 of the last 1,150 mails were refused")


def test_trouble_that_is_over_is_over() -> None:
    found = answers((1000, []), (50, [DEAD] * 90))
    assert not found.reason()
    found.note(1000, [])
    assert (found.handled, found.bad.total()) == (1000, 0)


@pytest.mark.parametrize(("bounced", "trips"), [(99, False), (100, False), (101, True)])
def test_mails_that_came_back_count_against_all_that_went(bounced: int, trips: bool) -> None:
    assert bool(answers((1000, [])).reason(bounced)) is trips
    assert not answers((LEAST - 1, [])).reason(bounced=50)


@pytest.mark.parametrize(
    ("detail", "kind"),
    [
        (DEAD, "address"), ("not written: issues/x.md:7: 'a' has no value", "not written"), ("", OTHER),
        ("Does not contain a valid address.", OTHER), ("mailbox full: 552 quota", "mailbox full"), ("policy", "policy"),
    ],
)  # fmt: skip
def test_the_word_in_front_says_whose_fault_it_is(detail: str, kind: str) -> None:
    assert kind_of(detail) == kind


@given(st.lists(st.tuples(st.integers(0, 400), st.lists(st.sampled_from([DEAD, DISTRUST, "?"]), max_size=60))))
def test_the_window_holds_the_last_answers_and_no_more_than_a_block_beyond(blocks: list[tuple[int, list[str]]]) -> None:
    found = answers(*blocks)
    sizes = [taken + len(refusals) for taken, refusals in blocks]
    kept = len(found.blocks)
    assert found.total == sum(sizes)
    assert found.handled == sum(sizes[len(sizes) - kept :]) >= min(found.total, WINDOW)
    assert found.handled - (found.blocks[0][0] if kept else 0) < WINDOW
    last = Counter(kind_of(each) for _, refusals in blocks[len(blocks) - kept :] for each in refusals)
    assert +found.bad == last
    assert set(found.bad) <= {*ADVICE, OTHER}
