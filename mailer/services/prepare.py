"""An issue file -> everything that is needed to plan, show or send it: articles, compiled parts, sender, hash."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from mailer.errors import NotFoundError
from mailer.model import Article, Issue, IssueKind, MailingList, Sender
from mailer.render.issue import RenderedIssue, RenderInput, render_issue
from mailer.render.labels import labels_for
from mailer.render.links import LONGEST_NAME
from mailer.render.sources import Templates, TemplateText
from mailer.render.tracking import countable
from mailer.services.program import Program
from mailer.services.segments import resolve
from mailer.store import articles as stored_articles
from mailer.workspace import template_sources

DATED_NAME = re.compile(r"(\d{4})-(\d{2})-(\d{2})")


@dataclass(frozen=True, slots=True)
class Prepared:
    """An issue as it would be sent now. `hash` changes with its content and with whom it goes to."""

    issue: Issue
    articles: tuple[Article, ...]
    lists: tuple[MailingList, ...]
    sender: Sender
    rendered: RenderedIssue
    hash: str
    addressing: Mapping[str, Any]
    links: tuple[str, ...] = ()
    """Where the links lead that are counted, by their numbers from 1."""

    @property
    def base_url(self) -> str:
        return str(self.addressing["base_url"])

    @property
    def snapshot(self) -> dict[str, Any]:
        """What is frozen: all that the mails are made of, as JSON."""
        content = {"parts": self.rendered.to_json(), **self.addressing, "hash": self.hash}
        return {**content, "links": list(self.links)} if "counting" in self.addressing else content


def prepare(program: Program, name: str, *, language: str = "") -> Prepared:
    """Read, resolve and compile an issue. Raises what is wrong with its file, its articles or its templates.

    `language`: another one than its own, to look at how it would be.
    """
    workspace, settings = program.workspace, program.settings
    issue = workspace.read_issue(name)
    issue = replace(issue, language=language) if language else issue
    label = f"issues/{issue.name}.md"
    issue, articles = resolve_articles(program, issue, label)
    lists = tuple(program.list_named(each) for each in issue.lists)
    issue = replace(issue, segment=resolve(lists, issue.segment))
    sender = settings.sender(issue.sender or lists[0].sender)
    templates = workspace_templates(program)
    given = RenderInput(
        issue=issue,
        articles=articles,
        organisation=settings.organisation.model_dump(),
        theme=settings.theme.model_dump(),
        templates=templates,
        label=label,
        salt=secrets.token_hex(6),
        date=issue_date(issue.name, program.now()),
        texts=settings.texts,
    )
    addressing = {
        "from": asdict(sender),
        "lists": {each.name: {"title": each.title, "reply_to": each.reply_to} for each in lists},
        "base_url": settings.web.base_url,
        "contact": settings.organisation.contact or sender.reply_to or sender.email,
    }
    addressing |= counted(program, issue.name, lists)
    rendered = render_issue(given)
    return Prepared(
        issue=issue,
        articles=articles,
        lists=lists,
        sender=sender,
        rendered=rendered,
        hash=content_hash(given, addressing, lists),
        addressing=addressing,
        links=countable(rendered.html, own) if "counting" in addressing and (own := settings.web.base_url) else (),
    )


def counted(program: Program, name: str, lists: Sequence[MailingList]) -> dict[str, Any]:
    """Through which lists an issue's readers are counted, and whether it is kept who they are; nothing where none is.

    The links that count lead to the public pages; where these have no address, only a provider can count.
    """
    settings = program.settings
    names = [each.name for each in lists if each.tracking]
    if not (settings.privacy.tracking and names) or len(name.encode()) > LONGEST_NAME:
        return {}
    return {"counting": {"lists": names, "individual": settings.privacy.individual}}


def resolve_articles(program: Program, issue: Issue, label: str) -> tuple[Issue, tuple[Article, ...]]:
    """The issue's articles in its order; the issue comes back with their whole keys."""
    found: list[Article] = []
    with program.store.read() as connection:
        for choice in issue.articles:
            try:
                found.append(stored_articles.get(connection, choice.key))
            except NotFoundError as error:
                raise NotFoundError(f"{label}: {error.message}", hint="mailer articles list shows the keys") from error
    choices = tuple(replace(choice, key=article.key) for choice, article in zip(issue.articles, found, strict=True))
    return replace(issue, articles=choices), tuple(found)


def workspace_templates(program: Program) -> Templates:
    """The shipped templates, each replaced by the workspace's own of that name."""
    sources = template_sources(program.workspace.templates_dir)
    return {name: TemplateText(text, f"templates/{name}") for name, text in sources.items()}


def issue_date(name: str, now: datetime) -> datetime:
    """The day in an issue's name, so that its date is the same whenever it is rendered; else today."""
    found = DATED_NAME.match(name)
    if found:
        try:
            return datetime(int(found[1]), int(found[2]), int(found[3]), tzinfo=UTC)
        except ValueError:
            return now
    return now


def content_hash(given: RenderInput, addressing: Mapping[str, Any], lists: Sequence[MailingList] = ()) -> str:
    """SHA-256 of everything that decides what is sent, to whom by which rule, and whether anybody may read it.

    Not of the compiled parts: MJML puts random ids into navigation bars and carousels.
    """
    # `name` and the lists are in the issue. When an article was first seen decides nothing any more, nor does how
    # many lines of comments stand above the body.
    articles = [asdict(replace(article, first_seen_at=article.when, position=0)) for article in given.articles]
    issue = asdict(replace(given.issue, body_line=1))
    if not issue["segment"]:
        del issue["segment"]  # what was sent before there were segments keeps its hash
    if issue["archive"] is None:
        del issue["archive"]  # and so does what was sent before there was an archive
    content: dict[str, Any] = {
        "issue": issue,
        "articles": articles,
        "organisation": given.organisation,
        "theme": given.theme,
        "templates": {name: template.text for name, template in given.templates.items()},
        "addressing": addressing,
    }
    if (labels := labels_for(given.issue.language, given.texts)) != labels_for(given.issue.language):
        content["labels"] = dict(labels)  # the organisation's own words
    if caps := {each.name: each.cap for each in lists if each.cap and given.issue.kind is not IssueKind.ALERT}:
        content["caps"] = caps
    if given.issue.archive is None and (shown := [each.name for each in lists if each.archive]):
        content["shown"] = shown
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
