"""How pages are made: a template of the workspace or of the program, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock
from typing import Any
from urllib.parse import urlencode, urlsplit

from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import HTMLResponse

from mailer.languages import asked_for, direction, nearest
from mailer.services.program import Program
from mailer.web.clothing import Clothing
from mailer.web.speaking import Speech

LANGUAGE = "language"
"""The parameter of an address, and the attribute of a person, that name a language."""


class Look:
    """Makes pages. Shared by threads.

    In templates: `_()`, `ngettext()`, `{% trans %}`; `link("/path", page=2)` for addresses of this site in the language
    that was chosen, `site("/path")` for what has none; `|day`, `|moment`, `|number` as the language writes them;
    `|translated` for a phrase that Python marked with `languages.marked` (never `_(variable)`, which would take the
    variable for HTML).
    """

    def __init__(self, program: Program) -> None:
        self._settings = program.settings
        self._folder = program.workspace.templates_dir / "web"
        self._base = urlsplit(self._settings.web.base_url).path.rstrip("/")
        self._clothing = Clothing(self._settings.theme, self._folder)
        self._speech = Speech(self._settings.texts)
        self._first = next((found for each in program.lists.values() if (found := self.offered(each.language))), "en")
        self._environments: dict[str, Environment] = {}
        self._lock = Lock()

    def page(
        self,
        request: Request,
        name: str,
        values: Mapping[str, Any] | None = None,
        *,
        language: str | None = None,
        status: int = 200,
    ) -> HTMLResponse:
        """The page of that template. `language`: of the person, where it is known; else what the browser asks for."""
        chosen = self.language(request, language)
        own = {"languages": self._others(request, chosen), "link": self._linking(request)}
        html = self._environment(chosen).get_template(name).render({**own, **(values or {})})
        headers = {
            "Content-Language": chosen,
            "Content-Security-Policy": self.policy(),
            "Vary": "Accept-Language",
        }
        return HTMLResponse(html, status, headers)

    def policy(self, **more: str) -> str:
        """The Content-Security-Policy of our pages; `script_src="'self'"` and the like add to it."""
        return self._clothing.policy({name.replace("_", "-"): value for name, value in more.items()})

    def language(self, request: Request, person: str | None = None, fallback: str = "") -> str:
        """What a reader is spoken to in: what they chose on the page, their own, the browser's, the list's.

        `fallback`: the language of the list that the page is about. What comes out may be given to `page`.
        """
        wishes = [request.query_params.get(LANGUAGE, ""), person or ""]
        browser = asked_for(request.headers.get("accept-language", ""))
        for wish in (*wishes, *browser, fallback):
            if found := self.offered(wish):
                return found
        return self._first

    @property
    def names(self) -> Mapping[str, str]:
        """Every language that may be chosen, as its own speakers call it."""
        return self._speech.names

    def offered(self, language: str) -> str | None:
        """The language of ours that is nearest to that tag."""
        return nearest(language, self._speech.languages)

    def link(self, path: str, **query: Any) -> str:
        """An address of this site, below what `[web] base_url` begins with."""
        return f"{self._base}{path}" + (f"?{urlencode(query)}" if query else "")

    def _linking(self, request: Request) -> Callable[..., str]:
        """`link` for a page whose language was chosen at its foot: where it leads goes on in it."""
        tag = self.offered(request.query_params.get(LANGUAGE, ""))
        return partial(self.link, **{LANGUAGE: tag}) if tag else self.link

    def _others(self, request: Request, chosen: str) -> list[dict[str, Any]]:
        """Links to the same page in every language. A page that answers a form has no address to come back to."""
        if request.method not in ("GET", "HEAD"):
            return []
        kept = [(name, value) for name, value in request.query_params.multi_items() if name != LANGUAGE]
        return [
            {"tag": tag, "name": name, "url": "?" + urlencode([*kept, (LANGUAGE, tag)]), "chosen": tag == chosen}
            for tag, name in self.names.items()
        ]

    def _environment(self, language: str) -> Environment:
        with self._lock:
            if language not in self._environments:
                self._environments[language] = self._made(language)
            return self._environments[language]

    def _made(self, language: str) -> Environment:
        """An environment for each language: the functions that translate belong to it."""
        made = self._speech.environment(language, self._folder)
        made.globals |= {
            "language": language,
            "direction": direction(language),
            "organisation": self._settings.organisation,
            "theme": self._settings.theme,
            "style": self._clothing.style,
            "link": self.link,
            "site": self.link,
        }
        return made
