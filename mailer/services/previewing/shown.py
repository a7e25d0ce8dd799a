"""What the preview is asked for, and what it shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mailer.checks.facts import Mail
from mailer.checks.finding import Finding
from mailer.model import MailingList, Recipient
from mailer.services.prepare import Prepared
from mailer.services.previewing.readers import MADE_UP, Reader
from mailer.services.previewing.trouble import Trouble
from mailer.services.writer import MailWriter

SNIPPET: Final = 300
"""Letters; more than an inbox has room for."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to show: as which reader, in which language, through which list; empty for the issue's own."""

    reader: str = MADE_UP
    language: str = ""
    list_name: str = ""


@dataclass(frozen=True, slots=True)
class Compiled:
    """An issue in one language, and those as whom it can be looked at. `seconds`: how long it took."""

    prepared: Prepared
    writer: MailWriter
    people: Sequence[Recipient]
    readers: tuple[Reader, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class View:
    """One mail, as the page shows it. `current`: it is made of the files as they are now."""

    number: int
    mail: Mail
    sender: str
    reader: Reader
    language: str
    direction: str
    hash: str
    seconds: float
    compiling: float
    current: bool

    @property
    def snippet(self) -> str:
        """What an inbox shows after the subject."""
        return " ".join(f"{self.mail.preheader} {self.mail.text}".split())[:SNIPPET]


@dataclass(frozen=True, slots=True)
class Judged:
    """What `plan` says of an issue, for the mail that is shown. `approvals`: a line for each, and what is missing."""

    findings: tuple[Finding, ...] = ()
    recipients: int = 0
    approvals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """What holds for every view. `generation` counts the times that files were read."""

    name: str
    generation: int
    troubles: tuple[Trouble, ...]
    language: str
    languages: tuple[str, ...]
    lists: tuple[MailingList, ...]
    readers: tuple[Reader, ...]
    variants: tuple[str, ...] = ()
    """Of a test with several subjects or texts; the program has none yet."""
