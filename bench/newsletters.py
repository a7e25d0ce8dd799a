"""What the rules say of mails that others wrote, to be read for false alarms.

    .venv/bin/python bench/newsletters.py FOLDER [--rule RULE] [--table]

FOLDER is looked through for .html, .htm, .mjml and .eml files. For each the findings are counted by family and level;
`--rule` prints every finding of one rule instead, `--table` rows for docs/newsletters.md.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import process_time

from mailer.checks.rule import Family
from mailer.checks.table import BY_ID
from mailer.config.checks import Checks
from mailer.errors import MailerError
from mailer.services.checking.check import Checked
from mailer.services.checking.files import check_file, is_file

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def files(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.rglob("*") if path.is_file() and is_file(path.name))


def looked_at(path: Path) -> Checked | None:
    try:
        return check_file(path, Checks(), NOW)
    except MailerError as error:
        print(f"{path}: {error}")
        return None


def by_family(checked: Checked) -> dict[Family, int]:
    return Counter(BY_ID[finding.rule].family for finding in checked.findings)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rule", help="print every finding of this rule")
    parser.add_argument("--table", action="store_true", help="print a table row for each file")
    chosen = parser.parse_args()
    rules: Counter[tuple[str, str]] = Counter()
    mails: Counter[str] = Counter()
    began = process_time()
    count = 0
    for path in files(chosen.folder):
        if (checked := looked_at(path)) is None:
            continue
        count += 1
        rules.update((finding.rule, finding.level.value) for finding in checked.findings)
        mails.update({finding.rule for finding in checked.findings})
        show(path.relative_to(chosen.folder), checked, chosen)
    took = (process_time() - began) * 1000 / max(count, 1)
    print(f"\n{count} mails, {took:.0f} ms each; mails with a finding, and findings, by rule:")
    for (rule, level), number in sorted(rules.items(), key=lambda row: -mails[row[0][0]]):
        print(f"{mails[rule]:5} {number:6}  {level:8} {rule}")


def show(name: Path, checked: Checked, chosen: argparse.Namespace) -> None:
    if chosen.rule:
        for finding in checked.findings:
            if finding.rule == chosen.rule:
                print(f"{name}:{finding.source.line if finding.source else 0}: {finding.level} {finding.words}")
    elif chosen.table:
        families = by_family(checked)
        print(f"| {name} | " + " | ".join(str(families.get(family, 0)) for family in Family) + " |")


if __name__ == "__main__":
    main()
