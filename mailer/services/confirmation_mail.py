"""The mail that asks a person to confirm: one design for a list, compiled once, and a link of their own for each.

It carries nothing that whoever entered the address wrote, not even a name: a mail that repeats strangers' words would
be used to mail strangers.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from mailer.model import Envelope, Issue, IssueKind, MailingList
from mailer.render.issue import CONFIRM, RenderedIssue, RenderInput, render_issue
from mailer.render.links import Purpose, Signer, link_url
from mailer.render.mailbox import ascii_address
from mailer.render.mime import MessageAddress, MessageHeaders, MessageSkeleton, PersonalValues
from mailer.render.personal import PersonalPart
from mailer.services.prepare import workspace_templates
from mailer.services.program import Program
from mailer.services.writer import ABSENT_LINKS

# A dot stands in no issue that a person names: its mails and these share a provider's folder or account.
BATCH_NAME = "confirmations.{}"

SUBJECT = "{{ labels.confirm_subject }} {{ list.title }}"
PREHEADER = "{{ labels.confirm_ask }} {{ labels.confirm_ignore }}"
MARK = "."
"""Between the person and the number of the mail in a token: which mail was answered is part of the proof."""


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a mail goes to. `number` is that of the ask; `message_id` was written down with it."""

    number: int
    subscriber_id: str
    email: str
    message_id: str


class ConfirmationWriter:
    """Writes the mails for one list. Raises TemplateError or ConfigError when it cannot: before anybody is asked."""

    def __init__(self, program: Program, definition: MailingList) -> None:
        settings = program.settings
        self.definition = definition
        self.sender = settings.sender(definition.sender)
        self.contact = ascii_address(
            settings.organisation.contact or self.sender.reply_to or self.sender.email, "contact"
        )
        self.base_url = settings.web.base_url
        self.domain = ascii_address(self.sender.email, "From").rpartition("@")[2]
        self.signer = Signer(program.workspace.secret_keys(program.environ))
        self.rendered = compiled(program, definition, self.contact)
        self.text = part(self.rendered, "text")
        self.html = part(self.rendered, "html")
        self.skeleton = self._skeleton()

    def _skeleton(self) -> MessageSkeleton:
        headers = MessageHeaders(
            from_email=self.sender.email,
            from_name=self.sender.name,
            reply_to=self.definition.reply_to or self.sender.reply_to,
            # The answer to what one person did, and no mailing: there is nothing to unsubscribe from yet, and no
            # machine should answer it (RFC 3834).
            bulk=False,
            automatic=True,
        )
        subject = PersonalPart(self.rendered.subject, language=self.rendered.language, header=True)
        return MessageSkeleton(self.text, self.html, subject, headers, secrets.token_hex(12))

    def new_message_id(self) -> str:
        """128 random bits, kept with the ask: answers and bounces are matched by it."""
        return f"confirm.{secrets.token_hex(16)}@{self.domain}"

    def envelope(self, to: Addressee, date: datetime) -> Envelope:
        """The mail, complete. Raises MessageError for an address that no mail can go to."""
        links = self.links(to)
        values = PersonalValues((), self.text.values({}, links), self.html.values({}, links))
        address = MessageAddress(to.email, to.message_id.rpartition("@")[0])
        content = self.skeleton.message(values, address, date)
        return Envelope(to.number, self.sender.email, to.email, content)

    def links(self, to: Addressee) -> dict[str, str]:
        """Without public pages, confirming is a mail to the contact."""
        token = self.signer.token(Purpose.CONFIRM, self.definition.name, f"{to.subscriber_id}{MARK}{to.number}")
        if self.base_url:
            return {"confirm": link_url(self.base_url, Purpose.CONFIRM, token), "token": token}
        # RFC 6068: what means something in an address of a link is percent-encoded in a mailbox.
        return {"confirm": f"mailto:{quote(self.contact, safe='@+')}?subject=confirm%20{token}", "token": token}


def part(rendered: RenderedIssue, name: str) -> PersonalPart:
    return PersonalPart(getattr(rendered, name), language=rendered.language, absent=ABSENT_LINKS)


def compiled(program: Program, definition: MailingList, contact: str) -> RenderedIssue:
    """The parts of the mail in the list's language."""
    settings = program.settings
    issue = Issue(
        name=CONFIRM,
        kind=IssueKind.BULLETIN,
        subject=SUBJECT,
        preheader=PREHEADER,
        lists=(definition.name,),
        body="",
        template=CONFIRM,
        language=definition.language,
    )
    given = RenderInput(
        issue=issue,
        articles=(),
        organisation=settings.organisation.model_dump(),
        theme=settings.theme.model_dump(),
        templates=workspace_templates(program),
        label=f"subscribers/{definition.name}.toml",
        salt=secrets.token_hex(6),
        date=program.now(),
        more={"list": about(definition, contact, by_mail=not settings.web.base_url)},
    )
    return render_issue(given)


def about(definition: MailingList, contact: str, *, by_mail: bool) -> Mapping[str, Any]:
    """What the templates find under `list`."""
    return {
        "title": definition.title,
        "description": definition.description,
        "consent": definition.consent,
        "by_mail": by_mail,
        "mailbox": contact,
    }
