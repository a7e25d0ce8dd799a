"""How much each test does: what shows the thing for `make test`, more for `make test-long`.

Only sizes and numbers of examples differ, never what is asserted.
"""

from __future__ import annotations

import os

LONG = os.environ.get("MAILER_TESTS", "") == "long"


def sized(short: int, long: int) -> int:
    """How many rows, people or kills."""
    return long if LONG else short


def examples(long: int, share: int = 4) -> int:
    """How many examples Hypothesis makes up, a share of them in the short run: others each time, as seeds differ."""
    return long if LONG else max(5, long // share)
