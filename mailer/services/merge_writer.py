"""A frozen issue and a batch of recipients -> as few messages as can be, each for many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from mailer.errors import MailerError
from mailer.model import Merge, MergePeople, Outcome, Receipt, Recipient, Sender
from mailer.render.headers import all_clean
from mailer.render.mailbox import ascii_address, ascii_addresses
from mailer.render.merge import MergeSkeleton, by_name, common_headers
from mailer.services.writer import ALIKE, STAND_IN, Body, MailWriter, ascii_word, token_column


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
        self.skeleton = self.skeleton_of(writer.plain)
        self.counted = self.skeleton if writer.counted is writer.plain else self.skeleton_of(writer.counted)
        # The same few of them for all batches.
        self.with_tokens = lru_cache(maxsize=32)(lambda whole, pairs: whole.with_values(dict(pairs)))
        leaving = by_name(writer.leaving)
        self.leaving = {name: text for name, text in leaving.items() if STAND_IN in text}
        same = {name: text for name, text in leaving.items() if STAND_IN not in text}
        self.headers = {name: common_headers(writer.headers[name]) | same for name in writer.titles}
        sender = ascii_address(writer.sender.email, "From")
        self.senders = {
            name: Sender(writer.sender.name, sender, answers and ascii_address(answers, "Reply-To"))
            for name, answers in ((name, writer.headers[name].reply_to) for name in writer.titles)
        }

    def skeleton_of(self, body: Body) -> MergeSkeleton:
        return MergeSkeleton(self.writer.subject, body.text, body.html, self.writer.key)

    def merges(self, recipients: Sequence[Recipient]) -> tuple[tuple[Merge, ...], tuple[Receipt, ...]]:
        """The messages for these recipients, and a receipt for each whose mail cannot be written."""
        try:
            return self.written(recipients), ()
        except MailerError:
            refused = self.refused(recipients)
        lost = {receipt.delivery_id for receipt in refused}
        kept = [recipient for recipient in recipients if recipient.delivery_id not in lost]
        return self.written(kept), tuple(refused)

    def refused(self, recipients: Sequence[Recipient]) -> list[Receipt]:
        """Those whose mail cannot be written, found by halves: they are few."""
        try:
            self.written(recipients)
        except MailerError as error:
            if len(recipients) == 1:
                return [Receipt(recipients[0].delivery_id, Outcome.REFUSED, f"not written: {error.message}")]
            middle = len(recipients) // 2
            return [*self.refused(recipients[:middle]), *self.refused(recipients[middle:])]
        return []

    def written(self, recipients: Sequence[Recipient]) -> tuple[Merge, ...]:
        """The messages; MailerError when there can be none for one of the recipients."""
        kinds = list(map(ALIKE, recipients))
        merges: list[Merge] = []
        for kind in dict.fromkeys(kinds):
            alone = kinds.count(kind) == len(kinds)
            merges += self.of_list(kind[0], recipients if alone else [one for one in recipients if ALIKE(one) == kind])
        return tuple(merges)

    def of_list(self, list_name: str, recipients: Sequence[Recipient]) -> Iterator[Merge]:
        """The messages to recipients who are alike: one for all, but for those with too large texts."""
        counted = self.writer.counts(recipients[0])
        skeleton = self.counted if counted else self.skeleton
        whole = Merge(
            sender=self.senders[list_name],
            subject=skeleton.whole.subject,
            text=skeleton.whole.text,
            html=skeleton.whole.html,
            people=self.people(list_name, recipients, skeleton),
            headers=self.headers[list_name],
            labels=(*self.labels, ascii_word(list_name)),
            # What our own links count, the provider's need not.
            counted=counted and not self.writer.base_url,
        )
        peculiar = skeleton.peculiar(whole.people.values, self.limit)
        if not peculiar:
            yield self.united(whole, skeleton)
            return
        others = sorted(set(range(len(recipients))) - set(peculiar))
        if others:
            yield replace(whole, people=whole.people.chosen(others))
        yield from self.sharing(whole, peculiar, skeleton)

    def united(self, merge: Merge, skeleton: MergeSkeleton) -> Merge:
        """One token where several have the same texts for everybody, as those of HTML and text have where nothing is to
        be escaped: half of what a request says of each person."""
        columns = merge.people.values
        first: dict[int, str] = {}
        ones = {token: first.setdefault(id(column), token) for token, column in columns.items()}
        doubled = {token: one for token, one in ones.items() if token != one}
        if not doubled:
            return merge
        text = self.with_tokens(skeleton.whole, tuple(doubled.items()))
        kept = {token: column for token, column in columns.items() if token not in doubled}
        people = replace(merge.people, values=kept)
        return replace(merge, subject=text.subject, text=text.text, html=text.html, people=people)

    def people(self, list_name: str, recipients: Sequence[Recipient], skeleton: MergeSkeleton) -> MergePeople:
        texts = self.writer.together(list_name, recipients)
        return MergePeople(
            delivery_ids=texts.delivery_ids,
            addresses=ascii_addresses(texts.emails, "To"),
            names=all_clean("To", texts.names),
            references=texts.message_ids,
            headers={name: token_column(text, texts.tokens) for name, text in self.leaving.items()},
            values=skeleton.columns(texts.parts, len(recipients)),
        )

    def sharing(self, whole: Merge, places: Sequence[int], skeleton: MergeSkeleton) -> Iterator[Merge]:
        """The messages for these places, each for those with the same texts put in beforehand."""
        columns = whole.people.values
        groups: dict[frozenset[tuple[str, str]], list[int]] = {}
        for place in places:
            values = {token: column[place] for token, column in columns.items()}
            before, _ = skeleton.divided(values, self.limit)
            groups.setdefault(frozenset(before.items()), []).append(place)
        for texts, group in groups.items():
            before = dict(texts)
            text = skeleton.whole.with_values(before)
            people = whole.people.chosen(group)
            left = {token: column for token, column in people.values.items() if token not in before}
            people = replace(people, values=left)
            yield replace(whole, subject=text.subject, text=text.text, html=text.html, people=people)
