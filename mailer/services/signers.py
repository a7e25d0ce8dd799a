"""What signs and reads links, for the workspace's keys as they are now."""

from __future__ import annotations

from functools import lru_cache

from mailer.render.links import Signer
from mailer.services.program import Program


def signer(program: Program) -> Signer:
    """The signer of this moment. The keys are read each time: one that was given up is good for nothing at once."""
    return _of(program.workspace.secret_keys(program.environ))


@lru_cache(maxsize=4)
def _of(keys: tuple[bytes, ...]) -> Signer:
    """Deriving a key for each purpose costs more than reading a link."""
    return Signer(keys)
