"""What is known of the links in a mail, and asking them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mailer.checks.facts import Facts
from mailer.checks.probed import addresses
from mailer.config.checks import Checks
from mailer.services.checking.kept import by_link, known_links, wanted_of
from mailer.services.program import Program

Tell = Callable[[str], None]


def believed(program: Program, facts: Facts) -> Facts:
    """The facts with what links answered lately. Nobody is asked: a plan or a send does not wait for other sites."""
    return replace(facts, probes=known_links(program, addresses(facts)))


def asked(program: Program, facts: Facts, tell: Tell) -> Facts:
    """The facts with what links answer now, and what the way out of the mail does. `tell` hears how far it is."""
    from mailer.services.checking.oneclick import probe_leaving  # a plan asks nobody, and begins sooner without
    from mailer.services.checking.probing import probe_links

    probes = probe_links(program, addresses(facts), tell)
    return replace(facts, probes=probes, leaving=probe_leaving(program, facts))


def asked_for_file(facts: Facts, settings: Checks, tell: Tell) -> Facts:
    """The same for a file on its own, of which nothing is kept."""
    from mailer.services.checking.probing import POLICY, Round

    urls = addresses(facts)
    found = Round(facts.now, POLICY, tell).ask(wanted_of(urls), settings.link_seconds) if urls else {}
    return replace(facts, probes=by_link(urls, found))
