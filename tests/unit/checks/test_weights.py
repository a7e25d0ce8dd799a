"""The same fault weighs more or less by what is known about it, and is shown where it stands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailer.checks.facts import Facts
from mailer.checks.finding import Level, Part
from mailer.checks.run import check
from tests.unit.checks.cases.links import HERE
from tests.unit.checks.cases.words import MEANT
from tests.unit.checks.making import GOOD, HTML, RAW, html, mail, sending

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


BODY = HTML[: HTML.index("</div>\n</body>")].count("\n") + 2
LAST = GOOD.mails[0].text.count("\n") + 1


@pytest.mark.parametrize(
    ("facts", "rule", "part", "line"),
    [
        (mail(text=GOOD.mails[0].text + "TK"), "placeholder", Part.TEXT, LAST),
        (mail(text=GOOD.mails[0].text + "<br>"), "text-html", Part.TEXT, LAST),
        (mail(text=GOOD.mails[0].text + "x" * 201), "text-lines", Part.TEXT, LAST),
        (mail(raw=RAW.replace(b"NEWS", b"\xff")), "transfer-encoding", Part.TEXT, 0),
        (mail(raw=RAW.replace(b"=3D", b"=", 1)), "transfer-encoding", Part.HTML, 0),
        (mail(subject="TK"), "placeholder", Part.SUBJECT, 0),
        (html("<p>TK</p>"), "placeholder", Part.HTML, BODY),
        (html('<p><a href="/a">x</a></p>'), "relative-link", Part.HTML, BODY),
    ],
)
def test_a_fault_is_shown_where_it_stands(facts: Facts, rule: str, part: Part, line: int) -> None:
    (place,) = [finding.place for finding in check(facts) if finding.rule == rule]
    assert place is not None
    assert (place.part, place.line) == (part, line)
