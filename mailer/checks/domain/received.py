"""What a mail proves that arrived in a mailbox: by its own signatures, and by the word of the server that took it.

What that server says (Authentication-Results, Received) stands in the mail as well, and anybody may write such lines.
Only the topmost ones are believed: whoever reads this saved the mail from a mailbox of theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import getaddresses

from mailer.checks.domain.dkimkey import GOOD
from mailer.checks.domain.dmarc import aligned, judge_dmarc, strictness
from mailer.checks.domain.records import UNKNOWN, Answer, Ask
from mailer.checks.domain.signature import Parts, Signature, parts_of, signatures
from mailer.checks.domain.verdict import State, Verdict, fine, unknown
from mailer.wording import allowed_names, counted

WAYS_OUT = ("list-unsubscribe", "list-unsubscribe-post")
WANTED = ("subject", "to", "date", "message-id")
SINGLE = ("from", "to", "subject", "date", "message-id", "list-unsubscribe", "list-unsubscribe-post", "list-id")
CLIPPED = 102_400
ONE_CLICK = "List-Unsubscribe=One-Click"
_RESULT = re.compile(r"\b(spf|dkim|dmarc)\s*=\s*([a-z]+)", re.IGNORECASE)
_ENVELOPE = re.compile(r"smtp\.mailfrom\s*=\s*\"?(?:[^\s@;\"]*@)?([a-z0-9.-]+)", re.IGNORECASE)
_COMMENT = re.compile(r"\([^()]*\)")
_TLS = re.compile(r"\bwith\s+(?:E|L|UTF8)?(?:E?SMTP|LMTP)SA?\b|TLSv?1|version=TLS", re.IGNORECASE)


def judge_message(data: bytes, ask: Ask | None, now: int) -> list[Verdict]:
    """Everything that can be said of the mail. Without `ask` nothing is looked up, and its receiver's word counts."""
    parts = parts_of(data)
    author = author_domain(parts)
    if not author:
        return [Verdict("from", State.ERROR, "the mail has no address in From, or several", "is it a whole mail?")]
    found = [fine("from", f"written as an address of {author}")]
    every = signatures(parts, ask, now)
    found += judge_signatures(parts, every, author, ask)
    found += judge_results(parts, every, author, ask)
    if ask is not None:
        found += judge_dmarc(author, ask)
    found += [*judge_transport(parts), *judge_ways_out(parts), *judge_headers(parts), *judge_size(data)]
    return found


def author_domain(parts: Parts) -> str:
    """The domain in From, where there is just one."""
    lines = parts.all("from")
    try:
        addresses = getaddresses([lines[0].value]) if len(lines) == 1 else []
    except RecursionError:  # brackets within brackets, thousands deep
        addresses = []
    domains = {address.rpartition("@")[2].lower() for _, address in addresses if "@" in address}
    return domains.pop() if len(domains) == 1 else ""


def judge_signatures(parts: Parts, every: list[Signature], author: str, ask: Ask | None) -> Iterator[Verdict]:
    """Whether they hold, whose they are, and what they cover."""
    area = "dkim"
    if not every:
        yield Verdict(area, State.ERROR, "nobody signed it (DKIM)", "have the provider sign: mailer doctor says how")
        return
    asking = ask or _nobody
    strict, _ = strictness(author, asking)
    for one in every:
        label = f"the signature of {one.domain or 'nobody'} ({one.selector})"
        if one.fault:
            yield Verdict(area, State.ERROR, f"{label} does not hold: {one.fault}")
            continue
        bits = f", {one.kind} with {one.bits} bits" if one.kind == "rsa" and one.bits else ""
        if one.holds:
            yield fine(area, f"{label} holds{bits}")
        else:
            yield unknown(area, f"{label} fits the text; its key was not asked for", "run it without --offline")
        if one.holds and one.kind == "rsa" and one.bits < GOOD:
            yield Verdict(area, State.WARNING, f"{label}: {one.bits} bits are few", f"make a new key of {GOOD}")
        if one.partial:
            yield Verdict(area, State.WARNING, f"{label} covers a part of the text only (l=): anybody may add to it")
    ours = [one for one in every if not one.fault and aligned(author, one.domain, asking, strict=strict)]
    if not ours:
        yield Verdict(
            "alignment", State.ERROR, f"no signature that holds speaks for {author}", f"sign with {author} (DMARC)"
        )
        return
    yield fine("alignment", f"signed by {ours[0].domain}, which speaks for {author}")
    yield from judge_cover(parts, ours)


def _nobody(_name: str, _kind: str) -> Answer:
    return UNKNOWN


def judge_cover(parts: Parts, ours: list[Signature]) -> Iterator[Verdict]:
    """Which headers the aligned signatures cover. RFC 8058, 4: mail programs show their button only for signed ones."""
    area = "signed headers"
    covered = {name for one in ours for name in one.signed}
    there = {header.name for header in parts.headers}
    if bare := [name for name in WAYS_OUT if name in there and name not in covered]:
        yield Verdict(
            area, State.ERROR, f"{' and '.join(map(_title, bare))} not covered, so that no mail program need offer it",
            "have whoever signs sign these headers, and add them before signing",
        )  # fmt: skip
    if loose := [name for name in WANTED if name in there and name not in covered]:
        yield Verdict(area, State.WARNING, f"{allowed_names(map(_title, loose)).replace(' or ', ' and ')} not covered")
    if not any(one.signed.count("from") > len(parts.all("from")) for one in ours):
        yield Verdict(
            area, State.WARNING, "From is named once in h=: somebody may put another one in front",
            "name it twice (oversigning), where whoever signs lets you",
        )  # fmt: skip
    if not bare and any(name in there for name in WAYS_OUT):
        yield fine(area, "what unsubscribes is covered")


def _title(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


def judge_results(parts: Parts, every: list[Signature], author: str, ask: Ask | None) -> Iterator[Verdict]:
    """What the server says that took it in."""
    area = "authentication results"
    said = _COMMENT.sub("", parts.first("authentication-results"))
    results: dict[str, list[str]] = {}
    for name, result in _RESULT.findall(said):
        results.setdefault(name.lower(), []).append(result.lower())
    if not results:
        yield unknown(area, "the server that took it says nothing", "save it from a mailbox at a large provider")
        return
    server = said.partition(";")[0].strip().split(" ")[0]
    for name in ("spf", "dkim", "dmarc"):
        heard = results.get(name, [])
        if not heard:
            yield unknown(area, f"{server} says nothing of {name}")
        elif "pass" in heard:
            yield fine(area, f"{server}: {name} passes")
        else:
            state = State.WARNING if name == "spf" and any(one.holds for one in every) else State.ERROR
            yield Verdict(area, state, f"{server}: {name} is {heard[0]}", "mailer doctor looks at the domain's records")
    yield from _envelope(said, author, ask or _nobody)


def _envelope(said: str, author: str, ask: Ask) -> Iterator[Verdict]:
    found = _ENVELOPE.search(said)
    if not found:
        return
    domain = found[1].lower().rstrip(".")
    if aligned(author, domain, ask, strict=strictness(author, ask)[1]):
        yield fine("alignment", f"the envelope is of {domain}, which speaks for {author}")
    else:
        yield Verdict(
            "alignment", State.WARNING, f"the envelope is of {domain}, which does not speak for {author}",
            "the signature does then; Microsoft wants SPF to pass as well",
        )  # fmt: skip


def judge_transport(parts: Parts) -> Iterator[Verdict]:
    """The last step, which the receiving server wrote down: whether it was encrypted."""
    area = "encryption"
    steps = [header.value for header in parts.all("received")]
    outer = [step for step in steps if re.match(r"from\s", step) and not re.search(r"\bwith\s+LMTP\b", step)]
    if not outer:
        yield unknown(area, "no Received line tells of a way over a network")
    elif _TLS.search(outer[0]):
        yield fine(area, "the last server took it over TLS")
    else:
        yield Verdict(area, State.WARNING, "the last server does not say that it took it over TLS",
                      'tls = "starttls" under [provider], or ask the provider')  # fmt: skip


def judge_ways_out(parts: Parts) -> Iterator[Verdict]:
    """RFC 8058 and what the large providers want of bulk mail."""
    area = "one click"
    lines, posts = parts.all("list-unsubscribe"), parts.all("list-unsubscribe-post")
    if not lines:
        yield Verdict(area, State.ERROR, "no List-Unsubscribe: no mail program can offer to unsubscribe",
                      "set base_url under [web], and see that nobody on the way takes it out")  # fmt: skip
        return
    links = re.findall(r"<\s*([^<>\s]+)\s*>", lines[0].value)
    secure = [link for link in links if link.lower().startswith("https://")]
    if len(secure) != 1:
        yield Verdict(area, State.ERROR, f"List-Unsubscribe has {counted(len(secure), 'https link')} and needs one")
    if len(posts) != 1 or posts[0].value != ONE_CLICK:
        yield Verdict(area, State.ERROR, f"List-Unsubscribe-Post is not {ONE_CLICK}")
    if secure and secure[0].encode() not in lines[0].raw.partition(b"\r\n")[0]:
        yield Verdict(
            area, State.WARNING, "the https link of List-Unsubscribe is not on its first line; some read no further"
        )
    if len(secure) == 1 and len(posts) == 1 and posts[0].value == ONE_CLICK:
        yield fine(area, "both headers are as mail programs want them")


def judge_headers(parts: Parts) -> Iterator[Verdict]:
    area = "headers"
    if several := [name for name in SINGLE if len(parts.all(name)) > 1]:
        yield Verdict(area, State.ERROR, f"more than one {allowed_names(map(_title, several))}")
    if missing := [name for name in ("date", "message-id") if not parts.all(name)]:
        yield Verdict(area, State.ERROR, f"no {allowed_names(map(_title, missing))}")
    if not parts.all("list-id"):
        yield Verdict(area, State.WARNING, "no List-Id, by which readers sort and providers know a list")
    else:
        yield fine(area, "List-Id is there")


def judge_size(data: bytes) -> Iterator[Verdict]:
    size = f"{len(data) / 1000:,.0f} kB"
    if len(data) > 2 * CLIPPED:
        yield Verdict("size", State.WARNING, f"{size}; Gmail cuts the HTML above {CLIPPED // 1024} KB",
                      "mailer check says how large the HTML is")  # fmt: skip
    else:
        yield fine("size", size)
