"""Whether the provider posts its reports here, and signs them with a key that is believed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Final

from mailer.checks.domain.verdict import State, Verdict, fine, unknown
from mailer.errors import FetchError, ProviderError
from mailer.fetch.address import Target, target_of
from mailer.providers import PostsEvents, Webhook
from mailer.services.doctoring.rounds import advice_of
from mailer.services.program import Program
from mailer.services.public.posts import SENDGRID_PATH
from mailer.services.sending.access import provided

AREA: Final = "events"
WHERE: Final = "Settings, Mail Settings, Event Webhooks at SendGrid"
USER = re.compile(r"(?<=//)[^/@?#]*@")


def examine_webhooks(program: Program) -> Iterator[Verdict]:
    """What the provider says about where it posts. Without pages of our own there is nowhere to post to."""
    settings = program.settings
    if not settings.web.base_url:
        return
    with provided(program) as provider:
        if not isinstance(provider, PostsEvents):
            return
        try:
            found = provider.webhooks()
        except ProviderError as error:
            yield unknown(AREA, error.message, advice_of(error))
            return
    yield from judge_webhooks(found, settings.web.base_url.rstrip("/") + SENDGRID_PATH, settings.provider.webhook_keys)


def judge_webhooks(found: Sequence[Webhook], wanted: str, keys: Collection[str]) -> Iterator[Verdict]:
    """Those that post to `wanted`. Where others post is not repeated: such addresses carry passwords."""
    ours = [each for each in found if is_at(each.url, wanted)]
    posting = [each for each in ours if each.enabled]
    if not ours:
        advice = f"{WHERE}: add one with the post URL {wanted}"
        yield Verdict(AREA, State.WARNING, "no Event Webhook of SendGrid posts here", advice)
    elif not posting:
        yield Verdict(AREA, State.WARNING, "the Event Webhook that posts here is switched off", f"{WHERE}: turn it on")
    for each in posting:
        yield from judge_webhook(each, keys)


def judge_webhook(webhook: Webhook, keys: Collection[str]) -> Iterator[Verdict]:
    """One that posts here."""
    lacks = ", ".join(webhook.lacks)
    if lacks:
        words = f"the Event Webhook does not post all that is needed: {lacks}"
        yield Verdict(AREA, State.WARNING, words, f"{WHERE}: turn these on")
    if webhook.key is None:
        yield unknown(AREA, "whether the Event Webhook signs its posts could not be found out", f"look at {WHERE}")
    elif not webhook.key:
        yield Verdict(
            AREA, State.WARNING, "the Event Webhook signs nothing, so that no report is believed",
            f"{WHERE}: turn on its signature, and put the verification key into webhook_keys under [provider]",
        )  # fmt: skip
    elif webhook.key not in keys:
        yield Verdict(
            AREA, State.WARNING, "the Event Webhook signs with a key that webhook_keys does not have",
            f'webhook_keys = ["{webhook.key}"] under [provider]',
        )  # fmt: skip
    elif not lacks:
        yield fine(AREA, "the Event Webhook is on, posts here, and signs with a key that is believed")


def is_at(url: str, wanted: str) -> bool:
    """Whether an address is the wanted one, as far as a server can tell: who asks, and a query, do not count."""
    place = place_of(url)
    return place is not None and place == place_of(wanted)


def place_of(url: str) -> Target | None:
    try:
        target = target_of(USER.sub("", url, count=1))
    except FetchError:
        return None
    return replace(target, path=target.path.partition("?")[0])
