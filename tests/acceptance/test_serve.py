"""`mailer serve` as a process: killed, stopped, two over one database, several processes, slow people."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest
import sqlalchemy as sa

from mailer.store.database import open_store
from mailer.store.tables import job_parts
from tests import migrated, postgres
from tests.acceptance.serving import Serving, furnish, serving, told

PEOPLE = 8


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/mailer.db"
        return
    server = postgres.shared()
    made = server.create(migrated.name())
    yield made
    server.drop(made)


def addresses(folder: Path) -> set[str]:
    """To whom a mail was written."""
    found = set()
    for path in folder.glob("outbox/*/new/*.eml"):
        (line,) = [line for line in path.read_text().split("\n\n")[0].splitlines() if line.lower().startswith("to:")]
        found.add(line.split(":", 1)[1].strip().strip("<>"))
    return found


def waiting(url: str) -> bytes:
    """What the jobs that are not done have with them."""
    store = open_store(url)
    try:
        with store.read() as connection:
            return b"\n".join(connection.execute(sa.select(job_parts.c.body)).scalars())
    finally:
        store.close()


def until(ready: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_killed_it_loses_no_form_that_was_answered(tmp_path: Path, url: str) -> None:
    """Two serve one database, one is killed in the middle; the other goes on, and ends in good order."""
    folder = furnish(tmp_path / "workspace")
    killed: set[str] = set()
    spared: set[str] = set()

    def sign_up(at: Serving, numbers: Iterable[int], answered: set[str]) -> None:
        """Until it hangs up, or everybody has signed up."""
        for number in numbers:
            if not at.sign_up(email := f"reader{number}@example.org"):
                return
            answered.add(email)

    with serving(folder, DATABASE_URL=url) as one:
        assert one.ask("GET", "/readyz")[0] == 200
        with serving(folder, DATABASE_URL=url) as two:
            shares = ((one, range(1_000), killed), (two, range(1_000, 1_000 + PEOPLE), spared))
            threads = [Thread(target=sign_up, args=share) for share in shares]
            for thread in threads:
                thread.start()
            until(lambda: len(killed) >= PEOPLE // 2)
            one.process.send_signal(signal.SIGKILL)
            for thread in threads:
                thread.join()
            assert (len(spared), len(killed) < 1_000) == (PEOPLE, True), "only the other took everybody"
            answered = killed | spared
            until(
                lambda: {email for email in answered - addresses(folder) if email.encode() not in waiting(url)} == set()
            )
            assert two.sign_up("last@example.org")
            until(lambda: "last@example.org" in addresses(folder))
            two.process.send_signal(signal.SIGTERM)
            lines, err = told(two.process)
    assert (two.process.returncode, err) == (0, "stopped\n")
    assert addresses(folder) | {email for email in answered if email.encode() in waiting(url)} >= answered
    assert {line["what"] for line in lines} == {"request", "job"}
    assert "@" not in str(lines) and "127.0.0.1" not in str(lines)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One process that several tests ask."""
    folder = furnish(tmp_path_factory.mktemp("serving") / "workspace", "body_seconds = 0.5\n")
    with serving(folder) as found:
        yield found


def raw(place: Serving, request: bytes) -> bytes:
    """Everything that is answered to these bytes."""
    with closing(socket.create_connection(("127.0.0.1", place.port), timeout=30)) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(1 << 16):
            answer += part
        return answer


def test_a_body_that_does_not_come_is_not_waited_for(place: Serving) -> None:
    """Attack 44: slow bodies, announced and in portions; others are answered meanwhile."""
    assert place.ask("GET", "/healthz")[0] == 200
    start = b"POST /subscribe/weekly HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    slow = [start + b"Content-Length: 100\r\n\r\nemail=", start + b"Transfer-Encoding: chunked\r\n\r\n5\r\nemail\r\n"]
    answers: list[bytes] = []
    threads = [Thread(target=lambda request=each: answers.append(raw(place, request))) for each in slow * 10]
    for thread in threads:
        thread.start()
    assert place.ask("GET", "/healthz") == (200, "ok\n")
    for thread in threads:
        thread.join()
    assert {answer.split(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 408 Request Timeout"}


@pytest.mark.parametrize("path", ["/subscribe/../healthz", "/./healthz", "/u/../../healthz", "http://x/healthz", "*"])
def test_paths_as_no_browser_sends_them(place: Serving, path: str) -> None:
    """Attack 43."""
    answer = raw(place, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 "))


def test_the_oldest_protocol_is_answered(place: Serving) -> None:
    """Attack 32: HTTP/1.0, without a name for the host."""
    answer = raw(place, b"GET /healthz HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"ok\n")


def test_head_has_no_body(place: Serving) -> None:
    answer = raw(place, b"HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\n") and b"content-length: 3" in answer


def test_nothing_is_upgraded(place: Serving) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n"
    answer = raw(place, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + upgrade + b"\r\n")
    assert b" 101 " not in answer.split(b"\r\n")[0]


def children(pid: int) -> list[int]:
    """The processes that serve: the one that watches over shared memory is none."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(each) for each in found if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()]


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


COUNTED = 'mailer_requests_total{method="GET",route="/healthz",status="200"} 20.0'


def test_several_processes_share_a_port_and_outlive_one_another(tmp_path: Path) -> None:
    """One is killed and another takes its place; their numbers are added up; without the first all of them end."""
    folder = furnish(tmp_path / "workspace")
    with serving(folder, "--workers", "2") as found:
        for _ in range(20):
            assert found.ask("GET", "/healthz")[0] == 200
        until(lambda: COUNTED in found.ask("GET", "/metrics")[1], 10)  # an answer is counted after it was given
        until(lambda: len(children(found.process.pid)) == 2)
        first, second = children(found.process.pid)
        os.kill(first, signal.SIGKILL)
        until(lambda: len(set(children(found.process.pid)) - {first}) == 2)
        assert COUNTED in found.ask("GET", "/metrics")[1]
        every = children(found.process.pid)
        assert second in every
        found.process.kill()
        found.process.wait()
        until(lambda: not any(map(lives, every)))
