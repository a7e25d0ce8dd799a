"""Mails that a program wrote because a mail arrived: out of office, receipts. They are no bounces: it did arrive."""

from __future__ import annotations

import re

from mailer.bounces.opened import Mail, header, outside

_OWN = ("X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-AutoReply-From", "X-Mail-Autoreply", "X-Vacation")
_SUBJECT = re.compile(
    r"(?:re: ?|aw: ?)?(?:auto(?:matic|mated|matisch\w*)?[ -]?(?:reply|response|antwort\w*|replied)"
    r"|out[ -]of[ -](?:the[ -])?office|on vacation|vacation (?:reply|response)|away from (?:the office|my mail)"
    r"|abwesen\w*|automatische antwort|r[ée]ponse automatique|absence du bureau|absent du bureau"
    r"|respuesta autom[áa]tica|fuera de (?:la )?oficina|ausente|resposta autom[áa]tica|fora do escrit[óo]rio"
    r"|risposta automatica|fuori sede|automatisch antwoord|autosvar|автоответ)",
    re.IGNORECASE,
)


def says_so(mail: Mail) -> bool:
    """Whether it says itself that a program answers for somebody who has the mail."""
    if any(mail.get(name) is not None for name in _OWN):
        return True
    if header(mail, "Precedence").lower() in ("auto_reply", "auto-reply"):
        return True
    return _SUBJECT.match(header(mail, "Subject")) is not None


def automatic(mail: Mail) -> bool:
    """Whether a program wrote it at all (RFC 3834), which servers say of their bounces as well."""
    word = header(mail, "Auto-Submitted").partition(";")[0].strip().lower()
    return word not in ("", "no")


def receipt(mail: Mail) -> bool:
    """Whether it says what a mail program did with a mail that had arrived (RFC 8098). A refusal in that form is none
    (RFC 5429)."""
    if "reject" in header(mail, "Auto-Submitted").lower():
        return False
    return any(part.get_content_type() == "message/disposition-notification" for part in outside(mail))
