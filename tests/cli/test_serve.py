"""What `mailer serve` refuses before it takes a port, and what it says."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from uvicorn import Config, Server

from mailer.cli import serve
from mailer.errors import ConfigError
from tests.acceptance.commands import run, workspace

EVERYBODY = "0.0.0.0"  # noqa: S104 - it is what is refused
BASE = '[web]\nbase_url = "https://news.example.org"\n'


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Mapping[str, Any]]]:
    """Serving itself is not what is tested here: where it would have begun, and how."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    monkeypatch.setattr(serve, "run", lambda options, listening: found.append((serve.address(listening), options)))
    monkeypatch.setenv("MAILER_WORKSPACE", "")
    monkeypatch.delenv("MAILER_WORKSPACE")
    return found


def test_a_signal_before_the_server_listens_to_signals_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("nobody asks anything")

    server = Server(Config(application, lifespan="off", log_config=None))
    too_late = threading.Timer(20, setattr, (server, "should_exit", True))
    too_late.start()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serve.run_server(server, listening, lambda: signal.raise_signal(signal.SIGINT))
    assert too_late.is_alive(), "it was stopped by the clock"
    too_late.cancel()
    assert capsys.readouterr().err == "stopped\n"


def test_without_a_public_address_it_serves_this_machine_only(tmp_path: Path, begun: list[Any]) -> None:
    folder = workspace(tmp_path)
    said = run(folder, "serve", "--host", EVERYBODY, "--port", "0", code=1)
    assert f"[web] base_url is not set, and {EVERYBODY} is reached from other machines" in said
    assert begun == []
    for host in ("127.0.0.1", "localhost", "::1"):
        run(folder, "serve", "--host", host, "--port", "0")
    assert [place.rpartition(":")[0] in ("127.0.0.1", "[::1]") for place, _ in begun] == [True] * 3


def test_with_one_it_serves_whoever_comes(tmp_path: Path, begun: list[Any]) -> None:
    run(workspace(tmp_path, BASE), "serve", "--host", EVERYBODY, "--port", "0", "--workers", "3")
    ((place, options),) = begun
    assert place.startswith(f"{EVERYBODY}:") and options["workers"] == 3


def test_a_public_address_without_encryption_is_pointed_out(
    tmp_path: Path, begun: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = workspace(tmp_path, BASE.replace("https", "http"))
    from mailer.cli import main

    assert main(["--workspace", str(folder), "serve", "--port", "0"]) == 0
    assert "mail programs show their unsubscribe button for https:// only" in capsys.readouterr().err


def test_a_port_that_is_taken_is_one_line(tmp_path: Path, begun: list[Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = run(workspace(tmp_path), "serve", "--port", str(port), code=1)
    assert f"cannot listen on 127.0.0.1 port {port}: " in said and "--port names another" in said


@pytest.mark.parametrize("host", ["no-such-host.invalid", "1.2.3.4.5", "\x00", "a" * 300])
def test_what_is_no_address_is_one_line(host: str) -> None:
    with pytest.raises(ConfigError, match="cannot listen"):
        serve.listen(host, 0)


def test_a_mistake_in_a_list_is_said_before_it_serves(tmp_path: Path, begun: list[Any]) -> None:
    folder = workspace(tmp_path)
    (folder / "subscribers" / "weekly.toml").write_text("title = 3\n")
    assert "weekly.toml" in run(folder, "serve", "--port", "0", code=1)
    assert begun == []


def test_nothing_of_the_server_is_believed_or_said_by_itself() -> None:
    """Whom to believe about clients is the settings' to say, and the log is ours."""
    options = serve.config(1, as_json=True)
    wanted = {"proxy_headers": False, "server_header": False, "access_log": False, "ws": "none"}
    assert {name: options[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True), ("127.8.8.8", True), ("localhost", True), ("::1", True), ("[::1]:8080", True),
        ("localhost:8080", True), (EVERYBODY, False), ("::", False), ("", False), ("news.example.org", False),
        ("localhost.example.org", False), ("10.0.0.1", False), ("127.0.0.1.nip.io", False),
    ],
)  # fmt: skip
def test_which_addresses_are_of_this_machine(host: str, local: bool) -> None:
    assert serve.is_local(host) is local
