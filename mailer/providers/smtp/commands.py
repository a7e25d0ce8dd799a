"""What is said to a mail server, as octets, and what it offers. Whatever goes into a command is checked here."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass

from mailer.errors import MessageError
from mailer.providers.smtp.replies import Reply
from mailer.render.mailbox import utf8_address

DATA = b"DATA\r\n"
RSET = b"RSET\r\n"
QUIT = b"QUIT\r\n"
STARTTLS = b"STARTTLS\r\n"
END = b".\r\n"

# RFC 5321, 4.5.3.1.3: a path has 256 octets with its brackets.
LONGEST_ADDRESS = 254
# RFC 5321, 4.5.3.1.6: a line of a mail has 1000 octets with its CRLF.
LONGEST_LINE = 1000
# A dot that begins a line, whatever ends the line before it. Looking for the dot first takes a tenth of the time.
_DOTTED = re.compile(rb"\.(?<=[\r\n]\.)")
_HELO = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[(?:IPv6:)?[0-9A-Fa-f.:]+\])\Z")


@dataclass(frozen=True, slots=True)
class Offers:
    """What a server said it can do, in reply to EHLO. `size` 0 is no limit that it names."""

    pipelining: bool = False
    starttls: bool = False
    eightbit: bool = False
    smtputf8: bool = False
    names_size: bool = False
    size: int = 0
    auth: frozenset[str] = frozenset()


def offers(reply: Reply) -> Offers:
    """The extensions that a reply to EHLO names."""
    words = [line.upper().replace("AUTH=", "AUTH ", 1).split() for line in reply.lines[1:]]
    named = {line[0]: line[1:] for line in words if line}
    auth = frozenset(name for line in words if line and line[0] == "AUTH" for name in line[1:])
    limit = (named.get("SIZE") or ["0"])[0]
    return Offers(
        pipelining="PIPELINING" in named,
        starttls="STARTTLS" in named,
        eightbit="8BITMIME" in named,
        smtputf8="SMTPUTF8" in named,
        names_size="SIZE" in named,
        size=int(limit) if re.fullmatch(r"[0-9]{1,18}", limit) else 0,
        auth=auth,
    )


def greeting(name: str, *, extended: bool = True) -> bytes:
    """EHLO or HELO; the name is a domain or an address literal."""
    if not is_helo_name(name):
        raise ValueError("is neither a domain nor an address in brackets")
    return f"{'EHLO' if extended else 'HELO'} {name}\r\n".encode("ascii")


def is_helo_name(name: str) -> bool:
    return len(name) <= 255 and bool(_HELO.match(name))


def path(email: str, field: str) -> str:
    """An address for an envelope: nothing that could end the command, the domain as IDNA, the local part as it is."""
    whole = utf8_address(email, field)
    if len(whole.encode("utf-8")) > LONGEST_ADDRESS:
        raise MessageError(field, "is longer than a mail server takes")
    return whole


def mail_from(sender: str, size: int, offered: Offers, *, eightbit: bool, utf8: bool) -> bytes:
    """MAIL with the parameters that the server takes; `sender` went through `path`."""
    parameters = [
        f" SIZE={size}" if offered.names_size else "",
        " BODY=8BITMIME" if eightbit and offered.eightbit else "",
        " SMTPUTF8" if utf8 and offered.smtputf8 else "",
    ]
    return f"MAIL FROM:<{sender}>{''.join(parameters)}\r\n".encode()


def rcpt_to(recipient: str) -> bytes:
    """RCPT; `recipient` went through `path`."""
    return f"RCPT TO:<{recipient}>\r\n".encode()


def auth_plain(user: str, password: str) -> bytes:
    """RFC 4616, in one line."""
    return b"AUTH PLAIN " + b64encode(f"\0{user}\0{password}".encode()) + b"\r\n"


def auth_login(user: str, password: str) -> tuple[bytes, bytes, bytes]:
    """The older way, in three lines; the server answers 334 to the first two."""
    return b"AUTH LOGIN\r\n", b64encode(user.encode()) + b"\r\n", b64encode(password.encode()) + b"\r\n"


def dotted(content: bytes) -> bool:
    """Whether a line begins with a dot. Our own mails have none, and then there is nothing to stuff or smuggle."""
    return content.startswith(b".") or _DOTTED.search(content) is not None


def fault(content: bytes, *, dots: bool) -> str:
    """Why no server should get this content; empty when it is well. `dots`: what `dotted` said of it."""
    if not content.endswith(b"\r\n"):
        return "it does not end with a line end"
    if b"\0" in content:
        return "it holds a NUL character"
    if dots and not content.count(b"\r\n") == content.count(b"\n") == content.count(b"\r"):
        # How a second mail is smuggled through a server that takes it for one: a line of one dot that only some see.
        return "it holds a line end other than CRLF"
    start, whole = 0, len(content)
    while whole - start > LONGEST_LINE:
        end = content.rfind(b"\n", start, start + LONGEST_LINE)
        if end < 0:
            return "it has a line of more than 998 characters"
        start = end + 1
    return ""


def stuffed(content: bytes) -> bytes:
    """The content with each dot at the start of a line doubled (RFC 5321, 4.5.2)."""
    return (b"." if content.startswith(b".") else b"") + content.replace(b"\r\n.", b"\r\n..")
