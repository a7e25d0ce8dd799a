"""One's own copy of an issue, in the browser."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
