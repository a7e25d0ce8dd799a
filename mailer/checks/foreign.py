"""What belongs to web pages: mail programs take it out, and filters distrust it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailer.checks.caniemail.readers import reached
from mailer.checks.cssfeatures import is_extra
from mailer.checks.document import Document, Element, short
from mailer.checks.facts import Facts, Mail
from mailer.checks.finding import Fault, Level, Part, Place
from mailer.checks.rule import Family, Rule
from mailer.checks.support import per_cent

GMAIL_STYLES = 16 * 1024
"""Bytes of a style block from which Gmail leaves the whole block out (github.com/hteumeuleu/email-bugs/issues/90)."""

DATA = "ld+json"
"""The kind of script that is none: what a mail is about, for programs (schema.org)."""

EMBEDDED = ("iframe", "object", "embed", "applet", "frameset")
CONTROLS = frozenset({"text", "email", "tel", "number", "search", "date", "url", "submit", "password", "file"})
FONTS = re.compile(
    r"//(?:fonts\.(?:googleapis|bunny|gstatic)\.|use\.typekit\.|use\.fontawesome\.|fast\.fonts\.net|cloud\.typography\."
    r"|[\w.-]*\.myfonts\.)|fonts?\.css",
    re.IGNORECASE,
)
IMPORT = re.compile(r"@import(?![\w-])\s*+(?:url\(\s*+)?['\"]?([^'\")\s;]+)", re.IGNORECASE)
FONT_FILE = re.compile(r"@font-face\s*\{[^{}]*url\(\s*+['\"]?(https?:[^'\"){]+)", re.IGNORECASE)


def active_content(facts: Facts) -> Iterator[Fault]:
    for mail in facts.mails:
        document = mail.document
        for element in document.tagged("script"):
            if DATA not in (element.get("type") or ""):
                yield Fault("no mail program runs scripts", document.place(element, "<script>"))
        for element in document.tagged(*EMBEDDED):
            yield Fault("mail programs show nothing embedded", document.place(element, f"<{element.tag}>"))
        for element, attributes in zip(document.elements, document.attributes, strict=True):
            if handler := next((name for name, _ in attributes if name.startswith("on")), ""):
                yield Fault("no mail program runs scripts", document.place(element, f"<{element.tag} {handler}>"))
        for element in document.tagged("meta"):
            if (element.get("http-equiv") or "").lower() == "refresh":
                yield Fault("no mail program goes to another page by itself", document.place(element, "<meta refresh>"))


def forms(facts: Facts) -> Iterator[Fault]:
    """Check boxes without a form are a way to make things fold, which many templates do with a fallback."""
    for mail in facts.mails:
        document = mail.document
        found = next(document.tagged("form"), None)
        if found is None:
            found = next(filter(is_control, document.tagged("input", "select", "textarea")), None)
        if found is not None:
            lacking = reached("html-form", facts.clients).lacking
            message = f"forms do not work for {per_cent(lacking)}" if lacking >= 1 else "forms do not work everywhere"
            yield Fault(f"{message}, and filters distrust them", document.place(found, f"<{found.tag}>"))


def is_control(element: Element) -> bool:
    return element.tag != "input" or (element.get("type") or "text").lower() in CONTROLS


def external_css(facts: Facts) -> Iterator[Fault]:
    for mail in facts.mails:
        for address, place in stylesheets(mail.document):
            if not FONTS.search(address):
                yield Fault("styles in another file are not loaded", place)


def web_fonts(facts: Facts) -> Iterator[Fault]:
    """Said once for a mail: templates name a font in two ways, for programs that know only one."""
    for mail in facts.mails:
        places = [place for address, place in stylesheets(mail.document) if FONTS.search(address)]
        files = ((each, FONT_FILE.search(each.text or "")) for each in mail.document.styles)
        places += [inside(element, found, mail.document) for element, found in files if found]
        if places:
            yield Fault("a font is loaded from another's server, which learns who reads", places[0])


def stylesheets(document: Document) -> Iterator[tuple[str, Place]]:
    """The address of each style sheet that is elsewhere."""
    for element in document.tagged("link"):
        if "stylesheet" in (element.get("rel") or "").lower() and (address := element.get("href")):
            yield address, document.place(element, address)
    for element in document.styles:
        for found in IMPORT.finditer(element.text or ""):
            yield found[1], inside(element, found, document)


def inside(element: Element, found: re.Match[str], document: Document) -> Place:
    """Where something stands in a style block."""
    place = document.place(element)
    lines = found.string.count("\n", 0, found.start(1))
    return Place(Part.HTML, place.line + lines, short(found[1]), place.element)


def style_size(facts: Facts) -> Iterator[Fault]:
    for mail in facts.mails:
        for element in mail.document.styles:
            if (size := len((element.text or "").encode())) > GMAIL_STYLES:
                message = f"a style block has {size:,} bytes; Gmail leaves out those of more than {GMAIL_STYLES:,}"
                yield Fault(message, mail.document.place(element))


def style_place(facts: Facts) -> Iterator[Fault]:
    for mail in facts.mails:
        document = mail.document
        at_head = {(each.text or "").strip() for each in document.styles if not in_body(each)}
        for element in document.styles:
            if (text := (element.text or "").strip()) and text not in at_head:
                level = Level.NOTE if is_extra(text) else None
                yield Fault("Gmail leaves out styles that stand in the body", document.place(element), level=level)


def in_body(element: Element) -> bool:
    return any(parent.tag == "body" for parent in element.iterancestors())


def amp(facts: Facts) -> Iterator[Fault]:
    for mail in facts.mails:
        if is_amp(mail):
            readers = reached("amp", facts.clients)
            share = f" by {per_cent(100 - readers.lacking)} at most" if facts.clients else ""
            yield Fault(f"the AMP part is shown{share}, and only of senders that are registered", Place(Part.HTML))


def is_amp(mail: Mail) -> bool:
    marks = ("amp4email", "⚡4email")
    return b"text/x-amp-html" in mail.raw or any(name in mail.document.root.attrib for name in marks)


RULES = (
    Rule(
        "active-content",
        Family.CLIENTS,
        Level.WARNING,
        "Mail programs take out what is active in web pages, and filters take it for an attack.",
        "take it out, and link to a page that has it",
        active_content,
    ),
    Rule(
        "forms",
        Family.CLIENTS,
        Level.WARNING,
        "Many mail programs show forms that do nothing.",
        "link to a page with the form",
        forms,
    ),
    Rule(
        "external-css",
        Family.CLIENTS,
        Level.WARNING,
        "Gmail and others load no styles from elsewhere, so the mail stands there without any.",
        "put the styles into the mail",
        external_css,
    ),
    Rule(
        "web-fonts",
        Family.CLIENTS,
        Level.NOTE,
        "Few mail programs load fonts, and whose server it is can count the readers.",
        "use fonts that readers have, such as Arial, Georgia or Verdana",
        web_fonts,
    ),
    Rule(
        "style-size",
        Family.CLIENTS,
        Level.WARNING,
        "Gmail leaves out large style blocks altogether.",
        "divide the block, and take out what no element uses",
        style_size,
    ),
    Rule(
        "style-place",
        Family.CLIENTS,
        Level.WARNING,
        "Gmail reads style blocks in the head only.",
        "move the style block into the head",
        style_place,
    ),
    Rule(
        "amp",
        Family.CLIENTS,
        Level.NOTE,
        "AMP is another mail beside the mail, which few programs show.",
        "everything that matters must be in the HTML as well",
        amp,
    ),
)
