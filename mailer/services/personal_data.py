"""What is held about one person, for who asks to see it (GDPR article 15 and its like elsewhere)."""

from __future__ import annotations

from typing import Any

from mailer.audience.address import Address
from mailer.errors import NotFoundError
from mailer.services.forgetting import recogniser
from mailer.services.program import Program
from mailer.store import held

# Under which name each table stands in the answer.
NAMES = {
    "subscribers": "person",
    "subscriptions": "lists",
    "subscription_events": "consent_log",
    "confirmations": "confirmation_mails",
    "deliveries": "issues_sent",
    "exclusions": "issues_not_sent",
    "engagements": "openings_and_clicks",
    "suppressions": "suppressions",
    "suppression_events": "suppression_history",
}


def personal_data(program: Program, address: Address) -> dict[str, Any]:
    """Everything, by kind. NotFoundError when there is nothing."""
    hashed = recogniser(program)(address.key)
    with program.store.read() as connection:
        found = held.held(connection, address.key, hashed)
    if not any(found.values()):
        raise NotFoundError("nothing is held about that address", hint="Check its spelling.")
    answer = {NAMES.get(name, name): records for name, records in found.items()}
    return {"organisation": program.settings.organisation.name, "as_of": program.now(), **answer}
