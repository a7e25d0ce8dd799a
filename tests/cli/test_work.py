"""`mailer work` and `mailer send --due`, with a clock of the test's own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailer.app import Mailer, open_mailer
from mailer.engine.carrier import Ticket, TicketKind
from mailer.engine.local import LocalCarrier
from mailer.errors import ConflictError, ProviderError, StoreError
from mailer.model import IssueState
from mailer.services.scheduling import When, plan_schedule, schedule_issue
from mailer.services.sending.desk import Desk as Sending
from mailer.services.sending.freezing import freeze_issue, plan_send
from mailer.services.working import Happening, Work, away, only_one, work
from mailer.store import issues as stored_issues
from mailer.store import ledger, pacing, scheduling, workers
from mailer.workspace import Workspace
from tests import postgres
from tests.cli.campaign import ISSUE, add_people, addressees, crowd, mails, write_issue

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
PEOPLE = ("ann@example.org,Ann,Oslo", "bo@example.org,Bo,Bergen")


@pytest.fixture
def issue(mailer: Any) -> Any:
    add_people(mailer, "members", *PEOPLE)
    write_issue(mailer, "Hello.")
    return mailer


class Clock:
    """The time of a program, which a test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Desk:
    """A worker over a workspace, a clock, and what the worker said."""

    def __init__(self, program: Mailer, clock: Clock) -> None:
        self.program = program
        self.clock = clock
        self.said: list[Happening] = []
        self.worker = self.another()

    def another(self, stop: Callable[[], bool] = lambda: False) -> Work:
        return Work(self.program, LocalCarrier(), self.said.append, stop)

    def schedule(self, name: str = ISSUE, at: str = "+1h", **words: str) -> None:
        prepared, _ = plan_send(self.program, name)
        schedule_issue(self.program, prepared, plan_schedule(self.program, prepared, When(at, **words)))

    def freeze(self, name: str = ISSUE) -> None:
        freeze_issue(self.program, plan_send(self.program, name)[0])

    def later(self, **length: float) -> None:
        self.clock.now += timedelta(**length)

    def lines(self) -> list[str]:
        found = [f"{each.what} {each.issue}: {each.detail}" for each in self.said]
        self.said.clear()
        return found

    def state(self, name: str = ISSUE) -> IssueState:
        with self.program.store.read() as connection:
            return stored_issues.state_of(connection, name)

    def claim(self, lease: float = 30) -> ledger.ClaimedBatch | None:
        with self.program.store.write() as connection:
            return ledger.claim(connection, ISSUE, ledger.ClaimTerms("dead", lease), self.clock.now)


@pytest.fixture
def desk(issue: Any) -> Iterator[Desk]:
    clock = Clock()
    with open_mailer(Workspace(issue.root), {}, clock) as program:
        yield Desk(program, clock)


def test_it_begins_when_it_is_due_and_not_before(issue: Any, desk: Desk) -> None:
    desk.schedule()
    desk.later(minutes=59)
    desk.worker.once()
    assert (desk.lines(), mails(issue)) == ([], [])
    add_people(issue, "members", "late@example.org,Late,Oslo")
    desk.later(minutes=1)
    desk.worker.once()
    assert desk.lines() == [f"begun {ISSUE}: 3 recipients", f"finished {ISSUE}: 3 accepted, 0 twice, 0 in doubt"]
    assert addressees(issue) == ["ann@example.org", "bo@example.org", "late@example.org"]
    assert not desk.worker.attention
    desk.worker.once()
    assert desk.lines() == []


def test_a_clock_that_is_set_back_sends_nothing_twice(issue: Any, desk: Desk) -> None:
    desk.schedule()
    desk.later(hours=1)
    desk.worker.once()
    desk.clock.now = NOW - 5 * HOUR
    desk.another().once()
    desk.clock.now = NOW + 2 * HOUR
    desk.another().once()
    assert len(mails(issue)) == 2


@pytest.mark.parametrize(("hours", "late"), [(6.9, False), (7.1, True)])
def test_found_too_late_it_waits_for_a_person(issue: Any, desk: Desk, hours: float, late: bool) -> None:
    desk.schedule()
    desk.later(hours=hours)
    desk.worker.once()
    assert desk.worker.attention is late
    if not late:
        assert desk.state() is IssueState.SENT
        return
    assert desk.state() is IssueState.PAUSED
    assert desk.lines() == [
        f"paused {ISSUE}: it was due at 2026-11-22 10:00 UTC, 6 h 6 min before anybody could begin; 2 recipients; "
        f"mailer resume {ISSUE} sends it, mailer cancel {ISSUE} drops it"
    ]
    assert mails(issue) == []
    desk.worker.once()
    assert desk.lines() == []
    issue.done("resume", ISSUE)
    desk.another().once()
    assert desk.state() is IssueState.SENT
    assert len(mails(issue)) == 2


def test_after_its_last_moment_nothing_begins(issue: Any, desk: Desk) -> None:
    desk.schedule(not_after="+2h")
    desk.later(hours=2, seconds=1)
    desk.worker.once()
    assert (desk.state(), mails(issue)) == (IssueState.PAUSED, [])
    assert "nothing was to leave after 2026-11-22 11:00 UTC" in desk.lines()[0]


def test_the_last_moment_in_the_middle_pauses_the_rest(issue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    issue.add_settings("[provider]\nbatch_size = 1\n")
    add_people(issue, "members", *crowd(200))
    clock = Clock()
    with open_mailer(Workspace(issue.root), {}, clock) as program:
        desk = Desk(program, clock)
        desk.schedule(not_after="+2h")
        desk.later(hours=1)

        def stop() -> bool:
            if mails_there(issue):
                clock.now = NOW + 2 * HOUR + timedelta(seconds=1)
            return False

        desk.another(stop).once()
        assert desk.state() is IssueState.PAUSED
        assert 0 < mails_there(issue) < 202
        assert "nothing was to leave after" in desk.lines()[-1]


def mails_there(mailer: Any) -> int:
    return len(list((mailer.root / "outbox" / ISSUE / "new").glob("*.eml")))


def test_what_was_left_in_the_middle_goes_on(issue: Any, desk: Desk) -> None:
    desk.freeze()
    assert desk.claim() is not None
    desk.later(seconds=29)
    desk.worker.once()
    assert mails(issue) == []
    desk.later(seconds=2)
    desk.worker.once()
    assert desk.lines() == [f"finished {ISSUE}: 2 accepted, 0 twice, 0 in doubt"]


def test_what_was_left_for_too_long_waits_for_a_person(issue: Any, desk: Desk) -> None:
    desk.freeze()
    desk.later(hours=7)
    desk.worker.once()
    assert (desk.state(), desk.worker.attention, mails(issue)) == (IssueState.PAUSED, True, [])
    assert "nobody went on with it since 2026-11-22 09:00 UTC, for 7 h" in desk.lines()[0]
    with desk.program.store.write() as connection:
        stored_issues.resume(connection, ISSUE, desk.clock.now)
    desk.worker.once()
    assert len(mails(issue)) == 2


def test_a_worker_that_is_there_is_never_too_late(issue: Any, desk: Desk) -> None:
    """What it began itself and could not go on with for hours, as under another long issue, is in its hands."""
    desk.schedule(at="now")
    desk.worker.carry(Ticket(TicketKind.ISSUE, 1))
    assert desk.state() is IssueState.SENDING
    desk.later(hours=10)
    desk.worker.once()
    assert desk.state() is IssueState.SENT


def test_readers_batches_go_one_after_the_other(issue: Any) -> None:
    rows = "email,timezone\njo@example.org,Asia/Tokyo\nli@example.org,America/Lima\n"
    issue.done("subscribers", "import", "-", "--list", "members", stdin=rows.encode())
    clock = Clock()
    with open_mailer(Workspace(issue.root), {}, clock) as program:
        desk = Desk(program, clock)
        desk.schedule(at="2026-11-25", local_time="09:00")
        for moment, people in (
            ("2026-11-24T23:54", []),
            ("2026-11-24T23:55", []),
            ("2026-11-25T00:00", ["jo"]),
            ("2026-11-25T08:59", ["jo"]),
            ("2026-11-25T09:00", ["ann", "bo", "jo"]),
            ("2026-11-25T14:00", ["ann", "bo", "jo", "li"]),
        ):
            clock.now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
            desk.another().once()
            assert addressees(issue) == [f"{name}@example.org" for name in people]
        assert [each.what for each in desk.said] == ["begun", "finished"]


def test_readers_whose_time_was_missed_wait_for_a_person(issue: Any) -> None:
    rows = "email,timezone\njo@example.org,Asia/Tokyo\nli@example.org,America/Lima\n"
    issue.done("subscribers", "import", "-", "--list", "members", stdin=rows.encode())
    clock = Clock()
    with open_mailer(Workspace(issue.root), {}, clock) as program:
        desk = Desk(program, clock)
        desk.schedule(at="2026-11-25", local_time="09:00")
        clock.now = datetime(2026, 11, 25, tzinfo=UTC)
        desk.another().once()
        clock.now = datetime(2026, 11, 25, 15, 1, tzinfo=UTC)
        desk.another().once()
        assert addressees(issue) == ["jo@example.org"]
        assert desk.state() is IssueState.PAUSED
        assert "nobody went on with it since 2026-11-25 09:00 UTC" in desk.lines()[-1]


# --- several issues ---------------------------------------------------------------------------------------------------


def test_alerts_before_bulletins_and_then_the_oldest(issue: Any, desk: Desk) -> None:
    desk.worker.threads = 1
    for number, (name, kind) in enumerate([("b1", "bulletin"), ("b2", "bulletin"), ("a1", "alert"), ("a2", "alert")]):
        write_issue(issue, "Hello.", name=name, kind=kind)
        desk.schedule(name, at=f"+{number + 1}m")
    desk.later(minutes=10)
    desk.worker.once()
    assert [each.issue for each in desk.said if each.what == "finished"] == ["a1", "a2", "b1", "b2"]


def test_an_alert_does_not_wait_for_the_end_of_a_bulletin(issue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    issue.add_settings("[provider]\nbatch_size = 1\n")
    add_people(issue, "members", *crowd(120))
    write_issue(issue, "Alert.", name="alert", kind="alert", lists=["weekly"])
    add_people(issue, "weekly", "zoe@example.org,Zoe,Oslo")
    clock = Clock()
    with open_mailer(Workspace(issue.root), {}, clock) as program:
        desk = Desk(program, clock)
        desk.schedule(at="now")
        desk.schedule("alert", at="+1h")

        def stop() -> bool:
            if mails_there(issue) > 20:
                clock.now = NOW + HOUR
            return False

        there: list[int] = []

        def say(each: Happening) -> None:
            desk.said.append(each)
            there.append(mails_there(issue))

        worker = Work(program, LocalCarrier(), say, stop)
        worker.once()
        finished = {
            each.issue: number for each, number in zip(desk.said, there, strict=True) if each.what == "finished"
        }
        assert list(finished) == ["alert", ISSUE]
        assert 20 < finished["alert"] < 122
        assert mails_there(issue) == 122


def test_an_issue_in_trouble_does_not_stop_the_others(issue: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    write_issue(issue, "Hello.", name="bad")
    desk.schedule("bad", at="+1m")
    desk.schedule(at="+2m")
    tries: list[str] = []
    real = Sending._open

    def open_one(self: Sending, issue: Any) -> Any:
        tries.append(issue.name)
        if issue.name == "bad":
            raise ProviderError("the provider cannot be reached")
        return real(self, issue)

    monkeypatch.setattr(Sending, "_open", open_one)
    desk.later(hours=1)
    desk.worker.once()
    assert (sorted(tries), desk.worker.attention) == ([ISSUE, "bad"], True)
    lines = desk.lines()
    assert lines.count("error bad: the provider cannot be reached") == 1
    assert lines[-1] == f"finished {ISSUE}: 2 accepted, 0 twice, 0 in doubt"


def test_what_the_rate_keeps_back_is_waited_for(issue: Any) -> None:
    issue.add_settings("[provider]\nbatch_size = 1\n[limits]\nmax_rate = 60\n")
    add_people(issue, "members", "cy@example.org,Cy,")
    issue.done("send", ISSUE, "--at", "now")
    assert "finished" in issue.done("send", "--due").out
    assert len(mails(issue)) == 3


@pytest.mark.parametrize(("seconds", "waits"), [(0.5, True), (120.0, False)])
def test_a_moment_is_waited_for_and_no_longer(issue: Any, seconds: float, waits: bool) -> None:
    """As when the provider wants no call for so long: a crontab comes again for what is later."""
    issue.done("send", ISSUE, "--at", "now")
    with open_mailer(Workspace(issue.root), {}) as program:
        with program.store.write() as connection:
            now = program.now()
            pacing.block(connection, "outbox", now + timedelta(seconds=seconds + 1.5), now)
        said: list[Happening] = []
        Work(program, LocalCarrier(), said.append).once()
        assert [each.what for each in said] == (["begun", "finished"] if waits else ["begun"])


# --- the long run -----------------------------------------------------------------------------------------------------


def test_a_database_that_is_away_is_waited_for(issue: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(away, "AWAY", (0.01, 0.02))
    desk.schedule(at="now")
    worker = desk.another(lambda: any(each.what == "finished" for each in desk.said))
    worker.carrier = LocalCarrier(0.02)
    real = scheduling.due
    failures = iter(range(3))

    def due(*words: Any) -> Any:
        if next(failures, None) is not None:
            raise StoreError("mailer: the server is gone", hint="Look whether it runs.")
        return real(*words)

    monkeypatch.setattr(scheduling, "due", due)
    worker.forever()
    assert [line for line in desk.lines() if not line.startswith("job")] == [
        "database : mailer: the server is gone; trying again in 0.01 s",
        "database : mailer: the server is gone; trying again in 0.02 s",
        "database : mailer: the server is gone; trying again in 0.02 s. Look whether it runs.",
        "database : it answers again",
        f"begun {ISSUE}: 2 recipients",
        f"finished {ISSUE}: 2 accepted, 0 twice, 0 in doubt",
    ]


def test_a_copy_of_the_database_is_not_worked_from(issue: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(program: Mailer) -> None:
        raise ConflictError("a copy must not send")

    monkeypatch.setattr(work, "check_bound", refuse)
    with pytest.raises(ConflictError):
        desk.worker.forever()
    with pytest.raises(ConflictError):
        desk.worker.once()


def test_runs_that_overlap_are_quiet(issue: Any) -> None:
    issue.done("send", ISSUE, "--at", "now")
    with open_mailer(Workspace(issue.root), {}) as program, only_one(program) as alone:
        assert alone
        run = issue.done("send", "--due")
        assert (run.out, run.err) == ("", "")
        assert issue("work").code == 1
    assert mails(issue) == []
    assert "finished" in issue.done("work", "--once").out


def test_exit_code_3_says_that_something_waits(issue: Any) -> None:
    issue.done("send", ISSUE, "--at", "now")
    (issue.root / "outbox").write_text("a file in the place of the folder")
    run = issue("send", "--due", "--json")
    assert run.code == 3
    assert '"what": "error"' in run.out
    assert "something waits for a person" in run.err
    assert "example.org" not in run.out + run.err


# --- where an engine shares the work ----------------------------------------------------------------------------------


@pytest.fixture
def on_server(mailer: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    server = postgres.shared()
    url = server.create()
    monkeypatch.setenv("DATABASE_URL", url)
    mailer.add_settings('[work]\nengine = "procrastinate"\n')
    add_people(mailer, "members", *PEOPLE)
    write_issue(mailer, "Hello.")
    yield mailer
    server.drop(url)


def beat(issue: Any, **values: Any) -> None:
    """A worker is there."""
    with open_mailer(Workspace(issue.root), dict(os.environ)) as program, program.store.write() as connection:
        numbers = dict.fromkeys(("busy", "batches", "mails", "batches_a_minute", "mails_a_minute"), 0)
        words = {"name": "a-1-b", "host": "a", "process": 1, "engine": "procrastinate", "version": "1", "threads": 4}
        told = {**numbers, **words, "issues": (), "stopping": False, **values}
        workers.beat(connection, workers.Beat(**told), program.now())


@pytest.mark.parametrize("values", [{"stopping": True}, {"engine": "local"}, {}])
def test_a_send_is_left_to_the_workers_that_are_there(on_server: Any, values: dict[str, Any]) -> None:
    beat(on_server, **values)
    run = on_server("send", ISSUE, "--yes")
    if values:
        assert len(mails(on_server)) == 2, "nobody is there who could"
        return
    assert (run.code, run.out) == (0, f"{ISSUE} is being sent to 2 recipients by 1 worker\n")
    assert f"mailer status {ISSUE} --watch" in run.err
    assert mails(on_server) == []
    assert on_server.done("send", ISSUE, "--max-rate", "1000", "--json").json["accepted_now"] == 2


@pytest.mark.parametrize("words", [("--watch",), ("--here", "--once"), ("--status", "--once")])
def test_what_cannot_be_said_together(issue: Any, words: tuple[str, ...]) -> None:
    assert issue("work", *words).code == 2


def test_the_status_of_the_workers_is_a_word_of_the_same_command(issue: Any) -> None:
    assert issue("work", "--status", "--json").json["workers"] == []
