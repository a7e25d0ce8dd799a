"""Mails a second beside other programs that one can install: mailmerge and museletter, same people, same text, one run.

    .venv/bin/python bench/peers.py [PEOPLE]

PEOPLE is 2,000 unless it is given. Both are installed from PyPI into ~/.cache/mailer-bench; smtp-sink is Debian's
(postfix). Loopback, no encryption.

    mailmerge    its command, with a CSV of the people and the same mail of 40 kB as its template, to smtp-sink, beside
                 `mailer send` over SMTP with four connections to the same sink
    museletter   its sending loop on its own SQLite database, beside `mailer send` through the SendGrid shape. It has no
                 setting for where its provider is, so the driver puts a local address in the place of Amazon's, and
                 lifts its limit of 10 mails a second; the stand-in answers at once
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import smtp
from send import Sink, alone
from send import line as report

PEOPLE = 2_000
PLACE = smtp.CACHE / "peers"
PACKAGES = ("mailmerge", "museletter")
CONNECTIONS = 4

MUSELETTER = """
import asyncio, sys, time
from pathlib import Path
from museletter.app import create_app, lifespan
from museletter.config import Settings
from museletter.db import utcnow

folder, endpoint, people = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
settings = Settings(api_key="x", db_path=str(folder / "museletter.db"), base_url="https://news.example.org",
                    from_email="news@example.org", from_name="River Watch", postal_address="1 Quay Street, Oslo",
                    send_rate=1e9, extra={"disable_sender": True})

async def main():
    app = create_app(settings)
    async with lifespan(app):
        db, now = app.state.db, utcnow()
        app.state.mailer.endpoint = endpoint
        async with db.execute("SELECT id FROM lists") as found:
            list_id = (await found.fetchone())["id"]
        rows = [(f"sub_{n}", list_id, f"reader{n}@example.net", f"Ann {n}", now, now) for n in range(people)]
        await db.executemany("INSERT INTO subscribers (id, list_id, email, name, status, created_at, confirmed_at) "
                             "VALUES (?, ?, ?, ?, 'active', ?, ?)", rows)
        text = (folder / "body.md").read_text()
        await db.execute("INSERT INTO campaigns (id, list_id, subject, body_markdown, track_opens, status, "
                         "recipient_count, created_at, started_at) VALUES ('c', ?, 'News for {{name}}', ?, 0, "
                         "'sending', ?, ?, ?)", (list_id, text, people, now, now))
        await db.execute("INSERT INTO campaign_recipients (campaign_id, subscriber_id, email, name, status, "
                         "updated_at) SELECT 'c', id, email, name, 'pending', ? FROM subscribers", (now,))
        await db.commit()
        begun, processor = time.perf_counter(), time.process_time()
        while await app.state.sender.tick():
            pass
        took = time.perf_counter() - begun, time.process_time() - processor
        async with db.execute("SELECT count(*) AS n FROM campaign_recipients WHERE status = 'sent'") as found:
            assert (await found.fetchone())["n"] == people
    print(*took)

asyncio.run(main())
"""


def installed(name: str) -> Path:
    """A program of the peers' own environment."""
    if not all((PLACE / "bin" / package).exists() for package in PACKAGES):
        subprocess.run([sys.executable, "-m", "venv", str(PLACE)], check=True)
        subprocess.run([PLACE / "bin" / "pip", "install", "--quiet", *PACKAGES], check=True)
    return PLACE / "bin" / name


def template(folder: Path) -> str:
    """Our mail as mailmerge's template: the same text and HTML, with its fields for ours."""
    from mailer.app import open_mailer
    from mailer.services.writer import MailWriter
    from mailer.store import issues
    from mailer.workspace import Workspace

    with open_mailer(Workspace(folder), {}) as program:
        with program.store.read() as connection:
            issue = issues.get(connection, smtp.ISSUE)
        assert issue is not None
        writer = MailWriter(smtp.ISSUE, issue.snapshot, program.workspace.secret_keys({}))
    parts = []
    for kind, part in (("plain", writer.plain.text), ("html", writer.plain.html)):
        places = ["{{link}}" if slot.root == "links" else "{{name}}" for slot in part.distinct]
        # It cannot take HTML apart that is not ASCII.
        text = part.substituted(places.__getitem__).encode("ascii", "xmlcharrefreplace").decode()
        parts.append(f"--edge\nContent-Type: text/{kind}; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{text}")
    head = "TO: {{email}}\nSUBJECT: News for {{name}}\nFROM: River Watch <news@example.org>\nMIME-Version: 1.0\n"
    return head + 'Content-Type: multipart/alternative; boundary="edge"\n\n' + "\n".join(parts) + "\n--edge--\n"


def mailmerge(folder: Path, campaign: Path, port: int, people: int) -> float:
    """Seconds that its command takes, without starting Python."""
    program = installed("mailmerge")
    (folder / "mailmerge_template.txt").write_text(template(campaign), encoding="utf-8")
    (folder / "mailmerge_server.conf").write_text(f"[smtp_server]\nhost = 127.0.0.1\nport = {port}\n")
    with (folder / "mailmerge_database.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("email", "name", "link"))
        rows.writerows((f"reader{n}@example.net", f"Ann {n}", f"https://news.example.org/u/{n}") for n in range(people))
    seconds = []
    for words in (("--dry-run", "--limit", "1"), ("--no-dry-run", "--no-limit")):
        begun = time.perf_counter()
        subprocess.run([program, *words, "--output-format", "raw"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - begun)
    return seconds[1] - seconds[0]


def museletter(folder: Path, people: int) -> float:
    installed("museletter")
    (folder / "driver.py").write_text(MUSELETTER)
    text = smtp.Campaign.issue().partition("---\n\n")[2].replace("subscriber.first_name", "name")
    (folder / "body.md").write_text(text)
    taker = Sink()
    command = [installed("python"), "driver.py", str(folder), taker.url, str(people)]
    credentials = {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing"}
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, env=credentials)
    assert taker.counted()["requests"] == people
    return float(done.stdout.split()[0])


def over_http(folder: Path, people: int) -> float:
    """Ours through the SendGrid shape: more people, as it is over in a moment."""
    taker = Sink()
    alone("campaign", str(folder), taker.url, str(10 * people))
    found = alone("ours", str(folder))
    taker.counted()
    report("mailer, SendGrid shape", found)
    return float(found["seconds"] / found["people"])


def main(people: int) -> None:
    with tempfile.TemporaryDirectory() as name, smtp.sink() as port:
        folder = Path(name)
        for each in ("smtp", "mailmerge", "museletter", "http"):
            (folder / each).mkdir()
        campaign = smtp.Campaign(folder / "smtp", people, port)
        print(f"{people:,} people, mails of {campaign.size():,} bytes", flush=True)
        theirs = mailmerge(folder / "mailmerge", campaign.folder, port, people) / people
        print(f"{'mailmerge, SMTP':30} {1 / theirs:9,.0f}/s", flush=True)
        ours = campaign.send(port, CONNECTIONS, None)[0] / people
        print(
            f"mailer, SMTP, {CONNECTIONS} connections   {1 / ours:9,.0f}/s, {theirs / ours:,.0f} times mailmerge",
            flush=True,
        )
        theirs = museletter(folder / "museletter", people) / people
        print(f"{'museletter, its provider':30} {1 / theirs:9,.0f}/s", flush=True)
        ours = over_http(folder / "http", people)
        print(f"{'':30} {1 / ours:9,.0f}/s, {theirs / ours:,.0f} times museletter")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE)
