"""Prism, which answers for an API by its published description and refuses what the description does not allow.

It comes from npm into `.cache/` of the tree, once, without running any script of the packages. The version is pinned:
the newest one hangs on a body that is no JSON.
"""

from __future__ import annotations

import fcntl
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

VERSION = "5.14.2"
TREE = Path(__file__).resolve().parent.parent
CACHE = TREE / ".cache" / f"prism-{VERSION}"
DESCRIPTIONS = TREE.parent / "shared" / "data"


def description(path: str) -> Path:
    """A published description beside the tree; the test is skipped where there is none."""
    found = DESCRIPTIONS / path
    if not found.is_file():
        pytest.skip(f"the published description {path} is not beside the tree, in ../shared/data")
    return found


def program() -> Path:
    """Prism's own script, installed if need be."""
    if not shutil.which("npm") or not shutil.which("node"):
        pytest.skip("node and npm are not installed (Debian: apt-get install nodejs npm)")
    script = CACHE / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes, one installation
        if not (CACHE / "installed").exists():
            install = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(CACHE)]
            done = subprocess.run(
                [*install, f"@stoplight/prism-cli@{VERSION}"], capture_output=True, text=True, cwd=CACHE, check=False
            )
            assert done.returncode == 0, f"npm could not install prism: exit code {done.returncode}"
            (CACHE / "installed").touch()
    return script


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def prism(path: Path, log: Path) -> Iterator[str]:
    """Prism over one description; its address. What it complains about is in `log`."""
    port = free_port()
    command = ["node", str(program()), "mock", str(path), "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=CACHE)
    try:
        wait_for(process, port, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(600):
        if process.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
            except urllib.error.HTTPError as answer:
                answer.close()
                return
            except OSError:
                time.sleep(0.1)
                continue
            return
        break
    raise RuntimeError(f"prism did not start:\n{log.read_text(errors='replace')[-2000:]}")
