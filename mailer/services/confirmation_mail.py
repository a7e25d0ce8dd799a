"""The mails that answer a sign-up: the one that asks to confirm it, and the one to who is on the list already.

Each has one design for a list, compiled once for a language, and links of its reader's own. They carry nothing that
whoever entered the address wrote, not even a name: a mail that repeats strangers' words would be used to mail them.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from mailer.model import Envelope, Issue, IssueKind, MailingList
from mailer.render.issue import ALREADY, CONFIRM, RenderedIssue, RenderInput, render_issue
from mailer.render.labels import LANGUAGES
from mailer.render.links import Purpose, Signer, link_url
from mailer.render.mailbox import ascii_address
from mailer.render.mime import MessageAddress, MessageHeaders, MessageSkeleton, PersonalValues
from mailer.render.personal import PersonalPart
from mailer.services.prepare import workspace_templates
from mailer.services.program import Program

# A dot stands in no issue that a person names: its mails and these share a provider's folder or account.
BATCH_NAME = "confirmations.{}"

SUBJECT = "{{ labels.confirm_subject }} {{ list.title }}"
PREHEADER = "{{ labels.confirm_ask }} {{ labels.confirm_ignore }}"
WORDS = {
    CONFIRM: (SUBJECT, PREHEADER),
    ALREADY: ("{{ labels.already_subject }} {{ list.title }}", "{{ labels.already_nothing }}"),
}
"""Subject and preheader of each design."""

MARK = "."
"""Between the person and the number of the mail in a token: which mail was answered is part of the proof."""

PAGES = frozenset({"links.preferences"})
"""Links that there are only where the public pages have an address."""


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a mail goes to. `number` is that of the ask; `message_id` was written down with it.

    `language`: the person's own, empty where it is not known.
    """

    number: int
    subscriber_id: str
    email: str
    message_id: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Design:
    """The mail in one language."""

    text: PersonalPart
    html: PersonalPart
    skeleton: MessageSkeleton


class ConfirmationWriter:
    """Writes the mails for one list. Raises TemplateError or ConfigError when it cannot: before anybody is asked."""

    def __init__(self, program: Program, definition: MailingList, template: str = CONFIRM) -> None:
        settings = program.settings
        self.program = program
        self.definition = definition
        self.template = template
        self.sender = settings.sender(definition.sender)
        self.contact = ascii_address(
            settings.organisation.contact or self.sender.reply_to or self.sender.email, "contact"
        )
        self.base_url = settings.web.base_url
        # Where bounces are read, if they are: what comes back names its mail by the Message-ID.
        self.return_path = ascii_address(settings.provider.bounces or self.sender.email, "bounces")
        self.domain = ascii_address(self.sender.email, "From").rpartition("@")[2]
        self.signer = Signer(program.workspace.secret_keys(program.environ))
        self.designs: dict[str, Design] = {}
        self.design("")

    def design(self, language: str) -> Design:
        """The mail in that language, else in the list's."""
        chosen = language if spoken(language) else self.definition.language
        if chosen not in self.designs:
            self.designs[chosen] = self._made(chosen)
        return self.designs[chosen]

    def _made(self, language: str) -> Design:
        rendered = compiled(self.program, self.definition, self.contact, self.template, language)
        absent = frozenset[str]() if self.base_url else PAGES
        text, html = (
            PersonalPart(part, language=rendered.language, absent=absent) for part in (rendered.text, rendered.html)
        )
        headers = MessageHeaders(
            from_email=self.sender.email,
            from_name=self.sender.name,
            reply_to=self.definition.reply_to or self.sender.reply_to,
            # The answer to what one person did, and no mailing: no machine should answer it (RFC 3834).
            bulk=False,
            automatic=True,
        )
        subject = PersonalPart(rendered.subject, language=rendered.language, header=True)
        return Design(text, html, MessageSkeleton(text, html, subject, headers, secrets.token_hex(12)))

    def new_message_id(self) -> str:
        """128 random bits, kept with the ask: answers and bounces are matched by it."""
        return f"confirm.{secrets.token_hex(16)}@{self.domain}"

    def envelope(self, to: Addressee, date: datetime) -> Envelope:
        """The mail, complete. Raises MessageError for an address that no mail can go to."""
        links, design = self.links(to), self.design(to.language)
        values = PersonalValues((), design.text.values({}, links), design.html.values({}, links))
        address = MessageAddress(to.email, to.message_id.rpartition("@")[0])
        content = design.skeleton.message(values, address, date)
        return Envelope(to.number, self.return_path, to.email, content)

    def links(self, to: Addressee) -> dict[str, str]:
        """What the reader can do."""
        if self.template == ALREADY:
            leave = self._link(Purpose.UNSUBSCRIBE, self._token(Purpose.UNSUBSCRIBE, to.subscriber_id))
            if not self.base_url:
                return {"unsubscribe": leave}
            mine = self._link(Purpose.PREFERENCES, self._token(Purpose.PREFERENCES, to.subscriber_id))
            return {"unsubscribe": leave, "preferences": mine}
        token = self._token(Purpose.CONFIRM, f"{to.subscriber_id}{MARK}{to.number}")
        return {"confirm": self._link(Purpose.CONFIRM, token), "token": token}

    def _token(self, purpose: Purpose, who: str) -> str:
        return self.signer.token(purpose, self.definition.name, who)

    def _link(self, purpose: Purpose, token: str) -> str:
        """Without public pages, it is a mail to the contact."""
        if self.base_url:
            return link_url(self.base_url, purpose, token)
        # RFC 6068: what means something in an address of a link is percent-encoded in a mailbox.
        return f"mailto:{quote(self.contact, safe='@+')}?subject={purpose.value}%20{token}"


def spoken(language: str) -> bool:
    """Whether there are phrases in that language; a tag such as `pt-BR` counts as its language."""
    return language.replace("_", "-").partition("-")[0].lower() in LANGUAGES


def compiled(
    program: Program, definition: MailingList, contact: str, template: str = CONFIRM, language: str = ""
) -> RenderedIssue:
    """The parts of the mail."""
    settings = program.settings
    subject, preheader = WORDS[template]
    issue = Issue(
        name=template,
        kind=IssueKind.BULLETIN,
        subject=subject,
        preheader=preheader,
        lists=(definition.name,),
        body="",
        template=template,
        language=language or definition.language,
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
        texts=settings.texts,
    )
    return _kept(given)


KEPT = 64
"""So many compiled mails a process keeps: compiling one takes a fifth of a second, and each sign-up needs two."""

_mails: dict[str, RenderedIssue] = {}


def _kept(given: RenderInput) -> RenderedIssue:
    """The compiled mail, made once from what goes into it. Two threads may make it at once; both are the same."""
    written = (given.issue, given.organisation, given.theme, sorted(given.templates.items()), given.more, given.texts)
    key = sha256(repr((*written, given.date.date())).encode()).hexdigest()
    found = _mails.get(key) or render_issue(given)
    _mails[key] = found
    if len(_mails) > KEPT:
        with suppress(KeyError, RuntimeError, StopIteration):  # another thread was faster
            del _mails[next(iter(_mails))]
    return found


def about(definition: MailingList, contact: str, *, by_mail: bool) -> Mapping[str, Any]:
    """What the templates find under `list`."""
    return {
        "title": definition.title,
        "description": definition.description,
        "consent": definition.consent,
        "by_mail": by_mail,
        "mailbox": contact,
    }
