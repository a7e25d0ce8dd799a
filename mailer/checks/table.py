"""Every rule there is, family by family."""

from __future__ import annotations

from mailer.checks import accessibility, alive, audience, bulk, clients, content, textpart
from mailer.checks.rule import Rule

RULES: tuple[Rule, ...] = (
    *audience.RULES,
    *content.RULES,
    *bulk.RULES,
    *alive.RULES,
    *clients.RULES,
    *accessibility.RULES,
    *textpart.RULES,
)

BY_ID = {rule.id: rule for rule in RULES}
