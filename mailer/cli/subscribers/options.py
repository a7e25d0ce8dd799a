"""Options that several `mailer subscribers` commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from mailer.model import SubscriptionState

EntryState = Literal["confirmed", "pending"]
EntryOption = Annotated[
    EntryState | None,
    typer.Option("--state", help="Their state. Default: pending on a double opt-in list, confirmed on a single one."),
]
ConsentOption = Annotated[
    str | None,
    typer.Option(
        "--consent",
        metavar="WORDS",
        help="How and when they agreed. Kept as proof; needed for confirmed on a double opt-in list.",
    ),
]
StateOption = Annotated[
    Literal["pending", "confirmed", "unsubscribed"] | None, typer.Option("--state", help="Only those in this state.")
]
SegmentOption = Annotated[
    str | None,
    typer.Option(
        "--segment", "-s", metavar="EXPR", help='Only those: a segment of the list, or city == "Oslo" and the like.'
    ),
]
TagsOption = Annotated[
    list[str] | None, typer.Option("--tag", metavar="TAG", help="Only those with this tag; repeatable: with all.")
]


def state_named(name: str | None) -> SubscriptionState | None:
    from mailer.model import SubscriptionState

    return SubscriptionState(name) if name else None
