"""Whose mails are looked at: few people, in whose mails everything shows that is in anybody's."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from mailer.model import Recipient
from mailer.render.personal import PersonalPart
from mailer.services.writer import MailWriter

REAL_PEOPLE = 5
"""At most so many, beside the made-up reader: each one's mail is asked all rules."""

LINK_OR_TAG = re.compile(r"""href\s*=\s*["'][^"']*|https?://\S+|<\w+""", re.IGNORECASE)
NAMES = ("name", "first_name", "last_name")
# Of Latin letters, with those of Vietnamese and other extensions.
LATIN = re.compile("[\x00-\u024f\u1e00-\u1eff\u2000-\u206f]*")
RIGHT_TO_LEFT = frozenset({"R", "AL"})

Trait = tuple[str, int, str]
"""What is in some mails and not in all: the part, the place in it, and what is there."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One person's mail, measured."""

    recipient: Recipient
    size: int
    traits: frozenset[Trait]


def measured(writer: MailWriter, recipient: Recipient, links: Mapping[str, str]) -> Sample:
    """What is personal in a mail, without writing the rest. MailerError where it cannot be written.

    `links` may be those of another reader of the list: they are as long, and each takes several hashes to make.
    """
    fields = writer.fields(recipient)
    for part in (writer.subject, writer.preheader):
        part.values(fields, links)
    own = frozenset(filter(None, links.values()))
    traits, size = set[Trait](), 0
    for name, part in (("html", writer.plain.html), ("text", writer.plain.text)):
        values = part.values(fields, links)
        traits.update((name, place, what) for place, what in traits_of(part, values, own))
        size += sum(len(values[slot]) for slot in part.slots) if name == "html" else 0
    return Sample(recipient, size, frozenset(traits))


def traits_of(part: PersonalPart, values: Sequence[str], own: frozenset[str]) -> Iterator[tuple[int, str]]:
    """Which places are empty, and which links and elements come with conditions. Everybody's own links are alike."""
    for place, (slot, value) in enumerate(zip(part.distinct, values, strict=True)):
        if slot.root == "links":
            continue
        if slot.field or not value:
            yield place, "something" if value else ""
            continue
        for link in own:
            value = value.replace(link, "own")
        yield from ((place, found) for found in LINK_OR_TAG.findall(value))


def chosen(samples: Sequence[Sample]) -> dict[str, Recipient]:
    """The awkward ones by what they are, then those whose mails have what none of these has."""
    found: dict[str, Sample] = {}
    awkward = (
        ("longest", max(samples, key=lambda sample: sample.size, default=None)),
        ("emptiest", min(samples, key=lambda sample: fields_of(sample.recipient), default=None)),
        ("name from right to left", next((each for each in samples if runs_from_right(each.recipient)), None)),
        ("name in another script", next((each for each in samples if beyond_latin(each.recipient)), None)),
    )
    for who, sample in awkward:
        if sample is not None and sample not in found.values():
            found[who] = sample
    seen = set(chain.from_iterable(sample.traits for sample in found.values()))
    while len(found) < REAL_PEOPLE and samples:
        best = max(samples, key=lambda sample: len(sample.traits - seen))
        if best.traits <= seen:
            break
        seen |= best.traits
        found[f"other content {len(found)}"] = best
    return {who: sample.recipient for who, sample in found.items()}


def fields_of(recipient: Recipient) -> int:
    return sum(value not in (None, "") for value in recipient.attributes.values())


def name_of(recipient: Recipient) -> str:
    return " ".join(str(recipient.attributes.get(name) or "") for name in NAMES)


def runs_from_right(recipient: Recipient) -> bool:
    return any(unicodedata.bidirectional(letter) in RIGHT_TO_LEFT for letter in name_of(recipient))


def beyond_latin(recipient: Recipient) -> bool:
    return not LATIN.fullmatch(name_of(recipient)) and not runs_from_right(recipient)
