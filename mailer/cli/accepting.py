"""`--accept RULE --reason TEXT`: a person lets pass what a rule finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mailer.services.checking.accepting import Accepting

AcceptOption = Annotated[
    list[str] | None,
    typer.Option("--accept", metavar="RULE", help="Let pass what this rule finds now; may be given several times."),
]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it is accepted. It is kept.")]


def accepting_of(rules: list[str] | None, reason: str) -> Accepting | None:
    """The rules that are accepted, if any are. UsageError for what no rule is called, or a reason without one."""
    from mailer.errors import UsageError
    from mailer.services.checking.accepting import Accepting

    if rules:
        return Accepting(tuple(rules), reason)
    if reason:
        raise UsageError("--reason is for what is accepted", hint="--accept RULE --reason TEXT")
    return None
