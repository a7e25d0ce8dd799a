"""What Jinja2 made of a template is kept by the process: never where something that goes into it differs."""

from __future__ import annotations

import pytest
from jinja2.nodes import Node

from mailer.errors import TemplateError
from mailer.render import compile as compiling
from mailer.render.compile import IssueEnvironment, PartInput, compile_html, compile_plain, rendered
from mailer.render.fields import clean_fields
from mailer.render.personal import PersonalPart
from mailer.render.sources import TemplateText

FOOT = "{% set town = subscriber.city %}{{ subscriber.name }} in {{ town }}{% if subscriber.vip %}!{% endif %}"
READER = clean_fields({"name": "A&B", "city": "Oslo", "vip": True, "first": "Kari"})


def plain(text: str, foot: str = FOOT, label: str = "foot", strings: bool = False) -> str:
    """`text` before the foot, which is the same template each time."""
    templates = {"main": TemplateText(text + "{% include 'foot' %}", "main"), "foot": TemplateText(foot, label)}
    templates["s"] = TemplateText("{{ subscriber.first }}", "s")
    given = PartInput(templates, "main", {"issue": {}}, "en", "s4lt", {"subject": "s"} if strings else {})
    return PersonalPart(compile_plain(given)).render(READER, {})


def test_its_places_are_counted_from_where_the_part_is() -> None:
    assert plain("") == "A&B in Oslo!"
    assert plain("{{ subscriber.first }}: ") == "Kari: A&B in Oslo!"
    assert plain("{{ subscriber.first }}{% set own = subscriber.vip %}: ") == "Kari: A&B in Oslo!"
    assert plain("{{ issue.subject }}: ", strings=True) == "Kari: A&B in Oslo!"
    assert plain("") == "A&B in Oslo!"


def test_sites_and_kept_values_are_counted_the_same_a_second_time() -> None:
    templates = {
        "main": TemplateText("{% set a = issue.x ~ subscriber.first %}{{ a }}{% include 'foot' %}{{ a }}", "main"),
        "foot": TemplateText("{% set two = issue.y ~ subscriber.city %}{{ two }}", "foot"),
    }
    given = PartInput(templates, "main", {"issue": {"x": "1", "y": "2"}}, "en", "s4lt", {})
    first, again = (rendered(given, autoescape=False)[0].sites for _ in range(2))
    assert (len(again), again.aliases) == (len(first), first.aliases) == (3, 2)
    assert PersonalPart(compile_plain(given)).render(READER, {}) == "1Kari2Oslo1Kari"


def test_another_text_under_the_same_name_is_another() -> None:
    assert plain("", "{{ subscriber.first }}") == "Kari"
    assert plain("", "{{ subscriber.city }}") == "Oslo"


def test_what_is_wrong_names_its_own_file() -> None:
    for label in ("one.txt", "two.txt"):
        with pytest.raises(TemplateError) as caught:
            plain("", "{% if issue.subject == 'Rivers' %}{% endif %}", label, strings=True)
        assert caught.value.name == label


def test_text_and_html_escape_each_in_their_way() -> None:
    """Of the same template: what is known now is escaped when it is compiled."""
    source = "<mjml><mj-body><mj-text>{{ 'a<b' }} {{ subscriber.name }}</mj-text></mj-body></mjml>"
    given = PartInput({"main": TemplateText(source, "main")}, "main", {}, "en", "s4lt", {})
    for _ in range(2):
        assert "a<b A&B" in PersonalPart(compile_plain(given)).render(READER, {})
        assert "a&lt;b A&amp;B" in PersonalPart(compile_html(given)).render(READER, {})


def test_a_second_time_nothing_is_read_and_nothing_of_the_first_issue_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "_written", {})
    text = "{% for each in subscriber.all if each %}{{ each or subscriber.city }}{% endfor %}{{ subscriber.first }}: "
    first = plain(text)

    def never(*args: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(IssueEnvironment, "_parse", never)
    assert plain(text) == first == "Kari: A&B in Oslo!"
    sites = [site for written in compiling._written.values() for site in written.sites]
    nodes = [node for site in sites for node in (site.expression, site.target, site.test) if node is not None]
    assert len(nodes) > 3
    assert {each.environment for node in nodes for each in (node, *node.find_all(Node))} == {None}


def test_the_oldest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "_written", {})
    monkeypatch.setattr(compiling, "WRITTEN", 3)
    for number in range(10):
        assert plain(f"{number}: ") == f"{number}: A&B in Oslo!"
        assert len(compiling._written) <= 3
