"""The API for other programs, under /api/v1."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
