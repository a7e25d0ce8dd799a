"""What workers do beside sending: every job is done once, also when whoever has it dies, and in the end it is said."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailer.audience.layout import Told
from mailer.checks.facts import Probe
from mailer.config import Settings
from mailer.errors import ConflictError, ImportFileError, NoAddressColumnError, NotFoundError, StoreError, UsageError
from mailer.model import How, JobKind, JobState, MailingList, SubscriptionState
from mailer.services import jobs as services
from mailer.services.imports import Options, import_subscribers
from mailer.services.jobs import carrying, errand, importing, keeping, reports, syncing
from mailer.services.jobs.errand import Errand, Result
from mailer.services.subscribers import Entry
from mailer.store import erasing, imports, jobs, probes
from mailer.store.admission import Update
from mailer.store.database import Store, open_store
from mailer.store.jobs import Job
from mailer.store.subscriptions import Origin
from mailer.store.tables import articles as found
from mailer.store.tables import job_parts, subscribers, subscription_events, subscriptions
from mailer.store.tables import jobs as table
from tests.store.asking_program import SETTINGS, Campaign
from tests.store.job_worker import CHUNK
from tests.store.test_suppressions import hasher
from tests.store.world import NOW, World, key

ROOT = Path(__file__).parent.parent.parent
WEEKLY = MailingList("weekly", "Weekly", opt_in="single")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
PEOPLE = b"email,city\nada@example.org,Oslo\nben@example.org,Bergen\nnobody,Nowhere\n"
EVENTS = [
    {"event": "delivered", "timestamp": 1795000000, "email": "ada@example.org", "sg_event_id": "x"},
    {"event": "account_status_change", "timestamp": 1795000000},
]


def eventually(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until


def going() -> bool:
    return False


@dataclass
class Office:
    """A program whose lists take people, with a clock of the test's."""

    campaign: Campaign

    @property
    def store(self) -> Store:
        return self.campaign.store

    def later(self, span: timedelta = MINUTE) -> None:
        self.campaign.moment += span

    def carry(self, job: int, owner: str = "one", stop: Callable[[], bool] = going) -> str | None:
        return services.carry(self.campaign, job, owner, stop)

    def add(self, kind: JobKind = JobKind.EVENTS, **values: Any) -> int:
        with self.store.write() as connection:
            number = jobs.add(connection, kind, {}, self.campaign.moment, **values)
        assert number is not None
        return number

    def claim(self, job: int, owner: str = "one", seconds: float = 60) -> Job | None:
        with self.store.write() as connection:
            return jobs.claim(connection, job, owner, seconds, self.campaign.moment)

    def job(self, number: int) -> Job:
        with self.store.read() as connection:
            found = jobs.get(connection, number)
        assert found is not None
        return found

    def state(self, number: int) -> tuple[str, int]:
        job = self.job(number)
        return job.state.value, job.attempts

    def due(self, most: int = 100) -> list[int]:
        with self.store.read() as connection:
            return jobs.due(connection, self.campaign.moment, most)

    def parts(self) -> list[tuple[int, int]]:
        query = sa.select(job_parts.c.job_id, job_parts.c.number).order_by(job_parts.c.job_id, job_parts.c.number)
        with self.store.read() as connection:
            return [(row.job_id, row.number) for row in connection.execute(query)]

    def keys(self) -> list[str | None]:
        with self.store.read() as connection:
            return [job.key for job in reversed(jobs.newest(connection))]

    def leave(self, data: bytes = PEOPLE, **options: Any) -> int:
        return services.leave_import(self.campaign, entry(), data, Options(**{"file": Path("people.csv")} | options))

    def people(self) -> list[str]:
        with self.store.read() as connection:
            return sorted(connection.execute(sa.select(subscribers.c.email_key)).scalars())


def entry(**values: Any) -> Entry:
    origin = Origin(How.IMPORT, "import of people.csv: the fair")
    return replace(Entry(WEEKLY, SubscriptionState.CONFIRMED, origin), **values)


@pytest.fixture
def office(store: Store, tmp_path: Path) -> Office:
    campaign = Campaign.over(replace(store, hasher=hasher), tmp_path)
    campaign.lists = {"weekly": WEEKLY}
    return Office(campaign)


# --- the store --------------------------------------------------------------------------------------------------------


def test_a_job_is_one_workers_until_its_lease_ends(office: Office) -> None:
    number = office.add(body=[b"ab", b"c" * (jobs.PART + 1)])
    assert office.parts() == [(number, 0), (number, 1), (number, 2)]
    assert office.due() == [number]
    job = office.claim(number)
    assert job is not None
    assert (job.state, job.owner, job.attempts) == (JobState.RUNNING, "one", 1)
    assert (office.claim(number, "two"), office.due()) == (None, [])
    office.later()
    assert office.due() == [number]
    with office.store.write() as connection:
        assert jobs.renew(connection, number, "one", 60, office.campaign.moment), "late, and nobody has it"
        assert not jobs.renew(connection, number, "two", 60, office.campaign.moment)
    assert office.claim(number, "two") is None
    office.later()
    job = office.claim(number, "two")
    assert job is not None
    assert job.attempts == 2
    with office.store.write() as connection:
        now = office.campaign.moment
        assert not jobs.finish(connection, number, "one", "late", now)
        assert not jobs.put_off(connection, number, "one", "late", (now, now))
        assert not jobs.give_up(connection, number, "one", "late", now)
        assert not jobs.give_back(connection, number, "one", now)
        assert not jobs.vanish(connection, number, "one")
        assert jobs.body(connection, number) == b"ab" + b"c" * (jobs.PART + 1)
        assert jobs.finish(connection, number, "two", "all is in", now)
    assert office.state(number) == ("done", 2)
    assert (office.parts(), office.due()) == ([], [])


def test_one_key_makes_one_job(office: Office) -> None:
    office.add(key="sync 1")
    with office.store.write() as connection:
        assert jobs.add(connection, JobKind.SYNC, {}, NOW, key="sync 1") is None
    office.add()
    office.add()
    assert office.keys() == ["sync 1", None, None]


def test_a_job_for_later_waits(office: Office) -> None:
    number = office.add(due_at=NOW + HOUR)
    assert office.due() == []
    assert office.claim(number) is None
    office.later(HOUR)
    assert office.due() == [number]


def test_a_clock_that_is_set_back_postpones_nothing(office: Office) -> None:
    waiting, running = office.add(), office.add()
    assert office.claim(running) is not None
    office.later(-2 * HOUR)
    assert office.due() == [running, waiting]
    assert office.claim(waiting) is not None
    assert office.claim(running, "two") is not None


def test_the_oldest_are_due_first(office: Office) -> None:
    numbers = [office.add() for _ in range(5)]
    assert office.due(3) == numbers[:3]
    assert office.claim(numbers[4]) is not None
    office.later()
    assert office.due(3) == [numbers[4], *numbers[:2]], "whose worker died waited already"


def test_a_job_that_kills_its_workers_waits_for_a_person(office: Office) -> None:
    number = office.add(body=[b"poison"])
    for attempt in range(jobs.MOST_CLAIMS):
        assert office.claim(number, f"victim {attempt}") is not None
        office.later()
    assert office.claim(number) is None
    assert office.state(number) == ("failed", jobs.MOST_CLAIMS)
    assert office.job(number).detail == "20 workers died while they had it"
    assert office.parts() == [(number, 0)], "to be tried again"
    with office.store.write() as connection:
        assert jobs.retry(connection, number, office.campaign.moment)
    assert office.state(number) == ("waiting", 0)
    assert office.claim(number) is not None


def test_a_job_in_hand_cannot_be_dropped(office: Office) -> None:
    number = office.add(body=[b"bytes"])
    office.claim(number)
    with office.store.write() as connection:
        assert not jobs.drop(connection, number, NOW)
        assert not jobs.retry(connection, number, NOW)
        assert jobs.drop(connection, number, NOW + HOUR), "its worker is dead"
    assert (office.parts(), office.due()) == ([], [])


STEPS = st.lists(
    st.tuples(st.sampled_from(["claim", "renew", "finish", "put_off", "give_up", "give_back", "retry", "wait", "back"]),
              st.integers(0, 2)),
    max_size=20,
)  # fmt: skip


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_order_of_steps_leaves_a_job_with_one_owner(office: Office, steps: list[tuple[str, int]]) -> None:
    """Against a model: only whoever claimed last may move it, what ended is begun by nobody, and nothing is lost."""
    number = office.add(body=[b"bytes"])
    holder: str | None = None
    state = "waiting"
    for count, (step, who) in enumerate(steps):
        name, now = f"worker {who}", office.campaign.moment
        ours = state == "running" and holder == name
        with office.store.write() as connection:
            match step:
                case "claim":
                    name = f"worker {who}"
                    job = jobs.claim(connection, number, name, 60, now)
                    assert job is None or state in ("waiting", "running"), count
                    if job is not None:
                        holder, state = name, "running"
                    else:
                        assert state != "waiting" or jobs.get(connection, number).due_at > now  # type: ignore[union-attr]
                case "renew":
                    assert jobs.renew(connection, number, name, 60, now) is ours
                case "finish":
                    assert jobs.finish(connection, number, name, "done", now) is ours
                    state = "done" if ours else state
                case "put_off":
                    assert jobs.put_off(connection, number, name, "later", (now + MINUTE, now)) is ours
                    state = "waiting" if ours else state
                case "give_up":
                    assert jobs.give_up(connection, number, name, "no", now) is ours
                    state = "failed" if ours else state
                case "give_back":
                    assert jobs.give_back(connection, number, name, now) is ours
                    state = "waiting" if ours else state
                case "retry":
                    assert jobs.retry(connection, number, now) is (state in ("failed", "waiting"))
                    state = "waiting" if state == "failed" else state
            found = jobs.get(connection, number)
        if step in ("wait", "back"):
            office.later((-2 if step == "back" else 1) * MINUTE)
        assert found is not None
        assert (found.state, found.owner) == (state, holder if state == "running" else None)
        assert (found.lease_until is None) is (state != "running")
        assert (found.finished_at is None) is (state in ("waiting", "running"))
        assert ((number, 0) in office.parts()) is (state != "done")
        assert found.attempts >= (state == "running")
    with office.store.write() as connection:
        connection.execute(sa.delete(job_parts))
        connection.execute(sa.delete(table))


# --- imports ----------------------------------------------------------------------------------------------------------


def test_an_import_is_done_by_a_worker(office: Office) -> None:
    number = office.leave()
    assert office.people() == []
    said = office.carry(number)
    assert said == (
        f"job {number}, import: weekly: 2 new, 0 updated, 0 unchanged, 0 kept out, 1 refused; 2 people on weekly can "
        f"be mailed; 1 row refused: mailer jobs show {number} --refused FOLDER writes them out"
    )
    assert office.people() == [key("ada"), key("ben")]
    job = office.job(number)
    assert (job.state, job.finished_at) == (JobState.DONE, NOW)
    assert office.parts() == [(number, jobs.FIRST_KEPT)], "the file is gone, the refused row is kept"
    assert job.arguments["refused"] == [{"name": "people.csv.rejected.csv", "first": -1, "parts": 1}]
    with office.store.read() as connection:
        kept = b"".join(jobs.kept(connection, number, -1, 1)).decode("utf-8-sig")
        (record,) = imports.newest(connection, None, None)
    assert [line.split(",")[0] for line in kept.splitlines()] == ["rejected_line", "4"]
    assert (record.name, record.words) == ("people.csv", "import of people.csv: the fair")
    assert not any(errand.folders(office.campaign).iterdir()), "nothing personal stays on this host's disk"


def test_everything_that_was_said_is_kept(office: Office) -> None:
    data = b"Reach;Notes\nada@example.org;x\n"
    agreed = replace(WEEKLY, consent="I want it.")
    told = Told("utf-8", ";", {"Reach": "email", "Notes": "-"}, None, "none")
    options = Options(told, Update.FILL, ("Fair",), file=Path("people.csv"))
    number = services.leave_import(
        office.campaign, entry(definition=agreed, agreed_to_text=True, state=SubscriptionState.PENDING), data, options
    )
    office.campaign.lists = {"weekly": replace(WEEKLY, consent="Another text.")}
    assert "1 new" in str(office.carry(number))
    with office.store.read() as connection:
        (person,) = connection.execute(sa.select(subscribers.c.attributes)).scalars()
    assert person == {"tags": ["Fair"]}
    (event,) = office.campaign.history("ada")
    assert (event.state, event.consent_text) == (SubscriptionState.PENDING, "I want it.")


def test_a_file_without_a_name_leaves_its_refused_rows_too(office: Office) -> None:
    number = office.leave(file=None)
    office.carry(number)
    job = office.job(number)
    assert [each["name"] for each in job.arguments["refused"]] == ["people.rejected.csv"]
    assert office.parts() == [(number, -1)]


@pytest.mark.parametrize(
    ("data", "error"),
    [(b"", ImportFileError), (b"%PDF-1.7 x", ImportFileError), (b"a,b\nx,y\nu,v\n", NoAddressColumnError)],
)
def test_what_cannot_be_read_is_said_at_once(office: Office, data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        office.leave(data)
    with pytest.raises(UsageError):
        office.leave(told=Told(sheet="2"))
    assert office.due() == []


def test_a_list_that_is_gone_fails_at_once(office: Office) -> None:
    number = office.leave()
    office.campaign.lists = {}
    office.campaign.list_named = missing  # type: ignore[method-assign]
    said = office.carry(number)
    assert said == (
        f"job {number}, import: failed: unknown list; mailer jobs retry {number} tries it again, mailer jobs drop "
        f"{number} drops it"
    )
    assert office.state(number) == ("failed", 1)
    assert office.parts() == [(number, 0)]


def missing(name: str) -> MailingList:
    raise NotFoundError("unknown list")


def test_a_file_that_was_imported_before_changes_nothing(office: Office) -> None:
    office.carry(office.leave())
    office.later()
    third, again = office.leave(), office.leave(again=True)
    assert "already; nothing was changed" in str(office.carry(third))
    assert "2 unchanged" in str(office.carry(again))
    with office.store.read() as connection:
        assert len(imports.newest(connection, None, None)) == 2


def test_a_worker_that_stops_lays_it_down(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "Options", partial(Options, chunk=1000))
    number = office.leave(rows(3000))
    # When it begins, and after the first thousand.
    asked = iter([False, False])
    assert office.carry(number, stop=lambda: next(asked, True)) == f"job {number}, import: laid down, to go on later"
    assert office.state(number) == ("waiting", 0)
    assert office.due() == [number], "for another worker, at once"
    office.carry(number)
    assert office.state(number) == ("done", 1)
    assert "went on after row 2," in office.job(number).detail
    (record,) = records(office.store)
    assert (record.state, record.rows) == ("done", 3000)


def test_a_worker_that_is_asked_to_stop_begins_nothing(office: Office) -> None:
    number = office.leave()
    assert office.carry(number, stop=lambda: True) is None
    assert office.state(number) == ("waiting", 0)


def test_somebody_forgotten_while_an_import_waits_stays_out(office: Office) -> None:
    office.carry(office.leave(b"email\nada@example.org\n", file=None))
    waiting = office.leave()
    with office.store.write() as connection:
        erasing.forget(connection, key("ada"), hasher(key("ada")), NOW)
        assert jobs.holding_bytes(connection) == [waiting]
    assert "weekly: 1 new, 0 updated, 0 unchanged, 1 kept out, 1 refused" in str(office.carry(waiting))
    assert [name for name in office.people() if "@" in name] == [key("ben")]
    assert office.parts() == [(waiting, -1)], "the file went with the job"


# --- killed -----------------------------------------------------------------------------------------------------------


def rows(count: int) -> bytes:
    """Mostly new people; some twice, some refused."""
    lines = ["email,city"]
    for number in range(count):
        if number % 97 == 3:
            lines.append(f"nobody{number},Oslo")
        elif number % 101 == 5:
            lines.append(f"p{number // 2}@example.org,Bergen")
        else:
            lines.append(f"p{number}@example.org,City {number % 9}")
    return "\n".join(lines).encode()


def everything(store: Store) -> dict[str, Any]:
    """Who is there with what is known of them, in which states, and who has another number of events than one."""
    number = sa.func.count()
    with store.read() as connection:
        people = connection.execute(sa.select(subscribers.c.email_key, sa.cast(subscribers.c.attributes, sa.Text)))
        states = connection.execute(sa.select(subscriptions.c.state, number).group_by(subscriptions.c.state))
        person = sa.select(subscription_events.c.subscriber_id).group_by(subscription_events.c.subscriber_id)
        return {
            "people": set(map(tuple, people)),
            "states": set(map(tuple, states)),
            "events": connection.execute(sa.select(number).select_from(subscription_events)).scalar_one(),
            "twice": connection.execute(person.having(number != 1)).all(),
        }


def kill(office: Office, url: str, number: int, rows: int) -> None:
    """A worker in a process of its own begins the import, and is killed when so many rows are in."""
    words = [sys.executable, "-m", "tests.store.job_worker", url, office.campaign.workspace.root, number, rows]
    done = subprocess.run(list(map(str, words)), cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == -9, done.stderr


class DeathError(BaseException):
    """Where a process would have died."""


def test_a_killed_workers_import_is_gone_on_with(
    office: Office, url: str, another: Callable[[], Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the middle, and once more between the last row and the word that the job is done."""
    data = rows(20_000)
    number = office.leave(data)
    kill(office, url, number, 8000)
    assert office.state(number) == ("running", 1)
    assert office.carry(number) is None, "it might be at work"
    (record,) = records(office.store)
    assert (record.state, 8000 <= record.rows < 16_000) == ("running", True)
    assert list(errand.folders(office.campaign).iterdir()), "the killed one left something on the disk"
    office.later(2 * MINUTE)
    assert office.due() == [number]
    with monkeypatch.context() as patch, pytest.raises(DeathError):
        patch.setattr(carrying, "_finish", die)
        office.carry(number)
    assert (office.state(number), records(office.store)[0].state) == (("running", 2), "done")
    office.later(2 * MINUTE)
    said = office.carry(number)
    file = tmp_path / "alone" / "people.csv"
    file.parent.mkdir()
    alone = replace(another(), hasher=hasher)
    undisturbed = import_subscribers(alone, entry(), data, Options(file=file, chunk=CHUNK), NOW)
    assert everything(office.store) == everything(alone)
    assert undisturbed.summary()[0] in str(said)
    assert undisturbed.refused > 200
    (record,) = records(office.store)
    assert (record.state, record.rows, record.counts) == ("done", 20_000, records(alone)[0].counts)
    kept = office.job(number).arguments["refused"]
    with office.store.read() as connection:
        parts = b"".join(jobs.kept(connection, number, kept[0]["first"], kept[0]["parts"]))
    assert parts == file.with_name("people.csv.rejected.csv").read_bytes()
    assert not list(errand.folders(office.campaign).glob("*")), "what it left is gone"


def die(*_: Any) -> None:
    raise DeathError


def records(store: Store) -> list[imports.ImportRecord]:
    with store.read() as connection:
        return imports.newest(connection, None, None)


def test_two_carriers_of_one_job(office: Office) -> None:
    number = office.leave()
    start = Barrier(4)

    def work(name: str) -> str | None:
        start.wait()
        return office.carry(number, name)

    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(work, "abcd"))
    assert sum(each is not None for each in said) == 1
    assert office.state(number) == ("done", 1)


def test_a_worker_that_lost_its_job_stops_and_says_nothing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    number = office.add()
    monkeypatch.setattr(keeping, "RENEW", 0.01)

    def work(errand: Errand) -> Result:
        assert not errand.stop()
        assert str(errand.job.owner).startswith("one."), "each claim has a name of its own"
        office.later(2 * MINUTE)
        with office.store.write() as connection:
            # As another worker would after the lease.
            connection.execute(sa.update(table).where(table.c.id == number).values(owner="two"))
        eventually(errand.stop)
        return Result("too late")

    monkeypatch.setattr(reports, "work", work)
    assert office.carry(number) is None
    assert (office.job(number).owner, office.job(number).detail) == ("two", "")


def test_how_far_it_is_is_written_down(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    number = office.add()
    monkeypatch.setattr(keeping, "RENEW", 0.01)

    def work(errand: Errand) -> Result:
        errand.told("half of it")
        office.later()
        eventually(lambda: office.job(number).lease_until == NOW + 2 * MINUTE)
        assert office.job(number).detail == "half of it"
        return Result("all of it")

    monkeypatch.setattr(reports, "work", work)
    office.carry(number)
    assert office.job(number).detail == "all of it"


# --- failing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ConflictError("another process is importing this file"), "another process is importing this file"),
        (StoreError("the disk is full\nmore"), "the disk is full"),
        (ValueError("ada@example.org"), "a fault of the program: ValueError"),
    ],
)
def test_what_may_mend_is_tried_again(
    office: Office, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    def work(errand: Errand) -> Result:
        raise error

    monkeypatch.setattr(reports, "work", work)
    number = office.add(body=[b"bytes"])
    for attempt, minutes in enumerate((1, 5, 30, 120), 1):
        assert f"failed: {message}; it is tried again in " in str(office.carry(number))
        assert office.state(number) == ("waiting", attempt)
        office.later(minutes * MINUTE - timedelta(seconds=1))
        assert office.due() == []
        office.later(timedelta(seconds=1))
        assert office.due() == [number]
    assert f"failed: {message}; mailer jobs retry {number}" in str(office.carry(number))
    assert office.state(number) == ("failed", 5)
    assert (office.job(number).detail, office.due()) == (message, [])
    assert office.parts() == [(number, 0)]


# --- reports of providers ---------------------------------------------------------------------------------------------


def test_a_post_is_taken_in_and_goes(office: Office) -> None:
    number = services.leave_post(office.campaign, "sendgrid", json.dumps(EVENTS).encode())
    assert office.due() == [number]
    assert office.carry(number) == (
        f"job {number}, events: 2 events read, 0 new; 1 about mails that were not sent from this database; "
        "1 about no mail"
    )
    with office.store.read() as connection:
        assert jobs.newest(connection) == []
    assert office.parts() == []


def test_a_file_that_a_person_left_is_told_of(office: Office) -> None:
    number = services.leave_post(office.campaign, "sendgrid", json.dumps(EVENTS).encode(), asked=True)
    office.carry(number)
    assert office.job(number).detail.startswith("2 events read, 0 new")
    assert office.parts() == []


def test_what_of_a_post_cannot_be_read_is_told(office: Office) -> None:
    number = services.leave_post(office.campaign, "sendgrid", json.dumps([*EVENTS, {"event": 7}]).encode())
    assert "1 event could not be read: event 3: says no event" in str(office.carry(number))
    assert office.state(number) == ("done", 1)


def test_only_reports_are_taken(office: Office) -> None:
    with pytest.raises(NotFoundError):
        services.leave_post(office.campaign, "outbox", b"[]")
    with pytest.raises(UsageError, match="no file of events"):
        services.leave_post(office.campaign, "sendgrid", b"<html>")
    broken = services.leave_post(office.campaign, "sendgrid", b"[not JSON")
    assert "failed: that is no file of events" in str(office.carry(broken))
    assert office.state(broken) == ("failed", 1)


# --- by the clock -----------------------------------------------------------------------------------------------------

ARTICLE = "---\ntitle: Rivers\ndate: 2026-11-20\n---\nAbout rivers.\n"


def clocked(office: Office, minutes: int = 10) -> None:
    source = {"site": {"kind": "folder", "path": "articles"}}
    office.campaign.settings = Settings.model_validate(
        {**SETTINGS, "sources": source, "work": {"sync_minutes": minutes}}
    )
    folder = office.campaign.workspace.root / "articles"
    folder.mkdir(parents=True)
    (folder / "rivers.md").write_text(ARTICLE)


def tick(office: Office) -> list[str | None]:
    with office.store.write() as connection:
        services.due_by_clock(office.campaign, connection, office.campaign.moment)
    return office.keys()


@contextmanager
def statements(store: Store) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        seen.append(statement)

    sa.event.listen(store.engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(store.engine, "before_cursor_execute", note)


def test_each_period_is_added_once(office: Office) -> None:
    clocked(office)
    assert tick(office) == ["sync 2026-11-22T09:00Z", "prune 2026-11-22"]
    tick(office)
    office.later(9 * MINUTE)
    with office.store.write() as connection, statements(office.store) as seen:
        services.due_by_clock(office.campaign, connection, office.campaign.moment)
    assert seen == [], "nothing is asked before the next period"
    office.later(2 * MINUTE)
    assert tick(office)[2:] == ["sync 2026-11-22T09:10Z"]
    office.later(3 * HOUR)
    assert tick(office)[3:] == ["sync 2026-11-22T12:10Z"], "what was missed is done once"
    office.later(DAY)
    assert tick(office)[4:] == ["sync 2026-11-23T12:10Z", "prune 2026-11-23"]


def test_odd_clocks_add_nothing_twice(office: Office) -> None:
    clocked(office)
    before = tick(office)
    office.later(30 * MINUTE)
    after = tick(office)
    office.later(-30 * MINUTE)
    assert tick(office) == after, "that period was done"
    office.later(30 * MINUTE)
    assert tick(office) == after
    office.later(-400 * DAY)
    assert len(tick(office)) == len(after) + 2, "one a period that nobody saw"
    assert len(before) + 1 == len(after)


def test_a_caller_that_rolls_back_loses_no_period(office: Office) -> None:
    clocked(office)
    with pytest.raises(StoreError), office.store.write() as connection:
        services.due_by_clock(office.campaign, connection, NOW)
        raise StoreError("the transaction is undone")
    assert len(tick(office)) == 2


def test_three_hosts_add_one_job_a_period(office: Office, url: str, tmp_path: Path) -> None:
    clocked(office)
    stores = [open_store(url) for _ in range(3)]
    hosts = [replace(office.campaign, store=store) for store in stores]
    start = Barrier(3)

    def work(host: Campaign) -> None:
        for period in range(5):
            start.wait()
            now = NOW + period * 10 * MINUTE
            with host.store.write() as connection:
                services.due_by_clock(host, connection, now)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, hosts))
    for store in stores:
        store.close()
    assert sorted(map(str, office.keys())) == [
        "prune 2026-11-22", *(f"sync 2026-11-22T09:{minute}Z" for minute in ("00", "10", "20", "30", "40"))
    ]  # fmt: skip


def test_without_settings_only_old_jobs_are_looked_after(office: Office) -> None:
    assert tick(office) == ["prune 2026-11-22"]


def test_the_sources_are_read(office: Office) -> None:
    clocked(office)
    tick(office)
    sync, _ = office.due()
    assert office.carry(sync) == f"job {sync}, sync: 1 source read, 1 new article"
    with office.store.read() as connection:
        assert connection.execute(sa.select(found.c.title)).scalars().all() == ["Rivers"]
    office.later(HOUR)
    tick(office)
    (second,) = [number for number in office.due() if office.job(number).kind is JobKind.SYNC]
    office.campaign.workspace.root.joinpath("articles/rivers.md").unlink()
    office.campaign.workspace.root.joinpath("articles").rmdir()
    assert office.carry(second) == f"job {second}, sync: 1 source read, 0 new articles; failed: site"
    assert office.state(second) == ("done", 1)


def test_what_was_overtaken_is_not_done(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    clocked(office)
    tick(office)
    first, _ = office.due()
    office.later(HOUR)
    tick(office)
    monkeypatch.setattr(syncing, "sync", lambda *_: pytest.fail("it was read"))
    assert office.carry(first) == f"job {first}, sync: the next one was due before this was done"


def test_what_was_kept_long_enough_is_pruned(office: Office) -> None:
    world = World(office.store)
    world.add("members", "ada", "ben")
    world.freeze("members", snapshot={})
    world.submit()
    assert world.finish()
    work = {"work": {"keep_deliveries_days": 30, "keep_events_days": 7}}
    office.campaign.settings = Settings.model_validate({**SETTINGS, **work})
    tick(office)
    (first,) = office.due()
    assert office.carry(first) == f"job {first}, prune: nothing is old enough"
    office.later(40 * DAY)
    tick(office)
    second = office.due()[-1]
    assert "issue: 2 rows deleted, its deliveries and what was reported of them" in str(office.carry(second))
    assert (office.state(second), world.states()) == (("done", 1), {})


def test_old_jobs_are_deleted(office: Office) -> None:
    imported, failed, waiting = office.leave(), office.leave(), office.add(due_at=NOW + 90 * DAY)
    office.carry(imported)
    assert office.claim(failed) is not None
    with office.store.write() as connection:
        jobs.give_up(connection, failed, "one", "no", NOW)
    office.later(29 * DAY)
    tick(office)
    first = office.due()[-1]
    assert office.carry(first) == f"job {first}, prune: nothing is old enough"
    office.later(2 * DAY)
    tick(office)
    second = office.due()[-1]
    assert office.carry(second) == f"job {second}, prune: 2 jobs deleted that ended 30 days ago"
    with office.store.read() as connection:
        assert [job.id for job in reversed(jobs.newest(connection))] == [waiting, first, second]
    assert office.parts() == []


def test_what_links_answered_a_month_ago_is_deleted(office: Office) -> None:
    old, newer = (Probe(f"https://site.example/{days}", NOW + days * DAY, 200) for days in (0, 2))
    with office.store.write() as connection:
        probes.keep(connection, {each.url: each for each in (old, newer)})
    office.later(31 * DAY)
    tick(office)
    office.carry(office.due()[-1])
    with office.store.read() as connection:
        assert set(probes.known(connection, [old.url, newer.url], NOW)) == {newer.url}


# --- personal data ----------------------------------------------------------------------------------------------------


def test_no_row_of_jobs_names_anybody(office: Office) -> None:
    office.carry(office.leave())
    office.leave()
    services.leave_post(office.campaign, "sendgrid", json.dumps(EVENTS).encode())
    with office.store.read() as connection:
        told = "\n".join(str(tuple(row)) for row in connection.execute(sa.select(table)))
    assert "example.org" not in told
    assert "nobody" not in told


def test_the_kinds_of_jobs_are_all_there() -> None:
    assert set(carrying.KINDS) == set(JobKind)
