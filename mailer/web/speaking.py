"""What pages say, in each language: phrases, own words of the organisation, days and numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from types import CodeType

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined, TemplateNotFound
from jinja2.bccache import Bucket
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import escape

from mailer.languages import Catalog
from mailer.languages.own import Texts, Words, offered, spoken

TEMPLATES = Path(__file__).parent / "templates"


class Shelves(FileSystemLoader):
    """Templates of these folders, the first that has one; a link that leads out of its folder is none."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        source, path, current = super().get_source(environment, template)
        if not any(Path(path).resolve().is_relative_to(Path(shelf).resolve()) for shelf in self.searchpath):
            raise TemplateNotFound(template)
        return source, path, current


COMPILED = 500
"""So many compiled pages are kept; own templates may be written anew again and again."""


class Compiled(BytecodeCache):
    """Pages as Jinja2 compiled them, kept by the process: it takes longer than filling one in."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            if len(self._kept) >= COMPILED:
                self._kept.clear()
            self._kept[bucket.key, bucket.checksum] = bucket.code


@lru_cache(maxsize=32)
def compiled(language: str, own: str) -> Compiled:
    """What is kept for pages of one language with these own words: phrases that are known are compiled in."""
    return Compiled()


class Speech:
    """Every language that pages are offered in. `names`: as its own speakers call it."""

    def __init__(self, texts: Texts) -> None:
        # What Jinja translates it takes for HTML, and own words are text.
        self._texts = {tag: {phrase: _escaped(own) for phrase, own in words.items()} for tag, words in texts.items()}
        self._own = json.dumps(self._texts, sort_keys=True)
        self.languages = offered(texts)
        # A region is matched, and not shown for a choice.
        self.names = {tag: own_name(tag) for tag in self.languages if "-" not in tag}

    def catalog(self, language: str) -> Catalog:
        """The words of that language, with the organisation's own over them."""
        return spoken(language, self._texts)

    def environment(self, language: str, folder: Path) -> Environment:
        """What makes pages of that language, of the templates in `folder` and else of ours."""
        made = ImmutableSandboxedEnvironment(
            loader=Shelves([folder, TEMPLATES]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
            bytecode_cache=compiled(language, self._own),
        )
        catalog, locale = self.catalog(language), locale_of(language)
        made.install_gettext_translations(catalog, newstyle=True)  # type: ignore[attr-defined]
        made.filters["translated"] = catalog.gettext
        made.filters["day"] = lambda when: spoken_day(when, locale)
        made.filters["moment"] = lambda when: format_datetime(when, "long", locale=locale)
        made.filters["number"] = lambda number: format_decimal(number, locale=locale)
        return made


def _escaped(words: Words) -> Words:
    return escape(words) if isinstance(words, str) else [escape(form) for form in words]


def spoken_day(when: date | datetime, locale: Locale) -> str:
    return format_date(when, "long", locale=locale)


def locale_of(language: str) -> Locale:
    """How that language writes days and numbers; as English does where nobody knows."""
    try:
        return Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en")


def own_name(language: str) -> str:
    """`de` -> Deutsch."""
    locale = locale_of(language)
    name = locale.get_display_name() if locale.language == language.partition("-")[0].lower() else None
    return name[:1].upper() + name[1:] if name else language
