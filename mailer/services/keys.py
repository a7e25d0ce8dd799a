"""The keys that sign links: looking at them, putting a new one in front, giving an old one up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mailer.errors import ConflictError, NotFoundError
from mailer.services.program import Program
from mailer.store import suppressions
from mailer.workspace.signing import VARIABLE, SecretKey, changing, in_environment, keys_of, new_key, write_keys


def costs(program: Program, fingerprint: str) -> str:
    """What giving up a key means, with how many people were forgotten under it."""
    with program.store.read() as connection:
        forgotten = suppressions.hashed_with(connection, fingerprint)
    links = "links in mails that were signed with it stop working"
    if not forgotten:
        return links
    known = "person who was" if forgotten == 1 else "people who were"
    return f"{links}, and {forgotten} {known} forgotten will not be recognised when a file brings them back"


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What a person may know of a key. `made_at` is None where nobody wrote it down."""

    fingerprint: str
    signs: bool
    made_at: datetime | None
    age_days: int | None


def key_list(program: Program) -> tuple[KeyInfo, ...]:
    """Newest first: the first signs, all verify."""
    return told(keys_of(program.workspace.key_file, program.environ), program.now())


def told(keys: tuple[SecretKey, ...], now: datetime) -> tuple[KeyInfo, ...]:
    return tuple(
        KeyInfo(key.fingerprint, number == 0, key.made_at, (now - key.made_at).days if key.made_at else None)
        for number, key in enumerate(keys)
    )


def rotate(program: Program) -> tuple[KeyInfo, ...]:
    """Sign with a new key from now on; what the others signed stays valid."""
    refuse_environment(program)
    file = program.workspace.key_file
    with changing(file):
        keys = (new_key(program.now()), *keys_of(file, program.environ))
        write_keys(file, keys)
    return told(keys, program.now())


def retire(program: Program, fingerprint: str, *, dry_run: bool = False) -> KeyInfo:
    """Give up a key. NotFoundError for another fingerprint; ConflictError for the only key."""
    refuse_environment(program)
    file = program.workspace.key_file
    with changing(file):
        keys = keys_of(file, program.environ)
        gone = [key for key in keys if key.fingerprint == fingerprint.strip().lower()]
        left = tuple(key for key in keys if key not in gone)
        if not gone:
            raise NotFoundError("no key has that fingerprint", hint="mailer keys list shows them")
        if not left:
            raise ConflictError("that is the only key", hint="make another one first: mailer keys rotate")
        if not dry_run:
            write_keys(file, left)
    return next(info for info in told(keys, program.now()) if info.fingerprint == gone[0].fingerprint)


def refuse_environment(program: Program) -> None:
    if in_environment(program.environ):
        raise ConflictError(
            f"the keys come from the environment, {VARIABLE}",
            hint="change them there: white space parts them, and the first one signs",
        )
