"""Reading what came back by mail from wherever it lies, and looking after what nobody understood."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from mailer.bounces.facts import Fate
from mailer.bounces.reading import read
from mailer.errors import ConfigError, NotFoundError
from mailer.services.bounces import TakenIn, take_in
from mailer.services.mailboxes import Maildir, Mbox, Single
from mailer.services.program import Program
from mailer.store import strays
from mailer.store.strays import Stray


def read_mail(program: Program, data: bytes, recipients: Sequence[str] = (), *, dry_run: bool = False) -> TakenIn:
    """Take in one mail, as a mail server passes it on; `recipients`: whom it delivered it to, where it says so."""
    return take_in(program, Single(data, recipients), dry_run=dry_run)


def read_mbox(program: Program, path: Path, limit: int | None = None, *, dry_run: bool = False) -> TakenIn:
    """Take in every mail of an mbox."""
    return take_in(program, Mbox(path), limit, dry_run=dry_run)


def read_maildir(program: Program, path: Path, limit: int | None = None, *, dry_run: bool = False) -> TakenIn:
    """Take in the mails of a Maildir that nobody has seen."""
    return take_in(program, Maildir(path), limit, dry_run=dry_run)


def read_imap(
    program: Program, limit: int | None = None, *, dry_run: bool = False, stop: Callable[[], bool] = lambda: False
) -> TakenIn:
    """Take in the mails of the mailbox that the settings name, until `stop`."""
    from mailer.services.imapbox import check, open_box

    settings, secret = program.settings.bounces.imap, program.settings.secrets.imap_password
    password = secret.get_secret_value() if secret else ""
    check(settings, password)
    with open_box(settings, password, context_of(program)) as box:
        return take_in(program, box, limit, dry_run=dry_run, stop=stop)


def context_of(program: Program) -> ssl.SSLContext:
    """Certificates are verified, by the system's authorities or your own."""
    name = program.settings.bounces.imap.ca_file
    path = program.workspace.root / name if name else None
    try:
        return ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        raise ConfigError(f"ca_file: {path} holds no certificate in PEM form") from None
    except OSError as error:
        raise ConfigError(f"ca_file: {path} cannot be read: {error.strerror}") from None


@dataclass(frozen=True, slots=True)
class StrayMail:
    """A mail that waits for a person. `sender`, `subject` and `text` come from whoever wrote it."""

    number: int
    received_at: datetime
    why: str
    cut: bool
    sender: str
    subject: str
    text: str = ""
    fates: tuple[Fate, ...] = ()


def listing(program: Program, limit: int | None = None) -> list[StrayMail]:
    """What waits, newest first."""
    with program.store.read() as connection:
        return [_shown(stray) for stray in strays.listed(connection, limit)]


def show(program: Program, number: int) -> StrayMail:
    """One mail that waits, with what it says."""
    return _shown(_stray(program, number), whole=True)


def raw(program: Program, number: int) -> bytes:
    """Its bytes, as far as they are kept."""
    return _stray(program, number).body


def drop(program: Program, numbers: Sequence[int], *, dry_run: bool = False) -> int:
    """Delete mails that waited, all of them where none is named; how many. NotFoundError where one is not there."""
    with program.store.write() as connection:
        there = strays.numbers_all(connection)
        for number in numbers:
            if number not in there:
                raise _unknown(number)
        chosen = set(numbers) if numbers else set(there)
        return len(chosen) if dry_run else strays.drop(connection, chosen)


def prune_strays(program: Program) -> int:
    """Delete those that were kept long enough; how many."""
    days = program.settings.bounces.keep_stray_days
    with program.store.write() as connection:
        return strays.forget_old(connection, program.now() - timedelta(days=days))


def _stray(program: Program, number: int) -> Stray:
    with program.store.read() as connection:
        stray = strays.get(connection, number)
    if stray is None:
        raise _unknown(number)
    return stray


def _unknown(number: int) -> NotFoundError:
    return NotFoundError(f"no mail {number} waits", hint="mailer bounces list; what is old enough is deleted")


def _shown(stray: Stray, *, whole: bool = False) -> StrayMail:
    found = read(stray.body)
    return StrayMail(
        stray.id,
        stray.received_at,
        stray.why,
        stray.cut,
        found.sender,
        found.subject,
        found.text if whole else "",
        found.fates if whole else (),
    )
