"""Everything that is known of an issue before it goes, as the rules want it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mailer.audience.mail_domains import LARGE
from mailer.checks.facts import Facts, IssueFacts, SendingFacts
from mailer.checks.finding import Source
from mailer.model import Issue, Recipient
from mailer.render.flat import Flat, Place, placed_sources
from mailer.render.issue import RenderedIssue
from mailer.services.checking.asking import believed
from mailer.services.checking.history import audience_of
from mailer.services.checking.mails import SampleMails
from mailer.services.prepare import Prepared
from mailer.services.program import Program
from mailer.store import issues as stored_issues
from mailer.store.ledger import FrozenCounts

OUTBOX = "outbox"

SUBJECTS = 12
"""So many issues back a subject is remembered."""

FIELD = re.compile(r"\bsubscriber(?:\.([A-Za-z_]\w*)|\['(\w+)'\])")
GIVEN = frozenset({"email", "id", "list"})


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the database says: who gets it, who got its articles already, and samples of its readers.

    `sent_otherwise`: it was begun with other content.
    """

    audience: FrozenCounts
    sent: Mapping[str, str]
    people: Sequence[Recipient]
    sent_otherwise: bool = False


def facts_of(program: Program, prepared: Prepared, known: Circumstances, samples: SampleMails) -> Facts:
    """Everything that can be known without asking anybody outside."""
    facts = Facts(
        now=program.now(),
        mails=samples.mails,
        issue=issue_facts(program, prepared, known, samples),
        sending=sending_facts(program, prepared),
        audience=audience_of(program, prepared, known.audience, known.people),
        clients=program.settings.checks.clients,
        shorteners=frozenset(host.lower() for host in program.settings.checks.shorteners),
        placeholders=program.settings.checks.placeholders,
    )
    return believed(program, facts)


def issue_facts(program: Program, prepared: Prepared, known: Circumstances, samples: SampleMails) -> IssueFacts:
    issue, places = prepared.issue, fields_at(prepared.rendered, f"issues/{prepared.issue.name}.md")
    used = frozenset(places)
    return IssueFacts(
        name=issue.name,
        kind=issue.kind.value,
        subject=issue.subject,
        preheader=issue.preheader,
        language=issue.language,
        articles=prepared.articles,
        repeated={article.key: known.sent[article.key] for article in prepared.articles if article.key in known.sent},
        unwritable=samples.unwritable,
        samples=samples.samples,
        fields_used=used,
        fields_known=fields_known(known.people),
        fields_at=places,
        without=without(known.people, used - GIVEN),
        subjects=subjects(program, issue),
        sent_otherwise=known.sent_otherwise,
    )


def sending_facts(program: Program, prepared: Prepared) -> SendingFacts:
    settings = program.settings
    return SendingFacts(
        organisation=settings.organisation.name,
        postal_address=settings.organisation.postal_address,
        base_url=prepared.base_url,
        leaves_this_machine=settings.provider.name != OUTBOX,
        from_email=prepared.sender.email,
        free_mail=prepared.sender.email.rpartition("@")[2].lower() in LARGE,
        tracking="counting" in prepared.addressing,
    )


def fields_at(rendered: RenderedIssue, label: str) -> dict[str, Source]:
    """The fields of a person that an issue mentions anywhere, each with the first line where it does: one of the
    issue's own file, if there is one.
    """
    parts = (rendered.subject, rendered.preheader, rendered.html, rendered.text)
    mentioned = [each for part in parts for each in fields_in(part)]
    mentioned.sort(key=lambda each: not each[1].template.startswith(label))
    found: dict[str, Source] = {}
    for name, place in mentioned:
        found.setdefault(name, Source(place.template, place.line))
    return found


def fields_in(part: Flat) -> Iterator[tuple[str, Place]]:
    for source, place in placed_sources(part.segments):
        yield from ((match[1] or match[2], place) for match in FIELD.finditer(source))


def without(people: Sequence[Recipient], fields: frozenset[str]) -> dict[str, int]:
    """How many of these people have no value in each of the fields."""
    return {name: sum(person.attributes.get(name) in (None, "") for person in people) for name in fields}


def subjects(program: Program, issue: Issue) -> dict[str, str]:
    """The subjects of the last issues that any of its lists got, by their names."""
    with program.store.read() as connection:
        return stored_issues.subjects(connection, issue.lists, SUBJECTS, but=issue.name)


def fields_known(people: Sequence[Recipient]) -> frozenset[str]:
    """The fields that any of these people has; none when there are no people."""
    return frozenset(key for person in people for key in person.attributes) | GIVEN if people else frozenset()
