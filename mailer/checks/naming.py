"""What pictures and links are called by who does not see them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailer.checks.document import Element, visible
from mailer.checks.facts import Facts
from mailer.checks.finding import Fault, Level
from mailer.checks.reading import name_of, shown, written
from mailer.checks.rule import Family, Rule

LONGEST_ALT = 150

FILE_NAME = re.compile(
    r"\S+\.(png|jpe?g|gif|webp|avif|svg|heic|bmp)|(img|dsc|image|pic|screenshot)[ _-]?\d+", re.IGNORECASE
)
PICTURE_OF = re.compile(
    r"(an?\s+|the\s+)?(image|picture|photo|photograph|graphic|icon)\s+(of|showing)\b|(ein\s+)?(bild|foto)\s+(von|der|des)\b"
    r"|(une\s+)?(image|photo)\s+(de|du|des)\b|(una\s+)?(imagen|foto)\s+de\b|(uma\s+)?(imagem|foto)\s+(de|do|da)\b"
    r"|صورة\s|.*کی\s+تصویر",
    re.IGNORECASE,
)
NO_WORDS = frozenset(
    {
        "image", "img", "picture", "photo", "graphic", "icon", "banner", "spacer", "alt", "alt text", "untitled",
        "placeholder", "bild", "foto", "grafik", "imagen", "imagem", "photographie", "صورة", "تصویر",
    }
)  # fmt: skip
"""Alternative texts that say nothing."""

GENERIC = frozenset(
    {
        # English
        "click", "click here", "click this link", "tap here", "here", "link", "this link", "this page", "this", "more",
        "read more", "read on", "learn more", "find out more", "see more", "view more", "more info", "more information",
        "details", "continue", "continue reading", "go", "discover more", "get more", "show more",
        # German
        "hier", "hier klicken", "klick hier", "klicken sie hier", "klicke hier", "mehr", "mehr lesen", "weiterlesen",
        "mehr erfahren", "erfahren sie mehr", "erfahre mehr", "weiter", "mehr dazu", "mehr infos",
        "mehr informationen", "dieser link", "zum link",
        # French
        "ici", "cliquez ici", "cliquer ici", "clique ici", "plus", "lire plus", "lire la suite", "en savoir plus",
        "savoir plus", "voir plus", "la suite", "ce lien", "lien", "plus d'infos", "plus d'informations", "détails",
        # Spanish
        "aquí", "clic aquí", "haz clic aquí", "haga clic aquí", "pincha aquí", "pulsa aquí", "más", "leer más",
        "ver más", "saber más", "más información", "este enlace", "enlace", "seguir leyendo", "detalles",
        # Portuguese
        "aqui", "clique aqui", "clica aqui", "carregue aqui", "mais", "ler mais", "leia mais", "saiba mais",
        "saber mais", "ver mais", "veja mais", "mais informações", "este link", "continuar a ler", "detalhes",
        # Arabic
        "هنا", "انقر هنا", "اضغط هنا", "المزيد", "اقرأ المزيد", "للمزيد", "اعرف المزيد", "هذا الرابط", "الرابط",
        "تابع القراءة", "التفاصيل",
        # Urdu
        "یہاں", "یہاں کلک کریں", "کلک کریں", "مزید", "مزید پڑھیں", "مزید جانیں", "یہ لنک", "لنک", "تفصیل", "تفصیلات",
    }
)  # fmt: skip
"""Names of links that say nothing of where they lead, in the languages that mails of this program are in."""

EDGES = " \u00a0.,:;!?…\"'“”„«»‹›<>()[]→←↗⟶➔➜►▶▸⇒-\u2013\u2014|*؟،۔"


def no_alt(facts: Facts) -> Iterator[Fault]:
    for mail in written(facts):
        document = mail.document
        for image in document.images:
            if image.alt is None and shown(document, image.element):
                yield Fault("a picture has no alternative text", document.place(image.element, image.src))


def poor_alt(facts: Facts) -> Iterator[Fault]:
    for mail in written(facts):
        document = mail.document
        for image in document.images:
            if image.alt and (message := fault_of(image.alt.strip(), image.src)):
                yield Fault(message, document.place(image.element, image.alt))


def fault_of(alt: str, src: str) -> str:
    """What is wrong with an alternative text; empty for nothing."""
    if alt and (FILE_NAME.fullmatch(alt) or alt == file_of(src)):
        return "an alternative text is the name of a file"
    if PICTURE_OF.match(alt):
        return "an alternative text says that it is a picture"
    if alt.lower() in NO_WORDS:
        return "an alternative text says nothing"
    return f"an alternative text is longer than {LONGEST_ALT} letters" if len(alt) > LONGEST_ALT else ""


def file_of(src: str) -> str:
    """`https://example.org/img/river-3.png?w=600` -> `river-3`, if that is no word on its own."""
    name = re.split(r"[?#]", src)[0].rpartition("/")[2].rpartition(".")[0]
    return name if re.search(r"[\d_-]", name) else ""


def nameless(facts: Facts) -> Iterator[Fault]:
    for mail in written(facts):
        document = mail.document
        for link in document.links:
            named = name_of(link.element) or labelled(link.element) or around_table(link.element)
            if not named and shown(document, link.element):
                picture = next(link.element.iter("img"), None) is not None
                what = "a link is a picture without alternative text" if picture else "a link has no words"
                yield Fault(what, document.place(link.element, link.href))


def around_table(element: Element) -> bool:
    """Whether it was around a table: libxml2 ends a link before one, browsers do not."""
    after = element.getnext()
    return after is not None and after.tag == "table" and not (element.tail or "").strip()


def labelled(element: Element) -> bool:
    """Whether another element has the words for it."""
    wanted = (element.get("aria-labelledby") or "").split()
    return bool(wanted) and any(each.get("id") in wanted and visible(each) for each in element.getroottree().iter("*"))


def generic(facts: Facts) -> Iterator[Fault]:
    for mail in written(facts):
        document = mail.document
        for link in document.links:
            name = name_of(link.element)
            if name.lower().strip(EDGES) in GENERIC and not labelled(link.element) and shown(document, link.element):
                yield Fault("a link does not say where it leads", document.place(link.element, name))


RULES = (
    Rule(
        "no-alt",
        Family.ACCESSIBILITY,
        Level.WARNING,
        "Of a picture without alternative text a screen reader says the name of the file, letter by letter.",
        'say what the picture shows, or alt="" where it only adorns',
        no_alt,
    ),
    Rule(
        "poor-alt",
        Family.ACCESSIBILITY,
        Level.WARNING,
        "An alternative text stands for the picture wherever it is not seen.",
        "say in a sentence what the picture shows",
        poor_alt,
    ),
    Rule(
        "empty-link",
        Family.ACCESSIBILITY,
        Level.WARNING,
        "Of a link without words a screen reader says the address.",
        "write words into it, or an alternative text for its picture; take it out if it leads nowhere",
        nameless,
    ),
    Rule(
        "generic-link",
        Family.ACCESSIBILITY,
        Level.WARNING,
        "Who jumps from link to link hears only their words.",
        "say where it leads, or add an aria-label that does",
        generic,
    ),
)
