"""What a kind of job is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mailer.services.program import Program
from mailer.store import jobs as stored
from mailer.store.jobs import Job


@dataclass(frozen=True, slots=True)
class Errand:
    """A job in hand. `told` is how far it is, in words; after `stop` it is laid down at the next good moment."""

    program: Program
    job: Job
    told: Callable[[str], None]
    stop: Callable[[], bool]

    @property
    def folder(self) -> Path:
        """Where it may write what it needs on this host; gone when it is done or laid down."""
        return folder_of(self.program, self.job.owner)

    def body(self) -> bytes:
        """The bytes that were left with it."""
        with self.program.store.read() as connection:
            return stored.body(connection, self.job.id)

    def overtaken(self) -> bool:
        """Whether the clock has added another one since: what was missed is done once."""
        with self.program.store.read() as connection:
            return self.job.key is not None and stored.later(connection, self.job)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it, in words that name nobody. `stopped`: somebody has to go on.

    `refused`: files for a person to look into; they are kept with the job. `vanish`: nobody will ask for it again.
    """

    words: str
    stopped: bool = False
    refused: tuple[Path, ...] = ()
    vanish: bool = False


STOPPED = Result("", stopped=True)


def folders(program: Program) -> Path:
    """Where jobs have their folders on this host."""
    return program.workspace.private_dir / "jobs"


def folder_of(program: Program, owner: str | None) -> Path:
    """The folder of the job that `owner` has in hand: no two claims have the same."""
    return folders(program) / (owner or "nobody").rpartition(".")[2]
