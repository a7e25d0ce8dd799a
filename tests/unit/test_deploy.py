"""What `deploy/` holds: commands, settings and variables that exist, versions that are pinned, and no secret."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from mailer import __version__
from mailer.cli import main
from mailer.config import load_settings
from mailer.config.settings import Provider
from mailer.services.binding import VARIABLE as IDENTITY
from mailer.workspace.signing import VARIABLE as SECRET_KEY

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
COMPOSE = sorted(DEPLOY.glob("*/compose.yaml"))
UNIT = DEPLOY / "systemd" / "mailer-work.service"
UNITS = (UNIT, DEPLOY / "systemd" / "mailer-serve.service")
DROP_INS = sorted(DEPLOY.glob("systemd/*.d/*.conf"))
EXAMPLES = sorted(DEPLOY.glob("*.env.example"))
# What images and servers of others read.
NOT_OURS = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "POSTGRES_INITDB_ARGS", "PYTHONUNBUFFERED"}
OURS = {IDENTITY, SECRET_KEY, "MAILER_WORKSPACE"}
SECONDS = {"s": 1, "m": 60}
# A worker of procrastinate has so many connections beside the pool: four of its own, and one that feeds.
ENGINE_CONNECTIONS = 5
# And one that serves has the clock's.
CLOCK_CONNECTION = 1


def compose(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    return loaded


def services() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in COMPOSE:
        for name, service in compose(path)["services"].items():
            yield f"{path.parent.name}/{name}", service


def unit(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(path.read_text(encoding="utf-8"))
    return parser


def container_lines() -> list[str]:
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def instruction(name: str) -> list[str]:
    return [line.partition(" ")[2] for line in container_lines() if line.startswith(f"{name} ")]


SERVICES = dict(services())
SENDERS = {name: service for name, service in SERVICES.items() if service["image"].startswith("campaign-mailer:")}


def ours() -> Iterator[tuple[str, list[str]]]:
    """Every call of the program in these files, with its words."""
    for name, service in SENDERS.items():
        yield name, service["command"]
    for path in UNITS:
        yield path.name, shlex.split(unit(path)["Service"]["ExecStart"])[1:]
    (checked,) = re.findall(r"HEALTHCHECK .* CMD (\[.*\])", "\n".join(container_lines()))
    program, *words = json.loads(checked)
    assert program == json.loads(instruction("ENTRYPOINT")[0])[0] == "mailer"
    yield "HEALTHCHECK", words
    yield "CMD", json.loads(instruction("CMD")[-1])


CALLS = dict(ours())


# --- commands ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", CALLS)
def test_every_command_is_one(where: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Unknown words and options are refused before the help is shown."""
    assert main([*CALLS[where], "--help"]) == 0
    name = "serve" if "serve" in CALLS[where] else "work"
    assert f" {name} [OPTIONS]" in capsys.readouterr().out


def test_the_image_copies_what_building_the_wheel_reads() -> None:
    copied = {word for line in instruction("COPY") if "--from" not in line for word in line.split()[:-1]}
    assert copied == {"pyproject.toml", "README.md", "LICENSE", "mailer", "templates", "subscribers"}
    assert all((ROOT / name).exists() for name in copied)
    kept = (DEPLOY / "Containerfile.dockerignore").read_text(encoding="utf-8").split()
    assert {line[1:] for line in kept if line.startswith("!")} == copied


# --- settings and variables -------------------------------------------------------------------------------------------


def variables() -> Iterator[tuple[str, str]]:
    for _, service in services():
        yield from (service.get("environment") or {}).items()
    for path in (*UNITS, *DROP_INS):
        text = path.read_text(encoding="utf-8")
        yield from (tuple(each.split("=", 1)) for each in re.findall(r"^Environment=(.*)$", text, re.MULTILINE))
    for line in instruction("ENV"):
        yield from (tuple(word.split("=", 1)) for word in line.split())  # type: ignore[misc]
    for path in EXAMPLES:
        yield from (tuple(line.split("=", 1)) for line in assignments(path))  # type: ignore[misc]


def assignments(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_every_variable_is_one_that_somebody_reads(tmp_path: Path) -> None:
    from tests.cli.conftest import SETTINGS

    found = dict(variables())
    settings = {name: value for name, value in found.items() if name not in NOT_OURS | OURS}
    assert settings["MAILER_WORK__ENGINE"] == "procrastinate"
    (tmp_path / "mailer.toml").write_text(SETTINGS)
    load_settings(tmp_path / "mailer.toml", settings)
    known = {"SENDGRID_API_KEY", "MAILER_SMTP_PASSWORD", "DATABASE_URL"}
    assert {name for name in settings if "__" not in name} == known, "a name that nobody reads would not be noticed"


def test_no_secret_stands_in_a_file() -> None:
    assert EXAMPLES
    assert [line for path in EXAMPLES for line in assignments(path) if not line.endswith("=")] == []
    names = {line.rstrip("=") for path in EXAMPLES for line in assignments(path)}
    for service in SERVICES.values():
        assert not names & (service.get("environment") or {}).keys()
    for path in (path for path in DEPLOY.rglob("*") if path.is_file()):
        # A URL with a password, or a long random word.
        assert not re.search(r"://\w+:(?!PASSWORD@)[^@\s]+@|\b[0-9a-fA-F]{32,}\b|SG\.\w", path.read_text()), path


# --- versions ---------------------------------------------------------------------------------------------------------


def test_every_image_has_its_version() -> None:
    images = [service["image"] for service in SERVICES.values()] + [line.split()[0] for line in instruction("FROM")]
    assert all(re.fullmatch(r"[a-z-]+:\d+\.\d+(\.\d+)?(-[a-z-]+)?", image) for image in images), images
    assert {service["image"] for service in SENDERS.values()} == {f"campaign-mailer:{__version__}"}
    assert len({line.split()[0] for line in instruction("FROM")}) == 1


# --- what a sender needs ----------------------------------------------------------------------------------------------


def seconds(text: str) -> int:
    return int(text[:-1]) * SECONDS[text[-1]] if text[-1] in SECONDS else int(text)


def test_stopping_waits_longer_than_a_call() -> None:
    call = float(Provider().timeout)
    graces = [seconds(service["stop_grace_period"]) for service in SENDERS.values()]
    graces += [seconds(unit(path)["Service"]["TimeoutStopSec"]) for path in UNITS]
    assert min(graces) >= 3 * call
    assert {service["stop_signal"] for service in SENDERS.values()} == {"SIGTERM"}


def test_senders_are_not_root_and_come_back() -> None:
    assert instruction("USER") == ["mailer"]
    for service in SENDERS.values():
        assert (service["restart"], service["read_only"], service["cap_drop"]) == ("always", True, ["ALL"])
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["hostname"], "else each new container is a host that never returned"
    hosts = [service["hostname"] for service in SENDERS.values()]
    assert len(set(hosts)) == len(hosts)


def test_the_server_has_connections_for_all_senders() -> None:
    path = DEPLOY / "cluster" / "compose.yaml"
    senders = [service for name, service in SENDERS.items() if name.startswith("cluster/")]
    server = compose(path)["services"]["database"]["command"]
    (most,) = [int(word.partition("=")[2]) for word in server if word.startswith("max_connections=")]
    pool = int(senders[0]["environment"]["MAILER_DATABASE__POOL"])
    threads = int(senders[0]["environment"]["MAILER_WORK__THREADS"])
    assert pool > threads + 2, "each thread, the pulse and the heart"
    processes = [words[words.index("--workers") + 1] for words in commands("serve")]
    web = sum(map(int, processes)) * (pool + CLOCK_CONNECTION)
    # And two more senders, people at their commands, and the server's own three.
    assert (len(commands("work")) + 2) * (pool + ENGINE_CONNECTIONS) + web + 10 + 3 <= most


def commands(name: str) -> list[list[str]]:
    """How the processes of one kind are begun in the cluster."""
    found = [service["command"] for where, service in SENDERS.items() if where.startswith("cluster/")]
    return [words for words in found if words[0] == name]


@pytest.mark.parametrize("where", [name for name, service in SENDERS.items() if service["command"][0] == "serve"])
def test_what_serves_is_asked_whether_it_lives_and_reached_from_this_machine_only(where: str) -> None:
    """The health check of the image asks for a worker, and the certificate is with whoever stands in front."""
    service = SENDERS[where]
    words = service["command"]
    port = words[words.index("--port") + 1]
    assert f"http://127.0.0.1:{port}/healthz" in service["healthcheck"]["test"][-1]
    compile(service["healthcheck"]["test"][-1], where, "exec")
    assert all(each.startswith("127.0.0.1:") and each.endswith(f":{port}") for each in service["ports"])


def test_each_sender_has_a_private_folder_of_its_own() -> None:
    folders = [
        volume
        for name, service in SENDERS.items()
        if name.startswith("cluster/")
        for volume in service["volumes"]
        if volume.endswith("/workspace/.mailer")
    ]
    assert len(folders) == len(set(folders)) == 5
    assert {volume.partition(":")[0] for volume in folders} <= set(compose(COMPOSE[0])["volumes"])


# --- systemd ----------------------------------------------------------------------------------------------------------

HARDENED = {
    "ProtectSystem": "strict", "NoNewPrivileges": "yes", "Restart": "always", "KillSignal": "SIGTERM",
    "CapabilityBoundingSet": "", "ProtectHome": "yes", "PrivateTmp": "yes", "UMask": "0077",
    "SystemCallFilter": "@system-service", "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
}  # fmt: skip


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_the_unit_is_hardened_and_may_write_its_workspace(path: Path) -> None:
    service = unit(path)["Service"]
    assert {name: service[name] for name in HARDENED} == HARDENED
    words = shlex.split(service["ExecStart"])
    assert words[words.index("--workspace") + 1] == service["WorkingDirectory"] == service["ReadWritePaths"]
    assert service["User"] not in ("root", "")
    assert unit(path)["Unit"]["StartLimitIntervalSec"] == "0"


def test_systemd_understands_it(tmp_path: Path) -> None:
    """Every line is of a form it knows; where systemd is, it says so itself."""
    for path in (*UNITS, *DROP_INS):
        parsed = unit(path)
        assert set(parsed.sections()) <= {"Unit", "Service", "Install"}
        assert all(re.fullmatch(r"[A-Z][A-Za-z]+", name) for section in parsed.sections() for name in parsed[section])
    if verify := shutil.which("systemd-analyze"):
        # The program and its folder are not on this machine.
        for path in UNITS:
            text = path.read_text().replace("/opt/mailer/bin/mailer", "/bin/true").replace("/srv/mailer", str(tmp_path))
            (tmp_path / path.name).write_text(text)
        shutil.copytree(DROP_INS[0].parent, tmp_path / DROP_INS[0].parent.name)
        command = [verify, "verify", *(str(tmp_path / path.name) for path in UNITS)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_page_names_every_file() -> None:
    page = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    files = [path for path in DEPLOY.rglob("*") if path.is_file() and path.suffix != ".dockerignore"]
    assert [path.name for path in files if str(path.relative_to(ROOT)) not in page] == []
