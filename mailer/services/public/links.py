"""Links of previews: they lead to the page they stand for, and are good for nothing there."""

from __future__ import annotations

from mailer.errors import LinkError
from mailer.render.links import Purpose
from mailer.services.program import Program
from mailer.services.signers import signer


def is_preview(program: Program, token: str) -> bool:
    """Whether that is a link of ours from a preview or a test mail."""
    try:
        signer(program).read(token, Purpose.PREVIEW)
    except LinkError:
        return False
    return True
