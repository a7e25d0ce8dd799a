"""Batches a second by several workers over one PostgreSQL, local against procrastinate; and what freezing costs.

    .venv/bin/python bench/cluster.py [BATCHES]
    .venv/bin/python bench/cluster.py freeze PEOPLE ...

BATCHES is 1,000 unless it is given, of ten people each, so that what a batch costs by itself is what is measured. The
workers are 1, 2 and 4 processes of `mailer work`, each in a folder of its own, four threads each, over a PostgreSQL of
this benchmark's own with fsync on, and POST to a server on this machine that takes everything at once. They are all
there and idle before the issue is let go; time runs from then until the last batch is on record.

Beside them runs a bare loop, as many processes and threads: claim a batch with SKIP LOCKED, say that it begins, POST as
many bytes, mark the batch and its people, each step one durable transaction. No engine, nothing rendered or signed.
The overhead is the processor time of a batch above that. The server's and the sink's own time is in neither.

`freeze` freezes an issue for so many people on both databases and ends it, and says what that takes of time and disk,
and what it would be for ten times as many if it grows with them.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.send import BODY, ISSUE, KEY, SETTINGS, Sink
from tests import postgres

BATCHES = 1_000
PEOPLE_A_BATCH = 10
THREADS = 4
WORKERS = (1, 2, 4)
ENGINES = ("local", "procrastinate")
FREEZE = 100_000
LONGEST = 60.0
"""At most so many seconds for one cell: what did not get done by then is told."""

# As a server is run, not as the tests run theirs.
SERVER = ("fsync=on", "synchronous_commit=on", "full_page_writes=on", "autovacuum=on", "shared_buffers=256MB",
          "max_connections=150", "max_wal_size=4GB")  # fmt: skip
MORE = """
[work]
engine = "{engine}"
threads = {threads}
"""


def settings(url: str, engine: str) -> str:
    provider = f'[provider]\nconnections = {THREADS}\nbatch_size = {PEOPLE_A_BATCH}\nname = "sendgrid"'
    return SETTINGS.format(url=url).replace('[provider]\nname = "sendgrid"', provider) + MORE.format(
        engine=engine, threads=THREADS
    )


# --- the place --------------------------------------------------------------------------------------------------------


def opened(folder: Path, environ: dict[str, str]) -> Any:
    from mailer.app import open_mailer
    from mailer.workspace import Workspace

    return open_mailer(Workspace(folder), environ)


def workspace(folder: Path, text: str) -> None:
    for path, content in (
        ("mailer.toml", text),
        ("subscribers/weekly.toml", 'title = "Weekly"\nopt_in = "single"\n'),
        (f"issues/{ISSUE}.md", BODY),
    ):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")


def environment(database: str, identity: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAILER_")}
    return {**kept, "DATABASE_URL": database, "SENDGRID_API_KEY": KEY, "MAILER_IDENTITY": identity,
            "MAILER_SECRET_KEY": "0" * 64}  # fmt: skip


def fill(folder: Path, environ: dict[str, str], people: int) -> None:
    from bench.segments import fill as fill_people

    with opened(folder, environ) as program, program.store.write() as connection:
        fill_people(connection, people)


def freeze(folder: Path, environ: dict[str, str]) -> None:
    from mailer.services.sending.freezing import freeze_issue, plan_send

    with opened(folder, environ) as program:
        freeze_issue(program, plan_send(program, ISSUE)[0])


# --- the workers ------------------------------------------------------------------------------------------------------


def carried(server: postgres.Server, template: str, home: Path, engine: str, workers: int) -> dict[str, float]:
    """The frozen issue of a copy of `template`, sent by so many workers."""
    database = server.create(template)
    folders = [home / f"{engine}-{workers}-{number}" for number in range(workers)]
    for folder in folders:
        shutil.copytree(home / "workspace", folder)
        text = (folder / "mailer.toml").read_text().replace('engine = "local"', f'engine = "{engine}"')
        (folder / "mailer.toml").write_text(text)
    environs = [environment(database, folder.name) for folder in folders]
    for folder, environ in zip(folders, environs, strict=True):
        bind(folder, environ)
    try:
        with running(folders, environs) as processes:
            return timed(server, folders[0], environs[0], processes)
    finally:
        server.drop(database)


def bind(folder: Path, environ: dict[str, str]) -> None:
    from mailer.services.binding import bind as bind_place

    with opened(folder, environ) as program:
        bind_place(program, keep=True)


@contextmanager
def running(folders: list[Path], environs: list[dict[str, str]]) -> Iterator[list[subprocess.Popen[bytes]]]:
    command = [sys.executable, "-m", "mailer", "work", "--json"]
    processes = []
    for folder, environ in zip(folders, environs, strict=True):
        with (folder / "log").open("wb") as log:
            processes.append(subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log))
    try:
        yield processes
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def timed(
    server: postgres.Server, folder: Path, environ: dict[str, str], processes: list[subprocess.Popen[bytes]]
) -> dict[str, float]:
    """Let the issue go once all workers are there; what that took until it was sent."""
    from mailer.model import IssueState
    from mailer.services.hosts import hosts
    from mailer.store import issues

    with opened(folder, environ) as program:
        wait(lambda: len(hosts(program).alive) == len(processes), "all workers are there", folder)
        time.sleep(1.5)  # what a start costs is over
        before = [processor(process.pid) for process in processes]
        let_go = program.now()
        with program.store.write() as connection:
            issues.resume(connection, ISSUE, let_go)
        until, state, most = time.perf_counter() + LONGEST, None, 0
        while state is not IssueState.SENT and time.perf_counter() < until:
            # Looking costs the machine that is measured.
            time.sleep(0.25)
            with program.store.read() as connection:
                state = issues.state_of(connection, ISSUE)
            most = max(most, connections(server))
        spent = sum(processor(process.pid) for process in processes) - sum(before)
        with program.store.read() as connection:
            done, last = recorded(connection)
    return {
        "batches": done,
        "seconds": (last - let_go).total_seconds(),
        "processor": spent,
        "connections": most,
    }


def recorded(connection: Any) -> tuple[int, Any]:
    """How many batches are on record, and since when the last one is."""
    import sqlalchemy as sa

    from mailer.model import BatchState
    from mailer.store.tables import batches

    query = sa.select(sa.func.count(), sa.func.max(batches.c.updated_at))
    count, last = connection.execute(query.where(batches.c.state == BatchState.ACCEPTED)).one()
    return count, last


def wait(ready: Any, what: str, folder: Path) -> None:
    until = time.perf_counter() + LONGEST
    while not ready():
        if time.perf_counter() > until:
            raise SystemExit(f"not {what} in {LONGEST:.0f} s:\n{(folder / 'log').read_text()}")
        time.sleep(0.05)


def processor(pid: int) -> float:
    """Seconds of the processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def connections(server: postgres.Server) -> int:
    """How many the server has of clients, without this benchmark's own two."""
    import psycopg

    query = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        row = connection.execute(query).fetchone()
    return max(0, (row[0] if row else 0) - 1)


# --- the bare loop ----------------------------------------------------------------------------------------------------

TABLES = """
CREATE TABLE loop_batches (id bigint PRIMARY KEY, state text NOT NULL, owner text, lease timestamptz);
CREATE INDEX ON loop_batches (state, id);
CREATE TABLE loop_people (id bigint PRIMARY KEY, batch bigint NOT NULL, state text NOT NULL);
CREATE INDEX ON loop_people (batch);
INSERT INTO loop_batches SELECT n, 'pending' FROM generate_series(1, {batches}) AS n;
INSERT INTO loop_people SELECT n, 1 + (n - 1) / {people}, 'pending' FROM generate_series(1, {batches} * {people}) AS n;
"""
CLAIM = """
UPDATE loop_batches SET state = 'claimed', owner = %s, lease = now() + interval '30 s'
WHERE id = (SELECT id FROM loop_batches WHERE state = 'pending' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id
"""
BEGIN = "UPDATE loop_batches SET state = 'submitting' WHERE id = %s AND owner = %s AND state = 'claimed'"
DONE = "UPDATE loop_batches SET state = 'accepted' WHERE id = %s AND owner = %s AND state = 'submitting'"
PEOPLE = "UPDATE loop_people SET state = 'accepted' WHERE batch = %s"


def bare(server: postgres.Server, url: str, workers: int, batches: int, size: int) -> dict[str, float]:
    """The same number of batches by as many processes and threads of the bare loop."""
    import psycopg

    database = server.create()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(TABLES.format(batches=batches, people=PEOPLE_A_BATCH).encode())
    command = [sys.executable, __file__, "loop", database, url, str(size)]
    try:
        pipe = subprocess.PIPE
        processes = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(workers)]
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        begun = time.perf_counter()
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        told = [json.loads(process.communicate()[0]) for process in processes]
        seconds = time.perf_counter() - begun
    finally:
        server.drop(database)
    return {
        "batches": sum(each["batches"] for each in told),
        "seconds": seconds,
        "processor": sum(each["processor"] for each in told),
        "connections": workers * THREADS,
    }


def loop(database: str, url: str, size: int) -> None:
    """One process of the bare loop."""
    import psycopg

    from mailer.providers.sendgrid.transport import answer_of, make_client

    body, done = b"x" * size, [0] * THREADS
    client = make_client(KEY, "global", url, 30)
    ready, go = threading.Barrier(THREADS + 1), threading.Event()

    def work(number: int) -> None:
        owner = f"{os.getpid()}-{number}"
        with psycopg.connect(database) as connection:
            ready.wait()
            go.wait()
            while row := connection.execute(CLAIM, [owner]).fetchone():
                connection.commit()
                connection.execute(BEGIN, [row[0], owner])
                connection.commit()
                assert answer_of(client.mail.send.post, request_body=body).status == 202
                connection.execute(DONE, [row[0], owner])
                connection.execute(PEOPLE, [row[0]])
                connection.commit()
                done[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    ready.wait()
    print("ready", flush=True)
    sys.stdin.readline()
    begun = time.process_time()
    go.set()
    for thread in threads:
        thread.join()
    print(json.dumps({"batches": sum(done), "processor": time.process_time() - begun}))


# --- carrying: the table ----------------------------------------------------------------------------------------------


def carrying(server: postgres.Server, batches: int) -> None:
    people = batches * PEOPLE_A_BATCH * 20 // 19 + 20  # a twentieth of the list has not confirmed
    taker = Sink()
    with tempfile.TemporaryDirectory(prefix="mailer-cluster-") as name:
        home = Path(name)
        workspace(home / "workspace", settings(taker.url, "local"))
        database = server.create()
        environ = environment(database, "template")
        fill(home / "workspace", environ, people)
        freeze(home / "workspace", environ)
        pause(home / "workspace", environ)
        found = {
            (engine, workers): carried(server, postgres.name_of(database), home, engine, workers)
            for workers in WORKERS
            for engine in ENGINES
        }
        counted = taker.counted()
    size = counted["bytes"] // counted["requests"]
    batches = int(max(each["batches"] for each in found.values()))
    print(f"{batches:,} batches of {PEOPLE_A_BATCH}, {size / 1000:.0f} kB a request, {THREADS} threads a worker")
    print("workers  engine         batches/s  of bare  processor ms/batch  overhead ms  connections")
    another = Sink()
    for workers in WORKERS:
        floor = bare(server, another.url, workers, batches, size)
        line(workers, "bare loop", floor, floor)
        for engine in ENGINES:
            line(workers, engine, found[engine, workers], floor)
    another.counted()


def pause(folder: Path, environ: dict[str, str]) -> None:
    from mailer.store import issues

    with opened(folder, environ) as program, program.store.write() as connection:
        issues.pause(connection, ISSUE, "until all workers are there", program.now())


def line(workers: int, name: str, found: dict[str, float], floor: dict[str, float]) -> None:
    done = max(found["batches"], 1)
    rate, bare_rate = done / found["seconds"], floor["batches"] / floor["seconds"]
    own, least = 1000 * found["processor"] / done, 1000 * floor["processor"] / floor["batches"]
    rest = "" if found["batches"] == floor["batches"] else f"  only {found['batches']:,.0f} done"
    print(
        f"{workers:7}  {name:13}  {rate:9,.0f}  {rate / bare_rate:7.0%}  {own:18.2f}  {own - least:11.2f}"
        f"  {found['connections']:11.0f}{rest}",
        flush=True,
    )


# --- freezing ---------------------------------------------------------------------------------------------------------


def freezing(folder: Path, people: int) -> None:
    """Freeze an issue and end it in a process of its own; what each took."""
    from mailer.services.sending.freezing import freeze_issue, plan_send
    from mailer.store import ledger

    environ = dict(os.environ)
    fill(folder, environ, people)
    with opened(folder, environ) as program:
        before, plan = size(program), plan_send(program, ISSUE)[0]
        begun, used = time.perf_counter(), time.process_time()
        freeze_issue(program, plan)
        frozen, own = time.perf_counter() - begun, time.process_time() - used
        after = size(program)
        handed_over(program)
        begun = time.perf_counter()
        with program.store.write() as connection:
            assert ledger.finish(connection, ISSUE, program.now())
        finished = time.perf_counter() - begun
        begun = time.perf_counter()
        with program.store.read() as connection:
            recipients = ledger.figures(connection, ISSUE).recipients
        counted = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"recipients": recipients, "frozen": frozen, "own": own, "finished": finished,
                      "counted": counted, "bytes": (after - before) / recipients, "peak": peak}))  # fmt: skip


def handed_over(program: Any) -> None:
    """As after the last record; how long that takes is measured by sending."""
    import sqlalchemy as sa

    from mailer.model import BatchState, DeliveryState
    from mailer.store.tables import batches, deliveries

    with program.store.write() as connection:
        connection.execute(sa.update(deliveries).values(state=DeliveryState.ACCEPTED))
        connection.execute(sa.update(batches).values(state=BatchState.ACCEPTED))


def size(program: Any) -> int:
    """Bytes on disk, once the log of a file is in it."""
    store = program.store
    if store.is_file:
        with store.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return int(store.size())


def frozen(server: postgres.Server, people: int) -> None:
    print(f"{'people':>10}  database    freeze s  of it ours  finish s  figures s  bytes a person  peak MB")
    for kind in ("sqlite", "postgresql"):
        with tempfile.TemporaryDirectory(prefix="mailer-freeze-") as name:
            folder = Path(name)
            taker = Sink()  # a provider is asked for access before anything is frozen
            workspace(folder, SETTINGS.format(url=taker.url))
            database = server.create() if kind == "postgresql" else f"sqlite:///{folder}/mailer.db"
            command = [sys.executable, __file__, "freezing", name, str(people)]
            done = subprocess.run(
                command, check=True, stdout=subprocess.PIPE, text=True, env=environment(database, "freeze")
            )
            taker.counted()
            found = json.loads(done.stdout.splitlines()[-1])
            print(
                f"{found['recipients']:10,}  {kind:10}  {found['frozen']:8.2f}  {found['own']:10.2f}"
                f"  {found['finished']:8.2f}  {found['counted']:9.2f}  {found['bytes']:14,.0f}  {found['peak']:7.0f}"
            )
            ten = 10 * found["frozen"]
            gigabytes = 10 * found["bytes"] * found["recipients"] / 1e9
            print(f"{10 * found['recipients']:10,}  on paper    {ten:8.1f}{'':24}{gigabytes:18.2f} GB", flush=True)
            if kind == "postgresql":
                server.drop(database)


def main(words: list[str]) -> None:
    server = postgres.start(*SERVER)
    try:
        if words[:1] == ["freeze"]:
            for people in words[1:] or [str(FREEZE)]:
                frozen(server, int(people))
        else:
            carrying(server, int(words[0]) if words else BATCHES)
            frozen(server, FREEZE)
    finally:
        server.stop()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["loop", where, url, number]:
            loop(where, url, int(number))
        case ["freezing", where, number]:
            freezing(Path(where), int(number))
        case words:
            main(words)
