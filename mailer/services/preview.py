"""An issue as files to look at: HTML, text, and the whole message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mailer.audience.address import parse_address
from mailer.errors import NotFoundError, UsageError, WorkspaceError
from mailer.model import Recipient, SubscriptionState
from mailer.services.approvals import Approvals, approvals_of
from mailer.services.prepare import Prepared, prepare
from mailer.services.program import Program
from mailer.services.samples import made_up_of, narrowing_of, sample_recipients
from mailer.services.whoami import user_name
from mailer.services.writer import MailWriter
from mailer.store import subscribers as stored_subscribers
from mailer.store import subscriptions as stored_subscriptions


@dataclass(frozen=True, slots=True)
class Preview:
    """The files, and what an inbox shows of the mail."""

    subject: str
    preheader: str
    html: Path
    text: Path
    message: Path
    list_name: str
    reader: str
    approvals: Approvals | None = None


def preview_issue(program: Program, name: str, *, email: str = "", folder: Path | None = None) -> Preview:
    """Write the mail of one recipient: of `email`, else of a made-up reader, whose mail can be passed around.

    Links in it do nothing.
    """
    prepared = prepare(program, name)
    recipient = person(program, prepared, email) if email else made_up(program, prepared)
    keys = program.workspace.secret_keys(program.environ)
    writer = MailWriter(prepared.issue.name, prepared.snapshot, keys, preview=True)
    mail = writer.personal(recipient)
    envelope = writer.envelope(recipient, program.now())
    target = (folder or program.workspace.inside("preview")).absolute()
    files = {
        "html": mail.html.encode(),
        "txt": mail.text.encode(),
        "eml": envelope.content,
    }
    paths = write(target, prepared.issue.name, files)
    with program.store.read() as connection:
        approvals = approvals_of(connection, program.settings, (prepared.issue.name, prepared.hash), user_name())
    return Preview(
        mail.subject,
        mail.preheader,
        paths["html"],
        paths["txt"],
        paths["eml"],
        recipient.list_name,
        recipient.email,
        approvals,
    )


def write(folder: Path, name: str, files: Mapping[str, bytes]) -> dict[str, Path]:
    paths = {suffix: folder / f"{name}.{suffix}" for suffix in files}
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for suffix, content in files.items():
            paths[suffix].touch(mode=0o600)
            paths[suffix].write_bytes(content)
    except OSError as error:
        raise WorkspaceError(f"{folder} cannot be written: {error.strerror}") from None
    return paths


def person(program: Program, prepared: Prepared, email: str) -> Recipient:
    """The subscriber of that address, through the list that would bring them in; else the first that knows them."""
    try:
        key = parse_address(email).key
    except ValueError as error:
        raise UsageError(f"that is no e-mail address: {error}") from None
    with program.store.read() as connection:
        found = stored_subscribers.get(connection, key)
        states = stored_subscriptions.of(connection, key)
    known = [each.name for each in prepared.lists if each.name in states]
    lists = sorted(known, key=lambda name: states[name] is not SubscriptionState.CONFIRMED)
    if found is None or not lists:
        raise NotFoundError(
            "that address is on none of the issue's lists", hint="mailer subscribers list --list NAME shows who is"
        )
    return Recipient(0, found.id, found.ascii_email or found.email, lists[0], found.attributes)


def made_up(program: Program, prepared: Prepared) -> Recipient:
    """Somebody who does not exist, with the fields that people on the issue's lists have."""
    with program.store.read() as connection:
        people = sample_recipients(connection, prepared, narrowing_of(program, prepared))
    return made_up_of(prepared, people)
