"""Recipients a second through the SendGrid shape to a sink on this machine, ledger and all, beside the bare path.

    .venv/bin/python bench/send.py [PEOPLE]

PEOPLE is 1,000,000 unless it is given. Ours is `mailer send` after the freeze, with as many threads as it uses: claim,
the mails as merges from the shipped bulletin, POST, record, on SQLite with full durability. It runs twice, for a tenth
of the people first, because what it needs of memory must not grow with them.

The bare path is what no sender can do without: read a thousand rows, make the request with orjson, POST it over the
same pooled connections, mark the batch, each batch one durable transaction before and one after the call, one thread.
It runs with two payloads: the same as ours, made of dictionaries, with nothing signed or looked up; and the leanest of
the same size, where all but address, name and id is one filler. Everything runs alone in a process of its own, and the
sink in another. The shares show where ours spends its time.
"""

from __future__ import annotations

import json
import resource
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time, thread_time
from typing import Any

PEOPLE = 1_000_000
BATCH = 1000
ISSUE = "2026-11-22-rivers"
KEY = "SG.a-key-of-nobody"
SETTINGS = """
[organisation]
name = "Rivers United"
postal_address = "1 Quay Street, Oslo"
contact = "office@example.org"
[from.office]
name = "Rivers United"
email = "news@example.org"
[web]
base_url = "https://news.example.org"
[provider]
name = "sendgrid"
base_url = "{url}"
[limits]
lease_seconds = 60
"""
BODY = """---
kind: bulletin
subject: "Rivers for {{ subscriber.city | default('you') }}"
lists: [weekly]
---

Dear {{ subscriber.first_name | default("friend") }} of {{ subscriber.city | default("somewhere") }},

the rivers are cleaner than last year. {% if subscriber.city == "City 17" %}Come and see.{% endif %}
"""
STEPS = ("claim", "merges", "begin", "submit", "record")
PAYLOADS = ("same", "lean")


# --- the sink ---------------------------------------------------------------------------------------------------------


def sink() -> None:
    """Takes every request, counts the people in it, answers 202. Prints its port, and the count when it is closed."""
    counted: Counter[str] = Counter()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        print(server.getsockname()[1], flush=True)
        threading.Thread(target=serve, args=(server, counted), daemon=True).start()
        sys.stdin.read()
    print(json.dumps(counted), flush=True)


def serve(server: socket.socket, counted: Counter[str]) -> None:
    while True:
        connection, _ = server.accept()
        threading.Thread(target=answer, args=(connection, counted), daemon=True).start()


def answer(connection: socket.socket, counted: Counter[str]) -> None:
    with connection, connection.makefile("rb", buffering=1 << 20) as stream:
        while head := stream.readline():
            length = 0
            while (line := stream.readline().strip()) != b"":
                name, _, text = line.partition(b":")
                length = int(text) if name.lower() == b"content-length" else length
            body = stream.read(length)
            if head.startswith(b"GET"):
                content = b'{"scopes":["mail.send"]}'
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(content), content))
                continue
            counted["requests"] += 1
            counted["bytes"] += length
            counted["people"] += body.count(b'"to":[{')
            connection.sendall(b"HTTP/1.1 202 Accepted\r\nX-Message-Id: sink\r\nContent-Length: 0\r\n\r\n")


class Sink:
    """The sink in a process of its own."""

    def __init__(self) -> None:
        command = [sys.executable, __file__, "sink"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def counted(self) -> dict[str, int]:
        out, _ = self.process.communicate()
        found: dict[str, int] = json.loads(out)
        return found


# --- ours -------------------------------------------------------------------------------------------------------------


def opened(folder: Path) -> Any:
    from mailer.app import open_mailer
    from mailer.workspace import Workspace

    return open_mailer(Workspace(folder), {"SENDGRID_API_KEY": KEY})


def campaign(folder: Path, url: str, people: int) -> None:
    """A workspace with so many people and a frozen issue."""
    from mailer.services.sending.freezing import freeze_issue, plan_send

    sys.path.insert(0, str(Path(__file__).parent.parent))
    from bench.segments import fill

    for path, text in (
        ("mailer.toml", SETTINGS.format(url=url)),
        ("subscribers/weekly.toml", 'title = "Weekly"\nopt_in = "single"\n'),
        (f"issues/{ISSUE}.md", BODY),
    ):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    with opened(folder) as program:
        with program.store.write() as connection:
            fill(connection, people)
        freeze_issue(program, plan_send(program, ISSUE)[0])


def timed(owner: Any, name: str, spent: Counter[str]) -> None:
    """Count the processor time inside a function or method, in whatever thread."""
    inner = getattr(owner, name)

    def outer(*given: Any, **named: Any) -> Any:
        begun = thread_time()
        try:
            return inner(*given, **named)
        finally:
            spent[name] += thread_time() - begun

    setattr(owner, name, outer)


def ours(folder: Path) -> None:
    """Send the frozen issue; print what it took."""
    from mailer.providers.sendgrid.provider import SendGrid
    from mailer.services.merge_writer import MergeWriter
    from mailer.services.sending.sender import send_frozen
    from mailer.store import ledger

    spent: Counter[str] = Counter()
    timed(ledger, "claim", spent)
    timed(MergeWriter, "merges", spent)
    timed(ledger, "begin", spent)
    timed(SendGrid, "submit", spent)
    timed(ledger, "record", spent)
    with opened(folder) as program:
        _ = program.store
        clock = Clock()
        done = send_frozen(program, ISSUE)
        took = clock.took()
    print(json.dumps({**took, "people": done.accepted_now, "megabytes": peak(), "spent": spent}))


# --- the bare path ----------------------------------------------------------------------------------------------------


def same(key: int, email: str, name: str) -> dict[str, Any]:
    """What we send to a person, but for what it takes to sign and look up."""
    link = f"https://news.example.org/u/AQEBBndlZWtseQ{key:042d}"
    city = f"City {key * 7919 % 200}"
    return {
        "to": [{"email": email, "name": name}],
        "custom_args": {"mailer_batch": str(key // BATCH), "mailer_delivery": f"{key}.{key:016x}"},
        "headers": {
            "List-ID": "Weekly <weekly.example.org>",
            "List-Owner": "<mailto:office@example.org>",
            "Precedence": "bulk",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "List-Unsubscribe": f"<{link}>, <mailto:office@example.org?subject=unsubscribe%20{link[27:]}>",
        },
        "substitutions": {
            "zq500d17e23cs0qz": f"Rivers for {city}",
            "zq500d17e23ct0qz": name,
            "zq500d17e23ct1qz": city,
            "zq500d17e23ct3qz": "",
            "zq500d17e23ct4qz": city,
            "zq500d17e23ct5qz": link,
            "zq500d17e23ch3qz": "",
        },
    }


def lean(filler: str) -> Callable[[int, str, str], dict[str, Any]]:
    """Address, name and id, and a filler for the rest."""

    def one(key: int, email: str, name: str) -> dict[str, Any]:
        return {
            "to": [{"email": email, "name": name}],
            "custom_args": {"id": str(key)},
            "substitutions": {"zq0qz": name, "zq1qz": filler},
        }

    return one


def bare(folder: Path, url: str, people: int, size: int, payload: str) -> None:
    """Claim, orjson, POST, mark, and nothing else; requests of `size` bytes."""
    import orjson

    from mailer.providers.sendgrid.transport import answer_of, make_client

    database = folder / f"bare-{payload}.db"
    one = same if payload == "same" else lean("x" * max(0, size // BATCH - 150))
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT, name TEXT, batch INTEGER)")
        connection.execute("CREATE TABLE batches (id INTEGER PRIMARY KEY, state TEXT)")
        connection.execute("BEGIN")
        rows = ((n, f"p{n}@d{n % 5000}.example", f"Name {n % 997}", n // BATCH) for n in range(people))
        connection.executemany("INSERT INTO people VALUES (?, ?, ?, ?)", rows)
        batches = -(-people // BATCH)
        connection.executemany("INSERT INTO batches VALUES (?, 'pending')", ((n,) for n in range(batches)))
        connection.execute("COMMIT")
        client = make_client(KEY, "global", url, 30)
        accepted = 0
        clock = Clock()
        for number in range(batches):
            connection.execute("UPDATE batches SET state = 'claimed' WHERE id = ? AND state = 'pending'", (number,))
            claimed = connection.execute(
                "SELECT id, email, name FROM people WHERE id >= ? AND id < ?", (number * BATCH, (number + 1) * BATCH)
            ).fetchall()
            body = {
                "personalizations": [one(key, email, name) for key, email, name in claimed],
                "from": {"email": "news@example.org"},
                "subject": "Rivers",
            }
            status = answer_of(client.mail.send.post, request_body=orjson.dumps(body)).status
            accepted += len(claimed) * (status == 202)
            connection.execute("UPDATE batches SET state = 'accepted' WHERE id = ? AND state = 'claimed'", (number,))
        took = clock.took()
    print(json.dumps({**took, "people": accepted, "megabytes": peak()}))


class Clock:
    """Seconds on the wall, and of the processor: other work on the machine counts in the first only."""

    def __init__(self) -> None:
        self.begun = perf_counter(), process_time()

    def took(self) -> dict[str, float]:
        return {"seconds": perf_counter() - self.begun[0], "processor": process_time() - self.begun[1]}


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# --- both -------------------------------------------------------------------------------------------------------------


def alone(*words: str) -> dict[str, Any]:
    """One of the two in a process of its own."""
    done = subprocess.run([sys.executable, __file__, *words], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def line(name: str, found: dict[str, Any]) -> None:
    people, seconds, processor = found["people"], found["seconds"], found["processor"]
    wall = f"{seconds:6.1f} s {people / seconds:9,.0f}/s on the wall"
    own = f"{processor:6.1f} s {people / processor:9,.0f}/s of the processor"
    print(f"{name:26} {wall}, {own}, {found['megabytes']:4.0f} MB")


def measured(people: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """A campaign for so many people: what sending it took, and what the sink counted."""
    with tempfile.TemporaryDirectory() as name:
        taker = Sink()
        begun = perf_counter()
        alone("campaign", name, taker.url, str(people))
        print(f"{people:,} people, {datetime.now(UTC):%Y-%m-%d %H:%M}; frozen after {perf_counter() - begun:.1f} s")
        mine = alone("ours", name)
        counted = taker.counted()
    assert counted["people"] == mine["people"], (counted, mine)
    line("with the ledger", mine)
    return mine, counted


def beside(payload: str, people: int, size: int) -> dict[str, Any]:
    """The bare path for so many people, with requests of this size or of this payload."""
    with tempfile.TemporaryDirectory() as name:
        taker = Sink()
        theirs = alone("bare", name, taker.url, str(people), str(size), payload)
        counted = taker.counted()
    line(f"the bare path, {payload}", theirs)
    print(f"{'':26} {counted['requests']:,} requests of {counted['bytes'] / counted['requests'] / 1000:,.0f} kB")
    return theirs


def main(people: int) -> None:
    measured(people // 10)
    mine, counted = measured(people)
    people = mine["people"]  # a twentieth of the list has not confirmed
    size = counted["bytes"] // counted["requests"]
    print(f"{'':26} {counted['requests']:,} requests of {size / 1000:,.0f} kB")
    for step in STEPS:
        print(f"  {step:24} {1e6 * mine['spent'].get(step, 0) / people:8.1f} us a recipient")
    rest = mine["processor"] - sum(mine["spent"].values())
    print(f"  {'the rest':24} {1e6 * rest / people:8.1f} us a recipient")
    for payload in PAYLOADS:
        theirs = beside(payload, people, size)
        shares = (theirs[clock] / mine[clock] for clock in ("seconds", "processor"))
        print("ratio {:.0%} by the wall, {:.0%} by processor time".format(*shares))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["sink"]:
            sink()
        case ["campaign", where, url, number]:
            campaign(Path(where), url, int(number))
            print("{}")
        case ["ours", where]:
            ours(Path(where))
        case ["bare", where, url, number, size, payload]:
            bare(Path(where), url, int(number), int(size), payload)
        case words:
            main(int(words[0]) if words else PEOPLE)
