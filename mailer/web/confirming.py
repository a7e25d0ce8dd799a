"""The button that confirms a subscription."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
