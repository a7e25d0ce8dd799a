"""The reader who does not exist has the fields of those who do, and nothing that is theirs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from mailer.model import Recipient
from mailer.services.prepare import Prepared
from mailer.services.samples import MADE_UP, made_up_of

ISSUE = cast(Prepared, SimpleNamespace(lists=(SimpleNamespace(name="weekly"),)))


def made_up(*people: dict[str, Any]) -> Recipient:
    readers = [Recipient(n, f"id{n}", f"ann{n}@example.org", "weekly", fields) for n, fields in enumerate(people)]
    return made_up_of(ISSUE, readers)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Zoltán", "(field)"),
        (4711, 1),
        (47.11, 1.5),
        (True, True),
        (False, False),
        (None, None),
        (["rivers", "lakes"], ["(field)"]),
        ([4711], [1]),
        ([], []),
        ({"street": "1 Quay Street", "number": 4711}, {"street": "(street)", "number": 1}),
    ],
)
def test_no_value_of_a_real_person_is_in_a_made_up_one(value: object, expected: object) -> None:
    assert made_up({"field": value}).attributes == {"field": expected}


def test_fields_of_all_are_there_and_names_are_readable() -> None:
    reader = made_up({"first_name": "Zoltán", "member": 4711}, {"city": "Szeged"})
    assert reader.attributes == {"first_name": "Alex", "member": 1, "city": "Anytown"}
    assert (reader.email, reader.subscriber_id) == ("reader@example.org", "nobody")
    assert made_up().attributes == MADE_UP
