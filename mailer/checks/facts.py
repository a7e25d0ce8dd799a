"""What the rules look at. Whatever is not known is None or empty, and rules that need it are silent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from mailer.checks.document import Document
from mailer.checks.finding import Source
from mailer.model import Article


@dataclass(frozen=True)
class Mail:
    """One mail as a recipient gets it. `who` says whose in words that name nobody; `real`: it is a real person's.

    `raw` is the serialised message as it would be handed over; empty for a bare HTML file.
    """

    who: str
    subject: str = ""
    preheader: str = ""
    html: str = ""
    text: str = ""
    raw: bytes = b""
    unsubscribe: str = ""
    real: bool = False

    @cached_property
    def document(self) -> Document:
        return Document(self.html)


@dataclass(frozen=True, slots=True)
class IssueFacts:
    """The issue itself. `repeated` maps the key of an article to the issue in which one of the lists got it already;
    `fields_used` and `fields_known` are names of fields of people, `fields_at` the lines where those used are written
    first, the issue's own before those of templates; `unwritable` the reasons why mails of samples could
    not be written, `samples` how many were tried. `subjects`: those of the last issues to its lists, by their names."""

    name: str
    kind: str
    subject: str = ""
    preheader: str = ""
    language: str = "en"
    articles: tuple[Article, ...] = ()
    repeated: Mapping[str, str] = field(default_factory=dict)
    unwritable: Mapping[str, int] = field(default_factory=dict)
    samples: int = 0
    fields_used: frozenset[str] = frozenset()
    fields_known: frozenset[str] = frozenset()
    fields_at: Mapping[str, Source] = field(default_factory=dict)
    without: Mapping[str, int] = field(default_factory=dict)
    subjects: Mapping[str, str] = field(default_factory=dict)
    sent_otherwise: bool = False


@dataclass(frozen=True, slots=True)
class SendingFacts:
    """How it would leave. `from_email` is the address in From; `free_mail`: its domain belongs to a mailbox provider
    that gives addresses to anybody."""

    organisation: str
    postal_address: str
    base_url: str
    leaves_this_machine: bool
    from_email: str = ""
    free_mail: bool = False
    tracking: bool = False


@dataclass(frozen=True, slots=True)
class EarlierIssue:
    """An issue that went to one of the lists before. `alike`: to the same lists, and the same segment of them.

    `bounced` and `complained` are mails; `heard`: there is any report of one of its mails.
    """

    name: str
    at: datetime
    recipients: int
    bounced: int = 0
    complained: int = 0
    alike: bool = True
    heard: bool = True


@dataclass(frozen=True, slots=True)
class AudienceFacts:
    """Who would get it, and who not.

    `left_out` are those who are suppressed, `suppressions` the entries that hold for these lists, counted where nobody
    is left out; `earlier` the last issues, newest first, and `today` names of others that a list gets on this day. Of
    `looked_at` people, `unproven` have no word on how they agreed, and `old_consents` agreed long ago. `hears`: reports
    of mails come in, None where there are none. `new_domain`: no issue came from the domain in From before.
    """

    recipients: int
    pending: int = 0
    outside_segment: int = 0
    left_out: int = 0
    suppressions: int = 0
    earlier: tuple[EarlierIssue, ...] = ()
    today: tuple[str, ...] = ()
    looked_at: int = 0
    unproven: int = 0
    old_consents: int = 0
    hears: bool | None = None
    new_domain: bool = False
    warmup: bool = False


@dataclass(frozen=True, slots=True)
class Probe:
    """What an address on the web answered. `status` 0: nothing came, and `problem` says why. `width` and `height` are
    pixels of an image, 0 where unknown; `octets` what a reader would load."""

    url: str
    at: datetime
    status: int
    problem: str = ""
    final_url: str = ""
    content_type: str = ""
    octets: int = 0
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Leaving:
    """What was answered at the address of a mail's way out, where nobody was unsubscribed: the page, and one click."""

    page: Probe
    click: Probe


@dataclass(frozen=True, slots=True)
class Facts:
    """`mails` are different mails of one issue, the made-up reader's first; or the one of a file.

    `probes` has what is known of the addresses in them; `clients` the mail programs that readers have, with their
    shares of all (caniemail's names, FAMILY or FAMILY.PLATFORM). `shorteners` and `placeholders` are the workspace's
    own, beside those that everybody knows.
    """

    now: datetime
    mails: tuple[Mail, ...] = ()
    issue: IssueFacts | None = None
    sending: SendingFacts | None = None
    audience: AudienceFacts | None = None
    probes: Mapping[str, Probe] = field(default_factory=dict)
    clients: Mapping[str, float] = field(default_factory=dict)
    shorteners: frozenset[str] = frozenset()
    placeholders: tuple[str, ...] = ()
    leaving: Leaving | None = None
