"""An issue with its articles -> the three compiled parts of its mail: subject, HTML, text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mailer.errors import TemplateError
from mailer.languages.own import Texts
from mailer.model import Article, Issue, IssueKind
from mailer.render.compile import PartInput, compile_html, compile_plain
from mailer.render.flat import Flat
from mailer.render.labels import direction, labels_for
from mailer.render.markdown import body_templates
from mailer.render.sources import Templates, TemplateText


@dataclass(frozen=True, slots=True)
class RenderInput:
    """All that an issue is rendered from. `label` is the issue's file as errors name it; `more` are further names that
    the templates may use, `texts` the organisation's own words for the fixed phrases.

    `salt` is random text of lower-case letters and digits, new for each rendering; `date` is the issue's own.
    """

    issue: Issue
    articles: Sequence[Article]
    organisation: Mapping[str, Any]
    theme: Mapping[str, Any]
    templates: Templates
    label: str
    salt: str
    date: datetime
    more: Mapping[str, Any] = field(default_factory=dict)
    texts: Texts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RenderedIssue:
    """The frozen parts of an issue. `to_json` is what the store keeps."""

    subject: Flat
    preheader: Flat
    html: Flat
    text: Flat
    language: str

    def to_json(self) -> dict[str, Any]:
        parts = {"subject": self.subject, "preheader": self.preheader, "html": self.html, "text": self.text}
        return {"language": self.language, **{name: part.to_json() for name, part in parts.items()}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RenderedIssue:
        subject, preheader, html, text = (
            Flat.from_json(data[name]) for name in ("subject", "preheader", "html", "text")
        )
        return cls(subject, preheader, html, text, data["language"])


def render_issue(given: RenderInput) -> RenderedIssue:
    """Compile an issue, once for all its recipients. Raises TemplateError or IssueFileError with file and line."""
    issue = given.issue
    templates = all_templates(given)
    context = template_context(given)
    strings = {"subject": "@subject", "preheader": "@preheader"}

    def part(name: str, strings: Mapping[str, str] = strings) -> PartInput:
        return PartInput(templates, name, context, issue.language, given.salt, strings)

    return RenderedIssue(
        subject=compile_plain(part("@subject", {})),
        preheader=compile_plain(part("@preheader", {})),
        html=compile_html(part(f"{issue.template_name}.mjml")),
        text=compile_plain(part(f"{issue.template_name}.txt.jinja")),
        language=issue.language,
    )


def all_templates(given: RenderInput) -> Templates:
    """The template files, and the issue's own texts as templates whose names begin with `@`."""
    issue = given.issue
    if issue.template_name in (CONFIRM, ALREADY) and "list" not in given.more:
        raise TemplateError(
            f"the template {issue.template_name!r} is not for issues", name=given.label, hint=designs_hint(given)
        )
    for name in (f"{issue.template_name}.mjml", f"{issue.template_name}.txt.jinja"):
        if name not in given.templates:
            raise TemplateError(f"there is no template {name!r}", name=given.label, hint=designs_hint(given))
    body = body_templates(
        issue.body,
        label=given.label,
        first_line=issue.body_line,
        append_articles=bool(given.articles) and issue.kind is IssueKind.BULLETIN,
    )
    own = {
        "@body.mjml": body.mjml,
        "@body.txt": body.text,
        "@subject": TemplateText(issue.subject, f"{given.label} (subject)"),
        "@preheader": TemplateText(issue.preheader, f"{given.label} (preheader)"),
    }
    return {**given.templates, **own}


def designs_hint(given: RenderInput) -> str:
    return "there are: " + ", ".join(sorted(name.removesuffix(".mjml") for name in given.templates if is_design(name)))


CONFIRM = "confirm"
"""The design of the mail that asks a person to confirm a subscription; no issue can be written in it."""

ALREADY = "already"
"""The design of the mail to who signed up for a list that they are on; no issue can be written in it either."""


def is_design(name: str) -> bool:
    return name.endswith(".mjml") and not name.startswith("_") and name not in (f"{CONFIRM}.mjml", f"{ALREADY}.mjml")


def template_context(given: RenderInput) -> dict[str, Any]:
    """What templates see while an issue is compiled; templates/README.md documents it."""
    issue = given.issue
    return {
        "issue": {
            "name": issue.name,
            "kind": issue.kind.value,
            "language": issue.language,
            "direction": direction(issue.language),
            "date": given.date,
        },
        "articles": article_contexts(issue, given.articles),
        "organisation": dict(given.organisation),
        "theme": dict(given.theme),
        "labels": dict(labels_for(issue.language, given.texts)),
        **given.more,
    }


def article_contexts(issue: Issue, articles: Sequence[Article]) -> list[dict[str, Any]]:
    """The articles as dictionaries, with the editor's own words where the issue has some."""
    choices = {choice.key: choice for choice in issue.articles}
    contexts = []
    for article in articles:
        choice = choices.get(article.key)
        contexts.append({
            "key": article.key,
            "source": article.source,
            "title": (choice and choice.title) or article.title,
            "excerpt": (choice and choice.excerpt) or article.excerpt,
            "url": article.url,
            "image_url": article.image_url,
            "image_alt": article.image_alt,
            "author": article.author,
            "published_at": article.published_at,
            "tags": list(article.tags),
        })  # fmt: skip
    return contexts
