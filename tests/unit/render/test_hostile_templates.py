"""Templates that want more than an issue's words: what the program knows, other files, time without end."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from mailer.errors import TemplateError
from mailer.render.compile import PartInput, compile_plain
from mailer.render.fields import clean_fields
from mailer.render.personal import PersonalPart
from mailer.render.sources import TemplateText

ADA = clean_fields({"id": "1", "first_name": "Ada"})
LINKS = clean_fields({"unsubscribe": "https://news.example.org/u/abc"})


def render(sources: Mapping[str, str]) -> str:
    texts = {name: TemplateText(text, f"templates/{name}") for name, text in sources.items()}
    given = PartInput(texts, "main", {"issue": {"subject": "Rivers"}}, "en", "s4lt", {})
    return PersonalPart(compile_plain(given)).render(ADA, LINKS)


NAMES = [
    "config", "settings", "env", "environ", "environment", "os", "sys", "secrets", "keys", "request", "program", "app",
    "mailer", "workspace", "store", "connection", "self._TemplateReference__context", "cycler", "joiner", "lipsum",
    "get_flashed_messages", "url_for", "__builtins__", "__import__", "open", "eval", "loop",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_template_finds_nothing_of_the_program(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attack 3: names that frameworks hand to templates, or that other programs leaked."""
    monkeypatch.setenv("MAILER_SMTP_PASSWORD", "s3cret")
    for source in (
        f"{{{{ {name} }}}}",
        f"{{{{ {name}() }}}}",
        f"{{% for each in {name} %}}{{{{ each }}}}{{% endfor %}}",
    ):
        with pytest.raises(TemplateError) as caught:
            render({"main": source})
        assert "s3cret" not in str(caught.value) and "object at 0x" not in str(caught.value)


WALKS = ["__class__", "__dict__", "__init__", "_values", "__class__.__mro__[1].__subclasses__()", "__reduce__"]


@pytest.mark.parametrize("walk", WALKS)
@pytest.mark.parametrize("root", ["subscriber", "links", "issue", "subscriber.first_name"])
def test_no_way_leads_from_a_value_to_python(root: str, walk: str) -> None:
    """Attacks 2 and 3."""
    first = walk.partition(".")[0]
    for source in (f"{{{{ {root}.{walk} }}}}", f"{{{{ {root}['{first}'] }}}}", f"{{{{ {root}|attr('{first}') }}}}"):
        with pytest.raises(TemplateError):
            render({"main": source})


ENDLESS = {
    "a macro that calls itself": "{% macro a(n) %}{{ a(n) }}{{ a(n) }}{% endmacro %}{{ a(1) }}",
    "loops in loops": "{% for a in range(9999) %}" * 4 + "x" + "{% endfor %}" * 4,
    "a recursive loop": "{% for a in [[1]] recursive %}{{ loop([[1]]) }}{{ loop([[1]]) }}{% endfor %}",
    "a long number": "{{ 10 ** 10 ** 10 }}",
    "a list times a number": "{{ [1] * 10**9 }}",
}


@pytest.mark.parametrize("source", ENDLESS.values(), ids=ENDLESS)
def test_no_template_goes_on_for_ever(source: str) -> None:
    """Attack 4."""
    begun = time.process_time()
    with pytest.raises(TemplateError):
        render({"main": source})
    assert time.process_time() - begun < 5


PATHS = [
    "/etc/passwd",
    "../../etc/passwd",
    "../mailer.toml",
    ".mailer/secret.key",
    "file:///etc/passwd",
    "https://e.org/x",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("way", ["include", "extends", "import", "from"])
def test_a_template_reads_no_other_file(path: str, way: str) -> None:
    """Attack 5: templates are those that were handed over, by name; a path is the name of none."""
    more = {"import": " as x", "from": " import x"}.get(way, "")
    with pytest.raises(TemplateError, match="there is no template"):
        render({"main": f"{{% {way} '{path}'{more} %}}"})
    with pytest.raises(TemplateError, match="there is no template"):
        render({"main": f"{{% set name = '{path}' %}}{{% {way} name{more} %}}"})
