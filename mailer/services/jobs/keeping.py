"""Keeping a job while it is worked on: a thread renews the lease and writes down how far it is.

A thread, because not everything has portions: a slow source, the end of a large import. A process that is killed or
frozen renews nothing, which is all a lease has to show.
"""

from __future__ import annotations

from threading import Event, Thread
from types import TracebackType
from typing import Final, Self

from mailer.errors import StoreError
from mailer.services.program import Program
from mailer.store import jobs as stored
from mailer.store.jobs import Job

LEASE: Final = 60.0
"""After so many seconds without a word somebody else goes on with the job."""

RENEW = 5.0


class Keeper:
    """Holds the lease of a job. `lost`: somebody else has it by now."""

    def __init__(self, program: Program, job: Job) -> None:
        self._program = program
        self._job = job
        self._said = ""
        self._over = Event()
        self._lost = Event()
        self._thread = Thread(target=self._work, name=f"keeping job {job.id}", daemon=True)

    @property
    def lost(self) -> bool:
        return self._lost.is_set()

    def told(self, words: str) -> None:
        """Have this written down with the next renewal."""
        self._said = words

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._over.wait(RENEW):
            try:
                if not self._renew():
                    self._lost.set()
                    return
            except StoreError:
                # Busy or away: the next time may be soon enough, and if it is not, somebody else goes on.
                continue

    def _renew(self) -> bool:
        job, owner = self._job.id, self._job.owner or ""
        with self._program.store.write() as connection:
            now = self._program.now()
            if self._said:
                stored.tell(connection, job, owner, self._said, now)
            return stored.renew(connection, job, owner, LEASE, now)
