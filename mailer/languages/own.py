"""An organisation's own words in place of ours: `[texts.LANG]` of `mailer.toml`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from gettext import NullTranslations, c2py

from mailer.languages.catalogs import LANGUAGES, REGIONS, SOURCE, Catalog, messages, translations
from mailer.languages.tags import nearest
from mailer.wording import near_name

Words = str | Sequence[str]
"""A phrase; of one that counts, a form for each number that the language tells apart."""

Texts = Mapping[str, Mapping[str, Words]]
"""Language -> English phrase -> own words."""

_PLACES = re.compile(r"%\((\w+)\)s|%%|(%)")


def offered(texts: Texts) -> tuple[str, ...]:
    """Every language that something is said in: ours, and those that the organisation added."""
    return tuple(dict.fromkeys((*LANGUAGES, *REGIONS, *(tag.lower() for tag in texts))))


def spoken(language: str, texts: Texts) -> Catalog:
    """The words of the offered language nearest to that tag, own ones over them, a region's over its language's."""
    tag = nearest(language, offered(texts)) or SOURCE
    own = {name.lower(): words for name, words in texts.items()}
    found = translations(tag)
    for name in dict.fromkeys((tag.partition("-")[0], tag)):
        if words := own.get(name):
            found = OwnWords(name, words, found)
    return found


class OwnWords(NullTranslations):
    """The catalog below, with these phrases said otherwise."""

    def __init__(self, language: str, words: Mapping[str, Words], below: Catalog) -> None:
        super().__init__()
        self._words = dict(words)
        self._below = below
        self._form = c2py(plural_rule(language)[1])

    def gettext(self, message: str) -> str:
        own = self._words.get(message)
        return own if isinstance(own, str) else self._below.gettext(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        own = self._words.get(msgid1)
        return self._below.ngettext(msgid1, msgid2, n) if own is None else self._counted(own, n)

    def pgettext(self, context: str, message: str) -> str:
        own = self._words.get(message)
        return own if isinstance(own, str) else self._below.pgettext(context, message)

    def npgettext(self, context: str, msgid1: str, msgid2: str, n: int) -> str:
        own = self._words.get(msgid1)
        return self._below.npgettext(context, msgid1, msgid2, n) if own is None else self._counted(own, n)

    def _counted(self, own: Words, n: int) -> str:
        return own if isinstance(own, str) else own[self._form(n)]


def plural_rule(language: str) -> tuple[int, str]:
    """How many forms a language has for numbers, and gettext's expression that chooses one."""
    from babel.messages.plurals import get_plural

    found = get_plural(language.replace("-", "_").partition("_")[0].lower())
    return found.num_plurals, found.plural_expr


def fault(language: str, phrase: str, words: Words) -> str | None:
    """What is wrong with saying a phrase so, as the rest of a sentence; None when nothing is."""
    if told := fault_of_phrase(phrase):
        return told
    known = messages()
    forms, wanted = [words] if isinstance(words, str) else list(words), plural_rule(language)[0]
    if known[phrase] is None and not isinstance(words, str):
        return "is one text, not a list"
    if known[phrase] is not None and (isinstance(words, str) or len(words) != wanted):
        return f"counts something, so it needs a list of {wanted} texts"
    allowed = _places(phrase) | _places(known[phrase] or "")
    return next((told for form in forms if (told := _fault_of_form(form, allowed))), None)


def fault_of_phrase(phrase: str) -> str | None:
    """What is wrong with wanting to say that otherwise."""
    known = messages()
    if phrase in known:
        return None
    near = near_name(phrase, known)
    return f"is no phrase of ours{f': did you mean {near!r}?' if near else ''}"


def _fault_of_form(form: str, allowed: set[str]) -> str | None:
    if not form.strip():
        return "must not be empty"
    if _places(form) - allowed:
        names = ", ".join(f"%({name})s" for name in sorted(allowed)) or "none"
        return f"has a place that is not in the phrase (there: {names}); a percent sign is written %%"
    return None


def _places(text: str) -> set[str]:
    """The names of the places for values; a lone percent sign counts as one that nothing has."""
    return {match[1] or match[2] for match in _PLACES.finditer(text) if match[1] or match[2]}
