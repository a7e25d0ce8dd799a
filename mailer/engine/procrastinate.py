"""The engine of several hosts: procrastinate's tables on PostgreSQL carry the numbers from whoever pulses to whoever
is free. The traps that this goes around are in docs/engines.md."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, cast

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, AppNotOpen, ConnectorException
from procrastinate.jobs import Status
from psycopg_pool import AsyncConnectionPool

from mailer.engine.carrier import Duties, Ticket, TicketKind
from mailer.engine.tables import SCHEMA, SILENT_SECONDS, address_of, connect, explained, make_tables
from mailer.engine.threads import DaemonThreads

QUEUE = SCHEMA  # notices of new jobs reach the whole database, so the queue's name keeps other versions' apart
PULSE_URGENCY = 1000
STOP_SECONDS = 0.2
"""How often it is asked whether to stop."""

HEARTBEAT_SECONDS = 5
DEAD_SECONDS = 30
TIDY_SECONDS = 10
LAST_WORDS_SECONDS = 5
"""How long a worker may take to sign off once nothing is in hand. With a server that is gone it would take for ever."""
GOODBYES = 20
FREE_SECONDS = 3
"""How long one of the few connections is waited for. Each is wanted for a millisecond, so it means: no server."""

FEED = """
    SELECT procrastinate_defer_jobs_v1(array_agg(
        ROW(%(queue)s, 'carry', urgency, NULL, name, jsonb_build_object('kind', kind, 'number', number,
            'urgency', urgency), NULL)::procrastinate_job_to_defer_v1
        ORDER BY place))
    FROM (
        SELECT *, kind || ' ' || number AS name
        FROM unnest(%(kinds)s::text[], %(numbers)s::bigint[], %(urgencies)s::int[])
            WITH ORDINALITY AS told (kind, number, urgency, place)
    ) AS ticket
    WHERE NOT EXISTS (
        SELECT FROM procrastinate_jobs AS job WHERE job.status = 'todo' AND job.queueing_lock = ticket.name)
"""
FEED_TRIES = 3
GONE = (ConnectorException, AppNotOpen, psycopg.Error, TimeoutError)

# They tell every job, and on a lost connection where the server is. What matters is told by us.
for _chatty in ("procrastinate", "psycopg"):
    logging.getLogger(_chatty).setLevel(logging.CRITICAL + 1)


class ProcrastinateCarrier:
    """Carries over procrastinate's tables, shared by all hosts on one database. May be run again after it ended."""

    def __init__(self, dsn: str, name: str, pulse_seconds: float = 1.0) -> None:
        self._address = address_of(dsn)
        self._name = name
        self._pulse_seconds = pulse_seconds
        self._feeding = threading.Lock()
        self._feeder: psycopg.Connection | None = None
        self._running = False

    def feed(self, tickets: Sequence[Ticket]) -> None:
        """Have these carried as well, the most urgent first, otherwise in their order. What waits already stays.

        StoreError: the engine's database is away.
        """
        seen: dict[tuple[TicketKind, int], Ticket] = {}
        for ticket in tickets:
            seen.setdefault((ticket.kind, ticket.id), ticket)
        once = list(seen.values())
        if not once:
            return
        told = {
            "queue": QUEUE,
            "kinds": [ticket.kind.value for ticket in once],
            "numbers": [ticket.id for ticket in once],
            "urgencies": [ticket.urgency for ticket in once],
        }
        with self._feeding:
            self._feed(told)
            if not self._running:  # nobody would close it
                self._hang_up()

    def _feed(self, told: dict[str, Any]) -> None:
        """Tried again when a connection was cut since the last time, or another host feeds the same in this moment."""
        for left in reversed(range(FEED_TRIES)):
            try:
                if self._feeder is None:
                    self._feeder = connect(self._address)
                    make_tables(self._feeder)
                self._feeder.execute(FEED, told)
                return
            except (psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected):
                continue  # who was faster has fed them; what is missing then is fed by the next pulse
            except psycopg.Error as error:
                self._hang_up()
                if not left:
                    raise explained(error) from None

    def _hang_up(self) -> None:
        if self._feeder is not None:
            self._feeder.close()
        self._feeder = None

    def run(self, duties: Duties, threads: int, stop: Callable[[], bool]) -> None:
        """Carry with so many threads until `stop`, then finish what is in hand.

        StoreError: the engine's database went away. What was carried is finished as far as it can be; run again.
        Duties promise not to raise. What is raised nevertheless ends the run, and is raised here.
        """
        try:
            with connect(self._address) as connection:
                make_tables(connection)
        except psycopg.Error as error:
            raise explained(error) from None
        self._running = True
        hands = _Hands(duties, threads)
        loop = asyncio.SelectorEventLoop()
        loop.set_exception_handler(lambda *_: None)  # a job that could not sign off is closed by the next tidying
        try:
            loop.run_until_complete(self._work(hands, threads, stop))
        except GONE as error:
            raise explained(error) from None
        except BaseException:  # somebody insists on the end
            loop.run_until_complete(_leave_nothing_behind())
            raise
        finally:
            loop.close()
            hands.free()
            with self._feeding:
                self._running = False
                self._hang_up()
        if hands.error is not None:
            raise hands.error

    async def _work(self, hands: _Hands, threads: int, stop: Callable[[], bool]) -> None:
        """One worker's life. Raises one of GONE when it ends although nobody asked it to."""
        app = self._app(hands)
        async with asyncio.timeout(SILENT_SECONDS):
            await app.open_async()
        worker = asyncio.create_task(
            app.run_worker_async(
                queues=[QUEUE],
                name=self._name,
                concurrency=threads,
                delete_jobs="always",
                install_signal_handlers=False,  # ours ask `stop`
                fetch_job_polling_interval=max(1.0, self._pulse_seconds),
                update_heartbeat_interval=HEARTBEAT_SECONDS,
                stalled_worker_timeout=DEAD_SECONDS,
            )
        )
        beside = [asyncio.create_task(work) for work in (self._tick(app), _tidy(app))]
        asked = asyncio.create_task(_until(lambda: stop() or hands.error is not None))
        await asyncio.wait([worker, asked, *beside], return_when=asyncio.FIRST_COMPLETED)
        ended_well = asked.done()
        await _wind_up(worker, hands, [asked, *beside])
        with suppress(*GONE):
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await app.close_async()
        await _leave_nothing_behind()
        if ended_well:
            asked.result()
        else:
            _raise_cause([worker, *beside])

    def _app(self, hands: _Hands) -> App:
        """procrastinate as we use it: two kinds of job, and a few connections that come back by themselves."""
        connector = PsycopgConnector(
            pool_factory=_pool,
            conninfo=self._address,
            configure=_autocommit,
            min_size=1,
            max_size=4,
            timeout=FREE_SECONDS,
        )
        app = App(connector=connector)
        app.task(name="carry", queue=QUEUE)(hands.carry)
        app.task(name="pulse", queue=QUEUE)(hands.pulse)
        return app

    async def _tick(self, app: App) -> None:
        """Every host offers each second's pulse, by the server's clock; the database takes it from one of them.

        Of procrastinate's own timer only what the database does is used: the timer goes by the host's clock, so hosts
        would not agree on the second, one that slept would make up for each that it missed, and one whose clock was
        set back would fall silent.
        """
        connector = cast(PsycopgConnector, app.connector)
        while True:
            async with asyncio.timeout(SILENT_SECONDS):
                row = await connector.execute_query_one_async(
                    "SELECT extract(epoch FROM clock_timestamp())::float8 AS now"
                )
                number, since = divmod(row["now"], self._pulse_seconds)
                slot = int(number)
                task = app.configure_task(
                    "pulse", priority=PULSE_URGENCY, queueing_lock="pulse", task_kwargs={"timestamp": slot}
                )
                with suppress(AlreadyEnqueued):  # one that nobody has had time for yet is enough
                    await app.job_manager.defer_periodic_job(job=task.job, periodic_id="", defer_timestamp=slot)
            # To the middle of the next one: at its edge a moment more or less would skip it.
            await asyncio.sleep(1.5 * self._pulse_seconds - since)


class _Hands:
    """The threads that do the work, and how many of them have something in hand."""

    def __init__(self, duties: Duties, threads: int) -> None:
        self._duties = duties
        self._threads = DaemonThreads(threads)
        self._pulsing = False
        self.busy = 0
        self.error: BaseException | None = None

    async def carry(self, kind: str, number: int, urgency: int) -> None:
        ticket = Ticket(TicketKind(kind), number, urgency)
        await self._call(lambda: self._duties.carry(ticket))

    async def pulse(self, timestamp: int) -> None:
        if self._pulsing:  # a slow one: the next is as good
            return
        self._pulsing = True
        try:
            await self._call(self._duties.pulse)
        finally:
            self._pulsing = False

    async def _call(self, work: Callable[[], None]) -> None:
        self.busy += 1
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self.error = self.error or error
        finally:
            self.busy -= 1

    def free(self) -> None:
        self._threads.shutdown(wait=False)


def _pool(**options: Any) -> AsyncConnectionPool:
    return AsyncConnectionPool(**{**options, "check": _still_there})


async def _still_there(connection: psycopg.AsyncConnection) -> None:
    """Raises when the server has hung up, which is seen without asking it: asking would double every round trip."""
    for _ in ("its last words", "the end"):
        connection.pgconn.consume_input()


async def _autocommit(connection: psycopg.AsyncConnection) -> None:
    """Each of procrastinate's steps is one statement: without a transaction around it, it is one round trip."""
    await connection.set_autocommit(True)


async def _until(stop: Callable[[], bool]) -> None:
    while not stop():
        await asyncio.sleep(STOP_SECONDS)


async def _tidy(app: App) -> None:
    """Close what dead workers had in hand. It is never retried: what is still to be done is fed again anyway."""
    manager = app.job_manager
    while True:
        await asyncio.sleep(TIDY_SECONDS)
        async with asyncio.timeout(SILENT_SECONDS):
            await manager.prune_stalled_workers(DEAD_SECONDS)
            for job in await manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=DEAD_SECONDS):
                with suppress(ConnectorException):  # another host was faster
                    await manager.finish_job_by_id_async(cast(int, job.id), Status.FAILED, delete_job=True)


async def _wind_up(worker: asyncio.Task[None], hands: _Hands, beside: Sequence[asyncio.Task[None]]) -> None:
    """Let the worker finish what is in hand, however long, and sign off, but not for ever."""
    for task in beside:
        task.cancel()
    worker.cancel()  # which procrastinate takes as: no new job, finish those begun
    while not worker.done():
        await asyncio.wait([worker], timeout=LAST_WORDS_SECONDS)
        if not worker.done() and not hands.busy:
            break


async def _leave_nothing_behind() -> None:
    """Cancel what is left. What waits for a silent server wants to say goodbye first: it is cancelled until it ends."""
    for _ in range(GOODBYES):
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if not left:
            return
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=LAST_WORDS_SECONDS / GOODBYES)


def _raise_cause(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Why a worker ended that nobody had asked to. One whose listener died ends without a word."""
    for task in tasks:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            raise error
    raise ConnectorException
