from __future__ import annotations

from tests.unit.checks.making import Case

CASES: dict[str, Case] = {}
