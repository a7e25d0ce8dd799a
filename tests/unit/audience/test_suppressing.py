"""What a suppression names, in one form however it is written."""

from __future__ import annotations

import pytest

from mailer.audience.suppressing import fingerprint_of, hashes, parse_value, values_of

KEYS = {"aaaabbbbcccc": b"k" * 32, "ddddeeeeffff": b"l" * 32}
HASHED = hashes(KEYS, "ada@example.org")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (" Ada@Example.ORG ", "ada@example.org"),
        ("Ada <ada@example.org>", "ada@example.org"),
        ("@Example.org", "@example.org"),
        ("<@example.org>", "@example.org"),
        ("@münchen.de", "@xn--mnchen-3ya.de"),
        ("@xn--mnchen-3ya.de", "@xn--mnchen-3ya.de"),
        (HASHED[0], HASHED[0]),
    ],
)
def test_the_same_thing_has_one_form(written: str, value: str) -> None:
    assert parse_value(written) == value


@pytest.mark.parametrize(
    "written",
    ["", "@", "example.org", "ada@", "@example", "@a@b.org", "ada@b.org@c.org", "hash:", "hash:ab:cd", "@.org"],
)
def test_what_names_nobody_is_refused_without_repeating_it(written: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_value(written)
    assert len(written) < 6 or written not in str(caught.value)


def test_an_address_is_kept_out_by_itself_and_by_exactly_its_domain() -> None:
    assert values_of("ada@mail.example.org") == ("ada@mail.example.org", "@mail.example.org")


def test_a_hash_is_of_one_address_and_one_key() -> None:
    assert len({*HASHED, *hashes(KEYS, "bob@example.org")}) == 4
    assert hashes(KEYS, "ada@example.org") == HASHED
    assert [fingerprint_of(value) for value in HASHED] == list(KEYS)
    assert fingerprint_of("ada@example.org") is None
    assert not any("ada" in value or "example" in value for value in HASHED)
