"""How fast `mailer --help` answers beside a bare Typer program with two commands, and what it imports.

    python bench/cli.py [RUNS]

The programs run in turn, so that a busy machine slows all of them alike. The bare program stands there twice: as
Typer makes it (its help is drawn by Rich) and with Rich turned off, which is the stricter comparison.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

BARE = """
import typer

app = typer.Typer({options})

@app.command()
def first(name: str) -> None:
    "The first command."

@app.command()
def second(name: str, count: int = 1) -> None:
    "The second command."

app()
"""
STRICT = "rich_markup_mode=None, pretty_exceptions_enable=False"
RUNS = 25


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def imported_modules(arguments: list[str]) -> set[str]:
    """The modules outside the standard library that Python imports for these arguments."""
    command = [sys.executable, "-X", "importtime", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    names = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    return {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names}


def imported_by_help() -> list[str]:
    """Our own modules in full, other packages by their name; without what this Python imports for everybody."""
    names = imported_modules(["-m", "mailer", "--help"]) - imported_modules(["-c", "pass"])
    return sorted({name if name.startswith("mailer") else name.partition(".")[0] for name in names - {"org"}})


def main(runs: int = RUNS) -> None:
    with tempfile.TemporaryDirectory() as folder:
        programs = {"mailer --help": [sys.executable, "-m", "mailer", "--help"]}
        for label, options in {"bare Typer, two commands": "", "the same without Rich": STRICT}.items():
            script = Path(folder, f"bare{len(options)}.py")
            script.write_text(BARE.format(options=options), encoding="utf-8")
            programs[label] = [sys.executable, str(script), "--help"]
        times: dict[str, list[float]] = {label: [] for label in programs}
        for command in programs.values():  # bytecode and the disk's cache are filled outside the measurement
            seconds(command)
        for _ in range(runs):
            for label, command in programs.items():
                times[label].append(seconds(command))
    ours = median(times["mailer --help"])
    for label, taken in times.items():
        low, _, high = quantiles(taken, n=4)
        print(
            f"{label:26} {median(taken) * 1000:7.1f} ms  (middle half {low * 1000:.1f} to {high * 1000:.1f}, "
            f"{runs} runs)  ratio {ours / median(taken):.2f}"
        )
    print("imported by mailer --help:", ", ".join(imported_by_help()))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)
