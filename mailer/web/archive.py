"""The issues that anybody may read, as pages and as a feed."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
