from __future__ import annotations

from tests.unit.checks.making import Case, audience, issue

CASES = {
    "sent-otherwise": Case(
        [(issue(sent_otherwise=True), "this issue was already sent, or is being sent")],
        [issue(sent_otherwise=False)],
    ),
    "no-recipients": Case([(audience(recipients=0), "nobody would receive this issue")], [audience(recipients=1)]),
}
