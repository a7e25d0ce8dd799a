"""An issue as a real mail to addresses that somebody names, marked as a test: nothing of it is in the ledger.

Such a mail takes the same way as every other one, through the same provider, and nothing that comes back for it can be
taken for an answer about a delivery: its number is above all those that the ledger gives, the key of its reference is
thrown away, and its links are good for nothing but saying that they are a test.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mailer.audience.address import Address, parse_address
from mailer.audience.suppressing import values_of
from mailer.checks.finding import Finding
from mailer.errors import UsageError
from mailer.model import Batch, Outcome, Receipt, Recipient, SuppressionReason
from mailer.providers import ChecksAccess, Provider
from mailer.services.merge_writer import MergeWriter
from mailer.services.plan import plan_prepared
from mailer.services.prepare import Prepared, prepare
from mailer.services.preview import made_up, person
from mailer.services.program import Program
from mailer.services.sending.access import provided
from mailer.services.writer import MailWriter, Route
from mailer.store import suppressions

MARK = "[Test] "
BATCH_NAME = "tests.{}"
"""A dot stands in no issue that a person names: tests have a folder of their own where mails are kept in folders."""

LABEL = "test"
MOST = 20
"""To more people than that it is no test."""

FIRST_NUMBER = 1 << 62
"""No delivery has so high a number."""


@dataclass(frozen=True, slots=True)
class Tested:
    """What the provider said of the mail to one address."""

    address: str
    outcome: Outcome
    detail: str
    provider_id: str


@dataclass(frozen=True, slots=True)
class SentTest:
    """A test that was sent. `findings`: what the checks say of a real send; `reader`: for whom it was written."""

    name: str
    provider: str
    subject: str
    reader: str
    mails: tuple[Tested, ...]
    findings: tuple[Finding, ...]
    suppressed: tuple[str, ...]

    @property
    def accepted(self) -> int:
        return sum(mail.outcome is Outcome.ACCEPTED for mail in self.mails)


def send_test(program: Program, name: str, texts: Sequence[str], *, email: str = "") -> SentTest:
    """Send the issue as its file is now to these addresses, written for the subscriber `email` or a made-up reader."""
    addresses = checked(texts)
    prepared = prepare(program, name)
    reader = person(program, prepared, email) if email else made_up(program, prepared)
    findings = plan_prepared(program, prepared, again=True).findings
    suppressed = look_up(program, addresses)
    marked = with_mark(prepared)
    with provided(program) as provider:
        if isinstance(provider, ChecksAccess):
            provider.check_access()
        route = Route(program.settings.provider.bounces, provider.capabilities.smtputf8)
        recipients = addressed(reader, addresses, route, program.now())
        writer = MailWriter(
            name, snapshot_of(marked), program.workspace.secret_keys(program.environ), preview=True, route=route
        )
        subject = writer.personal(recipients[0]).subject
        receipts = hand_over(program, provider, writer, recipients)
    mails = tuple(
        Tested(address.email, receipt.outcome, receipt.detail, receipt.provider_id)
        for address, recipient in zip(addresses, recipients, strict=True)
        for receipt in receipts
        if receipt.delivery_id == recipient.delivery_id
    )
    return SentTest(name, provider.name, subject, reader.email, mails, findings, suppressed)


def checked(texts: Sequence[str]) -> tuple[Address, ...]:
    """The addresses, each once. UsageError says which one is none, without repeating it."""
    found: dict[str, Address] = {}
    for number, text in enumerate(texts, 1):
        try:
            address = parse_address(text)
        except ValueError as error:
            raise UsageError(f"address {number} of {len(texts)} is none: {error}") from None
        found.setdefault(address.key, address)
    if not found:
        raise UsageError("a test needs an address to go to", hint="--to you@example.org")
    if len(found) > MOST:
        raise UsageError(f"a test goes to {MOST} addresses at most, and these are {len(found)}")
    return tuple(found.values())


def look_up(program: Program, addresses: Sequence[Address]) -> tuple[str, ...]:
    """What stands against mailing some of these. UsageError for somebody who was forgotten, who gets nothing at all."""
    told = []
    with program.store.read() as connection:
        gone = suppressions.forgotten(connection, [address.key for address in addresses])
        for number, address in enumerate(addresses, 1):
            which = f"address {number} of {len(addresses)}"
            if address.key in gone:
                raise UsageError(f"{which} belongs to somebody who asked to be forgotten", hint="nothing was sent")
            found = suppressions.entries(connection, values_of(address.key))
            reasons = sorted({entry.reason for entry in found} - {SuppressionReason.FORGOTTEN})
            told += [f"{which} is suppressed ({', '.join(reasons)}), and would get no issue"] if reasons else []
    return tuple(told)


def with_mark(prepared: Prepared) -> Prepared:
    subject = prepared.rendered.subject
    marked = replace(subject, segments=(MARK, *subject.segments))
    return replace(prepared, rendered=replace(prepared.rendered, subject=marked))


def snapshot_of(prepared: Prepared) -> dict[str, object]:
    """As it would be frozen, with a key for references that nobody keeps."""
    return {**prepared.snapshot, "message_ids": secrets.token_hex(16)}


def addressed(reader: Recipient, addresses: Sequence[Address], route: Route, now: datetime) -> list[Recipient]:
    """The reader once for each address. Numbers are new each time, so that no mail program thinks it knows the mail."""
    first = FIRST_NUMBER + int(now.timestamp() * 1000) * MOST
    recipients = []
    for number, address in enumerate(addresses):
        email = address.email if route.smtputf8 else address.ascii_email
        if email is None:
            raise UsageError(
                f"address {number + 1} of {len(addresses)} has letters that this provider cannot carry",
                hint="name another address",
            )
        recipients.append(Recipient(first + number, reader.subscriber_id, email, reader.list_name, reader.attributes))
    return recipients


def hand_over(
    program: Program, provider: Provider, writer: MailWriter, recipients: Sequence[Recipient]
) -> Sequence[Receipt]:
    """Write the mails and submit them; there is nothing to be written down."""
    batch = Batch(0, BATCH_NAME.format(writer.issue), 0)
    capabilities = provider.capabilities
    if capabilities.personalises:
        merges, refused = MergeWriter(writer, capabilities.variables_bytes, (LABEL,)).merges(recipients)
        batch = replace(batch, merges=merges)
    else:
        envelopes, refused = writer.envelopes(recipients, program.now())
        batch = replace(batch, envelopes=envelopes)
    return (*(provider.submit(batch) if batch.delivery_ids else ()), *refused)
