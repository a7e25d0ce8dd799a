"""What share of a corpus of mails that came back is recognised, and how many are read a second.

    .venv/bin/python bench/bounces.py FOLDER...

Corpora that packages ship: the folder `tests/data` of flufl.bounce's source package (`pip download flufl.bounce
--no-binary :all: --no-deps`), `tests/emails` of the npm package `baunsu`.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import process_time

from mailer.bounces.facts import Action, Reading, What
from mailer.bounces.reading import read
from mailer.delivery.bounced import classify


def mails(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".py":
            yield path.name, path.read_bytes()


def told(reading: Reading) -> str:
    """What it is, and of a failure whose fault."""
    if reading.what is not What.REPORT:
        return reading.what.value
    fate = reading.fates[0]
    if fate.action is not Action.FAILED:
        return fate.action.value
    return f"failed: {classify(fate.status, fate.text).cause.value}"


def main(folders: Sequence[str]) -> None:
    for folder in map(Path, folders):
        found = list(mails(folder))
        begin = process_time()
        readings = [read(data) for _, data in found]
        seconds = process_time() - begin
        reports = [each for each in readings if each.what is What.REPORT]
        known = sum(each.what is not What.UNKNOWN for each in readings)
        clear = sum(told(each) != "failed: unknown" for each in reports)
        standard = sum(each.standard for each in reports)
        print(f"{folder}: {len(found)} mails, {len(found) / max(seconds, 1e-9):,.0f} a second of processor time")
        print(f"  recognised {known} ({known / len(found):.0%}); {len(reports)} of them reports, {standard} standard")
        print(f"  with a clear cause {clear} of {len(reports)} reports")
        for words, number in Counter(map(told, readings)).most_common():
            print(f"  {number:5} {words}")
        for (name, _), reading in zip(found, readings, strict=True):
            if reading.what is What.UNKNOWN:
                print(f"        not recognised: {name}, {reading.why}")


if __name__ == "__main__":
    main(sys.argv[1:])
