"""The provider and the mailbox of bounces: whether they let us in. Nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator

from mailer.checks.domain.verdict import State, Verdict, fine, unknown
from mailer.errors import ConfigError, MailerError, ProviderError
from mailer.providers import ChecksAccess, KnowsDomains, NeedsKey, SendingDomain
from mailer.providers.smtp.making import is_here
from mailer.services.program import Program
from mailer.services.readbounces import context_of
from mailer.services.sending.access import provided


def examine_key(program: Program) -> Iterator[Verdict]:
    """Whether there is a key, which an examination of the provider finds out as well."""
    with provided(program) as provider:
        if isinstance(provider, NeedsKey):
            provider.check_key()
            yield fine("provider", f"{provider.name}: a key is there")


def examine_provider(program: Program) -> Iterator[Verdict]:
    """Its key and what that may do, or its login and encryption."""
    settings = program.settings.provider
    with provided(program) as provider:
        if not isinstance(provider, ChecksAccess):
            yield fine("provider", f"{provider.name} writes files and needs no account")
            return
        provider.check_access()
        words = {"smtp": "connected" + (", logged in" if settings.user else ""), "sendgrid": "the key may send"}
        yield fine("provider", f"{provider.name}: {words.get(provider.name, 'it lets us in')}")
        if provider.name == "smtp" and settings.tls == "none" and not is_here(settings.host):
            yield Verdict(
                "provider", State.WARNING, "smtp: nothing is encrypted on the way to the server",
                'tls = "starttls" under [provider]',
            )  # fmt: skip
    if settings.sandbox:
        yield Verdict("provider", State.WARNING, "sandbox is on: nothing can be sent", "sandbox = false")


def provider_domains(program: Program) -> tuple[SendingDomain, ...] | MailerError | None:
    """What the provider wants of DNS; None for one that wants nothing, an error where it does not say or where it
    cannot be asked, because its settings or its key are not right.
    """
    try:
        with provided(program) as provider:
            return provider.sending_domains() if isinstance(provider, KnowsDomains) else None
    except (ProviderError, ConfigError) as error:
        return error


def examine_mailbox(program: Program) -> Iterator[Verdict]:
    """The mailbox that bounces go to: opened and closed, nothing in it touched."""
    from mailer.services.imapbox import open_box

    settings, secret = program.settings.bounces.imap, program.settings.secrets.imap_password
    if not settings.host:
        if program.settings.provider.name == "smtp" and not program.settings.provider.bounces:
            yield unknown(
                "bounces", "no address for bounces is set", "bounces under [provider] gives each mail its own"
            )
        return
    with open_box(settings, secret.get_secret_value() if secret else "", context_of(program)) as box:
        yield fine("bounces", f"imap: logged in at {settings.host}, {box.number:,} mails in {settings.folder}")
