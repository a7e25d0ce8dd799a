"""Unsubscribing: the button on a page, and the one click of mail programs (RFC 8058)."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
