"""Links that count clicks, and the picture that counts openings. Only where the organisation counts."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
