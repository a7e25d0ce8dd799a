"""The wheel, installed into an environment of its own, far from the source tree."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from email import policy
from email.parser import BytesParser
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

import pytest

from tests.acceptance.commands import environment, header
from tests.cli.campaign import part, read

ROOT = Path(__file__).parents[2]


def done(*words: str | Path, folder: Path) -> str:
    """What a program prints that must succeed. It sees nothing of the source tree."""
    environ = {name: value for name, value in environment().items() if not name.startswith("PYTHON")}
    ran = subprocess.run([*map(str, words)], cwd=folder, env=environ, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    # With the build backend at hand nothing has to be fetched.
    isolation = ["--no-isolation"] if find_spec("hatchling") else []
    done(sys.executable, "-m", "build", "--wheel", *isolation, "--outdir", folder, ROOT, folder=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the commands of an environment that has the wheel, and our dependencies but not our tree."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / "python"
    done(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, folder=folder)
    site = Path(done(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", folder=folder).strip())
    # A path added so is searched, but its own .pth files, one of which is the editable install, are not read.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return scripts


def test_the_wheel_holds_the_shipped_files_inside_the_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {PurePosixPath(name).parts[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"mailer"}
    for folder in ("templates", "subscribers"):
        ours = {f"{folder}/{path.relative_to(ROOT / folder).as_posix()}" for path in (ROOT / folder).rglob("*.*")}
        shipped = {name.removeprefix("mailer/_shipped/") for name in names if f"_shipped/{folder}/" in name}
        assert shipped == ours
    assert "mailer/py.typed" in names
    assert "mailer/store/migrations/versions/0001_first_tables.py" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_demo_runs_from_the_wheel_and_nothing_else_is_there(installed: Path, tmp_path: Path) -> None:
    def tell(expression: str) -> str:
        code = f"import importlib.util as util, mailer; print({expression})"
        return done(installed / "python", "-c", code, folder=tmp_path).strip()

    assert Path(tell("mailer.__file__")).is_relative_to(installed.parent)
    found = "[name for name in ('templates', 'tests', 'subscribers', 'bench') if util.find_spec(name)]"
    assert tell(found) == "[]"
    text = done(installed / "mailer", "demo", "here", folder=tmp_path)
    assert len(text.splitlines()) == 10
    assert "all checks passed" in text
    mails = sorted((tmp_path / "here" / "outbox").glob("*/new/*.eml"))
    assert len({header(mail, "To") for mail in mails}) == len(mails) == 1000
    first = read(BytesParser(policy=policy.default), mails[0])
    assert "400 people, 11 bridges" in part(first, "html")
