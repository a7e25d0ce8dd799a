"""What a check without network costs: a bulletin of eight articles, 1,000 people on its list.

    .venv/bin/python bench/check.py

The whole of `mailer check ISSUE --offline` after the program has started, then its stages, then the rules family by
family, each over mails whose documents are parsed already. Processor time of this process, the median of several
rounds; each round reads, compiles and parses everything anew.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

from mailer.app import Mailer, open_mailer
from mailer.audience.address import Address
from mailer.checks.facts import Facts
from mailer.checks.finding import Fault
from mailer.checks.rule import Family
from mailer.checks.table import RULES
from mailer.model import Article, How, SubscriptionState
from mailer.services.checking.check import check_issue
from mailer.services.checking.gather import Circumstances, facts_of
from mailer.services.checking.judging import findings_of
from mailer.services.checking.mails import sample_mails
from mailer.services.plan import known
from mailer.services.prepare import prepare
from mailer.store import articles, lists, subscribers
from mailer.store.subscriptions import Origin
from mailer.workspace import Workspace

PEOPLE = 1000
ARTICLES = 8
ROUNDS = 9
NAME = "2026-11-22-rivers"
CITIES = ("Oslo", "Bergen", "Trondheim", "Kraków", "القاهرة")
FIRST = ("Ann", "Bo", "Ólafur", "محمد", "")

SETTINGS = """\
[organisation]
name = "Rivers United"
postal_address = "1 Quay Street, Oslo"
contact = "office@rivers.example"

[web]
base_url = "https://news.rivers.example"

[from.office]
name = "Rivers United"
email = "news@rivers.example"
"""
LIST = 'title = "Weekly bulletin"\nopt_in = "single"\n'
BODY = """\
Dear {{ subscriber.first_name | default("friend") }},

this was a good week on the river.

{% if subscriber.city == "Oslo" %}
We meet on Saturday at the weir, five minutes from you.
{% endif %}

[articles]

Thank you for reading.
"""


@contextmanager
def campaign() -> Iterator[Mailer]:
    """A workspace with an issue, its articles, and people on its list."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        files = {"mailer.toml": SETTINGS, "subscribers/weekly.toml": LIST}
        with open_mailer(Workspace.create(root / "campaign", files), os.environ) as program:
            keys = add_articles(program)
            add_people(program)
            chosen = "".join(f"  - key: {key}\n" for key in keys)
            front = 'kind: bulletin\nsubject: "A good week on the river"\nlists: [weekly]\n'
            preheader = 'preheader: "Nine kilometres, 412 tyres, and what comes next"\n'
            program.workspace.write_issue(NAME, f"---\n{front}{preheader}articles:\n{chosen}---\n\n{BODY}")
            yield program


def add_articles(program: Mailer) -> list[str]:
    excerpt = "Every bag was weighed and every find was counted, from the weir to the old harbour. " * 3
    made = [
        Article(
            key=f"key{number}",
            source="site",
            title=f"What the river carried, part {number}",
            excerpt=excerpt,
            first_seen_at=program.now(),
            url=f"https://rivers.example/news/{number}?part={number}",
            image_url=f"https://rivers.example/pictures/{number}.jpg",
            image_alt="The old harbour in the morning",
            author="Mira Holt",
        )
        for number in range(ARTICLES)
    ]
    with program.store.write() as connection:
        articles.save(connection, made, program.now())
    return [each.key for each in made]


def add_people(program: Mailer) -> None:
    rows = []
    for number in range(PEOPLE):
        email = f"reader{number:04d}@readers.example"
        fields = {"first_name": FIRST[number % len(FIRST)], "city": CITIES[number % len(CITIES)]}
        rows.append(subscribers.NewSubscriber(Address(email, email, email), fields, SubscriptionState.CONFIRMED))
    with program.store.write() as connection:
        number = lists.ensure(connection, program.list_named("weekly"))
        subscribers.upsert(connection, number, rows, Origin(How.IMPORT, "a fair: signed there"), program.now())


class Stages:
    """Processor time by name, of every round."""

    def __init__(self) -> None:
        self.times: defaultdict[str, list[float]] = defaultdict(list)

    def __call__(self, name: str, work: Callable[[], Any]) -> Any:
        begun = process_time()
        done = work()
        self.times[name].append((process_time() - begun) * 1000)
        return done

    def show(self) -> None:
        for name, times in self.times.items():
            print(f"{name:<28}{median(times):>9.1f} ms   (best {min(times):.1f}, worst {max(times):.1f})")


def one_round(program: Mailer, stage: Stages) -> None:
    stage("mailer check --offline", lambda: check_issue(program, NAME))
    prepared = stage("  compile the issue", lambda: prepare(program, NAME))
    found = stage("  ask the database", lambda: known(program, prepared, smtputf8=True, again=False))
    samples = stage("  write the mails of 500", lambda: sample_mails(program, prepared, found.people))
    circumstances = Circumstances(found.audience, found.sent, found.people)
    facts = stage("  gather, parse the mails", lambda: facts_of(program, prepared, circumstances, samples))
    stage("  ask every rule, find lines", lambda: findings_of(program, prepared, facts))
    for family in dict.fromkeys(rule.family for rule in RULES):
        stage(f"    {family.value}", partial(look, facts, family))


def look(facts: Facts, family: Family) -> list[Fault]:
    """What the rules of one family see."""
    return [fault for rule in RULES if rule.family is family for fault in rule.look(facts)]


def main() -> None:
    stage = Stages()
    print(f"{ARTICLES} articles, {PEOPLE:,} people, {len(RULES)} rules")
    with campaign() as program:
        stage("the first in a process", lambda: check_issue(program, NAME))  # what is imported and made once too
        for _ in range(ROUNDS):
            one_round(program, stage)
    stage.show()


if __name__ == "__main__":
    main()
