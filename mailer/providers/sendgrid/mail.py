"""A finished mail -> the message that SendGrid makes the same mail from. Pure.

For mails that are written one by one: a request to confirm, a test. An issue comes as a merge, a thousand at once.
"""

from __future__ import annotations

from email import policy
from email.errors import MessageError as EmailError
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parseaddr

from mailer.errors import MessageError
from mailer.model import Envelope, Merge, MergePeople, Sender
from mailer.providers.sendgrid.request import RESERVED

WRITTEN_ANEW = RESERVED | {"date", "message-id", "mime-version"}


def merge_of(envelope: Envelope) -> Merge:
    """The mail as a merge for its one recipient, with nothing left to put in."""
    try:
        message = BytesParser(policy=policy.default).parsebytes(envelope.content)
        assert isinstance(message, EmailMessage)
        return _merge(envelope, message)
    except (EmailError, LookupError, ValueError, AttributeError) as error:
        raise MessageError("mail", f"cannot be read back ({type(error).__name__})") from None


def _merge(envelope: Envelope, message: EmailMessage) -> Merge:
    headers = {name: _raw(message, name) for name in message if name.lower() not in WRITTEN_ANEW}
    people = MergePeople(
        [envelope.delivery_id],
        [envelope.recipient],
        [_name(message, "To")],
        [str(message["Message-ID"] or "").strip("<> ").rpartition("@")[0]],
        {name: [text] for name, text in headers.items()},
        {},
    )
    return Merge(
        sender=Sender(_name(message, "From"), _address(message, "From"), _address(message, "Reply-To")),
        subject=str(message["Subject"] or ""),
        text=_part(message, "plain"),
        html=_part(message, "html"),
        people=people,
    )


def _raw(message: EmailMessage, name: str) -> str:
    """The header as it is written, on one line: SendGrid wants what is not ASCII encoded already."""
    text = next(value for key, value in message.raw_items() if key.lower() == name.lower())
    return " ".join(str(text).split())


def _name(message: EmailMessage, field: str) -> str:
    """The display name. Not as the header's own attribute: a name of several encoded words gets blanks there."""
    if message[field] is None:
        return ""
    return str(make_header(decode_header(parseaddr(_raw(message, field))[0])))


def _address(message: EmailMessage, field: str) -> str:
    header = message[field]
    return header.addresses[0].addr_spec if header is not None and header.addresses else ""


def _part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    return str(found.get_content()).replace("\r\n", "\n") if isinstance(found, EmailMessage) else ""
