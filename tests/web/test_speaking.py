"""Pages that were compiled are used again, by those alone for whom they are the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from jinja2 import Environment

from mailer.web import speaking
from mailer.web.speaking import Speech

# A phrase that Jinja2 knows when it compiles, so that it stands in what is compiled.
PAGE = "{{ 'Unsubscribe'|translated }}"


def page(speech: Speech, language: str, folder: Path) -> str:
    return speech.environment(language, folder).get_template("own.html").render()


def test_each_language_and_each_organisation_has_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "own.html").write_text(PAGE)
    plain, own = Speech({}), Speech({"de": {"Unsubscribe": "Tschüss"}})
    said = [page(speech, language, tmp_path) for speech in (plain, own, plain) for language in ("en", "de")]
    assert said == ["Unsubscribe", said[1], "Unsubscribe", "Tschüss", "Unsubscribe", said[1]]
    assert said[1] not in ("Unsubscribe", "Tschüss")


def test_a_template_that_is_written_anew_is_shown_anew(tmp_path: Path) -> None:
    file, speech = tmp_path / "own.html", Speech({})
    file.write_text("one")
    made = speech.environment("en", tmp_path)
    assert made.get_template("own.html").render() == "one"
    file.write_text("two")
    os.utime(file, (1, 1))
    assert made.get_template("own.html").render() == page(speech, "en", tmp_path) == "two"


def test_the_second_application_compiles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.html").write_text(f"{PAGE} of the second application")
    first = page(Speech({}), "en", tmp_path)

    def never(*args: object, **kwargs: object) -> str:
        raise AssertionError("compiled again")

    monkeypatch.setattr(Environment, "_generate", never)
    assert page(Speech({}), "en", tmp_path) == first


def test_what_is_kept_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaking, "COMPILED", 3)
    speaking.compiled.cache_clear()
    kept, speech = speaking.compiled("en", "{}"), Speech({})
    for number in range(10):
        (tmp_path / "own.html").write_text(f"page {number}")
        assert page(speech, "en", tmp_path) == f"page {number}"
        assert len(kept._kept) <= 3
