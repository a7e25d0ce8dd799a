"""The records every part of the program shares.

All times are aware and in UTC. Records are frozen: a change is a new record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from types import MappingProxyType
from typing import Any, NamedTuple

from mailer.model.kinds import IssueKind, Outcome

Attributes = Mapping[str, Any]
NO_ATTRIBUTES: Attributes = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Article:
    """One published item. Text fields are plain text, cleaned on the way in; never template source.

    `key` identifies it across fetches: from its guid, else its canonical link, else its title and day.
    `position` is its place in the source at first sight (0 = first), which orders articles without a date.
    """

    key: str
    source: str
    title: str
    excerpt: str
    first_seen_at: datetime
    url: str | None = None
    image_url: str | None = None
    image_alt: str = ""
    author: str | None = None
    published_at: datetime | None = None
    tags: tuple[str, ...] = ()
    position: int = 0

    @property
    def when(self) -> datetime:
        """When it was published; the time it was first seen stands in where the source names none."""
        return self.published_at or self.first_seen_at


@dataclass(frozen=True, slots=True)
class ArticleChoice:
    """An article as an issue file lists it, with the editor's own words where she wrote some."""

    key: str
    title: str | None = None
    excerpt: str | None = None


@dataclass(frozen=True, slots=True)
class Issue:
    """One edition as its file says it. `name` is the file's name without `.md`; `body` is Markdown with Jinja2.

    `archive`: whether anybody may read it on the web; None: as its lists have it.
    """

    name: str
    kind: IssueKind
    subject: str
    lists: tuple[str, ...]
    body: str
    preheader: str = ""
    template: str = ""
    sender: str = ""
    language: str = "en"
    tags: tuple[str, ...] = ()
    since: str = ""
    articles: tuple[ArticleChoice, ...] = ()
    body_line: int = 1
    segment: str = ""
    archive: bool | None = None

    @property
    def template_name(self) -> str:
        """The template, which is named after the kind unless the file names another."""
        return self.template or self.kind.value


class Cap(NamedTuple):
    """At most so many issues of a list to one person in so many days."""

    issues: int
    days: int


@dataclass(frozen=True, slots=True)
class MailingList:
    """A subscriber list as `subscribers/NAME.toml` defines it.

    `public`: people put themselves on it by a form, which asks for `fields` besides the address. `archive`: its issues
    may be read on the web by anybody. `tracking`: its mails are counted where the organisation counts at all.
    """

    name: str
    title: str
    description: str = ""
    opt_in: str = "double"
    sender: str = ""
    reply_to: str = ""
    language: str = "en"
    consent: str = ""
    segments: Mapping[str, str] = field(default_factory=dict)
    cap: Cap | None = None
    public: bool = False
    archive: bool = False
    tracking: bool = True
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A person. `id` is opaque and safe in links; `email_key` is what makes an address one address.

    `paused_until`: nothing is sent to them before, because they asked for that.
    """

    id: str
    email: str
    email_key: str
    ascii_email: str | None
    attributes: Attributes = field(default_factory=dict)
    created_at: datetime | None = None
    paused_until: datetime | None = None

    def paused(self, now: datetime) -> bool:
        """Whether they are on a pause. It ends by itself."""
        return self.paused_until is not None and self.paused_until > now


@dataclass(frozen=True, slots=True)
class Sender:
    """A `[from.NAME]` identity."""

    name: str
    email: str
    reply_to: str = ""


class Recipient(NamedTuple):
    """A subscriber as frozen for one issue, ready for rendering. `list_name` is the list that brought them in.
    `untracked`: who does not want to be counted.

    A tuple, because a million of them take half the time to make.
    """

    delivery_id: int
    subscriber_id: str
    email: str
    list_name: str
    attributes: Attributes = NO_ATTRIBUTES
    untracked: bool = False


@dataclass(frozen=True, slots=True)
class SourceState:
    """What a source's last fetch left: the validators exactly as the server sent them, and when to ask again."""

    etag: str | None = None
    last_modified: str | None = None
    fetched_at: datetime | None = None
    not_before: datetime | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Envelope:
    """One addressed mail, complete as bytes with CRLF line ends."""

    delivery_id: int
    sender: str
    recipient: str
    content: bytes


@dataclass(frozen=True, slots=True)
class MergeRecipient:
    """One recipient of a `Merge`: a text for each of its tokens, and headers of their own.

    `reference` names the delivery to the provider and comes back with its events: opaque, and not to be guessed.
    """

    delivery_id: int
    address: str
    name: str
    reference: str
    headers: Mapping[str, str]
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MergePeople:
    """The recipients of a `Merge` by columns, the first of each for the first person: a thousand people are a dozen
    lists, which can be worked on as a whole, and not ten thousand objects."""

    delivery_ids: Sequence[int]
    addresses: Sequence[str]
    names: Sequence[str]
    references: Sequence[str]
    headers: Mapping[str, Sequence[str]]
    values: Mapping[str, Sequence[str]]

    def __len__(self) -> int:
        return len(self.delivery_ids)

    def chosen(self, places: Sequence[int]) -> MergePeople:
        """Those at these places, in this order."""
        return MergePeople(
            [self.delivery_ids[place] for place in places],
            [self.addresses[place] for place in places],
            [self.names[place] for place in places],
            [self.references[place] for place in places],
            {name: [column[place] for place in places] for name, column in self.headers.items()},
            {token: [column[place] for place in places] for token, column in self.values.items()},
        )


@dataclass(frozen=True, slots=True)
class Merge:
    """One message for many, for a provider that puts the personal texts in itself: a token stands where one goes.

    Every recipient has a text for every token. `headers` are the same for all. `labels` say what kind of mail it is,
    for the provider's statistics. `counted`: the provider may count who opens and clicks.
    """

    sender: Sender
    subject: str
    text: str
    html: str
    people: MergePeople
    headers: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    counted: bool = False

    @property
    def recipients(self) -> tuple[MergeRecipient, ...]:
        """The people one by one, each with all of their headers."""
        people = self.people
        return tuple(
            MergeRecipient(
                people.delivery_ids[place],
                people.addresses[place],
                people.names[place],
                people.references[place],
                {**self.headers, **{name: column[place] for name, column in people.headers.items()}},
                {token: column[place] for token, column in people.values.items()},
            )
            for place in range(len(people))
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """What is handed over to a provider at once. `id` is opaque; it may travel as the provider's custom argument.

    Finished mails are `envelopes`; a provider that personalises may get `merges` instead. No call to the provider
    begins after `deadline`, a time of `time.monotonic()`. With a `hold`, the provider's own number for it, the provider
    keeps the mails until `send_at`, and can be told to drop them before.
    """

    id: int
    issue: str
    number: int
    envelopes: tuple[Envelope, ...] = ()
    merges: tuple[Merge, ...] = ()
    deadline: float | None = None
    hold: str = ""
    send_at: datetime | None = None

    @property
    def delivery_ids(self) -> tuple[int, ...]:
        """The deliveries in the order of their receipts."""
        merged = chain.from_iterable(merge.people.delivery_ids for merge in self.merges)
        return (*(envelope.delivery_id for envelope in self.envelopes), *merged)


class Receipt(NamedTuple):
    """The provider's answer for one delivery. `detail` is for people and carries no address."""

    delivery_id: int
    outcome: Outcome
    detail: str = ""
    provider_id: str = ""
    retry_after: float | None = None
