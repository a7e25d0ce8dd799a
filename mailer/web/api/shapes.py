"""What the API takes and gives, version 1: names that other programs rely on. Only ever added to."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from mailer.model import EngagementKind, IssueKind, IssueState, SubscriptionState, SuppressionReason


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("one line without control characters")
    return text


Line = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_printable)]
Email = Annotated[str, Field(max_length=320, description="The address.", examples=["ada@example.org"])]
ListName = Annotated[str, Field(max_length=127, description="The list, as in subscribers/NAME.toml.")]
Names = Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(max_length=200)]
Values = Annotated[dict[Annotated[str, Field(max_length=200)], JsonValue], Field(max_length=200)]


class Asked(BaseModel):
    """What is asked: a name that nobody knows is a mistake, and not passed over."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Shown(BaseModel):
    """What is answered."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Subscribe(Asked):
    """A person for a list."""

    email: Email
    list: ListName
    attributes: Values = Field(default={}, description="What is known of them, such as first_name and language.")
    tags: Names = Field(default=(), description="Tags to give.")
    consent: Annotated[Line, Field(min_length=3, max_length=500)] | None = Field(
        default=None,
        description="How and when they agreed, in words that are kept. Without it they are asked by mail.",
        examples=["signed up at the fair, 14 November 2026"],
    )
    agreed_to_text: bool = Field(
        default=False, description="They were shown the list's consent text and agreed to it word for word."
    )


class Subscribed(Shown):
    """What became of it. With consent, `outcome` and `state` are null for a token without subscribers:read."""

    list: str
    outcome: str | None = Field(
        description="asking. With consent: added, updated, unchanged or kept_out (left, suppressed or forgotten)."
    )
    state: SubscriptionState | None


class Unsubscribe(Asked):
    """A person off a list, or off every one."""

    email: Email
    list: ListName | None = Field(default=None, description="One list; null: every one that they are on.")
    reason: Annotated[Line, Field(max_length=500)] = Field(default="", description="Words for the log of consents.")


class Unsubscribed(Shown):
    """Done, or so before. `lists`: those they left now; null for a token without subscribers:read."""

    done: bool = True
    lists: tuple[str, ...] | None


class Find(Asked):
    """Whom to show."""

    email: Email


class Change(Asked):
    """What to change of a person. What is not named stays."""

    email: Email
    set: Values = Field(default={}, description="Attributes and their values.")
    unset: Names = Field(default=(), description="Attributes to take away.")
    add_tags: Names = ()
    remove_tags: Names = ()


class Changed(Shown):
    """`changed`: false where all was so before."""

    changed: bool


class Membership(Shown):
    """A subscription. `since`: when it came into this state."""

    list: str = Field(validation_alias="list_name")
    state: SubscriptionState
    joined: datetime
    since: datetime


class Suppressed(Shown):
    """Why no mail goes to a person. `list` null: none of any list."""

    by: str
    list: str | None = Field(validation_alias="list_name")
    reason: SuppressionReason
    since: datetime | None


class Person(Shown):
    """A person. `paused_until`: they asked for no mail until then, which may be over."""

    id: str
    email: str
    known_since: datetime | None
    attributes: dict[str, Any]
    tags: tuple[str, ...]
    lists: tuple[Membership, ...]
    suppressed: tuple[Suppressed, ...]
    paused_until: datetime | None


class List(Shown):
    """A list. `counts`: subscriptions by state; `mailable`: people whom an issue would reach now."""

    name: str
    title: str
    description: str
    opt_in: str
    language: str
    public: bool
    counts: dict[SubscriptionState, int]
    mailable: int


class Lists(Shown):
    """A page of lists. `next`: what to ask for as `after`; null: that was all."""

    items: tuple[List, ...]
    next: str | None


class Issue(Shown):
    """An issue in numbers of mails. `reported`: of how many mails the provider reported what, each mail once."""

    name: str
    state: IssueState
    kind: IssueKind | None
    subject: str
    recipients: int
    accepted: int
    refused: int
    doubtful: int
    waiting: int
    left_out: int
    bounced: int
    reported: dict[str, int]
    due_at: datetime | None
    frozen_at: datetime | None
    finished_at: datetime | None
    reason: str


class Issues(Shown):
    """A page of issues, newest first. `next`: what to ask for as `after`; null: that was all."""

    items: tuple[Issue, ...]
    next: str | None


class Reading(Shown):
    """How often an issue was opened, or one of its links followed: by whoever, and likely by people."""

    what: EngagementKind
    url: str
    total: int
    people: int


class IssueInDetail(Issue):
    """One issue. `left_out_by`: people who did not get it, by reason. `readings`: only where readers are counted."""

    lists: tuple[str, ...]
    deliveries: dict[str, int]
    left_out_by: dict[str, int]
    started_at: datetime | None
    not_after: datetime | None
    articles: tuple[str, ...]
    readings: tuple[Reading, ...]


class Fault(Shown):
    """One value that is not what it should be."""

    where: str
    what: str


class Problem(Shown):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str | None = None
    errors: tuple[Fault, ...] | None = None
