"""The table of what mail programs support, made from the data of caniemail.com.

    npm pack caniemail && tar xzf caniemail-*.tgz
    python docs/make_clients.py package/data/caniemail.json 2.0.2

FILE is `data/caniemail.json` of the npm package `caniemail`, or what https://www.caniemail.com/api/data.json answers.
VERSION is the package's. Kept is the newest result for each mail program, as one letter (y yes, n no, a in part, u
unknown, - not tried), and the notes that such results point to. A feature is a line, so that a diff of two dates
can be read.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parent.parent / "mailer" / "checks" / "caniemail" / "table.json"
UNTRIED = "-"
DATE = re.compile(r"\d{4}(-\d{2})?")
MARKDOWN_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")

Results = Mapping[str, str]


def newest(results: Results) -> str:
    """The result of the greatest version; of the last one where dates and versions are mixed, as upstream adds them."""
    kinds = {bool(DATE.fullmatch(version)) for version in results}
    if len(kinds) > 1:
        return list(results.values())[-1]
    return results[max(results, key=lambda version: [int(number) for number in re.findall(r"\d+", version)])]


def tried(feature: Mapping[str, Any]) -> dict[str, str]:
    """The newest result by client, FAMILY.PLATFORM."""
    stats = feature["stats"].items()
    return {f"{family}.{platform}": newest(rows) for family, platforms in stats for platform, rows in platforms.items()}


def line(feature: Mapping[str, Any], clients: list[str]) -> list[Any]:
    """Slug, title, date of the last test, a letter for each client, notes by client and the notes."""
    results = tried(feature)
    letters = "".join(results[client][0] if client in results else UNTRIED for client in clients)
    said = feature["notes_by_num"] or {}
    noted = {
        str(at): [number for number in re.findall(r"#(\d+)", results[client]) if number in said]
        for at, client in enumerate(clients)
        if client in results
    }
    wanted = {number for numbers in noted.values() for number in numbers}
    notes = {number: plain(text) for number, text in said.items() if number in wanted}
    numbers = {at: " ".join(found) for at, found in noted.items() if found}
    return [feature["slug"], feature["title"], feature["last_test_date"], letters, numbers, notes]


def plain(text: str) -> str:
    return MARKDOWN_LINK.sub(r"\1", text).strip()


def written(data: Mapping[str, Any], version: str) -> Iterator[str]:
    clients = sorted({client for feature in data["data"] for client in tried(feature)})
    nice = data["nicenames"]
    head = {
        "version": version,
        "date": data["last_update_date"][:10],
        "families": {family: name for family, name in nice["family"].items() if family},
        "platforms": nice["platform"],
        "clients": clients,
    }
    for key, value in head.items():
        yield f"{'{' if key == 'version' else ''}{json.dumps(key)}: {compact(value)},"
    rows = sorted((line(feature, clients) for feature in data["data"]), key=lambda row: str(row[0]))
    yield '"features": [\n' + ",\n".join(map(compact, rows)) + "\n]}"


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def main(words: list[str]) -> None:
    if len(words) != 2:
        sys.exit("usage: python docs/make_clients.py FILE VERSION")
    data = json.loads(Path(words[0]).read_text(encoding="utf-8"))
    TABLE.write_text("\n".join(written(data, words[1])) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
