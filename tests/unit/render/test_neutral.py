"""A part written for nobody: defaults, the other branch, nothing; never an error, and never somebody's data."""

from __future__ import annotations

import pytest

from mailer.render.compile import PartInput, compile_plain
from mailer.render.flat import Flat
from mailer.render.neutral import NeutralPart
from mailer.render.sources import TemplateText

LINK = "https://news.example.org/archive/_own"


def compiled(text: str) -> Flat:
    templates = {"one.txt.jinja": TemplateText(text, "one")}
    return compile_plain(PartInput(templates, "one.txt.jinja", {"shown": [1, 2]}, "en", "salt", {}))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Dear {{ subscriber.first_name | default('friend') }}!", "Dear friend!"),
        ("Dear {{ subscriber.first_name }}!", "Dear !"),
        ("{{ subscriber.list }}", "Weekly"),
        ("{% if subscriber.city %}in {{ subscriber.city }}{% else %}anywhere{% endif %}", "anywhere"),
        ("{{ subscriber.name | upper }}|", "|"),
        ("{{ subscriber.name | default('friend') | upper }}", "FRIEND"),
        ("{% for tag in subscriber.tags %}{{ tag }}{% else %}none{% endfor %}", "none"),
        ("{{ subscriber.age + 1 }}|", "|"),
        ("{{ subscriber['first_name'] }}|{{ subscriber.id }}{{ subscriber.email }}", "|"),
        ("{{ links.unsubscribe }}", LINK),
        ("{% if links.preferences %}yours{% endif %}{% if links.view %}page{% endif %}|", "|"),
        ("{% if links.unsubscribe %}{{ links.unsubscribe }}{% endif %}", LINK),
        ("{{ links.preferences }}", LINK),
    ],
)
def test_personal_places(text: str, written: str) -> None:
    assert NeutralPart(compiled(text), {"list": "Weekly"}, LINK, language="en").text().strip() == written
