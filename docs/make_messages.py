"""The phrases of pages and mails, collected from templates and modules, and put into every catalog.

    python docs/make_messages.py            write mailer/languages/messages.pot, and new phrases into each .po
    python docs/make_messages.py --check    say what is missing; the exit code is 1 then

A phrase that is new stands in each catalog without a translation, for a person to write it there. One that is used
nowhere any more is left out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import write_po

from mailer.languages.catalogs import LANGUAGES, REGIONS, SOURCE, read

PACKAGE = Path(__file__).parent.parent / "mailer"
CATALOGS = PACKAGE / "languages"
TEMPLATES = PACKAGE / "web" / "templates"
HEADER = "# What pages and mails say. Written by docs/make_messages.py; translations are written by people."
# How phrases are marked in modules; in templates gettext's own names do.
KEYWORDS: Any = {"marked": None, "marked_in": ((1, "c"), 2)}
JINJA = {"extensions": "jinja2.ext.i18n", "trimmed": "true", "silent": "false", "newstyle_gettext": "true"}


def collected() -> Catalog:
    """Every phrase that a template or a module says."""
    found = Catalog(domain="messages", header_comment=HEADER, fuzzy=False, charset="utf-8")
    for place, phrase, context in phrases():
        found.add(phrase, None, locations=[(place, 0)], context=context)
    return found


def phrases() -> Iterator[tuple[str, Any, str | None]]:
    """Each phrase with the file it stands in, and its context."""
    for path in sorted((*PACKAGE.rglob("*.py"), *TEMPLATES.rglob("*.html"))):
        place = path.relative_to(PACKAGE.parent).as_posix()
        if path.suffix == ".py":
            rows = extract_from_file("python", path, keywords=KEYWORDS)
        else:
            rows = extract_from_file("jinja2.ext:babel_extract", path, options=JINJA)
        for _, phrase, _, context in rows:
            yield place, phrase, context


def renewed(tag: str, template: Catalog) -> Catalog:
    """The catalog of that language with the phrases of now. A region keeps those that it says otherwise."""
    try:
        before = read(tag)
    except FileNotFoundError:
        before = Catalog(locale=tag.replace("-", "_"))
    after = Catalog(locale=tag.replace("-", "_"), header_comment=HEADER, fuzzy=False, charset="utf-8")
    for message in template:
        if not message.id:
            continue
        old = before.get(message.id, message.context)
        if tag not in REGIONS or (old is not None and any_words(old.string)):
            words = old.string if old is not None else None
            after.add(message.id, words, locations=message.locations, context=message.context)
    return after


def any_words(words: Any) -> bool:
    return any(words) if isinstance(words, tuple | list) else bool(words)


def missing(tag: str, template: Catalog) -> list[str]:
    """The phrases that a catalog does not say, or says only for some numbers."""
    catalog, found = read(tag), []
    for message in template:
        if message.id and tag not in REGIONS:
            own = catalog.get(message.id, message.context)
            words = own.string if own is not None else ""
            if not (all(words) if isinstance(words, tuple | list) else words):
                found.append(str(message.id))
    return found


def written(catalog: Catalog) -> bytes:
    """The file, without what changes by itself."""
    out = BytesIO()
    write_po(out, catalog, width=120, include_lineno=False, sort_output=True, omit_header=False)
    changing = (b'"POT-Creation-Date', b'"PO-Revision-Date', b'"Generated-By', b'"Report-Msgid', b'"Last-Translator')
    lines = [
        line
        for line in out.getvalue().splitlines()
        if not line.startswith((*changing, b'"Project-Id', b'"Language-Team'))
    ]
    return b"\n".join(lines) + b"\n"


def main(words: list[str]) -> int:
    template = collected()
    files = {CATALOGS / "messages.pot": written(template)}
    files |= {
        CATALOGS / f"{tag}.po": written(renewed(tag, template)) for tag in (*LANGUAGES, *REGIONS) if tag != SOURCE
    }
    stale = [path for path, data in files.items() if not path.is_file() or path.read_bytes() != data]
    if "--check" not in words:
        for path in stale:
            path.write_bytes(files[path])
    faults = [f"{path.name} is out of date: make messages" for path in stale if "--check" in words]
    for tag in (*LANGUAGES, *REGIONS):
        if tag != SOURCE:
            faults += [f"{tag}.po does not say {phrase!r}" for phrase in missing(tag, template)]
    sys.stderr.write("".join(f"{fault}\n" for fault in faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
