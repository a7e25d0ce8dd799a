"""What is doubtful about the addresses of a list, one look at each, in little memory whatever their number."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from mailer.audience.mail_domains import LARGE, has_aliases, is_disposable, mailbox, slip_of, words

# Nobody reads these, or the mail of a machine lands in them: RFC 2142, RFC 5321 and usual names.
SEVERE_ROLES = words(
    """
    abuse postmaster mailer-daemon noreply no-reply no_reply donotreply do-not-reply do_not_reply hostmaster root
    daemon bounce bounces spam nospam uucp usenet devnull null nobody
    """
)
# Somebody reads them, often several people, and none of them can consent for the others.
MILD_ROLES = words(
    """
    accounting accounts admin administrator all billing buero contact contacto contato editor enquiries everyone
    feedback finance ftp hello help helpdesk hr info inquiries it jobs kontakt legal list mail marketing media network
    news newsletter noc office orders post press presse privacy reception redaktion sales secretariat secretary
    security sekretariat service staff subscribe support team unsubscribe verwaltung webmaster www
    """
)
# Domains remembered with what was found about them. A list of a million has a few hundred thousand at most.
CACHED = 100_000
# So many piles for the marks of mailboxes; one pile at a time is sorted.
PILES = 256


class Kind(StrEnum):
    """What a finding is about, the most pressing first."""

    TYPING_ERROR = "typing-error"
    SEVERE_ROLE = "severe-role"
    REFUSING_DOMAIN = "refusing-domain"
    NO_EVIDENCE = "no-evidence"
    OLD_CONSENT = "old-consent"
    LONG_PENDING = "long-pending"
    NEVER_OPENED = "never-opened"
    DISPOSABLE = "disposable"
    ALIAS = "alias"
    NEEDS_SMTPUTF8 = "needs-smtputf8"
    ROLE = "role"


@dataclass(frozen=True, slots=True)
class DomainVerdict:
    """What is known of a domain. `slip_of` is the domain that was probably meant."""

    slip_of: str | None
    disposable: bool
    large: bool
    aliases: bool


@dataclass(slots=True)
class Examination:
    """The running tally over the addresses of a list. `kept` examples of a kind are remembered, none by default."""

    disposable: frozenset[str] = frozenset()
    kept: int = 0
    people: Counter[Kind] = field(default_factory=Counter)
    details: dict[Kind, Counter[str]] = field(default_factory=dict)
    examples: dict[Kind, list[str]] = field(default_factory=dict)
    examined: int = 0
    _domains: dict[str, DomainVerdict] = field(default_factory=dict)
    _mailboxes: list[array[int]] = field(default_factory=lambda: [array("q") for _ in range(PILES)])

    def look_at(self, key: str, ascii_only: bool) -> None:
        """Take one address into the tally, by its key."""
        self.examined += 1
        local, _, domain = key.rpartition("@")
        verdict = self._domains.get(domain) or self._verdict(domain)
        if verdict.slip_of:
            self._count(Kind.TYPING_ERROR, key, f"{domain} for {verdict.slip_of}")
        elif verdict.disposable:  # squatters collect mail under many a slip: one of a person is still a slip
            self._count(Kind.DISPOSABLE, key, domain)
        if not ascii_only:
            self._count(Kind.NEEDS_SMTPUTF8, key)
        role = local.partition("+")[0]
        if role in SEVERE_ROLES:
            self._count(Kind.SEVERE_ROLE, key, f"{role}@")
        elif role in MILD_ROLES and not verdict.large:
            self._count(Kind.ROLE, key, f"{role}@")
        if verdict.aliases:
            mark = hash(mailbox(key))
            self._mailboxes[mark % PILES].append(mark)

    def shared_mailboxes(self) -> frozenset[int]:
        """The marks of mailboxes that more than one address reaches; counts the addresses too many."""
        shared: set[int] = set()
        for pile in self._mailboxes:
            before = None
            for mark in sorted(pile):
                if mark == before:
                    self.people[Kind.ALIAS] += 1
                    shared.add(mark)
                before = mark
        return frozenset(shared)

    def alias_examples(self, keys: Iterable[str], shared: frozenset[int]) -> None:
        """A second look for the addresses behind the first shared mailboxes, when somebody wants to see them."""
        wanted = set(sorted(shared)[: self.kept])
        found: dict[int, list[str]] = {mark: [] for mark in wanted}
        for key in keys:
            if has_aliases(key.rpartition("@")[2]) and (mark := hash(mailbox(key))) in wanted:
                found[mark].append(key)
        self.examples[Kind.ALIAS] = [" = ".join(sorted(group)) for group in found.values()]

    def _verdict(self, domain: str) -> DomainVerdict:
        verdict = DomainVerdict(
            slip_of(domain), is_disposable(domain, self.disposable), domain in LARGE, has_aliases(domain)
        )
        if len(self._domains) < CACHED:
            self._domains[domain] = verdict
        return verdict

    def _count(self, kind: Kind, key: str, detail: str = "") -> None:
        self.people[kind] += 1
        if detail:
            tally = self.details.setdefault(kind, Counter())
            if len(tally) < CACHED or detail in tally:
                tally[detail] += 1
        if self.people[kind] <= self.kept:
            self.examples.setdefault(kind, []).append(key)


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of doubt: how many people, why it matters, what to do.

    `details` are names with their counts; `examples` are addresses, and only there when they were asked for.
    """

    kind: Kind
    title: str
    people: int
    why: str
    next: str
    details: dict[str, int] = field(default_factory=dict)
    examples: Sequence[str] = ()
