"""Everything that the doctor looks at, together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from threading import Lock

from mailer.checks.domain.records import Ask
from mailer.checks.domain.verdict import State, Verdict, fine
from mailer.errors import MailerError
from mailer.fetch import FetchPolicy
from mailer.providers import SendingDomain
from mailer.services.database import Opened
from mailer.services.doctoring.database import examine_database, examine_soundness
from mailer.services.doctoring.domains import examine_domain, nothing_leaves, sender_domains
from mailer.services.doctoring.files import examine_files, examine_keys
from mailer.services.doctoring.reaching import examine_key, examine_mailbox, examine_provider, provider_domains
from mailer.services.doctoring.rounds import SECONDS, Examination, Tell, failed, go_round
from mailer.services.doctoring.waiting import examine_queue, examine_reports
from mailer.services.doctoring.webhooks import examine_webhooks
from mailer.services.doctoring.website import POLICY, examine_site
from mailer.services.settings import check
from mailer.wording import counted


@dataclass(frozen=True, slots=True)
class Network:
    """How the world outside is asked."""

    ask: Ask
    policy: FetchPolicy = POLICY


@dataclass(frozen=True, slots=True)
class Report:
    """What was found. Its state is that of the worst."""

    verdicts: tuple[Verdict, ...] = field(default_factory=tuple)

    def number(self, state: State) -> int:
        return sum(verdict.state is state for verdict in self.verdicts)

    @property
    def state(self) -> State:
        return next((state for state in (State.ERROR, State.WARNING) if self.number(state)), State.OK)


def examine(
    program: Opened, network: Network | None, tell: Tell = lambda done, all_of: None, seconds: float = SECONDS
) -> Report:
    """Look at everything at once; without a network only at what is here. Nothing is sent and nothing changed."""
    rounds = [*_here(program), *(_outside(program, network) if network else _instead(program))]
    return Report(tuple(told_once(go_round(rounds, seconds, tell))))


def told_once(verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
    """An error that stopped several examinations is one thing to mend."""
    told = set[tuple[str, str]]()
    for each in verdicts:
        words = (each.words, each.advice)
        if each.state is not State.ERROR or words not in told:
            yield each
        told.add(words)


def unopened(error: MailerError) -> Report:
    """What can be said when the settings cannot be read: every mistake in them."""
    lines = error.message.splitlines()
    rest = [Verdict("configuration", State.ERROR, line) for line in lines[1:]]
    return Report((failed("configuration", error), *rest))


def _here(program: Opened) -> Iterator[Examination]:
    now = program.now()
    yield Examination("configuration", partial(examine_configuration, program))
    yield Examination("files", partial(examine_files, program))
    yield Examination("keys", partial(examine_keys, program, now))
    yield Examination("database", partial(examine_database, program, now))
    yield Examination("database", partial(examine_soundness, program))
    yield Examination("queue", partial(examine_queue, program))
    yield Examination("events", partial(examine_reports, program, now))


def _instead(program: Opened) -> Iterator[Examination]:
    """What can be said without a network of those who are outside."""
    yield Examination("provider", partial(examine_key, program))


def _outside(program: Opened, network: Network) -> Iterator[Examination]:
    yield Examination("provider", partial(examine_provider, program))
    yield Examination("events", partial(examine_webhooks, program))
    if program.settings.provider.name == "outbox":
        yield Examination("domain", lambda: [nothing_leaves()])
    else:
        told = Once(partial(provider_domains, program))
        for domain in sender_domains(program.settings):
            yield Examination("domain", partial(_domain, program, domain, network, told))
    yield Examination("web", partial(examine_site, program, network.policy, program.now()))
    yield Examination("bounces", partial(examine_mailbox, program))


class Once:
    """What the provider says of its domains, asked by whoever comes first."""

    def __init__(self, asked: Callable[[], tuple[SendingDomain, ...] | MailerError | None]) -> None:
        self._asked = asked
        self._lock = Lock()

    def __call__(self) -> tuple[SendingDomain, ...] | MailerError | None:
        with self._lock:
            return self.answer

    @cached_property
    def answer(self) -> tuple[SendingDomain, ...] | MailerError | None:
        return self._asked()


def _domain(program: Opened, domain: str, network: Network, told: Once) -> Iterator[Verdict]:
    yield from examine_domain(program, domain, network.ask, told())


def examine_configuration(program: Opened) -> Iterator[Verdict]:
    """The same as `config check`. ConfigError says what is wrong."""
    area = "configuration"
    report = check(program.workspace, program.environ)
    for words in report.to_do:
        yield Verdict(area, State.WARNING, words)
    lists, senders = counted(len(report.lists), "list"), counted(len(report.senders), "sender")
    yield fine(area, f"mailer.toml is in order: {senders}, {lists}")
