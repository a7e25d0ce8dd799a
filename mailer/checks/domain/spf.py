"""SPF (RFC 7208): who may send with an address of the domain in the envelope."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from mailer.checks.domain.records import Ask, txt_line
from mailer.checks.domain.verdict import State, Verdict, fine, unknown
from mailer.wording import counted

AREA = "spf"
# RFC 7208, 4.6.4: with more questions, or more that find nothing, receivers give up and the record counts for nothing.
MOST_LOOKUPS = 10
MOST_VOID = 2
MOST_MX = 10
# However many records lead to one another, so many questions are enough to say that there are too many.
ENOUGH = 40
_TERM = re.compile(r"([+?~-]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?:(?=/)|:|$)(.*)", re.IGNORECASE)


@dataclass
class Walk:
    """What came to light on the way through a record and all that it includes."""

    ask: Ask
    lookups: int = 0
    void: int = 0
    faults: list[str] = field(default_factory=list)
    unanswered: bool = False
    ptr: bool = False
    ending: str = ""

    def follow(self, domain: str, text: str, path: tuple[str, ...]) -> str:
        """Count what evaluating this record may ask; how it ends: the mark of its `all`, or nothing."""
        ending = redirect = ""
        for term in text.split()[1:]:
            if self.lookups > ENOUGH:
                return ending
            name, _, value = term.partition("=")
            if name.lower() == "redirect":
                redirect = value
            elif "=" in term and re.fullmatch(r"[a-z][a-z0-9._-]*", name, re.IGNORECASE):
                continue  # other modifiers are for explanations, and unknown ones are passed over
            elif match := _TERM.fullmatch(term):
                mark, word, rest = match[1] or "+", match[2].lower(), match[3]
                if word == "all":
                    return mark
                self._mechanism(word, rest.partition("/")[0] or domain, path)
            else:
                self.faults.append("a term that SPF does not have")
        return self._into(redirect, path) if redirect else ending

    def _mechanism(self, word: str, target: str, path: tuple[str, ...]) -> None:
        if word in ("ip4", "ip6"):
            return
        if word == "include":
            self._into(target, path)
            return
        self.lookups += 1
        if word == "ptr":
            self.ptr = True
        elif "%" not in target:  # a macro depends on the mail
            self._look(target, {"mx": "MX"}.get(word, "A"))

    def _look(self, target: str, kind: str) -> None:
        answer = self.ask(target, kind)
        if not answer.known:
            self.unanswered = True
            return
        found = answer.records or (kind == "A" and self.ask(target, "AAAA").records)
        if not found:
            self.void += 1
        if kind == "MX" and len(answer.records) > MOST_MX:
            self.faults.append(f"an mx with more than {MOST_MX} servers")

    def _into(self, target: str, path: tuple[str, ...]) -> str:
        """Another domain's record, which must be there."""
        self.lookups += 1
        if "%" in target:
            return ""
        if target.lower() in path:
            self.faults.append("an include that leads back to itself")
            return ""
        answer = self.ask(target, "TXT")
        if not answer.known:
            self.unanswered = True
            return ""
        texts = spf_texts(answer.records)
        if len(texts) != 1:
            self.faults.append(f"an include of {target}, which has {'no' if not texts else 'more than one'} SPF record")
            self.void += not answer.records
            return ""
        return self.follow(target, texts[0], (*path, target.lower()))


def spf_texts(records: tuple[str, ...]) -> list[str]:
    return [text for text in records if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")]


def judge_spf(domain: str, ask: Ask, permit: str = "") -> Iterator[Verdict]:
    """The domain's record. `permit` is the mechanism that lets the provider send, where that is known."""
    answer = ask(domain, "TXT")
    if not answer.known:
        yield unknown(AREA, f"{domain}: DNS did not answer")
        return
    texts = spf_texts(answer.records)
    if not texts:
        yield Verdict(
            AREA, State.ERROR, f"{domain} has no SPF record",
            "add it, with every server that sends for the domain", txt_line(domain, new_record(permit)),
        )  # fmt: skip
        return
    if len(texts) > 1:
        yield Verdict(
            AREA, State.ERROR, f"{domain} has {len(texts)} SPF records, and then none counts",
            "make one of them, and remove the others", txt_line(domain, merged(texts)),
        )  # fmt: skip
        return
    yield from _judge_one(domain, texts[0], ask, permit)


def _judge_one(domain: str, text: str, ask: Ask, permit: str) -> Iterator[Verdict]:
    walk = Walk(ask)
    ending = walk.follow(domain, text, (domain.lower(),))
    faults = list(dict.fromkeys(walk.faults))
    if walk.lookups > MOST_LOOKUPS:
        faults.insert(0, f"it takes {'more than ' * (walk.lookups > ENOUGH)}{min(walk.lookups, ENOUGH)} questions to "
                         f"DNS, and receivers stop at {MOST_LOOKUPS}")  # fmt: skip
    if walk.void > MOST_VOID:
        faults.append(f"{walk.void} of its questions find nothing, and receivers stop at {MOST_VOID}")
    for fault in faults:
        yield Verdict(AREA, State.ERROR, f"{domain}: {fault}", "take out what does not send for you any more")
    if ending == "+":
        yield Verdict(
            AREA, State.ERROR, f"{domain}: +all lets everybody send in its name", "end it with ~all",
            txt_line(domain, re.sub(r"(?i)(?<=\s)\+?all\b", "~all", text)),
        )  # fmt: skip
    elif ending in ("", "?") and not walk.unanswered:
        yield Verdict(
            AREA, State.WARNING, f"{domain}: its end says nothing of those who are not named", "end it with ~all",
            txt_line(domain, with_end(text)),
        )  # fmt: skip
    if walk.ptr:
        yield Verdict(AREA, State.WARNING, f"{domain}: ptr is slow, and many receivers pass over it", "name servers")
    yield from _permitted(domain, text, permit)
    if not faults and ending not in ("", "+", "?"):
        yield fine(AREA, f"{domain}: {counted(walk.lookups, 'question')} of {MOST_LOOKUPS}, ends with {ending}all")
    if walk.unanswered:
        yield unknown(AREA, f"{domain}: a name in it could not be asked")


def _permitted(domain: str, text: str, permit: str) -> Iterator[Verdict]:
    """Whether the provider is named. Others may stand for it (an address, another include), so it is no error."""
    words = [term.lower().lstrip("+") for term in text.split()]
    if permit.startswith("include:") and permit.lower() not in words:
        yield Verdict(
            AREA, State.WARNING, f"{domain}: {permit} is not in it",
            "add it, unless another entry stands for the same servers", txt_line(domain, with_term(text, permit)),
        )  # fmt: skip


def new_record(permit: str) -> str:
    return " ".join(filter(None, ("v=spf1", permit, "~all")))


def with_term(text: str, term: str) -> str:
    """The record with one more mechanism, right behind the version: it counts before whatever ends the record."""
    version, *rest = text.split()
    return " ".join((version, term, *rest))


def with_end(text: str) -> str:
    return " ".join([term for term in text.split() if not re.fullmatch(r"(?i)\?all", term)] + ["~all"])


def merged(texts: list[str]) -> str:
    """Several records as one, with the strictest of their ends that is sure to lose nothing."""
    terms = dict.fromkeys(
        term for text in texts for term in text.split()[1:] if not re.fullmatch(r"(?i)[+?~-]?all", term)
    )
    return " ".join(("v=spf1", *terms, "~all"))
