"""The fixed phrases: every language complete, in its own script, and chosen by any spelling of its tag."""

from __future__ import annotations

import unicodedata

import pytest

from mailer.render.labels import LANGUAGES, direction, labels_for

KEYS = set(labels_for("en"))


def test_the_seven_languages_are_there() -> None:
    assert set(LANGUAGES) == {"en", "es", "fr", "de", "pt", "ar", "ur"}


@pytest.mark.parametrize("language", [*LANGUAGES, "pt-PT"])
def test_every_language_has_every_phrase(language: str) -> None:
    labels = labels_for(language)
    assert set(labels) == KEYS
    assert all(phrase.strip() for phrase in labels.values())


@pytest.mark.parametrize("language", [*LANGUAGES, "pt-PT"])
def test_phrases_are_plain_and_composed(language: str) -> None:
    for phrase in labels_for(language).values():
        assert phrase == unicodedata.normalize("NFC", phrase)
        assert not set(phrase) & set('<>&"{}\n')
        assert phrase == phrase.rstrip()


@pytest.mark.parametrize("language", LANGUAGES)
def test_phrases_are_short_enough_for_a_button_or_a_line(language: str) -> None:
    labels = labels_for(language)
    short = {key for key in KEYS - {"why"} if not key.startswith(("confirm_", "already_"))} | {"confirm_button"}
    assert all(len(labels[key]) <= 28 for key in short)
    assert all(len(labels[key]) <= 40 for key in ("confirm_heading", "confirm_subject", "already_subject"))
    assert len(labels["why"]) <= 60


@pytest.mark.parametrize(("language", "script"), [("ar", "ARABIC"), ("ur", "ARABIC"), ("en", "LATIN"), ("de", "LATIN")])
def test_phrases_are_in_the_script_of_the_language(language: str, script: str) -> None:
    letters = [letter for phrase in labels_for(language).values() for letter in phrase if letter.isalpha()]
    assert all(script in unicodedata.name(letter) for letter in letters)


@pytest.mark.parametrize("language", [tag for tag in LANGUAGES if tag != "en"])
def test_no_phrase_but_shared_words_is_left_in_english(language: str) -> None:
    same = {key for key in KEYS - {"why_end", "confirm_why_end"} if labels_for(language)[key] == labels_for("en")[key]}
    assert same <= {"contact", "urgent", "website"}


@pytest.mark.parametrize(
    ("tag", "same_as"),
    [
        ("en-GB", "en"),
        ("pt-BR", "pt"),
        ("pt_PT", "pt-pt"),
        ("DE", "de"),
        (" fr ", "fr"),
        ("es-419", "es"),
        ("ar-Arab-EG", "ar"),
        ("ur-PK", "ur"),
        ("xx", "en"),
        ("", "en"),
    ],
)
def test_a_tag_finds_its_phrases(tag: str, same_as: str) -> None:
    assert labels_for(tag) is labels_for(same_as)


def test_portugal_differs_from_brazil_only_in_some_words() -> None:
    brazil, portugal = labels_for("pt-BR"), labels_for("pt-PT")
    assert portugal["unsubscribe"] != brazil["unsubscribe"]
    assert portugal["read_more"] == brazil["read_more"]


def test_phrases_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        labels_for("en")["act"] = "Changed"  # type: ignore[index]


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("en", "ltr"),
        ("de-AT", "ltr"),
        ("ar", "rtl"),
        ("ar_EG", "rtl"),
        ("UR", "rtl"),
        ("he", "rtl"),
        ("fa-IR", "rtl"),
        ("az", "ltr"),
        ("az-Arab", "rtl"),
        ("ar-Latn", "ltr"),
        ("ks-Deva", "ltr"),
        ("en-1997", "ltr"),
        ("", "ltr"),
    ],
)
def test_direction(tag: str, expected: str) -> None:
    assert direction(tag) == expected
