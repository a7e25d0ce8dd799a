"""What people decide about themselves: lists, language, a pause, their data, being forgotten."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
