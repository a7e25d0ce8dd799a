"""As whom a preview can be looked at: people who do not exist, and those of the lists whose mails are awkward."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mailer.model import Recipient

MADE_UP: Final = "made-up"
PERSON: Final = "person:"
"""The key of a subscriber begins with it."""

LONG = "Wolfeschlegelsteinhausenbergerdorff"
NAMES: Final = {
    "long-name": ("long name", f"Hubert Blaine {LONG}", "Hubert Blaine Maximilian", LONG),
    "arabic": ("Arabic name", "محمد عبد الرحمن", "محمد", "عبد الرحمن"),
    "japanese": ("Japanese name", "山田 太郎", "太郎", "山田"),
    "markup": ("name with markup", "<b>Tom</b> & “Jerry”", "<b>Tom</b>", "& “Jerry”"),
}


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody as whom to look. `real`: a subscriber, whose address is known; `why` that one, without naming them."""

    key: str
    label: str
    recipient: Recipient
    real: bool = False
    why: str = ""


def made_up_readers(recipient: Recipient) -> list[Reader]:
    """Readers who do not exist, made of the one with every field that people have."""
    fields = recipient.attributes
    found = [
        Reader(MADE_UP, "made-up reader", recipient),
        Reader("nothing-known", "nothing known", recipient._replace(attributes={})),
    ]
    for key, (label, whole, first, last) in NAMES.items():
        own = {"name": whole, "first_name": first, "last_name": last}
        # Where nobody has a name, these names are what is looked at.
        shown = {name: text for name, text in own.items() if name in fields} or own
        found.append(Reader(key, label, recipient._replace(attributes={**fields, **shown})))
    return found


def awkward_readers(people: Sequence[Recipient]) -> list[Reader]:
    """Those of these people whose mails are likely to look odd; nobody twice."""
    found: dict[str, Reader] = {}
    for label, choose in AWKWARD.items():
        one = choose(people)
        if one is not None and one.subscriber_id not in found:
            found[one.subscriber_id] = reader_of(one, label)
    return list(found.values())


def reader_of(person: Recipient, why: str = "") -> Reader:
    name = name_of(person.attributes)
    label = f"{name} <{person.email}>" if name else person.email
    return Reader(PERSON + person.subscriber_id, f"{why}: {label}" if why else label, person, real=True, why=why)


def name_of(fields: Mapping[str, Any]) -> str:
    names = [fields.get("name")] if fields.get("name") else [fields.get("first_name"), fields.get("last_name")]
    return " ".join(str(each) for each in names if each)


def written(person: Recipient) -> str:
    """Everything known of a person that can stand in a mail."""
    return " ".join(value for value in person.attributes.values() if isinstance(value, str))


def first_with(holds: Callable[[str], bool]) -> Callable[[Sequence[Recipient]], Recipient | None]:
    return lambda people: next((one for one in people if any(map(holds, written(one)))), None)


def is_from_right(letter: str) -> bool:
    return unicodedata.bidirectional(letter) in ("R", "AL")


def is_not_latin(letter: str) -> bool:
    return letter.isalpha() and not is_from_right(letter) and not unicodedata.name(letter, "LATIN").startswith("LATIN")


AWKWARD: Final[Mapping[str, Callable[[Sequence[Recipient]], Recipient | None]]] = {
    "most words": lambda people: max(people, key=lambda one: len(written(one)), default=None),
    "fewest fields": lambda people: min(people, key=lambda one: len(one.attributes), default=None),
    "right-to-left": first_with(is_from_right),
    "other script": first_with(is_not_latin),
}
