"""Whether the bytes of a mail pass every server unchanged: lines, line ends, encodings, parts."""

from __future__ import annotations

import re
from binascii import Error, a2b_base64
from collections.abc import Iterator

from mailer.checks.facts import Facts
from mailer.checks.finding import Fault, Level, Part, Place
from mailer.checks.rule import Family, Rule
from mailer.checks.wire import Entity, leaves

LONGEST_LINE = 998
"""Octets without the line end; RFC 5322, 2.1.1."""

LONGEST_QUOTED = 76
BAD_ESCAPE = re.compile(rb"=(?![0-9A-F]{2}|\r?\n|\Z)", re.IGNORECASE)
QUOTED = b"\t\r\n" + bytes(range(0x20, 0x7F))
NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=\s]")


def long_lines(facts: Facts) -> Iterator[Fault]:
    for mail in facts.mails:
        if longest_line(mail.raw) > LONGEST_LINE:
            yield Fault(f"a line of the message has more than {LONGEST_LINE} octets", Place(Part.HEADERS))


def longest_line(data: bytes) -> int:
    return max(map(len, data.replace(b"\r\n", b"\n").split(b"\n")))


def line_ends(facts: Facts) -> Iterator[Fault]:
    """A file that was saved with the line ends of Unix throughout is no fault of the mail."""
    for mail in facts.mails:
        returns, ends, both = (mail.raw.count(end) for end in (b"\r", b"\n", b"\r\n"))
        if returns and not returns == ends == both:
            yield Fault("a line of the message does not end with CR and LF together", Place(Part.HEADERS))


def encodings(facts: Facts) -> Iterator[Fault]:
    for mail in facts.mails:
        for part in leaves(mail.raw) if mail.raw else ():
            if words := misencoded(part):
                yield Fault(words, Place(Part.TEXT if part.type == "text/plain" else Part.HTML))


def misencoded(part: Entity) -> str:
    if part.encoding == "quoted-printable":
        body = part.body
        if longest_line(body) > LONGEST_QUOTED or BAD_ESCAPE.search(body) or body.translate(None, QUOTED):
            return "a part is not the quoted-printable that it says it is"
    elif part.encoding == "base64":
        if NOT_BASE64.search(part.body) or not decodes(part.body):
            return "a part is not the base64 that it says it is"
    elif part.encoding == "7bit":
        return "" if part.body.isascii() else "a part has 8-bit characters and says that it has none"
    elif part.encoding not in ("8bit", "binary"):
        return "a part has a transfer encoding that does not exist"
    return ""


def decodes(body: bytes) -> bool:
    try:
        a2b_base64(body)
    except Error:
        return False
    return True


def both_parts(facts: Facts) -> Iterator[Fault]:
    for mail in facts.mails:
        if not mail.raw:
            continue
        types = [part.type for part in leaves(mail.raw)]
        for name, place in (("text/plain", Part.TEXT), ("text/html", Part.HTML)):
            if name not in types:
                yield Fault(f"the message has no {name} part", Place(place))
        if "text/html" in types and "text/plain" in types and types.index("text/html") < types.index("text/plain"):
            yield Fault("the HTML comes before the text, so programs show the text", Place(Part.HTML))


RULES = (
    Rule(
        "long-lines",
        Family.BULK,
        Level.ERROR,
        "Servers cut or refuse lines of more than 998 octets (RFC 5322).",
        "encode the part as quoted-printable",
        long_lines,
    ),
    Rule(
        "line-ends",
        Family.BULK,
        Level.ERROR,
        "A line end that is half one is read in two ways, by which mails are smuggled, so servers refuse it.",
        "write CR LF at the end of every line",
        line_ends,
    ),
    Rule(
        "transfer-encoding",
        Family.BULK,
        Level.ERROR,
        "What is not encoded as it says arrives as other characters.",
        "encode the part as quoted-printable",
        encodings,
    ),
    Rule(
        "both-parts",
        Family.BULK,
        Level.WARNING,
        "A mail without a text part looks like spam, and some readers see nothing of it.",
        "send HTML and text as multipart/alternative, the text first",
        both_parts,
    ),
)
