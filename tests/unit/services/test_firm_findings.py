"""What is firm cannot be let pass, whatever is kept of it."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from mailer.checks.finding import Finding
from mailer.checks.fingerprint import fingerprint
from mailer.checks.table import RULES
from mailer.services.checking import accepting
from mailer.store.accepting import Acceptance

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def test_what_was_accepted_before_its_rule_was_firm_stops_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    firm = next(rule for rule in RULES if rule.firm)
    loose = next(rule for rule in RULES if not rule.firm)
    found = [Finding(rule.id, rule.level, "broken", "mend it") for rule in (firm, loose)]
    kept = [Acceptance("rivers", each.rule, fingerprint(each), "meant so", "ann", NOW) for each in found]
    monkeypatch.setattr("mailer.store.accepting.accepted", lambda connection, issue: kept)
    program: Any = SimpleNamespace(store=SimpleNamespace(read=nullcontext))
    assert [each.accepted for each in accepting.marked(program, "rivers", found)] == ["", "meant so"]
