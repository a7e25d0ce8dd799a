"""Everything about one domain that mails are sent from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mailer.checks.domain.dkimkey import KeyName, judge_key
from mailer.checks.domain.dmarc import aligned, judge_dmarc, strictness
from mailer.checks.domain.mailhosts import judge_mx
from mailer.checks.domain.records import Ask
from mailer.checks.domain.spf import judge_spf
from mailer.checks.domain.verdict import State, Verdict, fine, unknown

AREA = "alignment"


@dataclass(frozen=True, slots=True)
class Zoned:
    """A record that a provider asks for: its type, name and content, and whether the provider found it."""

    kind: str
    name: str
    content: str
    found: bool | None = None

    @property
    def line(self) -> str:
        dot = "." if self.kind in ("CNAME", "MX") else ""
        content = f'"{self.content}"' if self.kind == "TXT" else self.content.rstrip(".") + dot
        return f"{self.name}. IN {self.kind} {'10 ' if self.kind == 'MX' else ''}{content}"


@dataclass(frozen=True, slots=True)
class Signing:
    """Who signs, and which domain stands in the envelope: "" the one in From, None where that is not known.

    `permit` is the provider's SPF mechanism.
    `wanted`: what the provider asks for; None where it was not asked. `signed_by`: the domains that it signs with.
    """

    keys: tuple[KeyName, ...] = ()
    envelope: str | None = ""
    permit: str = ""
    wanted: tuple[Zoned, ...] | None = None
    signed_by: tuple[str, ...] = ()
    signs: str = "the mail server"


def judge_sender(domain: str, signing: Signing, ask: Ask, reports_to: str = "") -> Iterator[Verdict]:
    """The domain of one From address."""
    there = list(judge_mx(domain, ask))
    yield from there
    if any(verdict.words.endswith("does not exist") for verdict in there):
        return
    if signing.envelope is None:
        yield unknown("spf", f"{domain}: which domain {signing.signs} puts into the envelope is not known")
    else:
        yield from judge_spf(signing.envelope or domain, ask, signing.permit)
    for key in signing.keys:
        yield from judge_key(key, ask)
    yield from judge_wanted(domain, signing.wanted, ask)
    yield from judge_dmarc(domain, ask, reports_to)
    yield from judge_alignment(domain, signing, ask)


def judge_wanted(domain: str, wanted: Sequence[Zoned] | None, ask: Ask) -> Iterator[Verdict]:
    """The records that the provider asks for."""
    missing = [record for record in wanted or () if not _is_there(record, ask)]
    for record in missing:
        yield Verdict("dkim", State.ERROR, f"{record.name} is not as the provider wants it", "add this record",
                      record.line)  # fmt: skip
    if wanted and not missing:
        yield fine("dkim", f"{domain}: all {len(wanted)} records that the provider wants are there")


def _is_there(record: Zoned, ask: Ask) -> bool:
    """As DNS says it now; the provider's own word may be old, and counts only where DNS cannot be asked."""
    answer = ask(record.name, record.kind)
    if not answer.known:
        return record.found is not False
    return any(_same(record, found) for found in answer.records)


def _same(record: Zoned, found: str) -> bool:
    wanted = record.content.lower().rstrip(".")
    if record.kind == "TXT":
        return wanted.replace(" ", "") == found.lower().rstrip(".").replace(" ", "")
    # An MX has its preference in front.
    return wanted == found.lower().rstrip(".").split(" ")[-1]


def judge_alignment(domain: str, signing: Signing, ask: Ask) -> Iterator[Verdict]:
    """Whether a signature or the envelope speaks for the domain in From, without which DMARC fails."""
    strict_key, strict_envelope = strictness(domain, ask)
    signers = [*(key.domain for key in signing.keys), *signing.signed_by]
    good = [name for name in dict.fromkeys(signers) if aligned(domain, name, ask, strict=strict_key)]
    envelope = signing.envelope is not None and aligned(domain, signing.envelope or domain, ask, strict=strict_envelope)
    if good:
        yield fine(AREA, f"{domain}: signed by {good[0]}, which speaks for it")
    elif signers:
        yield Verdict(
            AREA, State.ERROR if not envelope else State.WARNING,
            f"{domain}: what signs is {', '.join(signers)}, which does not speak for it",
            f"sign with {domain}, or a domain of the same organisation",
        )  # fmt: skip
    else:
        yield Verdict(
            AREA, State.UNKNOWN, f"{domain}: whether {signing.signs} signs for it is not to be seen from here",
            "send a test to a mailbox of yours, save it as a file, then: mailer doctor message FILE.eml",
        )  # fmt: skip
