"""What an issue costs once, and a recipient after that, beside rendering everything for each recipient.

    .venv/bin/python bench/render.py

The bulletin is the shipped one with eight articles, as `mailer send` compiles it. The peer does what most programs
do: Jinja2, then MJML, for each recipient; then the same with email.message.EmailMessage for the mail around it. All
times are processor time of this process, the best of several rounds, so that a busy machine only adds.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from pathlib import Path
from time import process_time
from typing import Any

from mailer.config import Theme
from mailer.model import Article, ArticleChoice, Issue, IssueKind, Recipient
from mailer.render.compile import PartInput, compile_html
from mailer.render.environment import Fields, TemplateEnvironment
from mailer.render.fields import clean_fields
from mailer.render.issue import RenderInput, all_templates, render_issue, template_context
from mailer.render.mjml import compile_mjml
from mailer.render.personal import PersonalPart
from mailer.render.sources import TemplateText
from mailer.services.writer import MailWriter

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ORGANISATION = {
    "name": "Riverside Together",
    "postal_address": "12 Mill Lane, Riverside",
    "contact": "office@example.org",
    "website": "https://example.org",
}
BODY = """\
Dear {{ subscriber.first_name | default("friend") }},

this was a good week on the river.

{% if subscriber.city == "Riverside" %}
We meet on Saturday at the weir, five minutes from you.
{% endif %}

[articles]

Thank you for reading.
"""
RECIPIENTS = 200


def templates() -> dict[str, TemplateText]:
    folder = Path(__file__).parent.parent / "templates"
    files = [*folder.glob("*.mjml"), *folder.glob("*.jinja")]
    return {path.name: TemplateText(path.read_text(encoding="utf-8"), f"templates/{path.name}") for path in files}


def bulletin() -> RenderInput:
    articles = [
        Article(
            key=f"key{number}",
            source="site",
            title=f"What the river carried, part {number}",
            excerpt="Every bag was weighed and every find was counted, from the weir to the old harbour. " * 3,
            first_seen_at=NOW,
            url=f"https://example.org/news/{number}?from=bulletin&part={number}",
            author="Mira Holt",
        )
        for number in range(8)
    ]
    issue = Issue(
        name="2026-11-22-rivers",
        kind=IssueKind.BULLETIN,
        subject="{{ subscriber.first_name | default('Friend') }}, a good week on the river",
        preheader="Nine kilometres, 412 tyres",
        lists=("weekly",),
        body=BODY,
        articles=tuple(ArticleChoice(article.key) for article in articles),
    )
    theme = Theme().model_dump()
    return RenderInput(issue, articles, ORGANISATION, theme, templates(), "issues/rivers.md", "b3nch", NOW)


def people() -> list[dict[str, Any]]:
    cities = ("Riverside", "Millbridge", "Harbourton")
    return [
        {"first_name": f"Ann {number}", "city": cities[number % 3], "email": f"ann{number}@example.org"}
        for number in range(RECIPIENTS)
    ]


def microseconds(work: Callable[[], object], rounds: int = 5) -> float:
    best = float("inf")
    gc.disable()
    for _ in range(rounds):
        start = process_time()
        work()
        best = min(best, process_time() - start)
    gc.enable()
    return best * 1e6


def fields_of(person: Mapping[str, Any], number: int) -> dict[str, Any]:
    return clean_fields({**person, "id": f"subscriber{number:06d}", "list": "Weekly bulletin"})


class Directly:
    """Ordinary Jinja2 and MJML for each recipient, from templates that are parsed once."""

    def __init__(self, given: RenderInput) -> None:
        sources = all_templates(given)

        def load(name: str) -> tuple[str, str, Callable[[], bool]] | None:
            return (sources[name].text, name, lambda: True) if name in sources else None

        self.html = TemplateEnvironment(load, autoescape=True)
        self.plain = TemplateEnvironment(load, autoescape=False)
        self.context = template_context(given)

    def parts(self, person: Mapping[str, Any]) -> tuple[str, str, str]:
        link = "https://news.example.org/u/AZsBBndlZWtseWF4b2E1Z2Z5NGQ2M3V2dXi"
        names = {"subscriber": Fields("subscriber", person), "links": Fields("links", {"unsubscribe": link})}
        subject = self.plain.get_template("@subject").render(names)
        preheader = self.plain.get_template("@preheader").render(names)
        context = {**self.context, **names}
        context["issue"] = {**self.context["issue"], "subject": subject, "preheader": preheader}
        text = self.plain.get_template("bulletin.txt.jinja").render(context)
        return subject, text, compile_mjml(self.html.get_template("bulletin.mjml").render(context))


def by_email_package(subject: str, text: str, html: str) -> bytes:
    message = EmailMessage(policy=policy.SMTP.clone(max_line_length=998))
    message["From"] = "Riverside Together <news@example.org>"
    message["To"] = "Ann <ann@example.org>"
    message["Subject"] = subject
    message["List-Unsubscribe"] = "<https://news.example.org/u/AZsBBndlZWtseWF4b2E1Z2Z5NGQ2M3V2dXi>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message.as_bytes()


def snapshot(given: RenderInput) -> dict[str, Any]:
    return {
        "parts": render_issue(given).to_json(),
        "from": {"name": "Riverside Together", "email": "news@example.org", "reply_to": ""},
        "lists": {"weekly": {"title": "Weekly bulletin", "reply_to": ""}},
        "base_url": "https://news.example.org",
        "contact": "office@example.org",
        "hash": "b3" * 32,
    }


def many_places(count: int, expression: str) -> PersonalPart:
    """A part of 26 KB with `count` personal places."""
    rows = "".join(f"<mj-text>{'word ' * 40}{{{{ {expression.format(number)} }}}}</mj-text>" for number in range(count))
    source = f"<mjml><mj-body><mj-section><mj-column>{rows}</mj-column></mj-section></mj-body></mjml>"
    part = PartInput({"main": TemplateText(source, "main")}, "main", {}, "en", "b3nch", {})
    return PersonalPart(compile_html(part))


def row(label: str, ours: float, theirs: float | None = None, peer: str = "") -> None:
    beside = f"   {peer} {theirs:12,.1f} us   ratio {theirs / ours:8,.0f}" if theirs else ""
    print(f"{label:44} {ours:10,.1f} us{beside}")


def whole_job(given: RenderInput, recipients: Sequence[dict[str, Any]]) -> None:
    writer = MailWriter("2026-11-22-rivers", snapshot(given), (bytes(32),))
    envelopes = [
        Recipient(number, f"subscriber{number:06d}", person["email"], "weekly", person)
        for number, person in enumerate(recipients)
    ]
    direct = Directly(given)
    few = [fields_of(person, number) for number, person in enumerate(recipients[:5])]
    once = microseconds(lambda: render_issue(given), 3)
    row("compile the bulletin, once for an issue", once)
    personal = microseconds(lambda: [writer.personal(recipient) for recipient in envelopes]) / len(envelopes)
    each = microseconds(lambda: [direct.parts(person) for person in few], 3) / len(few)
    row("subject, HTML and text of a recipient", personal, each, "Jinja2 and MJML for each")
    mail = microseconds(lambda: [writer.envelope(recipient, NOW) for recipient in envelopes]) / len(envelopes)
    rendered = [direct.parts(person) for person in few]
    package = microseconds(lambda: [by_email_package(*parts) for parts in rendered], 3) / len(few)
    row("the whole mail, with links and headers", mail, each + package, "the same + EmailMessage ")
    row("what the MIME adds to that", max(mail - personal, 0.1), package, "EmailMessage            ")


def places() -> None:
    links = {"unsubscribe": "https://news.example.org/u/abc"}
    person = clean_fields({f"field{number}": f"value & {number}" for number in range(56)} | {"id": 7, "city": "Oslo"})
    cases = {
        "8 plain fields": many_places(8, "subscriber.field{}"),
        "56 plain fields": many_places(56, "subscriber.field{}"),
        "56 places with a default": many_places(56, "subscriber.field{} | default('x')"),
        "56 expressions": many_places(56, "subscriber.field{} | upper ~ subscriber.city"),
    }
    for label, part in cases.items():
        values = repeated(part.values, person, links)
        text = repeated(part.render, person, links)
        size = sum(map(len, part.constants))
        print(f"{label:44} {values:10,.1f} us as values, {text:8,.1f} us as one text of {size:,}")


def repeated(work: Callable[[Mapping[str, Any], Mapping[str, Any]], object], *given: Mapping[str, Any]) -> float:
    return microseconds(lambda: [work(*given) for _ in range(500)]) / 500


def main() -> None:
    given = bulletin()
    recipients = [fields_of(person, number) for number, person in enumerate(people())]
    whole_job(given, recipients)
    places()


if __name__ == "__main__":
    main()
