"""The domains of every [from]: what their records must say so that mails from them are believed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import idna

from mailer.checks.domain.dkimkey import KeyName
from mailer.checks.domain.dmarc import aligned
from mailer.checks.domain.records import Ask
from mailer.checks.domain.sender import Signing, Zoned, judge_sender
from mailer.checks.domain.verdict import State, Verdict, fine, unknown
from mailer.config import Settings
from mailer.errors import MailerError, ProviderError
from mailer.providers import SendingDomain
from mailer.providers.smtp.making import dkim_records
from mailer.services.doctoring.rounds import advice_of
from mailer.services.program import Program

RELAYS: Final = {
    "amazonaws.com": "include:amazonses.com",
    "mailgun.org": "include:mailgun.org",
    "google.com": "include:_spf.google.com",
    "gmail.com": "include:_spf.google.com",
    "office365.com": "include:spf.protection.outlook.com",
    "postmarkapp.com": "include:spf.mtasv.net",
    "mailjet.com": "include:spf.mailjet.com",
    "brevo.com": "include:spf.brevo.com",
    "sendgrid.net": "include:sendgrid.net",
}
"""What services that take mails by SMTP ask for in SPF, by the end of their servers' names."""


def sender_domains(settings: Settings) -> list[str]:
    """The domains of the From addresses, as DNS has them, each once."""
    names = [sender.email.rpartition("@")[2] for sender in settings.senders.values()]
    return list(dict.fromkeys(_ascii(name) for name in names))


def _ascii(domain: str) -> str:
    try:
        return idna.encode(domain, uts46=True).decode("ascii").lower()
    except idna.IDNAError:
        return domain.lower()


def permit_of(host: str) -> str:
    """The mechanism that lets a mail server send: a service's own, else the server's name."""
    name = host.lower().rstrip(".")
    known = (term for end, term in RELAYS.items() if name == end or name.endswith(f".{end}"))
    return next(known, f"a:{name}" if "." in name and not name.replace(".", "").isdigit() else "")


def examine_domain(
    program: Program, domain: str, ask: Ask, told: Sequence[SendingDomain] | MailerError | None
) -> Iterator[Verdict]:
    """One domain; `told` is what the provider says of the domains that it sends for."""
    settings = program.settings
    if isinstance(told, ProviderError):  # what is wrong here is told where the provider is looked at
        yield unknown("dkim", told.message, advice_of(told))
    signing = signing_of(program, domain, ask, told)
    if settings.provider.name == "sendgrid" and signing.wanted is None and not isinstance(told, MailerError):
        yield Verdict(
            "dkim", State.ERROR, f"SendGrid has not authenticated {domain}, and signs with its own name instead",
            "Settings, Sender Authentication, Authenticate Your Domain; then run this again for the records",
        )  # fmt: skip
    yield from judge_sender(domain, signing, ask, settings.organisation.contact)


def signing_of(program: Program, domain: str, ask: Ask, told: Sequence[SendingDomain] | MailerError | None) -> Signing:
    """Who signs for the domain, and what stands in the envelope."""
    settings, chosen = program.settings, program.settings.provider
    if chosen.name != "sendgrid":
        keys = tuple(KeyName(*each) for each in dkim_records(settings, program.workspace.root))
        envelope = _ascii(chosen.bounces.rpartition("@")[2]) if chosen.bounces else ""
        return Signing(keys, envelope, permit_of(chosen.host), signs=chosen.host or "the mail server")
    if isinstance(told, MailerError) or told is None:
        return Signing(envelope=None, signs="SendGrid")
    own = [each for each in told if each.domain == domain] or [
        each for each in told if aligned(domain, each.domain, ask)
    ]
    if not own:
        return Signing(envelope=None, signs="SendGrid")
    wanted = tuple(Zoned(each.kind, each.name, each.content, each.found) for each in own[0].records)
    return Signing((), own[0].envelope, "", wanted, (own[0].domain,), "SendGrid")


def nothing_leaves() -> Verdict:
    return fine("domain", "the outbox writes files, so that no domain is asked")
