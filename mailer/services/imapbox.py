"""A mailbox on an IMAP server, by the standard library's client. Only this module speaks IMAP.

Mails are fetched without being marked; they are marked, moved or deleted when their content is stored. So a run that is
killed is gone on with by the next, and two that read the same mailbox do no harm.
"""

from __future__ import annotations

import imaplib
import re
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, Self

from mailer.bounces.opened import LONGEST
from mailer.config.bounces import Imap
from mailer.errors import ConfigError, SourceError
from mailer.services.mailboxes import Letter, letter

SECONDS: Final = 60
WINDOW: Final = 5000
"""So many mails are searched at once: the client takes no line of an answer that is longer than a megabyte."""

_FLAGGED = r"(\Deleted)"
_WORDS = re.compile(r"[^\x20-\x7e]")

Answer = tuple[str, list[Any]]


class ImapBox:
    """One folder, open for one run."""

    def __init__(self, settings: Imap, client: imaplib.IMAP4) -> None:
        self.settings = settings
        self.client = client
        self.number = 0
        self.can: frozenset[str] = frozenset()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(imaplib.IMAP4.error, OSError):
            self.client.logout()

    def open(self) -> None:
        """Choose the folder, and see that there is one to move to."""
        # Many say only to who has logged in what they can.
        (said,) = self.ask(self.client.capability)[-1:]
        self.can = frozenset(said.decode("ascii", "replace").upper().split())
        self.number = int(self.ask(self.client.select, quoted(self.settings.folder))[0] or 0)
        if self.settings.after == "move":
            # It says no where there is one already.
            with suppress(imaplib.IMAP4.error):
                self.client.create(quoted(self.settings.move_to))

    def letters(self) -> Iterator[Letter]:
        """What was not read yet, oldest first."""
        wanted = "UNDELETED UNSEEN" if self.settings.after == "seen" else "UNDELETED"
        uids: list[str] = []
        for first in range(1, self.number + 1, WINDOW):
            last = min(first + WINDOW - 1, self.number)
            (found,) = self.ask(self.client.uid, "SEARCH", f"{first}:{last}", wanted)[:1] or [b""]
            uids += (found or b"").decode("ascii").split()
        for uid in uids:
            data = self.fetch(uid)
            if data is not None:
                yield letter(data, uid)

    def fetch(self, uid: str) -> bytes | None:
        """The beginning of a mail; None where somebody deleted it meanwhile."""
        answer = self.ask(self.client.uid, "FETCH", uid, f"(BODY.PEEK[]<0.{LONGEST + 1}>)")
        return next((part[1] for part in answer if isinstance(part, tuple)), None)

    def done(self, letters: Sequence[Letter]) -> None:
        """Marked, moved or deleted, as the settings say."""
        uids = ",".join(each.place for each in letters)
        if self.settings.after == "seen":
            self.ask(self.client.uid, "STORE", uids, "+FLAGS.SILENT", r"(\Seen)")
            return
        if self.settings.after == "move":
            folder = quoted(self.settings.move_to)
            if "MOVE" in self.can:
                self.ask(self.client.uid, "MOVE", uids, folder)
                return
            self.ask(self.client.uid, "COPY", uids, folder)
        self.ask(self.client.uid, "STORE", uids, "+FLAGS.SILENT", _FLAGGED)
        # Without UIDPLUS everything that anybody flagged would go: then it stays flagged, and is not read again.
        if "UIDPLUS" in self.can:
            self.ask(self.client.uid, "EXPUNGE", uids)

    def ask(self, command: Callable[..., Answer], *words: str) -> list[Any]:
        """What the server answers; SourceError where it does not, or says no."""
        try:
            kind, data = command(*words)
        except imaplib.IMAP4.error as error:
            raise SourceError(f"imap: {self.settings.host} {plain(error)}") from None
        except OSError as error:
            raise _unreachable(self.settings, error) from None
        if kind != "OK":
            raise SourceError(f"imap: {self.settings.host} refused: {plain(data[0] if data else '')}")
        return data


def open_box(settings: Imap, password: str, context: ssl.SSLContext) -> ImapBox:
    """Connect, log in and choose the folder. Raises ConfigError where no later try can be better, else SourceError."""
    check(settings, password)
    box = ImapBox(settings, _connected(settings, context))
    try:
        _log_in(box.client, settings, password)
        box.open()
    except BaseException:
        box.__exit__()
        raise
    return box


def check(settings: Imap, password: str) -> None:
    """ConfigError says what is missing, or what must not be."""
    if not settings.host:
        raise ConfigError("no mailbox is set", hint="set host and user under [bounces.imap] in mailer.toml")
    if not settings.user or not password:
        missing = "user under [bounces.imap]" if not settings.user else "MAILER_IMAP_PASSWORD in the environment"
        raise ConfigError("imap: who logs in is not set", hint=f"set {missing}")
    if settings.tls == "none" and not is_here(settings.host):
        raise ConfigError(
            'imap: tls = "none" would send the password to another machine in clear text',
            hint='set tls = "implicit" or "starttls" under [bounces.imap]',
        )


def is_here(host: str) -> bool:
    """Whether it is this machine, by name or number; no name service is asked."""
    return host.lower().rstrip(".") in ("localhost", "::1") or host.startswith("127.")


def _connected(settings: Imap, context: ssl.SSLContext) -> imaplib.IMAP4:
    host, port = settings.host, settings.port or (993 if settings.tls == "implicit" else 143)
    try:
        if settings.tls == "implicit":
            return imaplib.IMAP4_SSL(host, port, ssl_context=context, timeout=SECONDS)
        client = imaplib.IMAP4(host, port, timeout=SECONDS)
        if settings.tls == "starttls":
            client.starttls(context)
        return client
    except imaplib.IMAP4.error as error:
        raise SourceError(f"imap: {host} {plain(error)}") from None
    except OSError as error:
        raise _unreachable(settings, error) from None


def _log_in(client: imaplib.IMAP4, settings: Imap, password: str) -> None:
    try:
        if "AUTH=PLAIN" in client.capabilities:
            client.authenticate("PLAIN", lambda _: f"\0{settings.user}\0{password}".encode())
        elif _WORDS.search(settings.user + password):
            raise ConfigError("imap: the server takes no user or password with letters beyond ASCII")
        else:
            client.login(settings.user, password)
    except imaplib.IMAP4.abort as error:
        raise SourceError(f"imap: {settings.host} {plain(error)}") from None
    except imaplib.IMAP4.error:
        raise ConfigError(
            f"imap: {settings.host} refuses user and password",
            hint="look at user under [bounces.imap] and at MAILER_IMAP_PASSWORD",
        ) from None
    except OSError as error:
        raise _unreachable(settings, error) from None


def _unreachable(settings: Imap, error: OSError) -> SourceError:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = f"shows a certificate that is not trusted: {error.verify_message}"
        return SourceError(f"imap: {settings.host} {why}", hint="set ca_file for an authority of your own")
    return SourceError(f"imap: {settings.host} cannot be reached: {error.strerror or type(error).__name__}")


def plain(words: object) -> str:
    """What a server says, in one line that ends."""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
    return "".join(letter if letter.isprintable() else " " for letter in text)[:200].strip()


def quoted(folder: str) -> str:
    """A folder's name as IMAP4rev1 spells it: RFC 3501, 5.1.3, in quotes."""
    spelled = "".join(_spelled(run) for run in re.findall(r"[\x20-\x7e]+|[^\x20-\x7e]+", folder))
    return '"' + spelled.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _spelled(run: str) -> str:
    if run.isascii() and run.isprintable():
        return run.replace("&", "&-")
    return f"&{b64encode(run.encode('utf-16-be')).decode('ascii').rstrip('=').replace('/', ',')}-"
