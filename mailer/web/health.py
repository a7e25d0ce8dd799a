"""Whether the process answers."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import PlainTextResponse

router = APIRouter()


@router.get("/healthz", response_class=PlainTextResponse)
def healthy() -> str:
    """The process is there. Whether it can do anything says /readyz."""
    return "ok\n"
