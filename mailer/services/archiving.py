"""Which issues anybody may read on the web, and how they are written for nobody in particular."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mailer.model import Issue, MailingList
from mailer.render.issue import RenderedIssue
from mailer.render.neutral import NeutralPart
from mailer.services.prepare import Prepared
from mailer.store.archive import Archived

OWN_LINK = "/archive/_own"
"""The page that stands where each reader of the mail has a link of their own. No list is called so."""


def archived(prepared: Prepared) -> Archived | None:
    """How an issue will stand in the archive; None for one that will not."""
    if not for_everybody(prepared.issue, prepared.lists):
        return None
    return described(prepared.snapshot, prepared.base_url)


def for_everybody(issue: Issue, lists: Iterable[MailingList]) -> bool:
    """Whether anybody may read it on the web.

    Its own word counts. Without one, it is what all of its lists say, and not for a segment: what was written for some
    is not for everybody.
    """
    if issue.archive is not None:
        return issue.archive
    return not issue.segment and all(each.archive for each in lists)


def described(snapshot: Mapping[str, Any], base_url: str) -> Archived:
    """Subject and preheader without anybody's name in them."""
    rendered = RenderedIssue.from_json(snapshot["parts"])
    own, language = _own(snapshot), rendered.language
    subject, preheader = (
        NeutralPart(part, own, f"{base_url}{OWN_LINK}", language=language, header=True).text().strip()
        for part in (rendered.subject, rendered.preheader)
    )
    return Archived(subject, preheader, language)


def neutral_html(snapshot: Mapping[str, Any], base_url: str) -> str:
    """The HTML part of an issue for everybody. What a reader of the mail has of their own is in none of it."""
    rendered = RenderedIssue.from_json(snapshot["parts"])
    link = f"{base_url.rstrip('/')}{OWN_LINK}"
    return NeutralPart(rendered.html, _own(snapshot), link, language=rendered.language).text()


def _own(snapshot: Mapping[str, Any]) -> dict[str, str]:
    """The list that brings a reader in is one of the issue's: here the first stands for it."""
    return {"list": next((each["title"] for each in snapshot["lists"].values()), "")}
