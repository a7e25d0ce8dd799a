"""Pages: their language, their style, what an organisation says and looks like itself, and what they permit."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from jinja2 import Environment, nodes
from jinja2.exceptions import SecurityError, TemplateNotFound, UndefinedError
from starlette.requests import Request
from starlette.responses import HTMLResponse

from mailer.app import open_mailer
from mailer.config import load_settings
from mailer.config.theme import Colours, Theme
from mailer.errors import ConfigError
from mailer.languages import LANGUAGES
from mailer.render.labels import labels_for
from mailer.web.clothing import Clothing, pictures
from mailer.web.look import Look
from mailer.web.speaking import TEMPLATES, own_name
from mailer.workspace import Workspace
from tests.web.house import SETTINGS, House, furnish

PAGE = """
{% extends "layout.html" %}
{% block title %}A page{% endblock %}
{% block content %}<h1>Hello</h1>BODY{% endblock %}
"""


@pytest.fixture
def kind() -> str:
    """What a page looks like is no matter of the database."""
    return "sqlite"


@pytest.fixture
def look(house: House) -> Look:
    return Look(house.program)


def asked(path: str = "/x", query: str = "", accept: str = "", method: str = "GET") -> Request:
    headers = [(b"accept-language", accept.encode())] if accept else []
    return Request({
        "type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": headers,
        "scheme": "https", "server": ("news.example.org", 443),
    })  # fmt: skip


def write(house: House, name: str, text: str) -> None:
    folder = house.folder / "templates" / "web"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def shown(house: House, body: str = "", *, request: Request | None = None, **values: object) -> HTMLResponse:
    """A page with that in it, by a look of now."""
    write(house, "page.html", PAGE.replace("BODY", body))
    return Look(house.program).page(request or asked(), "page.html", values)


def text(answer: HTMLResponse) -> str:
    return bytes(answer.body).decode()


def style_of(answer: HTMLResponse) -> str:
    found = re.search(r"<style>(.*?)</style>", text(answer), re.DOTALL)
    assert found is not None
    return found[1]


# Language


def test_a_page_is_in_the_language_that_is_wished_for(look: Look) -> None:
    assert look.language(asked(query="language=ur", accept="fr"), "de") == "ur"
    assert look.language(asked(accept="fr"), "de-AT") == "de"
    assert look.language(asked(accept="xx, nl;q=0.9, pt-PT;q=0.8, fr;q=0.9"), None) == "fr"
    assert look.language(asked(), None, "es") == "es"
    assert look.language(asked(query="language=../../etc"), None) == "en"


@pytest.mark.parametrize("language", [*LANGUAGES, "pt-pt"])
def test_a_page_says_its_language_and_direction(house: House, language: str) -> None:
    answer = shown(house, "{{ _('Unsubscribe') }}", request=asked(accept=language))
    way = "rtl" if language in ("ar", "ur") else "ltr"
    assert f'<html lang="{language}" dir="{way}">' in text(answer)
    assert (answer.headers["content-language"], answer.headers["vary"]) == (language, "Accept-Language")
    assert ("Unsubscribe" in text(answer)) == (language == "en")


def test_the_foot_of_a_page_leads_to_the_same_page_in_each_language(house: House) -> None:
    answer = text(shown(house, request=asked(query="page=2&language=de&x=%22%3E%3Cb%3E")))
    assert 'href="?page=2&amp;x=%22%3E%3Cb%3E&amp;language=ar" lang="ar"' in answer
    assert answer.count('aria-current="true"') == 1
    assert "<b>" not in answer
    assert "hreflang" not in text(shown(house, request=asked(method="POST")))  # there is no address to come back to


def test_a_language_that_was_chosen_is_kept_where_a_page_leads(house: House) -> None:
    body = "{{ link('/archive', page=2) }} {{ link('/subscribe') }} {{ site('/archive.atom') }}"
    assert "/archive?page=2 /subscribe /archive.atom" in text(shown(house, body))
    chosen = text(shown(house, body, request=asked(query="language=AR")))
    assert "/archive?language=ar&amp;page=2 /subscribe?language=ar /archive.atom" in chosen
    assert "/subscribe " in text(shown(house, body, request=asked(query="language=%3Cb%3E")))


def test_languages_are_called_as_their_speakers_call_them() -> None:
    assert [own_name(tag) for tag in ("de", "ar", "ur", "nb", "xx-nowhere")] == [
        "Deutsch",
        "العربية",
        "اردو",
        "Norsk bokmål",
        "xx-nowhere",
    ]


def test_days_and_numbers_are_written_as_the_language_does(house: House) -> None:
    body = "{{ when|day }}; {{ 1234567|number }}"
    assert "22 November 2026; 1,234,567" not in text(shown(house, body, when=house.moment))
    assert "November 22, 2026; 1,234,567" in text(shown(house, body, when=house.moment))
    assert "22. November 2026; 1.234.567" in text(shown(house, body, when=house.moment, request=asked(accept="de")))


# What an organisation makes its own


def test_an_organisations_words_stand_in_place_of_ours(tmp_path: Path) -> None:
    furnish(tmp_path)
    own = '\n[texts.en]\n"Contact" = "Ask <us>"\n[texts.nb]\n"Contact" = "Spør oss"\n'
    (tmp_path / "mailer.toml").write_text(SETTINGS + own)
    with open_mailer(Workspace(tmp_path), {}) as program:
        look = Look(program)
        english = text(look.page(asked(), "error.html", {"status": 404}))
        norwegian = text(look.page(asked(accept="nb-NO"), "error.html", {"status": 404}))
    assert "Ask &lt;us&gt;: " in english
    assert labels_for("en", {"en": {"Contact": "Ask <us>"}})["contact"] == "Ask <us>"
    assert "Spør oss" in norwegian
    assert '<html lang="nb" dir="ltr">' in norwegian
    assert ">Norsk bokmål</bdi>" in english


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('"Contcat" = "Ask us"', "Contcat is no phrase of ours: did you mean 'Contact'?"),
        ('"Contact" = "Ask %(name)s"', "'Contact' has a place that is not in the phrase"),
        ('"Contact" = 7', "must be text between quotation marks"),
    ],
)
def test_a_mistake_in_own_words_is_told_with_its_line(tmp_path: Path, line: str, told: str) -> None:
    (tmp_path / "mailer.toml").write_text(f"[texts.en]\n{line}\n")
    with pytest.raises(ConfigError, match=re.escape(told)) as error:
        load_settings(tmp_path / "mailer.toml", {})
    assert re.match(r"mailer\.toml:[12]: ", str(error.value))


def test_a_template_of_the_workspace_stands_in_place_of_ours(house: House) -> None:
    write(
        house, "error.html", '{% extends "layout.html" %}{% block content %}<h1>Ours, {{ status }}</h1>{% endblock %}'
    )
    assert "Ours, 404" in text(Look(house.program).page(asked(), "error.html", {"status": 404}))


def test_a_template_cannot_reach_into_the_program(house: House) -> None:
    for body in ("{{ _.__globals__ }}", "{{ ''.__class__.__mro__ }}", "{{ link.__self__._settings }}"):
        with pytest.raises((SecurityError, UndefinedError)):
            shown(house, body)


def test_a_template_reads_nothing_outside_its_folder(house: House) -> None:
    (house.folder / "secret.html").write_text("a secret")
    (house.folder / "secret.css").write_text("a-secret")
    folder = house.folder / "templates" / "web"
    folder.mkdir(parents=True)
    (folder / "linked.html").symlink_to(house.folder / "secret.html")
    (folder / "more.css").symlink_to(house.folder / "secret.css")
    for name in ("../../mailer.toml", "../../secret.html", str(house.folder / "secret.html"), "linked.html"):
        with pytest.raises(TemplateNotFound):
            shown(house, f"{{% include '{name}' %}}")
    assert "a-secret" not in text(shown(house))


def test_values_are_text_and_never_template_or_html(house: House) -> None:
    name = "<script>alert(1)</script>{{ 7 * 7 }}{% raw %}"
    body = "{{ name }}{% trans name=name %}Hello {{ name }}{% endtrans %}{{ name|translated }}"
    answer = text(shown(house, body, name=name))
    assert answer.count("&lt;script&gt;alert(1)&lt;/script&gt;{{ 7 * 7 }}") == 3
    assert "<script>" not in answer


def test_phrases_are_written_down_and_no_variable_is_taken_for_one() -> None:
    """`_(variable)` would take the variable for HTML; `variable|translated` does not."""
    environment = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    names = {"_", "gettext", "ngettext", "pgettext", "npgettext"}
    for path in TEMPLATES.glob("*.html"):
        tree = environment.parse(path.read_text(encoding="utf-8"))
        for call in tree.find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name in names:
                assert isinstance(call.args[0], nodes.Const), f"{path.name}:{call.lineno}"


def test_nothing_but_what_is_ours_is_taken_for_html() -> None:
    """Whatever a template calls safe is written in it."""
    environment = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    for path in TEMPLATES.glob("*.html"):
        for each in environment.parse(path.read_text(encoding="utf-8")).find_all(nodes.Filter):
            if each.name == "safe":
                assert isinstance(each.node, nodes.Const), f"{path.name}:{each.lineno}"


# Style, and what a page permits


def test_the_policy_permits_the_style_of_the_page_and_nothing_else(house: House) -> None:
    answer = shown(house)
    digest = b64encode(sha256(style_of(answer).encode()).digest()).decode()
    rules = dict(rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; "))
    assert rules == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "img-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }


def test_a_page_of_ours_needs_no_style_attribute_and_no_inline_script() -> None:
    for path in TEMPLATES.glob("*.html"):
        source = path.read_text(encoding="utf-8")
        assert not re.search(r"\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:", source), path.name


def test_own_rules_come_after_ours_and_do_not_leave_the_style_sheet(house: House) -> None:
    write(
        house, "more.css", "h1 { color: red }\n/* </style><script>alert(1)</script> */ p::after { content: '</style>' }"
    )
    answer = shown(house)
    assert style_of(answer).index("h1 { color: red }") > style_of(answer).index("--primary")
    assert text(answer).count("</style>") == 1  # and a script before it is none
    write(house, "style.css", "p { color: blue }")
    assert "p { color: blue }" in style_of(shown(house))
    assert ".languages" not in style_of(shown(house))


def test_the_theme_is_the_style_of_pages_too(tmp_path: Path) -> None:
    theme = Theme(colours=Colours(primary="#123456", dark_primary="#abcdef"))
    style = Clothing(theme, tmp_path).style
    light, dark = style.split("@media (prefers-color-scheme: dark)")[:2]
    assert "--primary: #123456;" in light
    assert "--primary: #abcdef;" in dark


@pytest.mark.parametrize(
    ("url", "permitted"),
    [
        ("", "'self'"),
        ("https://cdn.example.org/logo.png?a=1", "'self' https://cdn.example.org"),
        ("https://cdn.example.org:8443/logo.png", "'self' https://cdn.example.org:8443"),
        ("https://x.example;script-src", "'self'"),
    ],
)
def test_pictures_come_from_us_and_from_where_the_logo_is(url: str, permitted: str) -> None:
    assert pictures(Theme.model_construct(logo_url=url)) == permitted


def test_links_are_below_what_the_public_address_begins_with(tmp_path: Path) -> None:
    furnish(tmp_path)
    (tmp_path / "mailer.toml").write_text(SETTINGS.replace("news.example.org", "example.org/news/"))
    with open_mailer(Workspace(tmp_path), {}) as program:
        look = Look(program)
        assert look.link("/archive") == "/news/archive"
        assert "evil" not in text(look.page(asked(), "error.html", {"status": 404}))
