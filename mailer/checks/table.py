"""Every rule there is, family by family."""

from __future__ import annotations

from mailer.checks import (
    accessibility,
    alive,
    audience,
    bulk,
    clients,
    content,
    dates,
    headers,
    links,
    serialised,
    subjects,
    textpart,
    words,
)
from mailer.checks.rule import Rule

RULES: tuple[Rule, ...] = (
    *audience.RULES,
    *content.RULES,
    *subjects.RULES,
    *words.RULES,
    *dates.RULES,
    *bulk.RULES,
    *headers.RULES,
    *serialised.RULES,
    *links.RULES,
    *alive.RULES,
    *clients.RULES,
    *accessibility.RULES,
    *textpart.RULES,
)

BY_ID = {rule.id: rule for rule in RULES}
