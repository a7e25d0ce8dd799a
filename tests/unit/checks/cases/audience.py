from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from mailer.checks.facts import EarlierIssue, Facts
from mailer.checks.finding import Level
from tests.unit.checks.making import GOOD, NOW, Case, audience, issue, sending

DAY = timedelta(days=1)


def earlier(*recipients: int, **changes: Any) -> tuple[EarlierIssue, ...]:
    """Issues before this one, a week apart, the newest first."""
    return tuple(
        EarlierIssue(f"week-{week}", NOW - 7 * week * DAY, number, **changes)
        for week, number in enumerate(recipients, 1)
    )


def heard(bounced: int, complained: int, *, mails: int = 1000, **changes: Any) -> Facts:
    """The last issue had so many of each."""
    return audience(earlier=earlier(mails, bounced=bounced, complained=complained, **changes))


def new_domain(recipients: int, **changes: Any) -> Facts:
    return audience(recipients=recipients, new_domain=True, **changes)


def after(age: timedelta, recipients: int = 100, *, heard: bool = False, hears: bool | None = True) -> Facts:
    """With one issue of that age before."""
    return audience(hears=hears, earlier=(EarlierIssue("before", NOW - age, recipients, heard=heard),))


ALERT = replace(audience(today=("other",)), issue=issue(kind="alert").issue)

CASES = {
    "sent-otherwise": Case(
        [(issue(sent_otherwise=True), "this issue was already sent, or is being sent")],
        [issue(sent_otherwise=False)],
    ),
    "no-recipients": Case([(audience(recipients=0), "nobody would receive this issue")], [audience(recipients=1)]),
    "audience-size": Case(
        [
            (
                audience(recipients=201, earlier=earlier(90, 100, 300)),
                "201 people would get this; the last 3 issues to these lists had about 100",
            ),
            (audience(recipients=49, earlier=earlier(99, 99, 99)), "only 49 people would get this; the last 3 issues"),
            (audience(recipients=12_000, earlier=earlier(1000, 2000, 3000, 4000)), "12,000 people would get this"),
        ],
        [
            audience(recipients=200, earlier=earlier(100, 100, 100)),
            audience(recipients=50, earlier=earlier(100, 100, 100)),
            audience(recipients=9000, earlier=earlier(100, 100)),
            audience(recipients=9000, earlier=earlier(100, 100, 100, alike=False)),
            audience(recipients=59, earlier=earlier(10, 10, 10)),
            audience(recipients=10, earlier=earlier(59, 59, 59)),
            replace(GOOD, audience=None),
        ],
    ),
    "consent-evidence": Case(
        [
            (audience(looked_at=100, unproven=1), "1 of 100 people looked at are confirmed without a word"),
            (audience(looked_at=100, unproven=11), "11 of 100 people looked at are confirmed without a word"),
        ],
        [audience(looked_at=100, unproven=0, old_consents=5), replace(GOOD, audience=None)],
    ),
    "consent-age": Case(
        [
            (audience(looked_at=1, old_consents=1), "1 of 1 person looked at are confirmed and agreed more than two"),
            (audience(looked_at=100, old_consents=50), "50 of 100 people looked at are confirmed and agreed"),
        ],
        [audience(looked_at=100, old_consents=0, unproven=5), replace(GOOD, audience=None)],
    ),
    "nobody-left-out": Case(
        [(audience(recipients=200, suppressions=20), "nobody is left out as suppressed, although there are 20")],
        [
            audience(recipients=200, suppressions=19),
            audience(recipients=199, suppressions=20),
            audience(recipients=200, suppressions=20, left_out=1),
            replace(GOOD, audience=None),
        ],
    ),
    "another-today": Case(
        [(audience(today=("other",)), "one of these lists gets another issue today"), (ALERT, "one of these lists")],
        [audience(today=()), replace(GOOD, audience=None)],
    ),
    "complaints": Case(
        [
            (heard(0, 3), "3 of the 1,000 readers of the last 1 issue complained (0.30%)"),
            (heard(0, 3, mails=3000), "3 of the 3,000 readers of the last 1 issue complained (0.10%)"),
            (
                audience(earlier=earlier(1000, 1000, 1000, 10**6, complained=2)),
                "6 of the 3,000 readers of the last 3 issues complained (0.20%)",
            ),
        ],
        [
            heard(0, 2, mails=100),
            heard(0, 3, mails=3001),
            heard(0, 9, heard=False),
            heard(90, 0),
            replace(GOOD, audience=None),
        ],
    ),
    "bounces": Case(
        [
            (heard(20, 0), "20 of the 1,000 readers of the last 1 issue had no such address (2.00%)"),
            (heard(5, 0, mails=20), "5 of the 20 readers"),
        ],
        [heard(19, 0), heard(4, 0, mails=20), heard(90, 0, heard=False), heard(0, 90), replace(GOOD, audience=None)],
    ),
    "no-warmup": Case(
        [(new_domain(1001), "the first issue from this domain would go to 1,001 people at once")],
        [
            new_domain(1000),
            new_domain(9000, warmup=True),
            audience(recipients=9000),
            replace(new_domain(9000), sending=sending(leaves_this_machine=False).sending),
            replace(new_domain(9000), sending=None),
            replace(GOOD, audience=None),
        ],
    ),
    "unheard": Case(
        [
            (audience(hears=False), "nothing is set up that hears which mails came back"),
            (after(DAY + timedelta(seconds=1)), "not one report came about the 100 mails of an earlier issue"),
        ],
        [
            audience(hears=None),
            after(DAY),
            after(9 * DAY, 99),
            after(9 * DAY, heard=True),
            after(9 * DAY, hears=None),
            audience(hears=True),
            replace(GOOD, audience=None),
        ],
    ),
}

LEVELS = {
    "consent-evidence": [
        (audience(looked_at=100, unproven=10), Level.NOTE),
        (audience(looked_at=100, unproven=11), Level.WARNING),
    ],
    "another-today": [(audience(today=("other",)), Level.WARNING), (ALERT, Level.NOTE)],
    "complaints": [(heard(0, 3), Level.ERROR), (heard(0, 3, mails=1001), Level.WARNING)],
}
"""How bad it is depends on how much of it there is."""
