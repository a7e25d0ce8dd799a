"""Whether answers and bounces reach the domain."""

from __future__ import annotations

from collections.abc import Iterator

from mailer.checks.domain.records import Ask
from mailer.checks.domain.verdict import State, Verdict, fine, unknown
from mailer.wording import counted

AREA = "mx"


def judge_mx(domain: str, ask: Ask) -> Iterator[Verdict]:
    """The servers that take mail for the domain; a domain that takes none is doubted as a sender."""
    answer = ask(domain, "MX")
    hosts = [record.partition(" ")[2].rstrip(".") for record in answer.records]
    if not answer.known:
        yield unknown(AREA, f"{domain}: DNS did not answer")
    elif not answer.exists:
        yield Verdict(AREA, State.ERROR, f"{domain} does not exist", "write a domain of yours under [from]")
    elif hosts and not any(hosts):
        yield Verdict(
            AREA, State.ERROR, f"{domain} says that it takes no mail (MX 0 .), and many refuse what comes from there",
            "send from a domain at which somebody answers",
        )  # fmt: skip
    elif hosts:
        yield from _judge_hosts(domain, hosts, ask)
    elif ask(domain, "A").records or ask(domain, "AAAA").records:
        yield Verdict(
            AREA, State.WARNING, f"{domain} has no MX record; answers go to its web server",
            "name the server that takes mail", f"{domain}. IN MX 10 mail.{domain}.",
        )  # fmt: skip
    else:
        yield Verdict(
            AREA, State.ERROR, f"nobody takes mail for {domain}, so that no answer and no bounce arrives",
            "name the server that takes mail", f"{domain}. IN MX 10 mail.{domain}.",
        )  # fmt: skip


def _judge_hosts(domain: str, hosts: list[str], ask: Ask) -> Iterator[Verdict]:
    answers = {host: (ask(host, "A"), ask(host, "AAAA")) for host in hosts if host}
    lost = [host for host, both in answers.items() if all(one.known and not one.records for one in both)]
    for host in lost:
        yield Verdict(AREA, State.WARNING if len(lost) < len(hosts) else State.ERROR,
                      f"{domain}: its mail server {host} has no address", "mend or remove that MX record")  # fmt: skip
    if len(lost) < len(hosts):
        yield fine(AREA, f"{domain}: {counted(len(hosts) - len(lost), 'mail server')}")
