"""The fixed phrases a template prints around the author's words, by language.

The words of every language are in `mailer/languages/`; here is which phrase a template calls by which name. A phrase
that carries a value is two phrases, before and after it (`why`, `why_end`), because the verb of a German or Urdu
sentence follows the list's name. None names the reader's gender: a list does not know it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from mailer.languages import LANGUAGES as LANGUAGES
from mailer.languages import Catalog, Phrase, marked, marked_in, nearest
from mailer.languages import direction as direction
from mailer.languages.own import Texts, offered, spoken
from mailer.render import confirm_labels

PHRASES: Mapping[str, Phrase] = {
    "act": marked("Take action"),
    "by": marked_in("before an author's name", "By"),
    "contact": marked("Contact"),
    "preferences": marked("Manage preferences"),
    "read_article": marked("Read the full story"),
    "read_more": marked("Read more"),
    "unsubscribe": marked("Unsubscribe"),
    "urgent": marked("Urgent"),
    "view_in_browser": marked("View in browser"),
    "website": marked("Website"),
    "why": marked_in("before a list's title", "You receive this email because you subscribed to"),
    "why_end": marked_in("after a list's title: You receive this email because you subscribed to", "."),
    **confirm_labels.PHRASES,
}


def labels_for(language: str, texts: Texts | None = None) -> Mapping[str, str]:
    """The phrases for a BCP 47 tag such as `pt-BR`: its region's, else its language's, else the English ones.

    `texts`: the organisation's own words, by language and English phrase.
    """
    if texts:
        return _said(spoken(language, texts))
    return _ours(nearest(language, offered({})) or "en")


@cache
def _ours(tag: str) -> Mapping[str, str]:
    return _said(spoken(tag, {}))


def _said(catalog: Catalog) -> Mapping[str, str]:
    return MappingProxyType({name: _phrase(catalog, phrase) for name, phrase in PHRASES.items()})


def _phrase(catalog: Catalog, phrase: Phrase) -> str:
    said = catalog.gettext(phrase) if isinstance(phrase, str) else catalog.pgettext(*phrase)
    return said.replace("%%", "%")  # own words write it so, as there may be places for values on a page
