"""The reference in a mail names its delivery, and nobody can make one."""

from __future__ import annotations

import pytest

from mailer.services.references import delivery_of, is_genuine, key_of, reference

KEY = key_of({"message_ids": "ab" * 16}, ())


def test_a_reference_names_its_delivery_and_is_recognised() -> None:
    text = reference(KEY, "rivers", 17)
    assert delivery_of(text) == 17
    assert is_genuine(text, KEY, "rivers", 17)
    assert not is_genuine(text, KEY, "rivers", 18)
    assert not is_genuine(text, KEY, "lakes", 17)
    assert not is_genuine(text, key_of({"message_ids": "cd" * 16}, ()), "rivers", 17)


def test_an_old_issue_without_a_secret_has_the_oldest_key() -> None:
    assert key_of({}, (b"new", b"old")) == key_of({}, (b"old",))
    assert key_of({"message_ids": "ab"}, (b"new",)) == key_of({"message_ids": "ab"}, (b"another",))


@pytest.mark.parametrize(
    "text", ["", "17", "17.",
             ".0123456789abcdef", "017.0123456789abcdef", "17.0123456789ABCDEF", "17.0123456789abcdef\n",
             "-1.0123456789abcdef", "٣.0123456789abcdef", "9" * 19 + ".0123456789abcdef"]
)  # fmt: skip
def test_what_is_no_reference(text: str) -> None:
    assert delivery_of(text) is None


def test_a_strange_text_is_not_genuine() -> None:
    assert not is_genuine("17.ü", KEY, "rivers", 17)
