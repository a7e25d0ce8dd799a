"""Paths: which are refused for what they are, and how each may be asked."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any, Final

from fastapi import FastAPI
from starlette.routing import Match

METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")

LONGEST: Final = 2048

# Two readings of one path are how checks in proxies are passed: nothing of ours needs any of these.
_TRICKS: Final = re.compile(r"[\x00-\x1f\x7f\\\ufffd]|//|/\.{1,2}(?=/|$)")
_ENCODED: Final = re.compile(rb"%(?:2f|5c|00)", re.IGNORECASE)


def is_plain(path: str, raw: bytes) -> bool:
    """Whether a path says one thing only. `raw`: as it was sent."""
    plain = path.startswith("/") and len(path) <= LONGEST and not _TRICKS.search(path)
    return plain and not _ENCODED.search(raw.partition(b"?")[0])


def written(app: FastAPI, scope: MutableMapping[str, Any]) -> frozenset[str]:
    """How the place that a request names may be asked, as its surface says; empty where there is none."""
    return frozenset(method for method in METHODS if _is_there(app, {**scope, "method": method}))


def allowed(app: FastAPI, scope: MutableMapping[str, Any]) -> frozenset[str]:
    """The same with what is answered everywhere: HEAD where there is a page, and OPTIONS."""
    found = written(app, scope)
    return found | {"OPTIONS"} | ({"HEAD"} if "GET" in found else frozenset())


def _is_there(app: FastAPI, scope: dict[str, Any]) -> bool:
    return any(route.matches(scope)[0] is Match.FULL for route in app.router.routes)
