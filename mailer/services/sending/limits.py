"""What keeps a sender from handing over more of an issue, besides its state."""

from __future__ import annotations

from datetime import datetime, timedelta

from mailer.delivery.schedule import too_late
from mailer.store.issues import IssueRow


def out_of_time(issue: IssueRow, now: datetime) -> str:
    """Why no further batch of the issue may begin; empty while one may."""
    return too_late(None, issue.not_after, now, timedelta.max)
