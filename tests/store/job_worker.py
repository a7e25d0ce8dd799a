"""A worker in a process of its own that does one job, and kills itself on the way: python -m tests.store.job_worker"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from mailer.services import imports
from mailer.services.jobs import carry, importing
from mailer.store.database import open_store
from tests.store.asking_program import Campaign

CHUNK = 2000


def main(url: str, folder: str, job: int, rows: int) -> None:
    """Kill this process as soon as so many rows are in."""
    campaign = Campaign.over(replace(open_store(url), hasher=lambda email: [email]), Path(folder))
    setattr(importing, "Options", partial(imports.Options, chunk=CHUNK))  # noqa: B010 - not for mypy
    whole = imports._write

    def write(running: Any, prepared: Any) -> None:
        whole(running, prepared)
        if running.rows >= rows:
            os.kill(os.getpid(), signal.SIGKILL)

    setattr(imports, "_write", write)  # noqa: B010
    carry(campaign, job, "child", lambda: False)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
