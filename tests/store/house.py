"""A campaign over a store of a test: several workers as on several hosts, a clock, and a provider that counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

from mailer.app import Mailer, open_mailer
from mailer.engine.carrier import Ticket
from mailer.model import Batch, IssueState, Outcome, Receipt
from mailer.providers import Capabilities, Provider
from mailer.services.sending.freezing import freeze_issue, plan_send
from mailer.services.working import Happening, Work
from mailer.store import feeding, ledger
from mailer.store import issues as stored_issues
from mailer.workspace import Workspace
from tests.cli.conftest import MEMBERS, SETTINGS
from tests.store.world import NOW, World


def accept(batch: Batch) -> tuple[Receipt, ...]:
    return tuple(Receipt(number, Outcome.ACCEPTED) for number in batch.delivery_ids)


@dataclass
class Sink:
    """A provider to which handing over twice makes two mails."""

    answer: Callable[[Batch], tuple[Receipt, ...]] = accept
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(max_recipients=1000))
    name: str = "sink"
    order: list[str] = field(default_factory=list)
    taken: Counter[int] = field(default_factory=Counter)
    closed: int = 0
    _lock: Lock = field(default_factory=Lock)

    def submit(self, batch: Batch) -> tuple[Receipt, ...]:
        receipts = self.answer(batch)
        with self._lock:
            self.order.append(batch.issue)
            self.taken.update(each.delivery_id for each in receipts if each.outcome is Outcome.ACCEPTED)
        return receipts

    def close(self) -> None:
        self.closed += 1


class OneByOne(Sink):
    """The same, mail by mail."""

    def submit_each(self, batch: Batch, tell: Callable[[Receipt], bool]) -> tuple[Receipt, ...]:
        self.order.append(batch.issue)
        receipts = accept(batch)
        for receipt in receipts:
            self.taken[receipt.delivery_id] += 1
            tell(receipt)
        return receipts


class Tray:
    """A carrier of the test's own: what is fed waits until the test takes it."""

    def __init__(self) -> None:
        self.tickets: list[Ticket] = []

    def feed(self, tickets: Sequence[Ticket]) -> None:
        self.tickets += [ticket for ticket in tickets if ticket not in self.tickets]

    def run(self, duties: Any, threads: int, stop: Callable[[], bool]) -> None:
        raise NotImplementedError


class House:
    """One workspace, its database, and whoever works on it."""

    def __init__(self, root: Path, url: str) -> None:
        self.root, self.url = root, url
        self.now = NOW
        self.sink = Sink()
        self.said: list[Happening] = []
        self.opened: list[Mailer] = []
        self.write("mailer.toml", SETTINGS)
        self.write("subscribers/members.toml", MEMBERS)

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def set(self, text: str) -> None:
        self.write("mailer.toml", SETTINGS + text)

    def later(self, **length: float) -> None:
        self.now += timedelta(**length)

    def program(self, clock: Callable[[], datetime] | None = None) -> Mailer:
        """Another one, as on another host."""
        program = open_mailer(Workspace(self.root), {"DATABASE_URL": self.url}, clock or (lambda: self.now))
        program.make_provider = self.provider  # type: ignore[method-assign]
        self.opened.append(program)
        return program

    def provider(self) -> Provider:
        return self.sink

    def people(self, count: int) -> None:
        World(self.program().store, self.now).add("members", *(f"reader{number:03d}" for number in range(count)))

    def freeze(self, *names: str, kind: str = "bulletin", size: int = 1) -> None:
        """Issues to everybody, in batches of that size, each a second after the one before."""
        self.set(f"[provider]\nbatch_size = {size}\n")
        program = self.program()
        for name in names:
            self.write(f"issues/{name}.md", f"---\nkind: {kind}\nsubject: Rivers\nlists: [members]\n---\n\nHello.\n")
            freeze_issue(program, plan_send(program, name)[0])
            self.later(seconds=1)

    def work(self, tray: Tray | None = None, program: Mailer | None = None) -> Work:
        return Work(program or self.program(), tray or Tray(), self.said.append)

    def lines(self, what: str) -> list[str]:
        return [each.issue for each in self.said if each.what == what]

    def due(self, name: str, most: int = 1000) -> list[int]:
        with self.opened[0].store.read() as connection:
            return feeding.due_batches(connection, stored_issues.number(connection, name), self.now, most)

    def state(self, name: str) -> IssueState:
        with self.opened[0].store.read() as connection:
            return stored_issues.state_of(connection, name)

    def deliveries(self, name: str) -> dict[str, int]:
        with self.opened[0].store.read() as connection:
            counts = ledger.figures(connection, name).deliveries
        return {state.value: number for state, number in counts.items() if number}

    def pause(self, name: str) -> None:
        with self.opened[0].store.write() as connection:
            stored_issues.pause(connection, name, "", self.now)

    def resume(self, name: str) -> None:
        with self.opened[0].store.write() as connection:
            stored_issues.resume(connection, name, self.now)

    def close(self) -> None:
        for program in self.opened:
            program.close()


def carried(work: Work, tickets: Iterable[Ticket]) -> None:
    for ticket in tickets:
        work.carry(ticket)
