"""How pages are made: a template of the workspace or of the program, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from mailer.services.program import Program

TEMPLATES = Path(__file__).parent / "templates"


class Look:
    """Makes pages. Shared by threads."""

    def __init__(self, program: Program) -> None:
        self._program = program
        loader = FileSystemLoader([program.workspace.root / "templates" / "web", TEMPLATES])
        self._environment = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, extensions=["jinja2.ext.i18n"]
        )

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
        self._environment.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
        html = self._environment.get_template(name).render(
            language=language or "en", organisation=self._program.settings.organisation, **(values or {})
        )
        return HTMLResponse(html, status)
