"""A frozen issue and a recipient -> one finished mail."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, repeat
from operator import attrgetter
from typing import Any, NamedTuple
from urllib.parse import quote

from mailer.errors import MailerError
from mailer.model import Envelope, Outcome, Receipt, Recipient, Sender
from mailer.render import tracking
from mailer.render.bounces import BounceAddresses
from mailer.render.fields import FieldColumns, clean_fields
from mailer.render.flat import Flat, Place, Print
from mailer.render.issue import RenderedIssue
from mailer.render.links import LONGEST_TOKEN, Signer
from mailer.render.mailbox import ascii_address
from mailer.render.merge import PartColumns
from mailer.render.mime import MessageAddress, MessageHeaders, MessageSkeleton, PersonalValues, unsubscribe_headers
from mailer.render.personal import PersonalPart, lines, one_line
from mailer.services.reader_links import COUNTED, ReaderLinks
from mailer.services.references import key_of, reference, references

NOT_ASCII_WORD = re.compile(r"[^a-z0-9_-]+")


STAND_IN = "-_" * (LONGEST_TOKEN // 2)
"""As long as a token may be, so that what is too long for a header is told for the issue and not for each person."""


ALIKE = attrgetter("list_name", "untracked")
"""Recipients for whom this is the same can be written to together."""

OWN_COUNT = Print(f"links.{COUNTED}", Place("the program's own", 1))
"""What links that count begin with, where it is to be known who follows them."""

ABSENT_LINKS = frozenset({"links.view", "links.preferences"})
"""Links that a mail which is no issue has not."""


@dataclass(frozen=True, slots=True)
class Together:
    """What the mails to several recipients of one list need, by columns."""

    delivery_ids: list[int]
    emails: list[str]
    tokens: list[str]
    names: list[str]
    message_ids: list[str]
    parts: PartColumns


@dataclass(frozen=True, slots=True)
class PersonalMail:
    """The parts of one mail as a reader sees them."""

    subject: str
    preheader: str
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class Route:
    """How the mails leave. `bounces`: the address that mails which do not arrive go back to, with a token in each.

    `smtputf8`: whoever takes them knows addresses whose local part is not ASCII.
    """

    bounces: str = ""
    smtputf8: bool = False


class Body(NamedTuple):
    """The parts of a mail below its headers, and for each list what all mails have in common."""

    html: PersonalPart
    text: PersonalPart
    skeletons: Mapping[str, MessageSkeleton]


class MailWriter:
    """Writes the mails of one frozen issue. May be shared by threads.

    `preview` mails carry links that do nothing, so that they can be passed around.
    """

    def __init__(
        self,
        issue: str,
        snapshot: Mapping[str, Any],
        keys: Sequence[bytes],
        *,
        preview: bool = False,
        route: Route = Route(),
    ) -> None:
        rendered = RenderedIssue.from_json(snapshot["parts"])
        self.issue = issue
        self.sender = Sender(**snapshot["from"])
        self.base_url: str = snapshot["base_url"]
        # RFC 6068: what means something in an address of a link is percent-encoded in a mailbox.
        self.mailbox = "mailto:" + quote(ascii_address(snapshot["contact"], "contact"), safe="@+")
        self.titles = {name: each["title"] for name, each in snapshot["lists"].items()}
        self.subject = PersonalPart(rendered.subject, language=rendered.language, header=True)
        self.preheader = PersonalPart(rendered.preheader, language=rendered.language, header=True)
        self.reader_links = ReaderLinks(Signer(keys), issue, self.base_url, self.mailbox, preview=preview)
        self.headers = {name: self.list_headers(name, each["reply_to"]) for name, each in snapshot["lists"].items()}
        self.boundary: str = snapshot["hash"][:24]
        self.plain = self.body(rendered.html, rendered.text, rendered.language)
        # A preview is nobody's reading.
        counting = {} if preview else snapshot.get("counting", {})
        self.counted_lists = frozenset(counting.get("lists", ()))
        self.counted = self.plain
        if self.counted_lists and self.base_url:
            base = OWN_COUNT if counting["individual"] else self.reader_links.counted()
            short = tracking.counting(rendered.html, rendered.text, snapshot["links"], base)
            self.counted = self.body(*short, rendered.language)
        self.route = route
        self.bounces = BounceAddresses(keys, ascii_address(route.bounces, "bounces")) if route.bounces else None
        self.key = key_of(snapshot, keys)
        # The same for everybody but for the token, which has only letters that stand for themselves in a link.
        url = self.reader_links.leave(STAND_IN) if self.base_url else ""
        self.leaving = unsubscribe_headers(url, self.reader_links.mailto(STAND_IN))

    def body(self, html: Flat, text: Flat, language: str) -> Body:
        links = self.reader_links
        html_part, text_part = (
            PersonalPart(part, language=language, absent=links.absent, present=links.present) for part in (html, text)
        )
        skeletons = {
            name: MessageSkeleton(text_part, html_part, self.subject, headers, self.boundary)
            for name, headers in self.headers.items()
        }
        return Body(html_part, text_part, skeletons)

    def body_for(self, recipient: Recipient) -> Body:
        """With links that count, or without: as the list and the person want it."""
        return self.counted if self.counts(recipient) else self.plain

    def counts(self, recipient: Recipient) -> bool:
        """Whether it may be counted what this person reads."""
        return recipient.list_name in self.counted_lists and not recipient.untracked

    def list_headers(self, list_name: str, reply_to: str) -> MessageHeaders:
        """What every mail through this list has in common."""
        domain = ascii_address(self.sender.email, "From").rpartition("@")[2]
        return MessageHeaders(
            from_email=self.sender.email,
            from_name=self.sender.name,
            reply_to=reply_to or self.sender.reply_to,
            list_id=f"{ascii_word(list_name)}.{domain}",
            list_title=self.titles[list_name],
            list_owner=self.mailbox,
        )

    def together(self, list_name: str, recipients: Sequence[Recipient]) -> Together:
        """What the mails to these recipients of one list need, who are all counted or none. Raises TemplateError when
        there can be no text for one of them."""
        delivery_ids, ids, emails, _, attributes, _ = map(list, zip(*recipients, strict=True))
        body = self.body_for(recipients[0])
        tokens = self.reader_links.unsubscribing(list_name, ids)
        own = {"email": emails, "id": ids, "list": [self.titles[list_name]] * len(ids)}
        people = FieldColumns(attributes, own, self.reader_links.columns(list_name, ids, tokens))
        return Together(
            delivery_ids,
            emails,
            tokens,
            display_names(people),
            references(self.key, self.issue, delivery_ids),
            PartColumns(self.subject.columns(people), body.text.columns(people), body.html.columns(people)),
        )

    def envelopes(
        self, recipients: Sequence[Recipient], date: datetime
    ) -> tuple[tuple[Envelope, ...], tuple[Receipt, ...]]:
        """The mails of these recipients, in this order, and a receipt for each whose mail cannot be written."""
        mails: list[Envelope] = []
        refused: list[Receipt] = []
        for (list_name, _), group in groupby(recipients, ALIKE):
            people = tuple(group)
            try:
                mails += self.of_list(list_name, people, date)
            except MailerError as error:
                # Somebody's cannot: whose, is found by halves, as they are few.
                if len(people) == 1:
                    detail = f"not written: {error.message}"
                    refused.append(Receipt(people[0].delivery_id, Outcome.REFUSED, detail))
                    continue
                middle = len(people) // 2
                for half in (people[:middle], people[middle:]):
                    written, unwritten = self.envelopes(half, date)
                    mails += written
                    refused += unwritten
        return tuple(mails), tuple(refused)

    def envelope(self, recipient: Recipient, date: datetime) -> Envelope:
        """The recipient's mail, complete. Raises TemplateError or MessageError when it cannot be written."""
        (mail,) = self.of_list(recipient.list_name, (recipient,), date)
        return mail

    def of_list(self, list_name: str, recipients: Sequence[Recipient], date: datetime) -> list[Envelope]:
        """The mails of recipients who are alike; MailerError when one of them can have none."""
        texts = self.together(list_name, recipients)
        message, utf8 = self.body_for(recipients[0]).skeletons[list_name].message, self.route.smtputf8
        leaving = token_column(self.leaving, texts.tokens)
        count = len(recipients)
        values = map(PersonalValues, *(rows(columns, count) for columns in texts.parts))
        people = zip(texts.emails, texts.message_ids, texts.names, leaving, values, strict=True)
        contents = [
            message(each, MessageAddress(email, own_id, to_name=name, leaving=how, utf8=utf8), date)
            for email, own_id, name, how, each in people
        ]
        senders = map(self.return_path, texts.delivery_ids)
        return list(map(Envelope, texts.delivery_ids, senders, texts.emails, contents))

    def return_path(self, delivery_id: int) -> str:
        """Who the mail comes from as mail servers see it, which is where it goes when it does not arrive."""
        return self.bounces.address(delivery_id) if self.bounces else self.sender.email

    def personal(self, recipient: Recipient) -> PersonalMail:
        """What the recipient reads, without the mail around it and without links that count."""
        fields, links = self.fields(recipient), self.links(recipient)
        return PersonalMail(
            subject=self.subject.render(fields, links),
            preheader=self.preheader.render(fields, links),
            html=self.plain.html.render(fields, links),
            text=self.plain.text.render(fields, links),
        )

    def fields(self, recipient: Recipient) -> dict[str, Any]:
        """What templates find under `subscriber`."""
        own = {"email": recipient.email, "id": recipient.subscriber_id, "list": self.titles[recipient.list_name]}
        return clean_fields({**recipient.attributes, **own})

    def links(self, recipient: Recipient) -> dict[str, str]:
        """What templates find under `links`."""
        return self.reader_links.of(recipient)

    def token(self, recipient: Recipient) -> str:
        """What unsubscribes the recipient, or in a preview says that it is one."""
        (token,) = self.reader_links.unsubscribing(recipient.list_name, (recipient.subscriber_id,))
        return token

    def message_id(self, delivery_id: int) -> str:
        """The same for a delivery whenever it is written, not to be guessed: answers and bounces are matched by it."""
        return reference(self.key, self.issue, delivery_id)


def rows(columns: Sequence[Sequence[str]], count: int) -> Iterable[Sequence[str]]:
    """The columns person by person, for so many."""
    return zip(*columns, strict=True) if columns else repeat((), count)


def token_column(text: str, tokens: Sequence[str]) -> list[str]:
    """The text with each of the tokens where it has the stand-in."""
    runs = text.split(STAND_IN)
    return [token.join(runs) for token in tokens]


def display_names(people: FieldColumns) -> list[str]:
    """The names for the To header, where there are any."""
    asked = [("subscriber", name) for name in ("name", "first_name", "last_name")]
    whole, first, last = columns = [people.field(each) for each in asked]
    if all(map(people.plain, asked)):
        rows = zip(whole, first, last, strict=True)
        texts = [name or (f"{one} {two}" if one and two else one or two or "") for name, one, two in rows]
        return [text.strip() for text in lines(texts)]
    known = [{name: value for (_, name), value in zip(asked, row, strict=True) if value is not None}
             for row in zip(*columns, strict=True)]  # fmt: skip
    return [display_name(each) for each in known]


def display_name(fields: Mapping[str, Any]) -> str:
    """The name for the To header, where there is one."""
    whole = fields.get("name") or " ".join(str(fields[key]) for key in ("first_name", "last_name") if key in fields)
    return one_line(str(whole)).strip()


def ascii_word(name: str) -> str:
    """A list's name as a part of a List-ID, which is ASCII (RFC 2919). Stable: it identifies the list for ever.

    A name that loses something on the way keeps apart from others by a part of its SHA-256.
    """
    plain = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    word = NOT_ASCII_WORD.sub("-", plain).strip("-_")
    if word == name:
        return word
    return f"{word or 'list'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
