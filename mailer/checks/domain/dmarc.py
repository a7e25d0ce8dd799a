"""DMARC (RFC 9989): which policy holds for a domain, and whether what signs or sends belongs to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mailer.checks.domain.records import Ask, tags_of, txt_line
from mailer.checks.domain.verdict import State, Verdict, fine, unknown
from mailer.wording import allowed_names

AREA = "dmarc"
# RFC 9989, 4.10: of longer names only the last seven labels are walked through; a name cannot make others ask for ever.
WALKED = 8
POLICIES = ("none", "quarantine", "reject")
REMOVED = ("pct", "rf", "ri")


@dataclass(frozen=True, slots=True)
class Found:
    """A record on the way up. `domain` is whose it is."""

    domain: str
    tags: dict[str, str]
    text: str


@dataclass(frozen=True, slots=True)
class Tree:
    """What the way up from a domain found, the nearest first. `known` is False when a question had no answer."""

    start: str
    found: tuple[Found, ...]
    known: bool = True
    several: bool = False

    @property
    def organisation(self) -> str:
        """The organisational domain: where the owner says so, below a public suffix, else the highest record."""
        for place, record in enumerate(self.found):
            match record.tags.get("psd", "u").lower():
                case "n":
                    return record.domain
                case "y" if record.domain != self.start:
                    return _below(self.start, record.domain)
                case _ if place == len(self.found) - 1:
                    return record.domain
        return self.start

    @property
    def policy(self) -> Found | None:
        """The record that holds: the domain's own, else the organisation's, else the public suffix's."""
        own = {record.domain: record for record in self.found}
        last = self.found[-1] if self.found and self.found[-1].tags.get("psd", "").lower() == "y" else None
        return own.get(self.start) or own.get(self.organisation) or last


def _below(start: str, suffix: str) -> str:
    labels = start.split(".")
    return ".".join(labels[-(suffix.count(".") + 2) :])


def walk(domain: str, ask: Ask) -> Tree:
    """Ask for records from the domain upwards, until one says that it is the end."""
    start = domain.lower().rstrip(".")
    found: list[Found] = []
    known, several = True, False
    for name in _steps(start):
        answer = ask(f"_dmarc.{name}", "TXT")
        known = known and answer.known
        texts = [text for text in answer.records if text.replace(" ", "").lower().startswith("v=dmarc1")]
        several = several or (name == start and len(texts) > 1)
        # Two of them count as none.
        if len(texts) == 1:
            found.append(Found(name, tags_of(texts[0]), texts[0]))
            if found[-1].tags.get("psd", "u").lower() in ("n", "y"):
                break
    return Tree(start, tuple(found), known, several)


def _steps(start: str) -> Iterator[str]:
    yield start
    labels = start.split(".")
    first = 1 if len(labels) < WALKED else len(labels) - WALKED + 1
    for at in range(first, len(labels)):
        yield ".".join(labels[at:])


def judge_dmarc(domain: str, ask: Ask, reports_to: str = "") -> Iterator[Verdict]:
    """The policy that holds for mails from the domain."""
    tree = walk(domain, ask)
    record = tree.policy
    if tree.several:
        yield Verdict(AREA, State.ERROR, f"_dmarc.{domain} has several records, and then none counts", "leave one")
    elif record is None and not tree.known:
        yield unknown(AREA, f"{domain}: DNS did not answer")
    elif record is None:
        yield Verdict(
            AREA, State.ERROR, f"{domain} has no DMARC record, and large providers refuse bulk mail without one",
            "add it; p=none changes nothing for mails that arrive today", txt_line(f"_dmarc.{domain}", new(reports_to)),
        )  # fmt: skip
    else:
        yield from _judge(domain, record)


def new(reports_to: str) -> str:
    return "v=DMARC1; p=none" + (f"; rua=mailto:{reports_to}" if reports_to else "")


def _judge(domain: str, record: Found) -> Iterator[Verdict]:
    policy, tag = in_force(domain, record)
    where = f"_dmarc.{record.domain}"
    if policy not in POLICIES:
        yield Verdict(AREA, State.ERROR, f"{where}: {tag}= is none of {allowed_names(POLICIES)}", "write one of them")
        return
    if tag == "p" and "p" not in record.tags:
        yield Verdict(AREA, State.WARNING, f"{where} names no policy; not everybody takes that for none", "add p=none")
    if old := [name for name in REMOVED if name in record.tags]:
        yield Verdict(
            AREA, State.WARNING, f"{where}: DMARC has no {allowed_names(old)} any more (RFC 9989)", "take it out"
        )
    if record.tags.get("t", "n").lower() == "y" and policy != "none":
        yield Verdict(AREA, State.WARNING, f"{where}: t=y says that {policy} is only being tried out", "take t=y out")
    if not record.tags.get("rua"):
        yield Verdict(
            AREA, State.WARNING, f"{where}: nobody gets the reports that tell who sends in its name",
            "add rua=mailto: with an address of yours",
        )  # fmt: skip
    yield fine(AREA, f"{domain}: {policy}, as {where} says")


def in_force(domain: str, record: Found) -> tuple[str, str]:
    """The policy for mails from the domain, and the tag that says it: a parent may have another for what is below."""
    if record.domain != domain.lower() and "sp" in record.tags:
        return record.tags["sp"].lower(), "sp"
    return record.tags.get("p", "none").lower(), "p"


def aligned(author: str, other: str, ask: Ask, *, strict: bool = False) -> bool:
    """Whether a domain that signed, or stands in the envelope, speaks for the domain in From."""
    one, two = author.lower().rstrip("."), other.lower().rstrip(".")
    if one == two:
        return True
    if strict:
        return False
    first, second = walk(one, ask), walk(two, ask)
    if not first.found or not second.found:
        # Without any record there is no organisation to compare. That is another fault; here the names must do.
        return one.endswith(f".{two}") or two.endswith(f".{one}")
    return first.organisation == second.organisation


def strictness(author: str, ask: Ask) -> tuple[bool, bool]:
    """Whether DKIM and SPF must name the very domain (adkim, aspf)."""
    record = walk(author, ask).policy
    tags = record.tags if record else {}
    return tags.get("adkim", "r").lower() == "s", tags.get("aspf", "r").lower() == "s"
