"""The mail that asks to confirm, rendered by the real engine: what it promises, in every language and shape."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from mailer.config import Theme
from mailer.errors import TemplateError
from mailer.model import Issue, IssueKind
from mailer.render.issue import RenderedIssue, RenderInput, render_issue
from mailer.render.labels import LANGUAGES, labels_for
from mailer.render.personal import PersonalPart
from mailer.render.sources import TemplateText
from mailer.services.confirmation_mail import PREHEADER, SUBJECT
from mailer.workspace import template_sources
from tests.unit.render.test_shipped_templates import ORGANISATION, Page

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
TEMPLATES = {name: TemplateText(text, f"templates/{name}") for name, text in template_sources().items()}
WEB = {"confirm": "https://news.example.org/c/AXoEBndl_-x", "token": "AXoEBndl_-x"}
LETTER = {"confirm": "mailto:office@example.org?subject=confirm%20AXoEBndl_-x", "token": "AXoEBndl_-x"}
WEEKLY: dict[str, Any] = {
    "title": "Weekly & <more>",
    "description": "",
    "consent": "",
    "by_mail": False,
    "mailbox": "office@example.org",
}
CONSENT = 'I want {{ 7 * 7 }} <b>mails</b>.\nI may "leave" at any time.'


def asked(language: str = "en", template: str = "confirm", **more: Any) -> RenderedIssue:
    issue = Issue("confirm", IssueKind.BULLETIN, SUBJECT, ("weekly",), "", PREHEADER, template, language=language)
    return render_issue(
        RenderInput(
            issue,
            (),
            ORGANISATION,
            Theme().model_dump(),
            TEMPLATES,
            "subscribers/weekly.toml",
            "s4lt",
            NOW,
            {"list": {**WEEKLY, **more}},
        )
    )


def shown(mail: RenderedIssue, links: dict[str, str]) -> tuple[str, str]:
    html, text = (PersonalPart(part).render({}, links) for part in (mail.html, mail.text))
    return html, text


SHAPES: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "bare": ({}, WEB),
    "with words": ({"description": "Every <Sunday>.", "consent": CONSENT}, WEB),
    "by mail": ({"by_mail": True, "consent": CONSENT}, LETTER),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_what_the_mail_promises(language: str, shape: str) -> None:
    more, links = SHAPES[shape]
    html, _ = shown(asked(language, **more), links)
    page, labels = Page(html), labels_for(language)
    assert (page.faults, page.open) == ([], [])
    assert len(page.all("h1")) == 1
    assert all(table.get("role") == "presentation" for table in page.all("table"))
    (root,) = page.all("html")
    assert (root["lang"], root["dir"]) == (language, "rtl" if language in ("ar", "ur") else "ltr")
    assert links["confirm"] in {link.get("href") for link in page.all("a")}
    for phrase in (labels["confirm_heading"], labels["confirm_button"], labels["confirm_ignore"], "Weekly & <more>"):
        assert phrase in page.text
    assert "12 Mill Lane, Riverside" in page.text
    assert labels["unsubscribe"] not in page.text
    assert len(html.encode()) < 40_000


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_the_text_part_says_the_same(language: str, shape: str) -> None:
    more, links = SHAPES[shape]
    _, text = shown(asked(language, **more), links)
    assert links["confirm"] in text.splitlines()
    assert "12 Mill Lane, Riverside" in text and "Weekly & <more>" in text
    assert " ".join(labels_for(language)["confirm_ignore"].split()) in " ".join(text.split())
    assert ("confirm AXoEBndl_-x" in text.splitlines()) is more.get("by_mail", False)
    assert "\n\n\n\n" not in text
    assert all(len(line) <= 78 for line in text.splitlines())


def test_the_consent_text_stands_there_word_for_word() -> None:
    html, text = shown(asked(consent=CONSENT), WEB)
    first, second = CONSENT.splitlines()
    assert f"> {first}\n> {second}\n" in text
    assert first in Page(html).text and second in Page(html).text
    without, plain = shown(asked(), WEB)
    assert labels_for("en")["confirm_consent"] not in Page(without).text + plain


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_subject_and_preheader(language: str) -> None:
    mail = asked(language)
    labels = labels_for(language)
    subject = PersonalPart(mail.subject, header=True).render({}, {})
    assert subject == f"{labels['confirm_subject']} Weekly & <more>"
    preheader = PersonalPart(mail.preheader, header=True).render({}, {})
    assert preheader == f"{labels['confirm_ask']} {labels['confirm_ignore']}"
    html, _ = shown(mail, WEB)
    first = re.search(r"<body.*?<div[^>]*>\s*([^<]+)", html, re.DOTALL)
    assert first is not None and labels["confirm_ask"] in first[1]


def test_dark_mode_and_nothing_from_elsewhere() -> None:
    html, _ = shown(asked(consent=CONSENT), WEB)
    assert "prefers-color-scheme" in html and "[data-ogsc]" in html
    assert Page(html).all("img") == [] and "@import" not in html and "<link" not in html


def test_no_issue_is_written_in_it() -> None:
    with pytest.raises(TemplateError) as caught:
        asked(template="confirmation")
    assert caught.value.hint == "there are: alert, bulletin"
