"""A frozen issue and a batch of recipients -> as few messages as can be, each for many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mailer.errors import MailerError
from mailer.model import Merge, MergeRecipient, Outcome, Receipt, Recipient, Sender
from mailer.render.headers import clean
from mailer.render.links import LONGEST_TOKEN
from mailer.render.mailbox import ascii_address
from mailer.render.merge import MergeSkeleton, MergeText, common_headers, own_headers
from mailer.services.writer import MailWriter, ascii_word, display_name

# As long as a token may be, so that what is too long for a header is told for the issue and not for each person.
STAND_IN = "-_" * (LONGEST_TOKEN // 2)


@dataclass(slots=True)
class Group:
    """Recipients who share a message: of one list, with the same texts put in beforehand."""

    text: MergeText
    people: list[MergeRecipient] = field(default_factory=list)


class MergeWriter:
    """Writes a batch for a provider that personalises. The mails are those of `MailWriter`, without Date and
    Message-ID, which such a provider writes itself. May be shared by threads.

    `limit`: bytes that the values of one recipient may have. Whoever has more shares a message with those who have
    the same large texts, which is nobody if they are personal.
    """

    def __init__(self, writer: MailWriter, limit: int | None, labels: Sequence[str] = ()) -> None:
        self.writer = writer
        self.limit = limit if limit is not None else 1 << 62
        self.labels = tuple(labels)
        self.skeleton = MergeSkeleton(writer.subject, writer.text, writer.html, writer.key)
        # The same for everybody but for the token, which has only letters that stand for themselves in a link.
        url = writer.links_of(STAND_IN)["unsubscribe"] if writer.base_url else ""
        leaving = own_headers(url, writer.mailto(STAND_IN))
        self.leaving = {name: text.split(STAND_IN) for name, text in leaving.items()}
        self.headers = {name: common_headers(writer.headers[name]) for name in writer.titles}
        sender = ascii_address(writer.sender.email, "From")
        self.senders = {
            name: Sender(writer.sender.name, sender, answers and ascii_address(answers, "Reply-To"))
            for name, answers in ((name, writer.headers[name].reply_to) for name in writer.titles)
        }

    def merges(self, recipients: Sequence[Recipient]) -> tuple[tuple[Merge, ...], tuple[Receipt, ...]]:
        """The messages for these recipients, and a receipt for each whose mail cannot be written."""
        groups: dict[tuple[str, frozenset[tuple[str, str]]], Group] = {}
        refused: list[Receipt] = []
        for recipient in recipients:
            try:
                before, person = self.person(recipient)
            except MailerError as error:
                refused.append(Receipt(recipient.delivery_id, Outcome.REFUSED, f"not written: {error.message}"))
                continue
            key = (recipient.list_name, frozenset(before.items()))
            if key not in groups:
                groups[key] = Group(self.skeleton.whole.with_values(before))
            groups[key].people.append(person)
        return tuple(self.merge(list_name, group) for (list_name, _), group in groups.items()), tuple(refused)

    def merge(self, list_name: str, group: Group) -> Merge:
        return Merge(
            sender=self.senders[list_name],
            subject=group.text.subject,
            text=group.text.text,
            html=group.text.html,
            recipients=tuple(group.people),
            labels=(*self.labels, ascii_word(list_name)),
        )

    def person(self, recipient: Recipient) -> tuple[dict[str, str], MergeRecipient]:
        """What must be put in beforehand for a recipient, and the rest. MailerError when there can be no mail."""
        token = self.writer.token(recipient)
        fields, links = self.writer.fields(recipient), self.writer.links_of(token)
        values = self.skeleton.values(self.writer.values(fields, links))
        before, left = self.skeleton.divided(values, self.limit)
        headers = {**self.headers[recipient.list_name]}
        for name, runs in self.leaving.items():
            headers[name] = token.join(runs)
        person = MergeRecipient(
            delivery_id=recipient.delivery_id,
            address=ascii_address(recipient.email, "To"),
            name=clean("To", display_name(fields)),
            reference=self.writer.message_id(recipient.delivery_id),
            headers=headers,
            values=left,
        )
        return before, person
