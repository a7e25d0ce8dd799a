"""The OpenAPI document: made of the routes, so that it says what they do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from mailer import __version__
from mailer.web.api.guarding import SCHEME
from mailer.web.api.shapes import Problem

ABOUT: Final = """Lists, issues and people, for programs of the organisation.

Every request but the one for this document carries `Authorization: Bearer TOKEN`, with a token that
`mailer tokens create` made. What a token may do is said of each request below. Mistakes are answered as
`application/problem+json` (RFC 9457). A change that names an `Idempotency-Key` may be asked for again.
"""

PROBLEMS: Final = {
    "400": "The request cannot be read.",
    "401": "No token, or one that is not good.",
    "403": "The token may not do that.",
    "404": "There is no such thing.",
    "409": "It is in the way of something else.",
    "413": "The request is too large.",
    "415": "The request is not JSON.",
    "422": "Some values are not what they should be.",
    "429": "Too many tokens that are not good came from there.",
    "503": "The database cannot be reached; try later.",
}
METHODS: Final = ("get", "post")


def document(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """The document, without the place where this is served."""
    made = get_openapi(title="mailer", version=__version__, description=ABOUT, routes=routes)
    components = made.setdefault("components", {})
    components["securitySchemes"] = {SCHEME: {"type": "http", "scheme": "bearer"}}
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= {**schema.pop("$defs", {}), "Problem": schema}
    for path in made["paths"].values():
        for operation in (path[method] for method in METHODS if method in path):
            operation["responses"] |= {status: _problem(words) for status, words in PROBLEMS.items()}
    return made


def _problem(words: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": words, "content": {"application/problem+json": {"schema": schema}}}
