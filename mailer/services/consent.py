"""Whether people who are brought to a list may be mailed at once: the rule of its opt-in."""

from __future__ import annotations

from mailer.errors import UsageError
from mailer.model import How, MailingList, SubscriptionState
from mailer.store.subscriptions import Origin

MAX_CONSENT = 500


def entry_state(definition: MailingList, asked: SubscriptionState | None, consent: str | None) -> SubscriptionState:
    """The state in which somebody else may put people on the list.

    On a double opt-in list people confirm themselves, so they wait as pending. Who already has their consent says
    so in as many words, and says how and when it was given: those words are kept with each subscription.
    """
    if asked is SubscriptionState.UNSUBSCRIBED:
        raise UsageError("nobody is imported as unsubscribed", hint="See: mailer subscribers unsubscribe --help")
    if consent is not None and not 3 <= len(consent.strip()) <= MAX_CONSENT:
        raise UsageError(f"--consent says in 3 to {MAX_CONSENT} letters how and when the people agreed")
    if asked is SubscriptionState.CONFIRMED and definition.opt_in == "double" and consent is None:
        raise UsageError(
            f"{definition.name} is a double opt-in list: people on it confirm themselves",
            hint='If they agreed already, say how and when: --consent "signed up at the fair, 14 November 2026"',
        )
    if asked is not None:
        return asked
    return SubscriptionState.PENDING if definition.opt_in == "double" else SubscriptionState.CONFIRMED


def needs_text(definition: MailingList, consent: str | None) -> None:
    """UsageError unless there is a text that people can have agreed to, and a word on how they did."""
    if not definition.consent:
        raise UsageError(
            f"{definition.name} has no consent text", hint=f"add consent to subscribers/{definition.name}.toml"
        )
    if consent is None:
        raise UsageError("--consent-text needs --consent, which says how and when they agreed")


def origin(how: How, words: str, consent: str | None) -> Origin:
    """What is kept with each subscription about how it came to be."""
    return Origin(how, f"{words}: {consent.strip()}" if consent else words)
