"""Whether what it links to is there, by what was answered when it was asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import SplitResult, urlsplit

from mailer.checks import pictures
from mailer.checks.document import Element, Link
from mailer.checks.facts import Facts, Mail, Probe
from mailer.checks.finding import Fault, Level, Part, Place
from mailer.checks.hosts import is_private
from mailer.checks.probed import is_there, left_alone, secure_twin
from mailer.checks.rule import Family, Rule
from mailer.model import Trouble
from mailer.wording import counted

GONE: Final = (404, 410)
FAULTS: Final = range(500, 600)

UNREACHED: Final = frozenset(
    {Trouble.ADDRESS, Trouble.NAME, Trouble.TLS, Trouble.TIME, Trouble.CONNECTION, Trouble.INSECURE}
)

FRONT: Final = re.compile(r"(?:(?:index|home|default)(?:\.\w+)?|[a-z]{2}(?:[-_][a-z]{2})?)?", re.I)
"""Paths without their slashes that are a front page, or that of a language."""


def answers(facts: Facts) -> Iterator[tuple[Mail, Link, Probe]]:
    """Each link that was asked, once, with the first mail that shows it."""
    told: set[str] = set()
    for mail in facts.mails if facts.probes else ():
        for link in mail.document.links:
            probe = facts.probes.get(link.href)
            if probe is not None and link.href not in told:
                told.add(link.href)
                yield mail, link, probe


def fault(mail: Mail, element: Element, address: str, message: str, advice: str = "") -> Fault:
    return Fault(message, mail.document.place(element, address), advice)


def broken(facts: Facts) -> Iterator[Fault]:
    for mail, link, probe in answers(facts):
        if probe.status and not is_there(probe) and not left_alone(probe):
            yield fault(mail, link.element, link.href, f"{what_is_wrong(probe.status)} ({probe.status})")


def what_is_wrong(status: int) -> str:
    if status in GONE:
        return "a link leads to a page that is not there"
    return "the site behind a link has a fault" if status in FAULTS else "the site behind a link does not take it"


def unreachable(facts: Facts) -> Iterator[Fault]:
    for mail, link, probe in answers(facts):
        if probe.status == 0 and probe.problem in UNREACHED:
            yield fault(mail, link.element, link.href, f"a link cannot be reached: {probe.problem}")
        elif probe.status == 0 and probe.problem == Trouble.PRIVATE and not tells_itself(link.href):
            message = "a link leads, or sends on, to an address that is not public"
            yield fault(mail, link.element, link.href, message, "link to a page that everybody can open")


def tells_itself(href: str) -> bool:
    """Whether the address shows that readers cannot reach it, which a rule of its own says."""
    split = parts(href)
    return split is not None and is_private(split.hostname or "")


def refused(facts: Facts) -> Iterator[Fault]:
    for mail, link, probe in answers(facts):
        if left_alone(probe):
            yield fault(mail, link.element, link.href, f"a site does not let programs look at a link ({probe.status})")
        elif probe.status == 0 and probe.problem == Trouble.LOOP:
            yield fault(mail, link.element, link.href, "a site sends programs in circles where a link leads")


def unchecked(facts: Facts) -> Iterator[Fault]:
    number = sum(probe.problem == Trouble.UNASKED for probe in shown_ones(facts).values())
    if number:
        yield Fault(f"{counted(number, 'link or image', 'links and images')} not looked at", Place(Part.HTML))


def shown_ones(facts: Facts) -> dict[str, Probe]:
    """What is known of the links and images of the mails, without what was asked beside them."""
    shown: dict[str, None] = {}
    for mail in facts.mails if facts.probes else ():
        shown |= dict.fromkeys([link.href for link in mail.document.links])
        shown |= dict.fromkeys([image.src for image in mail.document.images])
    return {url: facts.probes[url] for url in shown if url in facts.probes}


def front_page(facts: Facts) -> Iterator[Fault]:
    for mail, link, probe in answers(facts):
        if ends_at_front(link.href, probe):
            message = "a link ends on the front page of its site, so its own page may be gone"
            yield fault(mail, link.element, link.href, message)


def elsewhere(facts: Facts) -> Iterator[Fault]:
    for mail, link, probe in answers(facts):
        if ends_elsewhere(link.href, probe):
            message = "a link ends on another site than the one it names"
            yield fault(mail, link.element, link.href, message, f"look whether this is meant: {probe.final_url}")


def moved(facts: Facts) -> Iterator[Fault]:
    for mail, link, probe in answers(facts):
        other = ends_at_front(link.href, probe) or ends_elsewhere(link.href, probe)
        if is_there(probe) and probe.problem == Trouble.MOVED and not other and not only_secured(link.href, probe):
            message = "a link leads to a page that has moved for good"
            yield fault(mail, link.element, link.href, message, f"link to where it is now: {probe.final_url}")


def over_https(facts: Facts) -> Iterator[Fault]:
    for mail, link, probe in answers(facts):
        if not link.href.lower().startswith("http://") or not is_there(probe):
            continue
        twin = facts.probes.get(secure_twin(probe.url))
        if probe.final_url.startswith("https://") or (twin is not None and is_there(twin)):
            yield fault(mail, link.element, link.href, "a link could be encrypted: its site answers over https")


def ends_at_front(href: str, probe: Probe) -> bool:
    """Whether somebody who follows a link to a page of a site finds its front page."""
    asked, found = parts(href), parts(probe.final_url)
    if asked is None or found is None or not is_there(probe) or not same_site(asked, found):
        return False
    deep = not asked.query and not FRONT.fullmatch(asked.path.strip("/"))
    return deep and not found.query and FRONT.fullmatch(found.path.strip("/")) is not None


def ends_elsewhere(href: str, probe: Probe) -> bool:
    asked, found = parts(href), parts(probe.final_url)
    return asked is not None and found is not None and is_there(probe) and not same_site(asked, found)


def only_secured(href: str, probe: Probe) -> bool:
    """Whether all that changed on the way is http, www or a slash."""
    return bare(href) == bare(probe.final_url)


def bare(url: str) -> str:
    return url.partition("#")[0].partition("://")[2].lower().removeprefix("www.").rstrip("/")


def same_site(one: SplitResult, other: SplitResult) -> bool:
    """Whether two hosts are the same, or one is within the other; `www.` says nothing."""
    first, second = ((each.hostname or "").removeprefix("www.") for each in (one, other))
    return first == second or first.endswith(f".{second}") or second.endswith(f".{first}")


def parts(url: str) -> SplitResult | None:
    try:
        return urlsplit(url) if url else None
    except ValueError:
        return None


def leaving(facts: Facts) -> Iterator[Fault]:
    """RFC 8058: one click is a POST that is answered, and no mail program follows a redirect of it."""
    if facts.leaving is None:
        return
    level = None if facts.sending is None or facts.sending.leaves_this_machine else Level.WARNING
    named = ("the page for unsubscribing", facts.leaving.page), ("unsubscribing by one click", facts.leaving.click)
    for name, probe in named:
        if wrong := wrong_answer(probe):
            yield Fault(f"{name} {wrong}", Place(Part.SETTINGS), level=level)


def wrong_answer(probe: Probe) -> str:
    if probe.status == 0:
        return f"cannot be reached: {probe.problem}"
    if probe.status in range(300, 400):
        return f"sends on to another address ({probe.status})"
    if probe.status != 200:
        return f"is answered with {probe.status}"
    return str(probe.problem)


RULES: tuple[Rule, ...] = (
    Rule(
        "one-click-answers",
        Family.BULK,
        Level.ERROR,
        "Who cannot leave complains, and mailbox providers hold broken unsubscribing against the sender.",
        "run mailer serve at base_url under [web] in mailer.toml, with the keys of this workspace",
        leaving,
    ),
    Rule(
        "link-broken",
        Family.LINKS,
        Level.WARNING,
        "A reader who follows it finds an error instead of what the mail promises.",
        "open the link, and correct or remove it",
        broken,
    ),
    Rule(
        "link-unreachable",
        Family.LINKS,
        Level.WARNING,
        "A reader who follows it finds nothing, or a warning of their browser.",
        "open the link, and correct it or tell whoever keeps the site",
        unreachable,
    ),
    Rule(
        "link-home",
        Family.LINKS,
        Level.WARNING,
        "Many sites send readers of pages that are gone to their front page, where they look in vain.",
        "open the link, and see whether what it promises is there",
        front_page,
    ),
    Rule(
        "link-refused",
        Family.LINKS,
        Level.NOTE,
        "Some sites turn programs away, so nothing is known of what a reader would see.",
        "open the link yourself once",
        refused,
    ),
    Rule(
        "link-elsewhere",
        Family.LINKS,
        Level.NOTE,
        "Readers and spam filters trust the name that they see in a link.",
        "link to the site where it ends, if that is the one that is meant",
        elsewhere,
    ),
    Rule(
        "link-moved",
        Family.LINKS,
        Level.NOTE,
        "Redirects cost readers time, and end when somebody tidies up.",
        "link to the new address",
        moved,
    ),
    Rule(
        "link-https",
        Family.LINKS,
        Level.NOTE,
        "Without encryption others on the way can read and change what is shown; browsers warn of that.",
        "write https:// instead of http://",
        over_https,
    ),
    Rule(
        "links-unchecked",
        Family.LINKS,
        Level.NOTE,
        "Sites that are slow, or ask for being left alone, leave some links unknown.",
        "run mailer check again later, or raise link_seconds under [checks]",
        unchecked,
    ),
    *pictures.RULES,
)
