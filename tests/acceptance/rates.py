"""How fast a sink was given mails, over two providers at once, and an alert that comes in between."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from tests.acceptance import sinks
from tests.acceptance.cluster import Cluster, Host
from tests.acceptance.commands import fill

ALERT = "2026-11-23-flood"


def most_in(times: Sequence[float], seconds: float) -> int:
    """The most of these moments in any so many seconds."""
    ordered = sorted(times)
    return max((bisect_right(ordered, at + seconds) - number for number, at in enumerate(ordered)), default=0)


def by_provider(taken: Sequence[sinks.Taken]) -> dict[str, list[float]]:
    """When each sink took its mails: only SMTP's word for a delivery is a Message-ID."""
    times: dict[str, list[float]] = {"smtp": [], "sendgrid": []}
    for each in taken:
        times["smtp" if each.reference.startswith("<") else "sendgrid"].append(each.at)
    return times


def over_smtp(host: Host, port: int) -> None:
    """Let this host use a mail server instead."""
    file = host.folder / "mailer.toml"
    head, _, rest = file.read_text().partition('name = "sendgrid"\n')
    kept = [line for line in rest.splitlines() if not line.startswith('base_url = "http://127')]
    smtp = ['name = "smtp"', 'host = "127.0.0.1"', f"port = {port}", 'tls = "none"']
    file.write_text(head + "\n".join([*smtp, *kept]) + "\n")


def write_alert(cluster: Cluster, people: int) -> list[str]:
    """An alert to people of another list, ready to be sent."""
    folder = cluster.hosts[0].folder
    front = 'kind: alert\nsubject: "Flood"\ntemplate: bare\nlists: [members]\n'
    (folder / "issues" / f"{ALERT}.md").write_text(f"---\n{front}---\n\nHello {{{{ subscriber.email }}}}.\n")
    return fill(folder, "members", people, first=90_000)
