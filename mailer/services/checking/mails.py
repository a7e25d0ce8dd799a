"""The mails of an issue that the rules look at: the made-up reader's and those of real people who are awkward."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mailer.checks.facts import Mail
from mailer.errors import MailerError
from mailer.model import Recipient
from mailer.services.checking.choosing import Sample, chosen, measured
from mailer.services.prepare import Prepared
from mailer.services.program import Program
from mailer.services.samples import made_up_of, neutral_recipient
from mailer.services.writer import MailWriter, Route


@dataclass(frozen=True, slots=True)
class SampleMails:
    """`mails`: the made-up reader's first, then those of real people. `unwritable`: why others could not be written."""

    mails: tuple[Mail, ...]
    unwritable: Mapping[str, int]
    samples: int

    @property
    def longest(self) -> Mail:
        return max(self.mails, key=lambda mail: len(mail.html), default=Mail("nobody"))


def sample_mails(program: Program, prepared: Prepared, people: Sequence[Recipient]) -> SampleMails:
    """Write the mails of all samples, and keep the few that are worth a look."""
    keys = program.workspace.secret_keys(program.environ)
    # Who is in the audience can be written to; whether their addresses need SMTPUTF8 was asked there.
    route = Route(smtputf8=True)
    writer = MailWriter(prepared.issue.name, prepared.snapshot, keys, preview=True, route=route)
    unwritable: Counter[str] = Counter()
    samples: list[Sample] = []
    links: dict[str, Mapping[str, str]] = {}
    for recipient in people or [neutral_recipient(prepared)]:
        try:
            if recipient.list_name not in links:
                links[recipient.list_name] = writer.links(recipient)
            samples.append(measured(writer, recipient, links[recipient.list_name]))
        except MailerError as error:
            unwritable[error.message] += 1
    wanted = [("made-up reader", made_up_of(prepared, people), False)] if samples else []
    wanted += [(who, recipient, True) for who, recipient in chosen(samples if people else ()).items()]
    mails = []
    for who, recipient, real in wanted:
        try:
            mails.append(mail_of(program, writer, recipient, who, real=real))
        except MailerError as error:
            if real:
                unwritable[error.message] += 1
    return SampleMails(tuple(mails), dict(unwritable), len(people) or 1)


def mail_of(program: Program, writer: MailWriter, recipient: Recipient, who: str, *, real: bool) -> Mail:
    """One mail, as parts and as the bytes that would be handed over."""
    mail, links = writer.personal(recipient), writer.links(recipient)
    raw = writer.envelope(recipient, program.now()).content
    return Mail(who, mail.subject, mail.preheader, mail.html, mail.text, raw, links["unsubscribe"], real)
