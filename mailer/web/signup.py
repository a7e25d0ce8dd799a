"""Putting oneself on a list: the form, and what is answered to whoever sends it."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
