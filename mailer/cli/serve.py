"""`mailer serve`: the pages, the API, and the intake of what providers report."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailer.cli import output
from mailer.cli.options import JsonOption
from mailer.cli.session import open_mailer, workspace_of
from mailer.cli.signals import stop_on_signal

if TYPE_CHECKING:
    from socket import socket

    from uvicorn import Server

    from mailer.app import Mailer

APPLICATION = "mailer.web.process:make"
PROTOCOL = "mailer.web.patience:Patience"
LOGS = "mailer.web.logs"
METRICS = "PROMETHEUS_MULTIPROC_DIR"

CONNECTIONS = 1000
"""At once in one process; more are told to come again."""

STOP_SECONDS = 30
"""What is in hand may take so long after it was asked to stop."""

HEADER_BYTES = 16 << 10


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; 0 for any that is free.")] = 8080,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, help="So many processes.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Serve the public pages, the API and the intake of events, until it is stopped.

    It also does what these leave to be done: confirmation mails, reports of providers. One line for each request and
    each job, without anybody's data; with --json one object a line.
    """
    workspace = workspace_of(context)
    with open_mailer(context) as mailer:
        may_serve(mailer, host)
        _ = mailer.store, mailer.lists
    with listen(host, port) as listening, surroundings(workspace.root, workers):
        output.note(f"serving on http://{address(listening)}; end with Ctrl-C")
        run(config(workers, as_json=as_json), listening)


def may_serve(mailer: Mailer, host: str) -> None:
    """ConfigError where people would come in who cannot find out again."""
    from mailer.errors import ConfigError

    base = mailer.settings.web.base_url
    if not base and not is_local(host):
        raise ConfigError(
            f"[web] base_url is not set, and {host} is reached from other machines; no link could be written",
            hint='Set base_url = "https://news.example.org" under [web], or leave out --host to try it here.',
        )
    if base.startswith("http:") and not is_local(base.removeprefix("http://").partition("/")[0]):
        output.note("base_url begins with http://: mail programs show their unsubscribe button for https:// only")


def is_local(host: str) -> bool:
    """Whether only this machine reaches it. A port may follow."""
    from ipaddress import ip_address

    name = host[1:].partition("]")[0] if host.startswith("[") else host if host.count(":") > 1 else host.split(":")[0]
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def listen(host: str, port: int) -> socket:
    """Take the port before anything is said of it."""
    import socket

    from mailer.errors import ConfigError

    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(place[:2], family=family, backlog=1024)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "that is no address"
        raise ConfigError(
            f"cannot listen on {host} port {port}: {reason}", hint="Another program may have it; --port names another."
        ) from None


def address(listening: socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@contextmanager
def surroundings(folder: os.PathLike[str], workers: int) -> Iterator[None]:
    """What the processes find in their environment: the workspace, and where several put their numbers together."""
    from tempfile import TemporaryDirectory

    os.environ["MAILER_WORKSPACE"] = os.path.abspath(folder)
    os.environ.pop(METRICS, None)
    if workers == 1:
        yield
        return
    with TemporaryDirectory(prefix="mailer-metrics-") as numbers:
        os.environ[METRICS] = numbers
        yield


def config(workers: int, *, as_json: bool) -> Mapping[str, Any]:
    """How uvicorn is run. Whom to believe about clients is settled by the application, from the settings."""
    from importlib import import_module

    return {
        "app": APPLICATION,
        "factory": True,
        "workers": workers,
        "http": PROTOCOL,
        "ws": "none",
        "loop": "asyncio",
        "lifespan": "on",
        "log_config": import_module(LOGS).config(as_json=as_json),
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
        "limit_concurrency": CONNECTIONS,
        "timeout_graceful_shutdown": STOP_SECONDS,
        "h11_max_incomplete_event_size": HEADER_BYTES,
    }


def run(options: Mapping[str, Any], listening: socket) -> None:
    """Serve until a signal comes; in good order."""
    from uvicorn import Config, Server
    from uvicorn.supervisors import Multiprocess

    from mailer.errors import NeedsAttention

    if options["workers"] == 1:
        run_server(Server(Config(**options)), listening)
        return
    with stop_on_signal(lambda: output.note("stopped")):
        processes = Multiprocess(Config(**options), [listening])
        processes.run()
    if any(each.exitcode == NeedsAttention.exit_code for each in processes.processes):
        raise NeedsAttention("a process could not begin, so all were stopped", hint="the log says why")


def run_server(server: Server, listening: socket, tell: Callable[[], None] = lambda: None) -> None:
    """Serve until a signal comes, also one from before the server listens to them itself. `tell` comes first."""

    def stop() -> None:
        server.should_exit = True
        output.note("stopped")

    with stop_on_signal(stop):
        tell()
        server.run([listening])
