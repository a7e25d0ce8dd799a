"""Hosts with networks of their own: Linux network namespaces, each with a cable to the database's, which can be pulled.

Needs root and `ip`. Names and addresses are this process's own, so that several of these may be at work.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import postgres
from tests.acceptance import sinks


@dataclass
class Networks:
    """A bridge with one cable to each host."""

    mark: str
    address: str
    """Of the bridge, where the database listens; the hosts' are behind it."""
    names: list[str]

    def pull(self, number: int) -> None:
        """Nothing passes between that host and the database any more, and neither is told."""
        ip("link", "set", f"{self.mark}v{number}", "down")

    def plug(self, number: int) -> None:
        ip("link", "set", f"{self.mark}v{number}", "up")


def ip(*words: str, check: bool = True) -> bool:
    return subprocess.run(["ip", *words], check=check, capture_output=not check).returncode == 0


def usable() -> str:
    """Why there can be no network namespaces here; empty where there can."""
    if os.name != "posix" or os.geteuid() != 0:
        return "network namespaces are root's"
    if shutil.which("ip") is None:
        return "ip is not installed (Debian: apt-get install iproute2)"
    probe = f"m{os.getpid():x}p"
    try:
        if not ip("netns", "add", probe, check=False) or not ip("link", "add", probe, "type", "bridge", check=False):
            return "root may make no network namespaces here, as in most containers"
    finally:
        ip("link", "del", probe, check=False)
        ip("netns", "del", probe, check=False)
    return ""


@contextmanager
def cabled(count: int) -> Iterator[Networks]:
    """So many network namespaces on a bridge of their own."""
    if reason := usable():
        pytest.skip(reason)
    number = os.getpid() % 32768
    mark, prefix = f"m{number:x}", f"10.{128 + number // 256}.{number % 256}"
    networks = Networks(mark, f"{prefix}.1", [f"{mark}n{each}" for each in range(count)])
    bridge = f"{mark}b"
    try:
        ip("link", "add", bridge, "type", "bridge")
        ip("addr", "add", f"{prefix}.1/24", "dev", bridge)
        ip("link", "set", bridge, "up")
        for each, name in enumerate(networks.names):
            _cable(name, bridge, f"{mark}v{each}", f"{prefix}.{each + 10}/24")
        yield networks
    finally:
        for each, name in enumerate(networks.names):
            # A process that is still in it would keep it, and its cable.
            ip("link", "del", f"{mark}v{each}", check=False)
            ip("netns", "del", name, check=False)
        ip("link", "del", bridge, check=False)


def _cable(name: str, bridge: str, cable: str, address: str) -> None:
    ip("netns", "add", name)
    ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
    ip("link", "set", cable, "master", bridge, "up")
    inside = ("-n", name)
    ip(*inside, "addr", "add", address, "dev", "eth0")
    ip(*inside, "link", "set", "eth0", "up")
    ip(*inside, "link", "set", "lo", "up")


@dataclass
class OverNetwork(postgres.Server):
    """A server whose URLs name an address of the bridge."""

    address: str = ""

    def url(self, database: str) -> str:
        local = super().url(database)
        return local if database == "postgres" else local.replace("@/", f"@{self.address}:5432/").partition("?")[0]


@contextmanager
def server_on(networks: Networks, *options: str) -> Iterator[OverNetwork]:
    """A PostgreSQL server that the hosts reach over their cables."""
    made = postgres.start(f"listen_addresses={networks.address}", *options)
    server = OverNetwork(made.bin, made.folder, made.process, address=networks.address)
    try:
        with (made.folder / "data" / "pg_hba.conf").open("a") as file:
            file.write(f"host all all {networks.address}/24 trust\n")
        made.process.send_signal(signal.SIGHUP)
        yield server
    finally:
        server.stop()


@contextmanager
def sinks_in(networks: Networks, kind: str, log: Path, waits: Sequence[float]) -> Iterator[int]:
    """A sink on each host, all at the same port and with one log: a provider that every host always reaches."""
    with ExitStack() as stack:
        port = 2525
        for name in networks.names:
            before = ("ip", "netns", "exec", name)
            stack.enter_context(sinks.running(kind, log, waits=waits, port=port, before=before))
        yield port
