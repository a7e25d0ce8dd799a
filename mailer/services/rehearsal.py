"""An issue looked at by the provider as if it were sent: nothing is delivered, frozen or recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from mailer.errors import UsageError
from mailer.model import Batch, Outcome, Receipt, Recipient
from mailer.providers import ChecksAccess, Provider, Rehearses
from mailer.services.merge_writer import MergeWriter
from mailer.services.prepare import Prepared
from mailer.services.program import Program
from mailer.services.samples import narrowing_of, neutral_recipient, sample_recipients
from mailer.services.sending.access import provided
from mailer.services.sending.freezing import plan_send
from mailer.services.writer import MailWriter


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What the provider said. `looked_at` mails are a sample of those for all `recipients`."""

    name: str
    provider: str
    recipients: int
    looked_at: int
    outcomes: Mapping[str, int]
    reasons: Mapping[str, int]

    @property
    def passed(self) -> bool:
        return set(self.outcomes) <= {Outcome.ACCEPTED.value}


def rehearse(program: Program, name: str, *, again: bool = False) -> Rehearsal:
    """Have a sample of an issue's mails looked at. CheckError when the issue must not be sent anyhow."""
    prepared, plan = plan_send(program, name, again=again)
    with program.store.read() as connection:
        people = sample_recipients(connection, prepared, narrowing_of(program, prepared))
    with provided(program) as provider:
        writable = [person for person in people if person.email.isascii() or provider.capabilities.smtputf8]
        people = writable or [neutral_recipient(prepared)]
        receipts = looked_at(program, prepared, provider, people)
    return Rehearsal(
        name=prepared.issue.name,
        provider=provider.name,
        recipients=plan.recipients,
        looked_at=len(people),
        outcomes=Counter(receipt.outcome.value for receipt in receipts),
        reasons=Counter(receipt.detail for receipt in receipts if receipt.outcome is not Outcome.ACCEPTED),
    )


def looked_at(program: Program, prepared: Prepared, provider: Provider, people: list[Recipient]) -> tuple[Receipt, ...]:
    """What the provider says of the mails to these people. Links in them do nothing."""
    if not isinstance(provider, Rehearses):
        raise UsageError(f"{provider.name} has no sandbox", hint=f"mailer send {prepared.issue.name} --dry-run")
    if isinstance(provider, ChecksAccess):
        provider.check_access()
    keys = program.workspace.secret_keys(program.environ)
    writer = MailWriter(prepared.issue.name, prepared.snapshot, keys, preview=True)
    merger = MergeWriter(writer, provider.capabilities.variables_bytes, (prepared.issue.kind.value,))
    numbered = [person._replace(delivery_id=number) for number, person in enumerate(people, 1)]
    merges, unwritable = merger.merges(numbered)
    return (*provider.rehearse(Batch(0, prepared.issue.name, 0, merges=merges)), *unwritable)
