"""Languages: the catalogs, which of them a tag means, what a browser asks for, and an organisation's own words."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog as PoFile
from babel.messages.catalog import Message
from hypothesis import given
from hypothesis import strategies as st

from mailer.languages import LANGUAGES, asked_for, direction, messages, nearest, translations
from mailer.languages.catalogs import REGIONS, read
from mailer.languages.own import OwnWords, fault, offered, plural_rule, spoken
from mailer.render.labels import labels_for

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "docs"))
make_messages = import_module("make_messages")

OTHERS = [tag for tag in LANGUAGES if tag != "en"]
PLACES = re.compile(r"%\((\w+)\)s")
TAGS = re.compile(r"</?\w[^>]*>")
NAMES = re.compile("Atom|JavaScript|JSON")
NO_PLACE = "has a place that is not in the phrase (there: none); a percent sign is written %%"
# What has the same words in another language, or is a name.
SHARED = {
    "de": {"Website", "Name"},
    "fr": {"Contact", "Urgent", "Pages"},
    "es": {"Error"},
    "pt": set(),
    "ar": set(),
    "ur": set(),
}


@pytest.fixture(scope="module")
def template() -> PoFile:
    found: PoFile = make_messages.collected()
    return found


def said(message: Message) -> list[str]:
    words: Any = message.string
    return list(words) if isinstance(words, tuple | list) else [str(words)]


def asked(message: Message) -> list[str]:
    words: Any = message.id
    return list(words) if isinstance(words, tuple | list) else [str(words)]


def phrases(catalog: PoFile) -> list[Message]:
    return [message for message in catalog if message.id]


def test_the_template_has_every_phrase_of_templates_and_modules(template: PoFile) -> None:
    """The cure is `make messages`."""
    assert (make_messages.CATALOGS / "messages.pot").read_bytes() == make_messages.written(template)


@pytest.mark.parametrize("tag", OTHERS)
def test_every_phrase_is_said_in_every_language(tag: str, template: PoFile) -> None:
    assert make_messages.missing(tag, template) == []
    count = plural_rule(tag)[0]
    catalog = read(tag)
    for message in phrases(template):
        own = catalog.get(message.id, message.context)
        assert own is not None
        assert len(said(own)) == (count if len(asked(message)) == 2 else 1)


@pytest.mark.parametrize("tag", [*OTHERS, *REGIONS])
def test_what_is_said_has_the_places_and_the_marks_of_the_phrase(tag: str) -> None:
    for message in phrases(read(tag)):
        allowed = set(chain.from_iterable(map(PLACES.findall, asked(message))))
        for words in said(message):
            assert set(PLACES.findall(words)) <= allowed, words
            assert re.sub(r"%\(\w+\)s|%%", "", words).count("%") == 0, words
            assert sorted(TAGS.findall(words)) == sorted(TAGS.findall(asked(message)[-1])), words
            assert words == words.strip() or message.context, words
        if len(asked(message)) == 1:
            assert set(PLACES.findall(said(message)[0])) == allowed, message.id


@pytest.mark.parametrize("tag", OTHERS)
def test_nothing_is_left_in_english(tag: str) -> None:
    same = {asked(each)[0] for each in phrases(read(tag)) if said(each)[0] == asked(each)[0] and not each.context}
    assert same <= SHARED[tag]


@pytest.mark.parametrize("tag", ["ar", "ur"])
def test_arabic_and_urdu_are_in_their_own_letters(tag: str) -> None:
    for message in phrases(read(tag)):
        for words in said(message):
            plain = NAMES.sub("", TAGS.sub("", PLACES.sub("", words)))
            assert not re.search(r"[A-Za-z]{2}", plain), words


def test_what_counts_agrees_with_the_number() -> None:
    one, many = next((one, many) for one, many in messages().items() if many)
    assert many is not None
    english, arabic = translations("en"), translations("ar-EG")
    assert english.ngettext(one, many, 1) == one
    assert english.ngettext(one, many, 2) == many
    assert len({arabic.ngettext(one, many, number) for number in (1, 2, 3, 11)}) >= 3


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("de-AT", "de"),
        ("pt_PT", "pt-pt"),
        ("pt-BR", "pt"),
        (" AR ", "ar"),
        ("ar-Arab-EG", "ar"),
        ("nl", None),
        ("", None),
    ],
)
def test_the_nearest_language_is_found(tag: str, found: str | None) -> None:
    assert nearest(tag, offered({})) == found


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("fr", ["fr"]),
        ("de;q=0.5, fr , en;q=0.8", ["fr", "en", "de"]),
        ("ur, ar", ["ur", "ar"]),
        ("*, de;q=0", []),
        ("de;q=nan, fr;q=2, es;q=-1, pt;q=x, ar;level=1", []),
        (",,;;=", []),
        ("de," * 5000, ["de"] * 30),
    ],
)
def test_what_a_browser_asks_for(header: str, tags: list[str]) -> None:
    assert asked_for(header) == tags


@given(st.text(max_size=200))
def test_no_header_breaks_it(header: str) -> None:
    assert all(nearest(tag, LANGUAGES) in (None, *LANGUAGES) for tag in asked_for(header))


@given(st.text(max_size=30))
def test_no_tag_breaks_it(tag: str) -> None:
    assert direction(tag) in ("ltr", "rtl")
    assert translations(tag).gettext("Contact")


def test_own_words_stand_over_ours() -> None:
    texts = {"de": {"Contact": "Fragen?"}, "de-CH": {"Website": "Netzseite"}, "nb": {"Contact": "Kontakt oss"}}
    assert spoken("de-AT", texts).gettext("Contact") == "Fragen?"
    assert spoken("de-CH", texts).gettext("Contact") == "Fragen?"
    assert spoken("de-CH", texts).gettext("Website") == "Netzseite"
    assert spoken("nb-NO", texts).gettext("Contact") == "Kontakt oss"
    assert spoken("nb", texts).gettext("Website") == "Website"
    assert spoken("fr", texts).gettext("Contact") == "Contact"
    assert labels_for("de", texts)["contact"] == "Fragen?"
    assert labels_for("de", texts)["unsubscribe"] == labels_for("de")["unsubscribe"]
    assert labels_for("en", {"en": {"Contact": "100 %% us"}})["contact"] == "100 % us"


def test_own_words_may_count() -> None:
    own = OwnWords("en", {"%(num)s week": ["one", "several"]}, translations("en"))
    assert [own.ngettext("%(num)s week", "%(num)s weeks", number) for number in (1, 2)] == ["one", "several"]
    assert own.ngettext("%(num)s day", "%(num)s days", 2) == "%(num)s days"


@pytest.mark.parametrize(
    ("phrase", "words", "told"),
    [
        ("Contact", "Ask us", None),
        ("Contact", "100 %% yours", None),
        ("Contcat", "Ask us", "is no phrase of ours: did you mean 'Contact'?"),
        ("Contact", " ", "must not be empty"),
        (
            "Contact",
            "Ask %(name)s",
            "has a place that is not in the phrase (there: none); a percent sign is written %%",
        ),
        ("Contact", "100 %", "has a place that is not in the phrase (there: none); a percent sign is written %%"),
        ("Contact", ["Ask", "us"], "is one text, not a list"),
        ("%(num)s week", "%(num)s weeks", "counts something, so it needs a list of 2 texts"),
        ("%(num)s week", ["a week", "%(num)s weeks"], None),
    ],
)
def test_what_is_wrong_with_own_words(phrase: str, words: str | list[str], told: str | None) -> None:
    assert fault("en", phrase, words) == told
