"""The catalogs: `TAG.po` beside this module, read when a language is first asked for.

English needs none, its phrases are the keys. `pt-pt.po` has only what Portugal says otherwise than Brazil.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from types import MappingProxyType
from typing import TYPE_CHECKING

from mailer.languages.tags import nearest

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog as PoFile

Catalog = NullTranslations
"""What translates: `gettext`, `ngettext`, `pgettext`, `npgettext`."""

LANGUAGES: tuple[str, ...] = ("en", "es", "fr", "de", "pt", "ar", "ur")
REGIONS: tuple[str, ...] = ("pt-pt",)
SOURCE = "en"


Phrase = str | tuple[str, str]
"""What is translated: a phrase, or one with the context that tells it from the same words elsewhere."""


def marked(phrase: str) -> str:
    """Leaves a phrase as it is, and says that it is one: it is collected here, and translated where it is shown."""
    return phrase


def marked_in(context: str, phrase: str) -> tuple[str, str]:
    """The same for one that means something only where it stands."""
    return context, phrase


def translations(language: str) -> Catalog:
    """The words of the offered language that is nearest to that tag; English for one that is not offered."""
    return _catalog(nearest(language, (*LANGUAGES, *REGIONS)) or SOURCE)


@cache
def _catalog(tag: str) -> Catalog:
    from babel.messages.mofile import write_mo

    if tag == SOURCE:
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, read(tag))
    compiled.seek(0)
    found = GNUTranslations(compiled)
    if tag in REGIONS:
        found.add_fallback(_catalog(tag.partition("-")[0]))
    return found


def read(tag: str) -> PoFile:
    """The file of that tag, or the template of all (`messages`)."""
    from babel.messages.pofile import read_po

    suffix = "pot" if tag == "messages" else "po"
    with files(__package__).joinpath(f"{tag}.{suffix}").open("rb") as file:
        return read_po(file, locale=None if tag == "messages" else tag.replace("-", "_"), domain="messages")


@cache
def messages() -> Mapping[str, str | None]:
    """Every phrase -> its plural, None where it has none. What is said with a context is under the bare phrase."""
    found: dict[str, str | None] = {}
    for message in read("messages"):
        if message.id:
            one, many = message.id if isinstance(message.id, tuple | list) else (message.id, None)
            found[one] = many
    return MappingProxyType(found)
