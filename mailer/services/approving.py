"""A second person looks at an issue before it goes: giving an approval, and taking it back.

An approval is of one content and one rule of who gets it, by the hash that `plan` shows: any edit makes another.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy.engine import Connection

from mailer.config.approval import Approval
from mailer.errors import ConflictError, UsageError
from mailer.model import IssueChange, IssueState
from mailer.services.approvals import KEY, SHOWN, USER, Approvals, Voice, approvals_of, statement_of
from mailer.services.prepare import prepare
from mailer.services.program import Program
from mailer.services.sshkeys import private_key, public_bytes, signed
from mailer.services.whoami import user_name
from mailer.store import approvals as stored
from mailer.store import issues as stored_issues
from mailer.store.approvals import Given
from mailer.store.database import hold, shut_door
from mailer.store.scheduling import unschedule
from mailer.store.tables import issues
from mailer.wording import quoted

HASH: Final = re.compile(rf"[0-9a-f]{{{SHOWN},64}}")

OVER: Final = (IssueState.SENT, IssueState.CANCELLED)

Signing = Callable[[str], str]
"""Makes the signature over words; of a user there is none."""


@dataclass(frozen=True, slots=True)
class Approved:
    """An approval that was given. `already`: it was there before."""

    voice: Voice
    already: bool
    approvals: Approvals


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What taking back did. `unscheduled`: it was scheduled, and is a draft again."""

    name: str
    who: str
    number: int
    unscheduled: bool


@dataclass(frozen=True, slots=True)
class Signer:
    """Whoever approves: the bytes of their private key, and its passphrase; nothing of it for a user."""

    key: bytes = b""
    passphrase: str | None = None


def approve(program: Program, name: str, content: str, signer: Signer = Signer()) -> Approved:
    """Approve what has this hash, or a hash that begins so. ConflictError when the issue is another one now."""
    content = content.strip().lower()
    if not HASH.fullmatch(content):
        raise UsageError(f"{quoted(content)} is no hash of an issue", hint=f"mailer plan {name} shows it")
    settings, now = program.settings.approval, program.now().replace(microsecond=0)
    who, sign = speaker(settings, signer)
    hashes = hashes_of(program, name)
    whole = next((each for each in hashes if each.startswith(content)), None)
    if whole is None:
        raise ConflictError(
            f"{name} is not {content[:SHOWN]} but {hashes[0][:SHOWN]} now: {changed_last(program, name)}",
            hint=f"look at it as it is: mailer plan {name}, mailer preview {name}",
        )
    words = statement_of(name, whole, who, now)
    given = Given(name, whole, who, KEY if signer.key else USER, words, sign(words), now)
    with program.store.write() as connection:
        before = approvals_of(connection, program.settings, (name, whole)).counting
        same = next((voice for voice in before if voice.who == who), None)
        if same is None:
            stored.add(connection, given)
            log_late(connection, given)
        after = approvals_of(connection, program.settings, (name, whole))
    voice = same or next(voice for voice in reversed(after.voices) if voice.who == who)
    return Approved(voice, same is not None, after)


def log_late(connection: Connection, given: Given) -> None:
    """One that was given when the issue had been written down already belongs into its history at once."""
    row = stored_issues.get(connection, given.issue)
    if row is not None and row.hash == given.hash:
        voice = Voice(given.who, given.how, given.at, given.hash)
        stored_issues.log(connection, row.id, IssueChange.APPROVED, given.at, f"by {voice.words}")


def withdraw(program: Program, name: str, signer: Signer = Signer()) -> Withdrawn:
    """Take back one's approvals of an issue. A scheduled one is a draft again; ConflictError once it has begun."""
    who, _ = speaker(program.settings.approval, signer)
    with program.store.write() as connection:
        # Who writes an issue down at this moment has one of the two, and is waited for.
        shut_door(connection)
        hold(connection, issues)
        row = stored_issues.get(connection, name)
        if row is not None and row.state is not IssueState.SCHEDULED:
            raise ConflictError(
                f"{name} is {row.state.value} already; what was approved cannot be taken back",
                hint=f"mailer pause {name} or mailer cancel {name} stops what has not left",
            )
        theirs = stored.withdraw(connection, name, who, program.now())
        if not theirs:
            raise ConflictError(f"{who} approved nothing of {name}", hint=f"mailer plan {name} shows who did")
        unscheduled = row is not None and row.hash in theirs
        if unscheduled:
            unschedule(connection, name, program.now())
    return Withdrawn(name, who, len(theirs), unscheduled)


def speaker(settings: Approval, signer: Signer) -> tuple[str, Signing]:
    """Whose word it is, and what signs it. UsageError when it would be nobody's."""
    if signer.key:
        return _holder(settings, signer)
    user = user_name()
    if not settings.people:
        return user, unsigned
    for who, person in settings.people.items():
        if person.user == user and person.key:
            raise UsageError(f"{who} approves with a key", hint="--key FILE names the file of its private half")
        if person.user == user:
            return who, unsigned
    raise UsageError(
        f"the user {user} is nobody of [approval.people]",
        hint=f"who may approve: {', '.join(settings.people)}; with a key: --key FILE",
    )


def _holder(settings: Approval, signer: Signer) -> tuple[str, Signing]:
    key = private_key(signer.key, signer.passphrase)
    if key is None:
        raise UsageError("that key needs its passphrase")
    for who, person in settings.people.items():
        if person.public == public_bytes(key):
            return who, lambda words: signed(key, words)
    raise UsageError("that key is nobody's of [approval.people]", hint="its public half stands under key there")


def unsigned(words: str) -> str:
    """A user of the operating system signs nothing."""
    return ""


def hashes_of(program: Program, name: str) -> list[str]:
    """What may be approved: the content of the file, and of what was written down and is not over."""
    with program.store.read() as connection:
        row = stored_issues.get(connection, name)
    if row is None:
        return [prepare(program, name).hash]
    if row.state in OVER:
        raise ConflictError(f"{name} is {row.state.value} already; there is nothing left to approve")
    return list(
        dict.fromkeys([row.hash, prepare(program, name).hash] if row.state is IssueState.SCHEDULED else [row.hash])
    )


def changed_last(program: Program, name: str) -> str:
    """The file that was changed last, of those that an issue is made of: its content is known by its hash only."""
    workspace = program.workspace
    files = [workspace.settings_file, workspace.issue_file(name)]
    files += [*workspace.templates_dir.glob("*.*"), *workspace.subscribers_dir.glob("*.toml")]
    times = {file: file.stat().st_mtime for file in files if file.is_file()}
    if not times:
        return "its file is gone"
    last = max(times, key=lambda file: times[file])
    when = datetime.fromtimestamp(times[last], UTC)
    return f"changed last is {last.relative_to(workspace.root).as_posix()}, {when:%Y-%m-%d %H:%M} UTC"
