"""The promise of the renderer: compiling once and filling in equals rendering everything for that one person."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mailer.errors import TemplateError
from mailer.render.compile import PartInput, compile_html, compile_plain, rendered
from mailer.render.environment import Fields, TemplateEnvironment
from mailer.render.fields import FieldColumns, clean_fields
from mailer.render.flat import Flat
from mailer.render.mjml import compile_mjml, without_engine_fonts
from mailer.render.personal import PersonalPart
from mailer.render.sources import TemplateText
from mailer.render.squeeze import squeeze
from mailer.render.tokens import FlatBuilder
from tests.thoroughness import examples
from tests.unit.render.grammar import CONTEXT, SUBSCRIBERS, templates

LINKS = {"unsubscribe": "https://e.org/u/abc?x=1&y=2"}


def part(source: str | Mapping[str, str], context: Mapping[str, Any] = CONTEXT) -> PartInput:
    sources = {"main": source} if isinstance(source, str) else source
    texts = {name: TemplateText(text, f"templates/{name}") for name, text in sources.items()}
    return PartInput(texts, "main", context, "en", "s4lt", {})


def directly(source: str | Mapping[str, str], subscriber: Mapping[str, Any], *, autoescape: bool) -> str:
    """Ordinary Jinja2: the whole template for one person."""
    sources = {"main": source} if isinstance(source, str) else source
    environment = TemplateEnvironment(
        lambda name: (sources[name], name, lambda: True) if name in sources else None, autoescape=autoescape
    )
    recipient = {
        "subscriber": Fields("subscriber", clean_fields(subscriber)),
        "links": Fields("links", clean_fields(LINKS)),
    }
    return environment.get_template("main").render({**CONTEXT, **recipient})


def in_two_moments(source: str | Mapping[str, str], subscriber: Mapping[str, Any], *, autoescape: bool) -> str:
    environment, text = rendered(part(source), autoescape=autoescape)
    environment.book.refuse_unwritten(text, "lost")
    flat = FlatBuilder(environment.book).build(text, autoescape=autoescape)
    kept = Flat.from_json(json.loads(json.dumps(flat.to_json())))
    assert kept == flat
    return PersonalPart(kept).render(clean_fields(subscriber), clean_fields(LINKS))


@settings(
    max_examples=examples(400, 6),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(source=templates(), subscriber=SUBSCRIBERS, autoescape=st.booleans())
def test_compiling_once_equals_rendering_for_one_person(
    source: str, subscriber: Mapping[str, Any], autoescape: bool
) -> None:
    assert in_two_moments(source, subscriber, autoescape=autoescape) == directly(
        source, subscriber, autoescape=autoescape
    )


@settings(
    max_examples=examples(300, 6),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(source=templates(), subscribers=st.lists(SUBSCRIBERS, min_size=1, max_size=6), autoescape=st.booleans())
def test_many_at_once_equals_one_after_the_other(
    source: str, subscribers: list[Mapping[str, Any]], autoescape: bool
) -> None:
    """Also when their texts were kept from people before them."""
    environment, text = rendered(part(source), autoescape=autoescape)
    flat = FlatBuilder(environment.book).build(text, autoescape=autoescape)
    personal = PersonalPart(flat)
    links = [{"unsubscribe": f"{LINKS['unsubscribe']}&n={number}"} for number in range(len(subscribers))]
    for _ in range(2):
        people = FieldColumns(subscribers, {}, {"unsubscribe": [each["unsubscribe"] for each in links]})
        try:
            singly = [
                PersonalPart(flat).values(clean_fields(one), clean_fields(own))
                for one, own in zip(subscribers, links, strict=True)
            ]
        except TemplateError:
            with pytest.raises(TemplateError):
                personal.columns(people)
            return
        columns = personal.columns(people)
        assert [[column[index] for column in columns] for index in range(len(subscribers))] == singly


@pytest.mark.parametrize(
    ("source", "people", "texts"),
    [
        ("{{ subscriber.n + 1 }}", [{"n": 1}, {"n": 1.0}, {"n": True}], ["2", "2.0", "2"]),
        ("{{ subscriber.n | string }}", [{"n": 1}, {"n": 1.0}, {"n": True}, {"n": "1"}], ["1", "1.0", "True", "1"]),
        ("{{ subscriber.t | join('-') }}", [{"t": ["a"]}, {"t": "ab"}, {"t": ["a", "b"]}], ["a", "a-b", "a-b"]),
        ("{{ 'a' if subscriber.x else 'b' }}", [{"x": ""}, {"x": " "}, {}, {"x": 0}], ["b", "a", "b", "b"]),
        ("{{ subscriber.n is string }}", [{"n": 1}, {"n": "1"}, {"n": True}], ["False", "True", "False"]),
        ("{{ subscriber.x is defined }}", [{"x": ""}, {"x": None}, {"x": 0}], ["False", "False", "True"]),
        ("{{ subscriber['x y'] ~ subscriber.z }}", [{"x y": "1", "z": "2"}, {"x y": "12", "z": ""}], None),
        ("{{ subscriber.x ~ '' }}", [{"x": "a\0b"}, {"x": "a b"}, {"x": "\ud800"}], ["a b", "a b", " "]),
        ("{% for name in subscriber %}{{ name }}{% endfor %}", [{"a": 1}, {"b": 1, "c": ""}], ["a", "b"]),
        ("{{ links.unsubscribe | upper }}", [{}, {}], ["U0", "U1"]),
        ("{{ 'x' | upper }}{% if subscriber.a %}{{ 1 }}{% endif %}", [{}, {"a": 1}], ["", "1"]),
    ],
)
def test_texts_are_shared_by_those_with_the_same_values_and_by_nobody_else(
    source: str, people: list[dict[str, Any]], texts: list[str] | None
) -> None:
    environment, text = rendered(part(source), autoescape=False)
    personal = PersonalPart(FlatBuilder(environment.book).build(text, autoescape=False))
    columns = FieldColumns(people, {}, {"unsubscribe": [f"u{number}" for number in range(len(people))]})
    if texts is None:
        with pytest.raises(TemplateError, match="has no value"):
            personal.columns(columns)
        return
    for _ in range(2):
        assert [list(column) for column in personal.columns(columns)] == [texts]


def test_what_is_left_to_chance_is_not_shared() -> None:
    environment, text = rendered(part("{{ subscriber.tags | random }}"), autoescape=False)
    personal = PersonalPart(FlatBuilder(environment.book).build(text, autoescape=False))
    (column,) = personal.columns(FieldColumns([{"tags": ["a", "b"]}] * 200, {}, {}))
    assert set(column) == {"a", "b"}


ADA = {"id": 3, "first_name": "Ada <Å>", "city": "Oslo", "tags": ["x", "y"]}

PIECES = {
    "include inside a loop": {
        "main": "{% for article in articles %}{% include 'one' %}{% endfor %}",
        "one": "{{ article.title }} for {{ subscriber.first_name }}",
    },
    "extends and super": {
        "main": "{% extends 'page' %}{% block body %}[{{ super() }}|{{ subscriber.id }}]{% endblock %}",
        "page": "<{% block body %}{{ links.unsubscribe }}{% endblock %}>",
    },
    "macro that speaks of the recipient": {
        "main": "{% macro hello(word) %}{{ word }} {{ subscriber.first_name }}{% endmacro %}{{ hello('Hi') }}",
    },
    "imported macro with a caller": {
        "main": "{% from 'lib' import box with context %}{% call box() %}{{ subscriber.id }}{% endcall %}",
        "lib": "{% macro box() %}<box>{{ caller() }}</box>{% endmacro %}",
    },
    "set twice": {"main": "{% set x = subscriber.id %}{{ x }}{% set x = 'plain' %}{{ x }}"},
    "set keeps the value of its time": {
        "main": "{% set n = 1 %}{% set x = subscriber.id ~ n %}{% set n = 2 %}{{ x }}{{ n }}",
    },
    "with": {"main": "{% with who = subscriber.first_name, n = 2 %}{{ who }}{{ n }}{% endwith %}"},
    "known condition guards its body": {
        "main": "{% if subscriber.city == 'Rome' %}R{% elif nothing %}{{ nothing[0].title }}{% else %}-{% endif %}",
    },
    "known condition first": {
        "main": "{% if nothing %}{{ nothing[0].title }}{% elif subscriber.city == 'Oslo' %}O{% else %}-{% endif %}",
    },
    "whitespace control": {"main": "a  {%- if subscriber.city -%}  b  {%- endif -%}  c"},
    "a known part of a condition guards what is behind it": {
        "main": "{% if nothing and nothing[0].title == subscriber.city %}x{% endif %}"
        "{% if nothing and subscriber.city %}{{ nothing[0].title }}{% endif %}"
        "{{ nothing[0].title if nothing else subscriber.id }}{{ subscriber.id if not nothing else nothing[0].x }}",
    },
    "names of kept values in two templates": {
        "main": "{% extends 'page' %}{% set x = subscriber.id ~ issue.name %}{% block b %}{{ x }}{% endblock %}",
        "page": "{% set y = subscriber.id ~ issue.number %}{% block b %}{% endblock %}{{ y }}",
    },
    "macro whose text is only passed on": {
        "main": "{% macro m() %}{{ subscriber.city }}{% endmacro %}{{ m() }}{{ m() ~ '!' }}{{ [m(), 'x']|join('-') }}"
        "{{ m()|safe }}{{ m()|default('x') }}",
    },
    "raw": {"main": "{% raw %}{{ subscriber.x }}{% endraw %}{{ subscriber.id }}"},
    "comment": {"main": "{# {{ subscriber.x }} #}{{ subscriber.id }}"},
    "loop variable of the recipient's loop": {
        "main": "{% for tag in subscriber.tags %}{{ loop.index }}/{{ loop.length }}{{ tag }}{% endfor %}",
    },
    "unpacking": {"main": "{% for name, n in [('a', subscriber.id)] %}{{ name }}{{ n }}{% endfor %}"},
    "a set block without recipient data": {"main": "{% set x %}{{ issue.name }}{% endset %}{{ x }}{{ subscriber.id }}"},
    "namespace": {"main": "{% set ns = namespace(n=0) %}{% for a in articles %}{% set ns.n = ns.n + 1 %}{% endfor %}"
                          "{{ ns.n }}{{ subscriber.id }}"},
    "dates": {"main": "{{ subscriber.id }}{{ issue.name[:4] }}"},
}  # fmt: skip


@pytest.mark.parametrize("sources", PIECES.values(), ids=PIECES)
@pytest.mark.parametrize("autoescape", [True, False])
def test_parts_of_the_language(sources: Mapping[str, str], autoescape: bool) -> None:
    assert in_two_moments(sources, ADA, autoescape=autoescape) == directly(sources, ADA, autoescape=autoescape)


REFUSED = {
    "macro called with the recipient": ("{% macro b(x) %}{{ x }}{% endmacro %}\n{{ b(subscriber.id) }}", 2, "macro"),
    "call block": ("{% macro b(x) %}{% endmacro %}\n\n{% call b(subscriber.id) %}{% endcall %}", 3, "once for"),
    "set in a recipient condition": ("{% if subscriber.city %}\n{% set x = 1 %}{% endif %}", 2, "'set' inside"),
    "set in a branch, used after it": (
        "{% if articles %}{% set x = subscriber.id %}{% endif %}\n{{ x }}", 2, "line 1, so its value is unknown"),
    "set block": ("{% set x %}\n{{ subscriber.id }}{% endset %}{{ x }}", 2, "cannot contain recipient data"),
    "filter block": ("{% filter upper %}\n\n{{ subscriber.id }}{% endfilter %}", 3, "cannot contain recipient data"),
    "filter on text with a token": (
        "{% macro m() %}{{ subscriber.id }}{% endmacro %}\n{{ m()|upper }}", 2, "'upper' cannot be used"),
    "include by recipient": ("{% include subscriber.x %}", 1, "the name of a template"),
    "renamed root": ("{% set subscriber = 1 %}", 1, "is the recipient's"),
    "loop over a root name": ("{% for links in articles %}{% endfor %}", 1, "is the recipient's"),
    "include in a recipient loop": ("{% for t in subscriber.tags %}{% include 'main' %}{% endfor %}", 1, "include"),
    "autoescape block": ("{% autoescape false %}{{ subscriber.id }}{% endautoescape %}", 1, "not supported"),
    "counting loop with a recipient filter": (
        "{% for a in articles if a.city == subscriber.city %}{{ loop.index }}{% endfor %}", 1, "cannot use 'loop'"),
    **{
        f"inspecting text of a macro: {inspected}": (
            "{% macro m() %}{{ subscriber.city }}{% endmacro %}\n{{ m() }}" + inspected, 2, message
        )
        for inspected, message in {
            "{% if m() %}x{% endif %}": "inspected here",
            "{{ m() or 'x' }}": "inspected here",
            "{{ 'x' if m() else 'y' }}": "inspected here",
            "{{ m().upper() }}": "inspected here",
            "{{ m()[:5] }}": "inspected here",
            "{{ 'Ada' in m() }}": "inspected here",
            "{{ m() == 'x' }}": "inspected here",
            "{% for c in m() %}{% endfor %}": "inspected here",
            "{{ [m(), 'x'] == [] }}": "inspected here",
            "{{ m() is string }}": "inspected here",
            "{{ '%.2s' % m() }}": "inspected here",
            "{{ m()|length }}": "'length' cannot be used",
            "{{ m()|trim }}": "'trim' cannot be used",
            "{{ m()|default('x', true) }}": "'default' cannot be used",
            "{{ [m(), 'x']|sort|join }}": "'sort' cannot be used",
            "{{ {'q': m()}|urlencode }}": "'urlencode' cannot be used",
            "{{ 'x'|replace('x', m()) }}": "'replace' cannot be used",
        }.items()
    },
    "joiner": ("\n{{ joiner(', ') }}", 2, "'joiner' is undefined"),
    "a namespace changed by a macro in a condition": (
        "{% set ns = namespace(n=0) %}{% macro inc() %}\n{% set ns.n = 1 %}{% endmacro %}"
        "{% if subscriber.city %}{{ inc() }}{% endif %}{{ ns.n }}", 2, "would hold for everybody"),
    "a macro that uses a name for recipient data": (
        "{% set x = subscriber.id %}{% macro m() %}\n{{ x }}{% endmacro %}{{ m() }}", 2, "in its own template only"),
    "a name of the program": ("{% for _v0 in articles %}{% endfor %}", 1, "the program's own"),
    "block in a recipient loop": (
        "{% for t in subscriber.tags %}{% block z %}{{ t }}{% endblock %}{% endfor %}", 1, "contain a block"),
    "a function printed": ("\n{{ range }}", 2, "cannot be printed"),
    "expressions without end": ("{{ subscriber.id" + " + 1" * 2000 + " }}", 1, "nested without end"),
    "undefined name": ("\n{{ artcles }}", 2, "'artcles' is undefined"),
    "unknown filter on the recipient": ("\n{{ subscriber.id }}{{ subscriber.id|shout }}", 2, "No filter named 'shout'"),
    "syntax": ("\n{% if %}", 2, "Expected an expression"),
    "unknown filter": ("\n\n{{ issue.name|shout }}", 3, "No filter named 'shout'"),
    "unknown template": ("{% include 'mian' %}", 1, "there is no template 'mian'"),
    "division by zero": ("\n{{ 1 / 0 }}", 2, "division by zero"),
    "endless include": ("{% include 'main' %}", 1, "without end"),
}  # fmt: skip


@pytest.mark.parametrize(("source", "line", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_work_is_refused_with_its_line(source: str, line: int, message: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(message)) as caught:
        compile_plain(part(source))
    if "without end" not in message:
        assert (caught.value.name, caught.value.line) == ("templates/main", line)


ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ issue.__class__.__mro__ }}",
    "{{ ''.join.__globals__ }}",
    "{{ issue.name.format.__func__ }}",
    "{{ '{0.__class__}'.format(issue) }}",
    "{{ ('%s' % issue.name).__class__ }}",
    "{{ cycler.__init__.__globals__.os }}",
    "{{ namespace.__init__ }}",
    "{{ self.__dict__ }}",
    "{{ issue|attr('__class__') }}",
    "{{ [].append.__self__.__class__ }}",
    "{{ articles.append(1) }}",
    "{{ issue.clear() }}",
    "{{ 'a' * 10**9 }}",
    "{{ 9 ** 999999 }}",
    "{{ range(10**7)|list }}",
    "{{ subscriber.__class__ }}",
    "{{ subscriber._values }}",
    "{{ (subscriber.id|string).__class__ }}",
    "{{ links.__init__.__globals__ }}",
    "{{ lipsum() }}",
]


@pytest.mark.parametrize("source", ESCAPES)
def test_template_code_does_not_reach_python(source: str) -> None:
    with pytest.raises(TemplateError) as caught:
        PersonalPart(compile_plain(part(source))).render(ADA, LINKS)
    assert "object at 0x" not in str(caught.value)


SHADOWED = [
    {"main": "{% set x = 'plain' %}{% set x = subscriber.id %}{% include 'one' %}", "one": "{{ x }}"},
    {"main": "{% with issue = subscriber %}{% include 'one' %}{% endwith %}", "one": "{{ issue }}"},
    {"main": "{% from 'one' import x with context %}{{ x }}", "one": "{% set x = subscriber.id %}"},
]


@pytest.mark.parametrize("sources", SHADOWED, ids=["set", "with", "import"])
def test_a_name_for_recipient_data_is_no_older_value_elsewhere(sources: Mapping[str, str]) -> None:
    with pytest.raises(TemplateError, match="known in its own template only"):
        compile_plain(part(sources))


GREEDY = [
    "{{ '%99999999d' % issue.number }}",
    "{{ '{:>99999999}'.format(issue.number) }}",
    "{{ '{:{}}'.format(1, 99999999) }}",
    "{{ issue.name.center(99999999) }}",
    "{{ issue.name.ljust(99999999) }}",
    "{{ '%99999999d' % subscriber.id }}",
    "{{ (subscriber.id|string).zfill(99999999) }}",
    "{% for a in range(subscriber.id * 9999) %}{% for b in range(9999) %}123456{% endfor %}{% endfor %}",
]


@pytest.mark.parametrize("source", GREEDY)
def test_no_template_fills_the_memory(source: str) -> None:
    with pytest.raises(TemplateError):
        PersonalPart(compile_plain(part(source))).render(ADA, LINKS)


@pytest.mark.parametrize("source", ["{{ subscriber }}", "{{ links }}", "{{ subscriber.first_name.upper }}"])
def test_no_place_in_memory_is_printed(source: str) -> None:
    with pytest.raises(TemplateError, match="cannot be printed"):
        PersonalPart(compile_plain(part(source))).render(ADA, LINKS)


def test_a_nul_in_nested_data_does_no_harm() -> None:
    personal = PersonalPart(compile_plain(part("{{ subscriber.k.v ~ 1 }}|{{ subscriber.id|upper }}")))
    assert personal.render(clean_fields({"id": "a", "k": {"v": "x\0y"}}), LINKS) == "x y1|A"


def test_the_subject_shares_no_escaping_with_the_html() -> None:
    sources = {
        "main": "{% include 'inc' %}|{{ issue.subject }}",
        "inc": "{{ articles[0].title }}",
        "s": "{% include 'inc' %}",
    }
    given = part(sources)
    shared = PartInput(given.templates, "main", given.context, "en", "s4lt", {"subject": "s"})
    _, text = rendered(shared, autoescape=True)
    assert "<title>" not in text
    assert text.count("A &#34;quoted&#34; &lt;title&gt; &amp; more") == 2


def test_a_mistake_deep_in_a_condition_names_its_own_line() -> None:
    source = (
        "{% if subscriber.city %}\n{% for t in subscriber.tags %}\n\n{{ subscriber.surname }}{% endfor %}{% endif %}"
    )
    with pytest.raises(TemplateError) as caught:
        PersonalPart(compile_plain(part(source))).render(ADA, LINKS)
    assert caught.value.message == "templates/main:4: 'subscriber.surname' has no value for this recipient"
    assert "default" in str(caught.value.hint)


def test_branches_for_links_that_nobody_has_are_left_out() -> None:
    flat = compile_plain(part("{% if links.view %}view{% elif subscriber.city %}{{ subscriber.city }}{% endif %}"
                              "{% if links.view %}{{ links.view }}{% else %}-{% endif %}"))  # fmt: skip
    personal = PersonalPart(flat, absent=frozenset({"links.view"}))
    assert personal.render(ADA, LINKS) == PersonalPart(flat).render(ADA, LINKS) == "Oslo-"
    assert len(personal.distinct) == 1


def test_questions_for_links_that_everybody_has_are_answered_once() -> None:
    flat = compile_plain(part("{% if subscriber.city %}{% if links.view %}A{% endif %}{% elif links.view %}B{% else %}C"
                              "{% endif %}{% if links.view %}{{ links.view }}{% else %}-{% endif %}"))  # fmt: skip
    personal = PersonalPart(flat, present=frozenset({"links.view"}))
    for reader in (ADA, {}):
        assert personal.render(reader, {"view": "V"}) == PersonalPart(flat).render(reader, {"view": "V"})
    assert [slot.field for slot in personal.distinct] == ["", "view"], "the second is no question any more"


def test_endless_output_is_cut_short() -> None:
    source = "{% for a in range(1000) %}{% for b in range(1000) %}123456{% endfor %}{% endfor %}"
    with pytest.raises(TemplateError, match="more than 5000000 characters"):
        compile_plain(part(source))


def test_a_missing_field_is_an_error_with_name_file_and_line() -> None:
    for source in ("\n\n{{ subscriber.surname }}", "\n\n{{ subscriber.surname|upper }}"):
        with pytest.raises(TemplateError) as caught:
            PersonalPart(compile_plain(part(source))).render(ADA, LINKS)
        assert caught.value.message == "templates/main:3: 'subscriber.surname' has no value for this recipient"


def test_an_undefined_name_beside_recipient_data_is_an_error() -> None:
    with pytest.raises(TemplateError, match=r"templates/main:2: 'artcles' is undefined"):
        PersonalPart(compile_plain(part("\n{{ artcles ~ subscriber.id }}"))).render(ADA, LINKS)


def test_values_put_in_by_a_provider_give_the_same_text() -> None:
    name = "{{ subscriber.first_name }}"
    source = name + " & {% if subscriber.city %}{{ subscriber.id }}{% endif %} " + name
    personal = PersonalPart(compile_plain(part(source)))
    text = personal.substituted(lambda number: f"%tag{number}%")
    values = personal.values(clean_fields(ADA), LINKS)
    assert text == "%tag0% & %tag1% %tag0%"
    assert values == ["Ada <Å>", "3"]
    for number, value in enumerate(values):
        text = text.replace(f"%tag{number}%", value)
    assert text == personal.render(clean_fields(ADA), LINKS)


def test_recipient_data_is_never_template_source() -> None:
    name = "{{ 7*7 }}{% raw %}zqs4ltx0qz"
    text = in_two_moments(
        "{{ subscriber.first_name }} {{ subscriber.id }}", {"id": 1, "first_name": name}, autoescape=True
    )
    assert text == f"{name} 1"


def test_control_characters_of_an_import_never_reach_a_mail() -> None:
    subject = PersonalPart(compile_plain(part("Hi {{ subscriber.first_name }}!")), header=True)
    fields = clean_fields({"first_name": "Ada\r\nBcc: x@example.org\x00"})
    assert subject.render(fields, LINKS) == "Hi Ada Bcc: x@example.org !"


MJML = {
    "main": """<mjml><mj-head><mj-title>{{ subscriber.first_name|default("x") }} "q" & <b></mj-title>
      <mj-preview>{{ subscriber.id }}</mj-preview>
      <mj-style inline="inline">.red td { color: red }</mj-style></mj-head><mj-body>
      {% for article in articles %}
      {% if subscriber.city == article.city %}
      <mj-section><mj-column>
        <mj-text css-class="red">Near {{ subscriber.city }}: {{ article.title }}</mj-text>
        {% if subscriber.first_name %}<mj-button href="{{ links.unsubscribe }}">{{ article.title }}</mj-button>
        {% else %}<mj-divider />{% endif %}
      </mj-column></mj-section>
      {% endif %}
      {% endfor %}
      <mj-section><mj-column><mj-table>
        {% for tag in subscriber.tags|default([]) %}<tr><td>{{ tag }}</td></tr>{% endfor %}</mj-table>
        <mj-image src="https://e.org/{{ subscriber.id }}.png" alt="{{ subscriber.first_name|default('') }}" />
        <mj-text color="{{ 'red' if subscriber.id > 2 else 'blue' }}">a <b>b</b> <i>c</i></mj-text>
      </mj-column></mj-section>
    </mj-body></mjml>"""
}


class Looks(HTMLParser):
    """What a client makes of HTML: tags with their attributes, words, comments. How it is written does not matter."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.seen: list[object] = []
        self.words = ""
        # The seams between Outlook's comments are closed where no condition stands between them.
        self.feed(re.sub(r"<!\[endif\]-->\s*<!--\[if mso \| IE\]>", "", html))
        self.put(None)

    def put(self, event: object) -> None:
        if words := " ".join(self.words.split()):
            self.seen.append(words)
        self.words = ""
        self.seen.append(event)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "tbody":  # CSS inlining writes it where there is a row in the source
            self.put((tag, sorted(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag != "tbody":
            self.put(f"/{tag}")

    def handle_data(self, data: str) -> None:
        self.words += data

    def handle_comment(self, data: str) -> None:
        self.put(Looks(data.removeprefix("[if mso | IE]>")).seen if data.startswith("[if mso | IE]>") else data.split())


def looks(html: str) -> list[object]:
    return Looks(html).seen


@settings(max_examples=examples(40), deadline=None)
@given(subscriber=SUBSCRIBERS)
def test_mjml_once_equals_mjml_for_each(subscriber: Mapping[str, Any]) -> None:
    name = subscriber.get("first_name", "")
    assume(name == " ".join(name.split()))  # MJML strips a title; white space there and elsewhere is nobody's concern
    personal = PersonalPart(compile_html(part(MJML)))
    once = personal.render(clean_fields(subscriber), clean_fields(LINKS))
    mjml = directly(MJML, subscriber, autoescape=True)
    each = squeeze(without_engine_fonts(mjml, compile_mjml(mjml)))
    assert looks(once) == looks(each)


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ('<mj-image src="https://e.org/a.png" width="{{ subscriber.id }}px" />', "MJML drops it"),
        ("{{ subscriber.id }}", "cannot stand between MJML tags"),
        ("{% if subscriber.id %}<mj-text>a{% endif %}</mj-text>", "torn apart"),
        ("<mj-bogus>a</mj-bogus>", "templates/main:1: <mj-bogus> is not an MJML tag"),
        (
            "</mj-column>{% if subscriber.id %}<mj-column></mj-column>{% endif %}<mj-column>",
            "decide what is in <mj-section>",
        ),
        ('<mj-text css-class="{% if subscriber.id %}a">t{% endif %}</mj-text>', "torn apart"),
        ("<p>a</p>", "<p> is not an MJML tag"),
    ],
)
def test_mjml_that_cannot_hold_recipient_data_is_refused(inside: str, message: str) -> None:
    source = f"<mjml><mj-body><mj-section><mj-column>{inside}</mj-column></mj-section></mj-body></mjml>"
    with pytest.raises(TemplateError, match=message):
        compile_html(part(source))
