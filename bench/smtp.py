"""Mails a second over SMTP: ours beside postfix's smtp-source and nodemailer's pool, to one smtp-sink, in one run.

    .venv/bin/python bench/smtp.py [--mails 10000] [--connections 1 4 16] [--rounds 3]

Needs smtp-sink and smtp-source (Debian: postfix) and npm, which gets nodemailer into ~/.cache/mailer-bench. Mails have
40 kB and are personal: subject, name and link differ. Rounds are interleaved and the best of each counts, because
other programs on the machine only ever add. Loopback, no encryption.

    provider    mails written and handed over by `submit`, in batches of 1000, nothing else
    send        `mailer send` after the freeze: claim, write, begin, submit, record, on SQLite with full durability
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from mime import HEADERS, PARAGRAPH, ROW, SUBJECT, shape, values

from mailer.app import open_mailer
from mailer.cli import main as mailer_main
from mailer.model import Batch, Envelope, Outcome
from mailer.providers.smtp.connection import Server
from mailer.providers.smtp.dkim import DkimSigner
from mailer.providers.smtp.exchange import Terms
from mailer.providers.smtp.keyfile import load_key
from mailer.providers.smtp.pauses import Pauses
from mailer.providers.smtp.pool import Pool
from mailer.providers.smtp.provider import Smtp
from mailer.render.mime import MessageAddress, MessageSkeleton, PersonalValues
from mailer.services.binding import bind
from mailer.services.sending.freezing import freeze_issue, plan_send
from mailer.services.sending.sender import send_frozen
from mailer.workspace import Workspace

NOW = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)
SIZE = 40_000
ISSUE = "2026-11-22-rivers"
CACHE = Path.home() / ".cache" / "mailer-bench"

NODEMAILER = """
const nodemailer = require('nodemailer');
const [port, connections, mails] = process.argv.slice(2).map(Number);
const pool = nodemailer.createTransport({
  host: '127.0.0.1', port, pool: true, maxConnections: connections, maxMessages: Infinity, ignoreTLS: true,
});
const row = '<tr><td style="padding:0 24px;font-size:16px"><a href="https://example.org/rivers">Volunteers</a></td></tr>\\n';
const html = row.repeat(Math.floor(37000 / row.length));
const text = 'Volunteers cleared nine kilometres of river bank.\\n'.repeat(40);
let next = 0, running = 0, done = 0;
const begin = process.hrtime.bigint();
function more() {
  while (running < connections * 2 && next < mails) {
    const number = next++;
    running++;
    pool.sendMail({
      from: 'River Watch <news@example.org>', to: `reader${number}@example.net`, subject: `News for Ann ${number}`,
      text: `Dear Ann ${number}\\n` + text, html: `<p>Dear Ann ${number}</p>` + html,
      headers: { 'List-Unsubscribe': `<https://example.org/u/${number}>` },
    }, (error) => {
      if (error) { console.error(error.message); process.exit(1); }
      running--; done++;
      if (done === mails) {
        console.log(Number(process.hrtime.bigint() - begin) / 1e9);
        pool.close();
      } else more();
    });
  }
}
more();
"""


@dataclass
class Figures:
    """The best rate of each candidate, and what a mail cost our own process in processor time at that rate."""

    rates: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)

    def note(self, name: str, mails: int, seconds: float, cpu: float = 0.0) -> None:
        if mails / seconds > self.rates.get(name, 0.0):
            self.rates[name] = mails / seconds
            self.cpu[name] = cpu / mails * 1e6


def program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        raise SystemExit(f"{name} is not installed (Debian: apt-get install --no-install-recommends postfix)")
    return found


@contextmanager
def sink() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    running = subprocess.Popen([program("smtp-sink"), *user, f"127.0.0.1:{port}", "256"])
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield port
    finally:
        running.terminate()
        running.wait()


def smtp_source(port: int, connections: int, mails: int) -> float:
    command = [
        program("smtp-source"),
        "-s",
        str(connections),
        "-l",
        str(SIZE),
        "-m",
        str(mails),
        "-d",
        f"127.0.0.1:{port}",
    ]
    begin = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - begin


def nodemailer(port: int, connections: int, mails: int) -> float:
    script = CACHE / "pool.js"
    if not (CACHE / "node_modules" / "nodemailer").is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        (CACHE / "package.json").write_text("{}")
        subprocess.run(["npm", "install", "--silent", "nodemailer"], cwd=CACHE, check=True, stdout=subprocess.DEVNULL)
    script.write_text(NODEMAILER)
    command = ["node", str(script), str(port), str(connections), str(mails)]
    return float(subprocess.run(command, cwd=CACHE, check=True, capture_output=True, text=True).stdout)


def ed25519(folder: Path) -> Path:
    path = folder / "ed25519.pem"
    if not path.exists():
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        path.touch(mode=0o600)
        path.write_bytes(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


class Mails:
    """Personal mails of 40 kB, each written when it is wanted."""

    def __init__(self) -> None:
        self.skeleton = MessageSkeleton(
            shape(PARAGRAPH, 2_000, 2), shape(ROW, SIZE - 5_500, 8), SUBJECT, HEADERS, "a1b2"
        )

    def envelope(self, number: int) -> Envelope:
        personal = PersonalValues((f"Ann {number}",), values(2, "plain", number), values(8, "plain", number))
        recipient = f"reader{number}@example.net"
        link = f"https://news.example.org/u/AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRob{number}"
        content = self.skeleton.message(personal, MessageAddress(recipient, f"{number}.d2a9", link, "Ann Lee"), NOW)
        return Envelope(number, "news@example.org", recipient, content)


def provider_alone(port: int, connections: int, mails: int, signer: DkimSigner | None) -> tuple[float, float]:
    written = Mails()
    smtp = Smtp(Pool(Server("127.0.0.1", port, "none", None), connections), Terms(Pauses(), signer))
    begin, cpu = time.perf_counter(), time.process_time()
    for start in range(0, mails, 1000):
        envelopes = tuple(written.envelope(number) for number in range(start, min(start + 1000, mails)))
        receipts = smtp.submit(Batch(start, ISSUE, start, envelopes))
        assert all(receipt.outcome is Outcome.ACCEPTED for receipt in receipts), receipts[0]
    taken = time.perf_counter() - begin, time.process_time() - cpu
    smtp.close()
    return taken


SETTINGS = """
[organisation]
name = "River Watch"
postal_address = "1 Quay Street, Oslo"
contact = "office@example.org"

[from.office]
name = "River Watch"
email = "news@example.org"

[web]
base_url = "https://news.example.org"

[provider]
name = "smtp"
host = "127.0.0.1"
port = {port}
tls = "none"
connections = {connections}
bounces = "bounces@example.org"
"""
DKIM = '\n[[provider.dkim]]\ndomain = "example.org"\nselector = "bench"\nkey = "{key}"\n'


def quietly(folder: Path, *words: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as told:
        code = mailer_main(["--workspace", str(folder), *words])
    if code:
        raise SystemExit(told.getvalue())


class Campaign:
    """A workspace with people and a frozen issue, copied for each round."""

    def __init__(self, folder: Path, mails: int, port: int) -> None:
        self.folder = folder / "template"
        self.mails = mails
        for name in ("issues", "subscribers"):
            (self.folder / name).mkdir(parents=True)
        self.settings(self.folder, SETTINGS.format(port=port, connections=1))
        (self.folder / "subscribers" / "members.toml").write_text('title = "Members"\nopt_in = "single"\n')
        (self.folder / "issues" / f"{ISSUE}.md").write_text(self.issue())
        people = "email,first name\n" + "".join(f"reader{number}@example.net,Ann {number}\n" for number in range(mails))
        (folder / "people.csv").write_text(people)
        quietly(self.folder, "subscribers", "import", str(folder / "people.csv"), "--list", "members")
        with open_mailer(Workspace(self.folder), {}) as program:
            prepared, _ = plan_send(program, ISSUE)
            freeze_issue(program, prepared)

    @staticmethod
    def settings(folder: Path, text: str) -> None:
        (folder / "mailer.toml").write_text(text)

    @staticmethod
    def issue() -> str:
        front = 'kind: bulletin\nsubject: "News for {{ subscriber.first_name }}"\nlists: [members]\n'
        text = "Volunteers cleared nine kilometres of river bank and found 412 tyres, {{ subscriber.first_name }}. "
        plain = "Volunteers cleared nine kilometres of river bank and found 412 tyres. " * 4
        return f"---\n{front}---\n\n" + f"{text}{plain}\n\n" * 4 + f"{plain}\n\n" * 36

    def send(self, port: int, connections: int, key: Path | None) -> tuple[float, float]:
        folder = self.folder.parent / "round"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder, folder)
        text = SETTINGS.format(port=port, connections=connections) + (DKIM.format(key=key) if key else "")
        self.settings(folder, text)
        with open_mailer(Workspace(folder), {}) as program:
            program.store.name  # noqa: B018 (opened before the clock runs)
            begin, cpu = time.perf_counter(), time.process_time()
            bind(program)  # a copy of the template
            sent = send_frozen(program, ISSUE)
            taken = time.perf_counter() - begin, time.process_time() - cpu
        assert sent.accepted_now == self.mails, sent
        return taken

    def size(self) -> int:
        """Bytes of one of its mails."""
        from mailer.services.writer import MailWriter
        from mailer.store import issues, ledger

        with open_mailer(Workspace(self.folder), {}) as program:
            with program.store.read() as connection:
                issue = issues.get(connection, ISSUE)
            assert issue is not None
            shutil.copy(self.folder / "mailer.db", self.folder.parent / "look.db")
            writer = MailWriter(ISSUE, issue.snapshot, program.workspace.secret_keys({}))
            with program.store.write() as connection:
                batch = ledger.claim(connection, ISSUE, ledger.ClaimTerms("size", 30), program.now())
                assert batch is not None
                size = len(writer.envelope(batch.recipients[0], NOW).content)
                ledger.give_back(connection, batch.id, "size", program.now())
        return size


def candidates(
    port: int, connections: int, mails: int, campaign: Campaign
) -> dict[str, Callable[[], tuple[float, float]]]:
    key = ed25519(campaign.folder.parent)
    signer = DkimSigner([load_key(key, "example.org", "bench")])
    few = max(1000, mails // 5)  # it takes long
    return {
        "smtp-source": lambda: (smtp_source(port, connections, mails), 0.0),
        "nodemailer": lambda: (nodemailer(port, connections, few) * mails / few, 0.0),
        "provider": lambda: provider_alone(port, connections, mails, None),
        "provider, Ed25519": lambda: provider_alone(port, connections, mails, signer),
        "send": lambda: campaign.send(port, connections, None),
        "send, Ed25519": lambda: campaign.send(port, connections, key),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mails", type=int, default=10_000)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sink() as port:
        campaign = Campaign(Path(folder), chosen.mails, port)
        size, own = campaign.size(), len(Mails().envelope(1).content)
        print(f"{chosen.mails:,} mails; ours alone {own:,} bytes, by send {size:,}, smtp-source {SIZE:,}", flush=True)
        for connections in chosen.connections:
            figures = Figures()
            running = candidates(port, connections, chosen.mails, campaign)
            for _ in range(chosen.rounds):
                for name, work in running.items():
                    figures.note(name, chosen.mails, *work())
            show(connections, figures, as_json=chosen.json)


def show(connections: int, figures: Figures, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"connections": connections, "rates": figures.rates, "cpu_us": figures.cpu}))
        return
    print(f"\n{connections} connection{'s' if connections > 1 else ''}")
    source, peer = figures.rates["smtp-source"], figures.rates["nodemailer"]
    for name, rate in figures.rates.items():
        cpu = f"{figures.cpu[name]:6.0f} us of processor" if figures.cpu[name] else " " * 22
        print(
            f"  {name:20} {rate:8,.0f}/s {cpu}   {rate / source:6.2f} of smtp-source   {rate / peer:6.1f} x nodemailer"
        )


if __name__ == "__main__":
    main()
