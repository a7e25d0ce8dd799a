"""The shipped templates pass every rule at every level: in languages, with and without articles and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from mailer.checks.facts import Facts, IssueFacts, Mail
from mailer.checks.run import check
from mailer.config.checks import CLIENTS
from mailer.model import Article, Recipient
from mailer.render.fields import clean_fields
from mailer.render.issue import RenderedIssue
from mailer.render.personal import PersonalPart
from mailer.services.writer import MailWriter
from tests.unit.checks.mails import FAINT, LINKS, ORGANISATION, READER, WORDS, articles, asked, rendered
from tests.unit.checks.making import GOOD, NOW, SENDING

KEY = b"0123456789abcdef0123456789abcdef"
NAME = "2026-11-22-rivers"
SHAPES = [(0, False), (1, True), (8, False), (8, True)]
EVERY = [(kind, language, *shape) for kind in ("bulletin", "alert") for language in WORDS for shape in SHAPES]
THEMES: dict[str, dict[str, Any]] = {
    "a logo": {"logo_url": "https://rivers.example/logo.png", "logo_alt": "Rivers United"},
    "a footer and links": {
        "footer": "A union of volunteers along the river.",
        "social": ({"name": "Mastodon", "url": "https://social.rivers.example/@r"},),
    },
    "other fonts": {"fonts": {"body": "Georgia, 'Times New Roman', serif", "heading": "Verdana, sans-serif"}},
}


def facts_of(issue: RenderedIssue, kind: str, language: str, found: Sequence[Article]) -> Facts:
    """An issue as it would be handed over, with nothing wrong around it."""
    snapshot = {
        "parts": issue.to_json(),
        "from": {"name": ORGANISATION["name"], "email": "news@rivers.example", "reply_to": "desk@rivers.example"},
        "lists": {"weekly": {"title": "Weekly", "reply_to": ""}},
        "base_url": "https://news.rivers.example",
        "contact": ORGANISATION["contact"],
        "hash": "0123456789abcdef" * 4,
    }
    writer = MailWriter(NAME, snapshot, (KEY,), preview=True)
    reader = Recipient(17, "ab12cd34", "alex@mail.example", "weekly", {"first_name": "Alex"})
    mail, links = writer.personal(reader), writer.links(reader)
    raw = writer.envelope(reader, NOW).content
    subject, preheader, *_ = WORDS[language]
    return replace(
        GOOD,
        mails=(Mail("made-up reader", mail.subject, mail.preheader, mail.html, mail.text, raw, links["unsubscribe"]),),
        issue=IssueFacts(NAME, kind, subject, preheader, language, tuple(found), samples=1),
        sending=replace(SENDING, postal_address="1 Quay Street\nOslo", base_url="https://news.rivers.example"),
    )


def said(facts: Facts) -> list[str]:
    return [f"{each.level} {each.rule}: {each.words} ({each.place})" for each in check(facts)]


def issue_with(theme: Mapping[str, Any], kind: str = "bulletin") -> Facts:
    found = articles("en", 2, pictures=True)
    return facts_of(rendered(kind, "en", found, theme), kind, "en", found)


@pytest.mark.parametrize(("kind", "language", "count", "pictures"), EVERY)
def test_no_rule_has_anything_to_say_of_an_issue(kind: str, language: str, count: int, pictures: bool) -> None:
    found = articles(language, count, pictures=pictures)
    facts = facts_of(rendered(kind, language, found), kind, language, found)
    # An issue without articles is the author's choice, not the template's.
    assert [each for each in said(facts) if "no-articles" not in each] == []


@pytest.mark.parametrize("theme", THEMES)
def test_no_rule_has_anything_to_say_of_another_theme(theme: str) -> None:
    assert said(issue_with(THEMES[theme])) == []
    assert said(issue_with(THEMES[theme], "alert")) == []


@pytest.mark.parametrize("template", ["confirm", "already"])
@pytest.mark.parametrize("language", WORDS)
def test_no_rule_has_anything_to_say_of_mails_about_a_subscription(template: str, language: str) -> None:
    issue = asked(language, template)
    wanted = {"confirm": ("confirm", "token"), "already": ("unsubscribe", "preferences")}[template]
    links = {name: LINKS[name] for name in wanted}
    html, text = (PersonalPart(part).render(clean_fields(READER), links) for part in (issue.html, issue.text))
    subject, preheader = (PersonalPart(part, header=True).render({}, {}) for part in (issue.subject, issue.preheader))
    facts = Facts(NOW, (Mail("made-up reader", subject, preheader, html, text),), clients=CLIENTS)
    expected = (
        "preheader-length: the preheader has up to",  # an inbox cuts its second sentence; the first says what to do
        "unsubscribe-link: no link" if template == "confirm" else "-",  # nobody is on the list yet
    )
    assert [each for each in said(facts) if not any(known in each for known in expected)] == []


def test_colours_that_nobody_can_read_are_found_in_light_and_in_dark() -> None:
    found = {(each.rule, each.message[:18]) for each in check(issue_with(FAINT))}
    assert ("contrast", "#a8b0b2 on #ffffff") in found  # the muted colour on the sheet
    assert ("contrast", "#a8b0b2 on #f2f4f3") in found  # and around it
    assert ("contrast", "#8ed1ce on #ffffff") in found
    assert ("contrast-dark", "#4a5a5c on #1b2426") in found
    assert {rule for rule, _ in found} == {"contrast", "contrast-dark"}
