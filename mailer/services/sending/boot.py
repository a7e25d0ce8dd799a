"""Which start of which machine this is."""

from __future__ import annotations

from pathlib import Path

LINUX = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """The same text until the machine is started again; empty where nothing tells."""
    try:
        return LINUX.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
