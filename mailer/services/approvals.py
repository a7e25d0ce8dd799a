"""What the approvals of an issue come to.

What is kept is never simply believed: each time it is weighed against the settings of now, and a signature is verified.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy.engine import Connection

from mailer.config import Settings
from mailer.config.approval import Approval
from mailer.errors import CheckError
from mailer.model import IssueChange
from mailer.services.whoami import user_name
from mailer.store import approvals as stored
from mailer.store import issues as stored_issues
from mailer.store.approvals import StoredApproval
from mailer.wording import counted

SHOWN: Final = 12
"""So much of a hash is shown, and the least that may be said of it."""

USER: Final = "user"
KEY: Final = "key"


@dataclass(frozen=True, slots=True)
class Voice:
    """One approval, and why it does not count where it does not."""

    who: str
    how: str
    at: datetime
    hash: str
    not_counted: str = ""

    @property
    def words(self) -> str:
        return f"{self.who}, {'by key' if self.how == KEY else 'as user'}, {self.at:%Y-%m-%d %H:%M} UTC"

    @property
    def told(self) -> str:
        return f"{self.words} (not counted: {self.not_counted})" if self.not_counted else self.words


@dataclass(frozen=True, slots=True)
class Approvals:
    """What was approved of an issue as it is now. `may`: whose word would still count; `keyed`: with a key only."""

    name: str
    hash: str
    required: int
    voices: tuple[Voice, ...] = ()
    may: tuple[str, ...] = ()
    keyed: bool = False

    @property
    def counting(self) -> tuple[Voice, ...]:
        return tuple(voice for voice in self.voices if not voice.not_counted)

    @property
    def missing(self) -> int:
        return max(0, self.required - len(self.counting))

    @property
    def lines(self) -> list[str]:
        """For a person; none where nobody has to approve and nobody did."""
        if not self.required and not self.counting:
            return []
        first = f"{len(self.counting)} of {self.required}" if self.required else "not required"
        return [first, *(voice.told for voice in self.voices)]


def statement_of(issue: str, content: str, who: str, at: datetime) -> str:
    """What is approved, word for word: this is what a key signs."""
    when = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"I approve that this issue is sent.\nissue: {issue}\nhash: {content}\nwho: {who}\nat: {when}\n"


def weighed(
    settings: Approval, rows: Iterable[StoredApproval], name: str, content: str, sender: str | None
) -> Approvals:
    """What these approvals come to for this content. Nobody is the `sender` where that is None."""
    voices: list[Voice] = []
    heard: set[str] = set()
    for row in rows:
        if row.withdrawn_at is not None:
            continue
        why = fault_of(settings, row, content, sender) or ("they said so before" if row.who in heard else "")
        if not why:
            heard.add(row.who)
        voices.append(Voice(row.who, row.how, row.at, row.hash, why))
    may = {who: each for who, each in settings.people.items() if each.user != sender and who not in heard}
    keyed = bool(may) and all(each.key for each in may.values())
    return Approvals(name, content, settings.required, tuple(voices), tuple(may), keyed)


def fault_of(settings: Approval, row: StoredApproval, content: str, sender: str | None) -> str:
    """Why an approval does not count; empty when it does."""
    if row.hash != content:
        return "it was of other content"
    if row.statement != statement_of(row.issue, row.hash, row.who, row.at):
        return "it is not as it was written down"
    if not settings.people:
        return _fault_of_user(row, sender)
    person = settings.people.get(row.who)
    if person is None:
        return "nobody of that name approves any more"
    if sender is not None and person.user == sender:
        return "they send it themselves"
    if person.key:
        from mailer.services.sshkeys import is_signed  # loads a library that nobody needs without

        valid = row.how == KEY and is_signed(person.public, row.statement, row.signature)
        return "" if valid else "it is not signed with their key"
    return "" if row.how == USER else "they have no key any more"


def _fault_of_user(row: StoredApproval, sender: str | None) -> str:
    if row.how != USER:
        return "no key is in the settings"
    return "they send it themselves" if row.who == sender else ""


def approvals_of(
    connection: Connection, settings: Settings, issue: tuple[str, str], sender: str | None = None
) -> Approvals:
    """What was approved of an issue, which is its name and the hash of what would be sent."""
    return weighed(settings.approval, stored.of(connection, issue[0]), *issue, sender)


def must_be_approved(connection: Connection, settings: Settings, issue: tuple[str, str]) -> Approvals:
    """For whoever writes an issue down, in that transaction. CheckError when somebody's word is missing."""
    known = approvals_of(connection, settings, issue, user_name())
    refuse_unapproved(known)
    return known


def log_approvals(connection: Connection, known: Approvals, now: datetime) -> None:
    """Into the history of an issue that was written down: on whose word."""
    if known.counting:
        number = stored_issues.number(connection, known.name)
        for voice in known.counting:
            stored_issues.log(connection, number, IssueChange.APPROVED, now, f"by {voice.words}")


def refuse_unapproved(known: Approvals) -> None:
    """CheckError says who may approve what, and how."""
    if not known.missing:
        return
    given = ", ".join(voice.who for voice in known.counting) or "none"
    message = f"{known.name}: needs {counted(known.required, 'approval')} of its content as it is now, has {given}"
    if others := [voice for voice in known.voices if voice.not_counted]:
        message += f" ({others[-1].who}'s does not count: {others[-1].not_counted})"
    whose = " or ".join(known.may) or "another user"
    key = " --key FILE" if known.keyed else ""
    raise CheckError(message, hint=f"for {whose}: mailer approve {known.name} --hash {known.hash[:SHOWN]}{key}")


def unapproved_words(connection: Connection, settings: Settings, issue: tuple[str, str]) -> str:
    """Why an issue that was written down must not begin or go on; empty when it may. Who sends was weighed then."""
    known = approvals_of(connection, settings, issue)
    return f"it has {len(known.counting)} of {counted(known.required, 'approval')}" if known.missing else ""
