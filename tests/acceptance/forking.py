"""Senders by the hundred: `mailer` as a process of its own each time, without reading the program's modules each time.

    python -m tests.acceptance.forking

One process imports the program, opens nothing, and forks a child for each line that it reads. A child is a process
like any: it has its own memory, connections and locks, and can be killed.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

IMPORTED = (
    "mailer.app", "mailer.cli.send", "mailer.cli.status", "mailer.providers.outbox",
    "mailer.providers.sendgrid.provider", "mailer.providers.sendgrid.transport",
    "mailer.providers.smtp.making", "mailer.services.plan", "mailer.services.sending.freezing",
    "mailer.services.sending.sender", "psycopg", "sqlalchemy.dialects.sqlite",
    "sqlalchemy.dialects.postgresql.psycopg", "mailer.services.working", "mailer.cli.work", "mailer.cli.control",
    "mailer.cli.doubts", "mailer.cli.events", "mailer.services.doubts", "mailer.services.events",
    "mailer.services.control", "mailer.engine.procrastinate", "mailer.services.jobs.clock", "mailer.services.beating",
    "mjml",
)  # fmt: skip
NEW_NETWORK = 0x40000000  # CLONE_NEWNET of <sched.h>


@dataclass
class Sender:
    """A `mailer` process."""

    fork: Fork
    pid: int
    out: Path
    err: Path
    code: int | None = None

    def poll(self) -> int | None:
        """Its exit code, negative where a signal ended it; None while it runs."""
        if self.code is None:
            self.code = self.fork.ask({"poll": self.pid})
        return self.code

    def wait(self, seconds: float = 120) -> int:
        end = time.monotonic() + seconds
        while (code := self.poll()) is None:
            if time.monotonic() > end:
                self.signal(signal.SIGKILL)
                raise TimeoutError(f"it did not end in {seconds} seconds: {self.err.read_text()}")
            time.sleep(0.005)
        return code

    def signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> int:
        self.signal(signal.SIGKILL)
        return self.wait()


class Fork:
    """The process that forks."""

    def __init__(self, folder: Path) -> None:
        """`folder`: where the senders' output goes, which may not be the disk that a test fills up."""
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.acceptance.forking"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent.parent,
        )  # fmt: skip
        self.senders: list[Sender] = []
        assert self.process.stdout is not None
        if self.process.stdout.readline() != "ready\n":
            self.process.communicate()
            raise RuntimeError("the program cannot be imported")

    def ask(self, question: Mapping[str, object]) -> int | None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer: int | None = json.loads(self.process.stdout.readline())
        return answer

    def start(self, folder: Path, environ: Mapping[str, str], *words: str, host: str = "", network: str = "") -> Sender:
        """Begin `mailer WORDS` in that folder: on a machine of that name, in that network namespace."""
        out, err = (self.folder / f"{len(self.senders)}.{name}" for name in ("out", "err"))
        asked = {"folder": str(folder), "environ": dict(environ), "words": words, "out": str(out), "err": str(err)}
        asked |= {"host": host, "network": network}
        pid = self.ask(asked)
        assert pid is not None
        self.senders.append(Sender(self, pid, out, err))
        return self.senders[-1]


@contextmanager
def forking() -> Iterator[Fork]:
    """The process that forks, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="mailer-senders-") as folder:
        fork = Fork(Path(folder))
        try:
            yield fork
        finally:
            fork.process.communicate()


def serve() -> None:
    import importlib

    for name in IMPORTED:
        importlib.import_module(name)
    print("ready", flush=True)
    running: set[int] = set()
    for line in sys.stdin:
        asked = json.loads(line)
        if "poll" in asked:
            answer = ended(asked["poll"])
            if answer is not None:
                running.discard(asked["poll"])
        else:
            answer = begin(asked)
            running.add(answer)
        print(json.dumps(answer), flush=True)
    # Whoever asked is gone, perhaps before a sender of a test that failed, which may be frozen.
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def ended(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return None if found == 0 else os.waitstatus_to_exitcode(status)


def begin(asked: Mapping[str, object]) -> int:
    if pid := os.fork():
        return pid
    try:
        become(asked)
    except BaseException:
        traceback.print_exc()
    os._exit(70)


def become(asked: Mapping[str, object]) -> None:
    """The child: `mailer` as a shell would start it."""
    from mailer.cli import main

    if asked.get("host"):
        name = str(asked["host"])
        platform.node = lambda: name
    if asked.get("network"):
        enter(str(asked["network"]))
    os.chdir(str(asked["folder"]))
    environ, words = asked["environ"], asked["words"]
    assert isinstance(environ, dict)
    assert isinstance(words, list)
    os.environ.clear()
    os.environ.update(environ)
    for number, place in ((0, os.devnull), (1, str(asked["out"])), (2, str(asked["err"]))):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(place, flags, 0o600), number)
    code = main([str(word) for word in words])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def enter(network: str) -> None:
    """From here on this process has the interfaces of that network namespace and no others."""
    libc = ctypes.CDLL(None, use_errno=True)
    place = os.open(f"/run/netns/{network}", os.O_RDONLY)
    if libc.setns(place, NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(place)


if __name__ == "__main__":
    serve()
