"""A worker in a process of its own that does one job, and kills itself on the way: python -m tests.store.job_worker"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from mailer.services import imports
from mailer.services.jobs import carry, carrying, importing
from mailer.store.database import open_store
from tests.store.asking_program import Campaign
from tests.store.test_suppressions import hasher
from tests.store.world import NOW

CHUNK = 2000


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(url: str, folder: str, job: int, minutes: int, where: str) -> None:
    """`where`: after so many rows, or `end`: when all rows are in and nothing says that the job is done."""
    store = replace(open_store(url), hasher=hasher)
    campaign = Campaign.over(store, Path(folder))
    campaign.moment = NOW + timedelta(minutes=minutes)
    setattr(importing, "Options", partial(imports.Options, chunk=CHUNK))  # noqa: B010 - not for mypy
    if where == "end":
        setattr(carrying, "_finish", die)  # noqa: B010
    else:
        whole = imports._write

        def write(running: Any, prepared: Any) -> None:
            whole(running, prepared)
            if running.rows >= int(where):
                die()

        setattr(imports, "_write", write)  # noqa: B010
    carry(campaign, job, "child", lambda: False)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
