"""`mailer init` and `mailer demo`: what a person meets first."""

from __future__ import annotations

import json
import shlex
import sqlite3
from contextlib import closing
from email import policy
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest

from mailer.cli import main
from tests.cli.campaign import part, read

FILES = [
    ".gitignore", "mailer.toml", "subscribers/README.md", "subscribers/alerts.toml", "subscribers/sample.csv",
    "subscribers/weekly.toml", "templates/README.md",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("MAILER_WORKSPACE", "MAILER_DEBUG", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "new"


def answer(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    capsys.readouterr()
    assert main(words) == code
    captured = capsys.readouterr()
    return captured.out if code == 0 else captured.err


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_init_makes_a_workspace_that_is_in_order(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(answer(capsys, "init", "new", "--json"))
    assert told == {"folder": str(folder), "files": FILES}
    assert files(folder) == FILES
    assert (folder / "issues").is_dir()
    assert "mailer.toml is in order" in answer(capsys, "-w", "new", "config", "check")


def test_the_steps_that_init_names_work(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = answer(capsys, "init", "new")
    assert f"a workspace is ready in {folder}" in text
    (step,) = [line for line in text.splitlines() if "subscribers import" in line]
    words = shlex.split(step.partition("mailer ")[2])
    words[2] = f"new/{words[2]}"
    done = json.loads(answer(capsys, "-w", "new", *words, "--json"))
    assert done["new"] == done["after"]["mailable"] > 0


def test_init_overwrites_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.mkdir()
    (folder / "mailer.toml").write_text("# mine\n")
    assert "is there already" in answer(capsys, "init", "new", code=1)
    assert files(folder) == ["mailer.toml"]
    assert (folder / "mailer.toml").read_text() == "# mine\n"


def test_init_stays_out_of_the_way_of_other_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    answer(capsys, "init", "new")
    assert files(folder) == sorted([*FILES, "notes.txt"])


def test_the_demo_does_the_main_job(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = answer(capsys, "demo", "new").splitlines()
    assert len(lines) == 10
    (issue,) = (folder / "issues").glob("*-clean-rivers.md")
    outbox = folder / "outbox" / issue.stem
    assert len(list((outbox / "new").glob("*.eml"))) == 1000
    assert lines[6].startswith("sent it to 1,000 people: 1,000 files in new/outbox (")
    assert lines[7] == f"look at it:    {outbox / 'index.html'}"
    assert (outbox / "index.html").is_file()
    mail = read(BytesParser(policy=policy.default), outbox / "new" / "000007.eml")
    assert mail["To"] == "Dwi Farah <reader0007@example.org>"
    for kind in ("plain", "html"):
        assert "400 people, 11 bridges" in part(mail, kind)
        assert "2,318 signatures" not in part(mail, kind), "that is the other campaign"
    nameless = read(BytesParser(policy=policy.default), outbox / "new" / "000005.eml")
    assert "Dear friend," in part(nameless, "plain")
    # What it proposes to try next.
    assert "1,000 accepted, 0 twice, 0 in doubt\nnothing was sent now" in answer(
        capsys, "-w", "new", "send", issue.stem
    )
    words = lines[9].partition("mailer ")[2].split()
    assert json.loads(answer(capsys, "-w", "new", *words, "--json"))["articles"]


def test_the_demo_in_json_and_away_from_a_real_database(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tmp_path / "real.db"
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{real}")
    monkeypatch.setenv("MAILER_PROVIDER__NAME", "sendgrid")
    told = json.loads(answer(capsys, "demo", "new", "--json"))
    assert told["sent"]["figures"]["deliveries"]["accepted"] == 1000
    assert (told["sent"]["accepted_now"], told["sent"]["twice"], told["fetched"]["new"]) == (1000, 0, 10)
    assert len(told["composed"]["articles"]) == 5
    assert [each["rule"] for each in told["plan"]["findings"]] == ["field-missing"]
    assert not real.exists()
    with closing(sqlite3.connect(folder / "mailer.db")) as connection:
        assert connection.execute("SELECT count(*) FROM subscribers").fetchone() == (1000,)


@pytest.mark.parametrize("there", ["site/feed.xml", "mailer.toml", "notes.txt"])
def test_the_demo_refuses_a_folder_with_anything_in_it(
    folder: Path, capsys: pytest.CaptureFixture[str], there: str
) -> None:
    (folder / there).parent.mkdir(parents=True)
    (folder / there).write_text("mine")
    assert "is there already" in answer(capsys, "demo", "new", code=1)
    assert files(folder) == [there]
    assert (folder / there).read_text() == "mine"


def test_the_demo_refuses_a_file(folder: Path, capsys: pytest.CaptureFixture[Any]) -> None:
    folder.write_text("mine")
    assert "is there already" in answer(capsys, "demo", "new", code=1)
