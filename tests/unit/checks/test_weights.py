"""The same fault weighs more or less by what is known about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailer.checks.facts import Facts
from mailer.checks.finding import Level
from mailer.checks.run import check
from tests.unit.checks.cases.links import HERE
from tests.unit.checks.cases.words import MEANT
from tests.unit.checks.making import GOOD, RAW, html, mail, sending

MARKS = html("<p>Dear {{ name }}, *|FNAME|*</p>")
LEAVES_NOT = sending(leaves_this_machine=False).sending
BROKEN = mail(raw=RAW.replace(b"=One-Click", b""))
LONG_LINE = html("<p>x</p>", text=GOOD.mails[0].text + "x" * 999)


@pytest.mark.parametrize(
    ("facts", "rule", "level"),
    [
        (MARKS, "template-marks", Level.ERROR),
        (MARKS, "foreign-marks", Level.ERROR),
        (MEANT, "template-marks", Level.WARNING),
        (MEANT, "foreign-marks", Level.WARNING),
        (replace(MARKS, issue=None), "template-marks", Level.WARNING),
        (html('<a href="http://localhost/">x</a>'), "private-link", Level.ERROR),
        (replace(html('<a href="http://localhost/">x</a>'), sending=None), "private-link", Level.ERROR),
        (HERE, "private-link", Level.WARNING),
        (BROKEN, "one-click-headers", Level.ERROR),
        (replace(BROKEN, sending=None), "one-click-headers", Level.WARNING),
        (replace(BROKEN, sending=LEAVES_NOT), "one-click-headers", Level.WARNING),
        (LONG_LINE, "text-lines", Level.WARNING),
    ],
)
def test_a_fault_weighs_what_it_does(facts: Facts, rule: str, level: Level) -> None:
    assert [finding.level for finding in check(facts) if finding.rule == rule] == [level]
