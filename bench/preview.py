"""From saving a file to seeing it: `mailer preview --serve` beside a Chromium, twenty times each.

    .venv/bin/python bench/preview.py [TIMES]

A bulletin of five articles on a list of 1,000 people, as `mailer demo` makes it, on a page with two frames. A file is
written, and the time runs until both frames have painted it. Of that:

    noticed     from the write until the page hears that there is something new: watching, reading, compiling
    compiling   of that: the issue through Jinja2 and MJML, and samples of its readers
    answered    the mail of the reader is written, and the page has it
    painted     both frames have loaded and painted it
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent.parent))

if TYPE_CHECKING:
    from playwright.sync_api import Page

MAILER = (sys.executable, "-m", "mailer")
ROOT = Path(__file__).parent.parent
FRAMES = ("phone-light", "desktop-light")
STAGES = ("noticed", "compiling", "answered", "painted", "whole")

AWAIT = """keys => {
    performance.clearMarks();
    const left = new Set(keys);
    window.painted = new Promise((done) => {
        const seen = (event) => {
            left.delete(event.detail.key);
            if (left.size) return;
            document.removeEventListener("shown", seen);
            requestAnimationFrame(() => requestAnimationFrame(() => done(performance.timeOrigin + performance.now())));
        };
        document.addEventListener("shown", seen);
    });
}"""
MARKS = """async () => {
    const painted = await window.painted;
    const at = (name) => performance.timeOrigin + performance.getEntriesByName(name)[0].startTime;
    const compiling = Number(/compiled in (\\d+) ms/.exec(document.getElementById("status").textContent)[1]);
    return { painted, changed: at("changed"), answered: at("answered"), compiling };
}"""


def demo(folder: Path) -> tuple[Path, str]:
    campaign = folder / "campaign"
    subprocess.run([*MAILER, "demo", str(campaign)], check=True, stdout=subprocess.DEVNULL)
    (issue,) = (campaign / "issues").glob("*.md")
    return campaign, issue.stem


def once(page: Page, save: Callable[[], None]) -> dict[str, float]:
    """Milliseconds from one save."""
    page.evaluate(AWAIT, list(FRAMES))
    began = time.time() * 1000
    save()
    found = page.evaluate(MARKS)
    return {
        "noticed": found["changed"] - began,
        "compiling": found["compiling"],
        "answered": found["answered"] - found["changed"],
        "painted": found["painted"] - found["answered"],
        "whole": found["painted"] - began,
    }


def measure(page: Page, times: int, saves: Callable[[int], None]) -> list[dict[str, float]]:
    found = []
    for number in range(times + 2):
        found.append(once(page, lambda number=number: saves(number)))  # type: ignore[misc]
        # The checks of the mail before are done.
        page.wait_for_load_state("networkidle")
    return found[2:]


def table(name: str, found: list[dict[str, float]]) -> None:
    cells = [f"{median(each[stage] for each in found):6.0f}" for stage in STAGES]
    worst = max(each["whole"] for each in found)
    print(f"{name:10}", *cells, f"{worst:7.0f}")


def run(page: Page, campaign: Path, name: str, times: int) -> None:
    issue = campaign / "issues" / f"{name}.md"
    partial, text = campaign / "templates" / "_footer.mjml", (ROOT / "templates" / "_footer.mjml").read_text()
    body = issue.read_text()
    print(f"milliseconds, median of {times}")
    print(f"{'saved':10}", *(f"{stage[:9]:>6}" for stage in STAGES), "  worst")
    table("issue", measure(page, times, lambda number: written(issue, f"{body}\nRead it {number} times.\n")))
    table("partial", measure(page, times, lambda number: written(partial, text.replace("0 0 44px", f"0 0 {number}px"))))


def written(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def main(arguments: list[str]) -> int:
    from tests.browser import browser

    times = int(arguments[0]) if arguments else 20
    with tempfile.TemporaryDirectory(prefix="mailer-bench-") as place, browser() as chromium:
        campaign, name = demo(Path(place))
        words = [*MAILER, "-w", str(campaign), "preview", name, "--serve", "--json", "--no-open"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            try:
                assert process.stdout is not None
                told: Any = json.loads("".join(process.stdout.readline() for _ in range(3)))
                page = chromium.new_page(viewport={"width": 1280, "height": 900})
                page.goto(told["url"])
                page.wait_for_selector(".screen iframe:not(.coming)")
                run(page, campaign, name, times)
            finally:
                process.terminate()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
