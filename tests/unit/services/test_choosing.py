"""Whose mails are looked at before an issue goes."""

from __future__ import annotations

from mailer.model import Recipient
from mailer.services.checking.choosing import REAL_PEOPLE, Sample, chosen

Trait = tuple[str, int, str]
SAME: frozenset[Trait] = frozenset({("html", 0, "something")})


def person(number: int, name: str = "Ann", **attributes: str) -> Recipient:
    return Recipient(0, str(number), f"p{number}@example.org", "weekly", {"name": name, "city": "Oslo", **attributes})


def sample(number: int, name: str = "Ann", size: int = 10, traits: frozenset[Trait] = SAME, **other: str) -> Sample:
    return Sample(person(number, name, **other), size, traits)


def names(*samples: Sample) -> dict[str, str]:
    return {who: recipient.subscriber_id for who, recipient in chosen(samples).items()}


def test_who_has_the_longest_mail_and_who_has_the_fewest_fields() -> None:
    assert names(sample(1), sample(2, size=11), sample(3, city=""), sample(4, age="40")) == {
        "longest": "2",
        "emptiest": "3",
    }


def test_nobody_is_chosen_twice() -> None:
    assert names(sample(1, size=11, city=""), sample(2)) == {"longest": "1"}
    assert names() == {}


def test_names_that_are_not_latin_and_names_from_right_to_left() -> None:
    people = (sample(1, size=11, city=""), sample(2, "Łukasz Nguyễn"), sample(3, "Анна"), sample(4, "فيصل"))
    assert names(*people) == {"longest": "1", "name from right to left": "4", "name in another script": "3"}


def test_what_is_in_no_mail_chosen_so_far_is_looked_for() -> None:
    oslo = SAME | {("html", 1, 'href="https://a.example/oslo')}
    both = SAME | {("html", 1, 'href="https://a.example/bergen'), ("text", 0, "https://a.example/bergen")}
    people = (sample(1, size=11, city=""), sample(2), sample(3, traits=oslo), sample(4, traits=both), sample(5))
    assert names(*people) == {"longest": "1", "other content 1": "4", "other content 2": "3"}


def test_there_is_an_end_to_it() -> None:
    people = [sample(number, traits=frozenset({("html", 1, str(number))})) for number in range(50)]
    assert len(names(*people)) == REAL_PEOPLE
