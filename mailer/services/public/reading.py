"""One's own copy of an issue: the mail as a page, for who cannot read it in their mail program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from mailer.errors import LinkError, MailerError
from mailer.model import Recipient
from mailer.render.links import Purpose, Signer
from mailer.services.archiving import neutral_html
from mailer.services.program import Program
from mailer.services.writer import MailWriter
from mailer.store import explaining, issues
from mailer.store import preferences as stored
from mailer.store.issues import StoredIssue
from mailer.store.preferences import Holder


@dataclass(frozen=True, slots=True)
class Copy:
    """A mail as a page, in its language."""

    html: str
    language: str


def own_copy(program: Program, token: str) -> Copy:
    """The mail that this link stood in, with what is known of its reader now.

    LinkError for what is no link of ours, for who was forgotten and an issue that is no more, in the same words. The
    link is proof that they got it: how long deliveries are kept does not matter.
    """
    keys = program.workspace.secret_keys(program.environ)
    target = Signer(keys).read(token, Purpose.VIEW)
    name, public_id = target.list_name, target.subscriber_id
    with program.store.read() as connection:
        issue, who = issues.get(connection, name), stored.holder(connection, public_id)
        if issue is None or who is None:
            raise LinkError("this link is not valid", hint="Copy the whole link.")
        recipient = Recipient(0, who.id, who.email, _through(connection, issue, who), who.attributes)
    # Reading it here is no opening of a mail, and its links are what they say.
    plain: Mapping[str, Any] = {key: value for key, value in issue.snapshot.items() if key != "counting"}
    language: str = plain["parts"]["language"]
    try:
        return Copy(MailWriter(name, plain, keys).personal(recipient).html, language)
    except MailerError:
        # Something that the mail mentions is not known of them any more.
        return Copy(neutral_html(plain, program.settings.web.base_url), language)


def _through(connection: Connection, issue: StoredIssue, who: Holder) -> str:
    """The list that brought them in; the first one where that is not known any more."""
    mail = explaining.mail(connection, issue.id, who.number)
    return mail.list_name if mail is not None else issue.lists[0]
