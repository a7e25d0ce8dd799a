"""Pages: their language, their style, what an organisation says and looks like itself, and what they permit."""

from __future__ import annotations

from starlette.requests import Request

from mailer.web.look import Look
from tests.web.house import House


def asked(path: str = "/x", query: str = "", accept: str = "", method: str = "GET") -> Request:
    headers = [(b"accept-language", accept.encode())] if accept else []
    return Request({
        "type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": headers,
        "scheme": "https", "server": ("news.example.org", 443),
    })  # fmt: skip


def test_a_page_is_in_the_language_that_is_wished_for(house: House) -> None:
    look = Look(house.program)
    assert look.language(asked(query="language=ur", accept="fr"), "de") == "ur"
    assert look.language(asked(accept="fr"), "de-AT") == "de"
    assert look.language(asked(accept="xx, nl;q=0.9, pt-PT;q=0.8, fr;q=0.9"), None) == "fr"
    assert look.language(asked(), None, "es") == "es"
    assert look.language(asked(query="language=../../etc"), None) == "en"
