"""Each rule with facts that break it and facts that do not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mailer.checks.finding import Level
from mailer.checks.preflight import GMAIL_CLIPS_AT, RULES, Facts, check

LINK = "https://news.example.org/u/AaQB"

GOOD = Facts(
    kind="bulletin",
    subject="Rivers",
    html=f'<p>News</p><a href="{LINK}">Unsubscribe</a>',
    text=f"News\n\nUnsubscribe: {LINK}\n",
    unsubscribe=LINK,
    organisation="Rivers United",
    postal_address="1 Quay Street, Oslo",
    articles=3,
    recipients=100,
    base_url="https://news.example.org",
    leaves_this_machine=True,
    repeated={},
    unwritable={},
    samples=100,
)
MAILTO = "mailto:o'neil@example.org?subject=unsubscribe%20AaQB&x=1"
LONGEST = GOOD.html + "x" * (GMAIL_CLIPS_AT - len(GOOD.html))

BROKEN: tuple[tuple[dict[str, Any], str, Level, str], ...] = (
    ({"recipients": 0}, "no-recipients", Level.ERROR, "nobody would receive this issue"),
    ({"sent_otherwise": True}, "sent-otherwise", Level.ERROR, "this issue was already sent, or is being sent"),
    (
        {"fields_used": frozenset({"frist_name"}), "fields_known": frozenset({"first_name", "email"})},
        "unknown-field",
        Level.WARNING,
        "none of the 100 people looked at has the field frist_name",
    ),
    ({"subject": ""}, "empty-subject", Level.ERROR, "the subject is empty"),
    ({"subject": " \t"}, "empty-subject", Level.ERROR, "the subject is empty"),
    (
        {"unwritable": {"a.md:7: no value": 2}},
        "unwritable",
        Level.ERROR,
        "2 of 100 sample mails cannot be written: a.md:7: no value",
    ),
    (
        {"unwritable": {"first": 2, "second": 1, "third": 1}},
        "unwritable",
        Level.ERROR,
        "4 of 100 sample mails cannot be written: first (and 2 more reasons)",
    ),
    (
        {"html": "<p>News</p>"},
        "unsubscribe-link",
        Level.ERROR,
        "there is no unsubscribe link in the HTML part",
    ),
    ({"text": "News"}, "unsubscribe-link", Level.ERROR, "there is no unsubscribe link in the text part"),
    (
        {"html": "<p>News</p>", "text": "News"},
        "unsubscribe-link",
        Level.ERROR,
        "there is no unsubscribe link in the HTML and the text part",
    ),
    ({"postal_address": " "}, "postal-address", Level.ERROR, "the organisation's postal address is missing"),
    (
        {"postal_address": "", "leaves_this_machine": False},
        "postal-address",
        Level.WARNING,
        "the organisation's postal address is missing",
    ),
    ({"organisation": ""}, "postal-address", Level.ERROR, "the organisation's name is missing"),
    ({"base_url": ""}, "one-click", Level.ERROR, "there is no https address to unsubscribe at"),
    ({"base_url": "http://news.example.org"}, "one-click", Level.ERROR, "there is no https address"),
    ({"base_url": "", "leaves_this_machine": False}, "one-click", Level.WARNING, "there is no https address"),
    (
        {"repeated": {"ab12": "2026-11-15-rivers", "cd34": "older"}},
        "repeated-article",
        Level.ERROR,
        "2 of the articles went to one of these lists before, such as ab12 in 2026-11-15-rivers",
    ),
    ({"html": LONGEST + "x"}, "clipped", Level.WARNING, "the HTML has 102,401 bytes"),
    ({"html": LONGEST[:-1] + "é"}, "clipped", Level.WARNING, "the HTML has 102,401 bytes"),
    ({"text": GOOD.text + "Dear {{ name }},"}, "template-marks", Level.WARNING, "readers will see '{{ name }}'"),
    ({"text": GOOD.text + "{% if %}"}, "template-marks", Level.WARNING, "readers will see '{% if %}'"),
    ({"articles": 0}, "no-articles", Level.WARNING, "this bulletin has no article"),
)  # fmt: skip


@pytest.mark.parametrize(("values", "rule", "level", "message"), BROKEN)
def test_a_rule_that_is_broken(values: dict[str, Any], rule: str, level: Level, message: str) -> None:
    (finding,) = check(replace(GOOD, **values))
    assert (finding.rule, finding.level) == (rule, level)
    assert finding.message.startswith(message)
    assert finding.advice


def test_facts_in_order_pass_every_rule() -> None:
    assert check(GOOD) == ()


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "alert", "articles": 0},
        {"html": LONGEST},
        {"text": GOOD.text + "a set {a, b}, {{ and } }, 100%"},
        {"text": GOOD.text + "{{" + "x" * 80 + "}}"},
        {"unsubscribe": MAILTO, "html": "<a href='mailto:o&#39;neil@example.org?subject=unsubscribe%20AaQB&amp;x=1'>",
         "text": MAILTO},
    ],
)  # fmt: skip
def test_what_only_looks_like_a_breach_passes(values: dict[str, Any]) -> None:
    assert check(replace(GOOD, **values)) == ()


def test_mails_that_could_not_be_written_are_judged_by_nothing_else() -> None:
    found = check(replace(GOOD, unwritable={"no value": 100}, html="", text="", subject="", unsubscribe=""))
    assert [finding.rule for finding in found] == ["unwritable"]


WORST = replace(
    GOOD,
    recipients=0,
    unwritable={"x": 1},
    subject="",
    html="x" * (GMAIL_CLIPS_AT + 1),
    text="{{ x }}",
    postal_address="",
    base_url="",
    repeated={"ab": "c"},
    articles=0,
    sent_otherwise=True,
    fields_used=frozenset({"x"}),
    fields_known=frozenset({"y"}),
)


def test_who_waits_for_a_confirmation_is_told_apart_from_nobody() -> None:
    (finding,) = check(replace(GOOD, recipients=0, pending=12))
    assert "12 wait until they confirm" in finding.advice
    assert "12" not in check(replace(GOOD, recipients=0))[0].advice


def test_a_segment_with_nobody_in_it_is_told_apart_from_people_who_wait() -> None:
    (finding,) = check(replace(GOOD, recipients=0, pending=12, outside_segment=7))
    assert finding.advice.startswith("7 confirmed and not in the segment")


def test_errors_come_first_and_every_rule_speaks() -> None:
    found = check(WORST)
    assert len(found) == len(RULES) == len({finding.rule for finding in found})
    levels = [finding.level for finding in found]
    assert levels == sorted(levels, key=[Level.ERROR, Level.WARNING].index)
    assert {Level.ERROR, Level.WARNING} == set(levels)


def test_every_rule_has_a_case_here() -> None:
    assert {finding.rule for finding in check(WORST)} == {rule for _, rule, _, _ in BROKEN}
