"""A file on its own: HTML, MJML, or a whole mail as .eml. It is nobody's issue, so much about it is not known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from email import policy
from email.headerregistry import HeaderRegistry
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from mailer.checks.facts import Facts, Mail
from mailer.checks.finding import Finding, Part, Source
from mailer.checks.locate import Written
from mailer.checks.run import check
from mailer.config.checks import Checks
from mailer.errors import IssueFileError, Mistake, NotFoundError, TemplateError, UsageError
from mailer.render.mjml import compile_mjml
from mailer.services.checking.asking import Tell, asked_for_file
from mailer.services.checking.check import Checked, checked
from mailer.services.checking.levels import levels_of

LARGEST = 20 * 1024 * 1024
"""Bytes of a file that is looked at."""

LONGEST_HEADER = 2000
"""Letters of a header that are taken apart; what takes one apart needs the square of its length."""

NOT_OF_MAILS = frozenset({"punycode", "idna", "unicode_escape", "unicode-escape", "raw_unicode_escape", "undefined"})
"""Encodings that Python knows and no mail has; the first takes minutes for a page."""

_headers = HeaderRegistry()
READABLE = policy.default.clone(header_factory=lambda name, value: _headers(name, value[:LONGEST_HEADER]))


def check_file(path: Path, settings: Checks, now: datetime, tell: Tell | None = None) -> Checked:
    """Everything the rules find in a file. Its links are asked where `tell` hears of it, but never those of a mail
    that somebody got: they are that person's."""
    ending = path.suffix.lower()
    facts = Facts(now=now, mails=(READERS[ending](data_of(path), str(path)),), clients=settings.clients)
    if tell and ending != ".eml":
        facts = asked_for_file(facts, settings, tell)
    written = Written(str(path), data_of(path).decode("utf-8", "replace"))
    findings = check(facts, levels_of(settings))
    return checked(path.name, str(path), [replace(each, source=source_in(written, each)) for each in findings])


def source_in(written: Written, finding: Finding) -> Source:
    """The line of the file where it is; the first where only the file as a whole is meant."""
    place = finding.place
    if place is None:
        return Source(written.file, 1)
    by_line = place.line if place.part is Part.HTML and written.file.lower().endswith((".html", ".htm")) else 0
    return Source(written.file, by_line or written.line(place.excerpt) or written.near(place.excerpt) or 1)


def is_file(name: str) -> bool:
    """Whether a name is that of a file to be looked at on its own, by its ending."""
    return Path(name).suffix.lower() in READERS


def data_of(path: Path) -> bytes:
    if not path.is_file():  # a pipe would be waited for
        raise NotFoundError(f"there is no file {path}", hint="mailer check FILE.html, or the name of an issue")
    if path.stat().st_size > LARGEST:
        raise UsageError(f"{path} has more than {LARGEST // 1024 // 1024} MB: that is no mail")
    if not (data := path.read_bytes()).strip():
        raise IssueFileError(str(path), [Mistake(1, "the file is empty")], hint="save the whole mail in it")
    return data


def html_file(data: bytes, label: str) -> Mail:
    return Mail(label, html=text_of(data, label))


def mjml_file(data: bytes, label: str) -> Mail:
    try:
        return Mail(label, html=compile_mjml(text_of(data, label)))
    except TemplateError as error:
        raise TemplateError(error.message, name=label, line=error.line, hint=error.hint) from None


def mail_file(data: bytes, label: str) -> Mail:
    """A whole mail, as it was sent or received."""
    try:
        message = BytesParser(policy=READABLE).parsebytes(data)
        subject = whole(str(message["Subject"] or ""))
        return Mail(label, subject, "", content_of(message, "html"), content_of(message, "plain"), data)
    except (RecursionError, UnicodeError):  # brackets thousands deep, or half a letter in a header
        raise UsageError(f"{label}: that mail cannot be taken apart") from None


def content_of(message: EmailMessage, kind: str) -> str:
    """The text of a part; what is not in the encoding that it names is read as far as it goes."""
    part = message.get_body((kind,))
    if part is None:
        return ""
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    charset = part.get_content_charset("utf-8")
    try:
        text = data.decode("utf-8" if charset in NOT_OF_MAILS else charset, "replace")
    except (LookupError, UnicodeError):  # an encoding that nobody knows, or none of texts
        text = data.decode("utf-8", "replace")
    return whole(text)


def whole(text: str) -> str:
    """Without halves of letters, which some encodings have and nothing can be done with."""
    return text.encode(errors="replace").decode()


def text_of(data: bytes, label: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise IssueFileError(label, [Mistake(line, "the file is not UTF-8")], hint="save it as UTF-8") from None


READERS: dict[str, Callable[[bytes, str], Mail]] = {
    ".html": html_file,
    ".htm": html_file,
    ".mjml": mjml_file,
    ".eml": mail_file,
}
