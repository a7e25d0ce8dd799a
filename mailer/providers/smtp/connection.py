"""One connection to a mail server: opened, encrypted, logged in; then octets out and replies in, each with a limit."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address

from mailer.errors import ProviderError
from mailer.providers.smtp import commands
from mailer.providers.smtp.commands import Offers
from mailer.providers.smtp.replies import Reply, ReplyReader, WrongReplyError
from mailer.providers.smtp.verdicts import words

CONNECT_SECONDS = 15.0
FINAL_FACTOR = 10
"""After a whole mail a server may scan for ten minutes (RFC 5321, 4.5.3.2.6), and giving up on it makes a doubt."""

GOODBYE_SECONDS = 2.0
CHUNK = 65536


class LostError(Exception):
    """The connection is over. `sent`: how many octets had left of what was being sent; None if everything had."""

    def __init__(self, reason: str, sent: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent


class UnreachableError(Exception):
    """No connection now; later there may be one. The message is for people."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where to connect and as whom. `context` is None where nothing is encrypted; `timeout` is for one reply."""

    host: str
    port: int
    tls: str
    context: ssl.SSLContext | None = field(repr=False)
    user: str = ""
    password: str = field(default="", repr=False)
    helo: str = ""
    timeout: float = 60.0

    @property
    def place(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Connection:
    """An open connection. Whatever ends it is a LostError."""

    def __init__(self, sock: socket.socket, timeout: float) -> None:
        self._socket = sock
        self._reader = ReplyReader()
        self._timeout = timeout
        self.offers = Offers()
        self.idle_since = 0.0

    def send(self, data: bytes) -> None:
        """All of it, or a LostError that knows how much."""
        view = memoryview(data)
        sent = 0
        try:
            while sent < len(data):
                sent += self._socket.send(view[sent:])
        except OSError as error:
            raise LostError(_reason(error), sent) from None

    def reply(self, *, final: bool = False) -> Reply:
        """The next reply, whole, within its time however slowly its octets come."""
        reader = self._reader
        try:
            if (found := reader.next()) is not None:
                return found
            limit = self._timeout * (FINAL_FACTOR if final else 1)
            deadline = time.monotonic() + limit
            while found is None:
                # Whoever was frozen for longer finds the whole answer here, and it is as good as it was.
                reader.feed(self._receive())
                found = reader.next()
                if found is None and time.monotonic() > deadline:
                    raise LostError("it did not answer in time")
        except WrongReplyError as error:
            raise LostError(str(error)) from None
        return found

    def _receive(self) -> bytes:
        """What has come, which is nothing when the socket's time is over."""
        try:
            data = self._socket.recv(CHUNK)
        except TimeoutError:
            return b""
        except OSError as error:
            raise LostError(_reason(error)) from None
        if data == b"":
            raise LostError("it closed the connection")
        return data

    def ask(self, command: bytes) -> Reply:
        """One command and its reply."""
        self.send(command)
        return self.reply()

    @property
    def in_step(self) -> bool:
        """Whether everything the server said was asked for."""
        return not self._reader.pending

    @property
    def usable(self) -> bool:
        """Whether a connection that was idle still is one: a server that has something to say is saying goodbye."""
        try:
            self._socket.settimeout(0)
            self._socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            self._socket.settimeout(self._timeout)
            return not self._reader.pending
        except OSError:
            return False
        return False

    def encrypt(self, server: Server) -> None:
        """TLS from here on. What was said in clear text counts for nothing afterwards: anybody could have said it."""
        assert server.context is not None
        if self._reader.pending:
            raise ProviderError(f"smtp: {server.place} or somebody on the way slips in words before the encryption")
        self._reader = ReplyReader()
        self._socket = server.context.wrap_socket(self._socket, server_hostname=server.host)
        self.offers = Offers()

    def local_name(self) -> str:
        """How to greet without a name of our own: this end's address in brackets. No name service is asked."""
        here = socket.gethostname()
        if "." in here and commands.is_helo_name(here):
            return here
        address = ip_address(str(self._socket.getsockname()[0]).partition("%")[0])
        return f"[IPv6:{address}]" if isinstance(address, IPv6Address) else f"[{address}]"

    def abort(self) -> None:
        """Away at once. A mail whose end was not sent is dropped by the server (RFC 5321, 4.1.1.10)."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def quit(self) -> None:
        """Goodbye, as far as the server still listens."""
        with contextlib.suppress(OSError):
            self._socket.settimeout(GOODBYE_SECONDS)
            self._socket.sendall(commands.QUIT)
            self._socket.recv(CHUNK)
        self.abort()


def connect(server: Server) -> Connection:
    """A connection that is ready for mails. UnreachableError: not now. ProviderError: not without a person."""
    connection = _opened(server)
    try:
        _greeted(connection, server)
        if server.user:
            _log_in(connection, server)
    except LostError as error:
        connection.abort()
        raise UnreachableError(f"smtp: {server.place}: {error.reason}") from None
    except ssl.SSLEOFError:
        connection.abort()
        raise UnreachableError(f"smtp: {server.place}: it closed the connection") from None
    except ssl.SSLError as error:
        connection.abort()
        raise _no_tls(server, error) from None
    except OSError as error:
        connection.abort()
        raise UnreachableError(f"smtp: {server.place}: {_reason(error)}") from None
    except BaseException:
        connection.abort()
        raise
    return connection


def _opened(server: Server) -> Connection:
    try:
        sock = socket.create_connection((server.host, server.port), timeout=min(server.timeout, CONNECT_SECONDS))
    except (OSError, UnicodeError) as error:
        raise UnreachableError(f"smtp: {server.place} cannot be reached: {_reason(error)}") from None
    sock.settimeout(server.timeout)
    # Commands are small and wait for their answers; holding them back to fill packets would double every wait.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Connection(sock, server.timeout)


def _greeted(connection: Connection, server: Server) -> None:
    if server.tls == "implicit":
        connection.encrypt(server)
    hello = connection.reply()
    if hello.code != 220:
        raise _refused(server, "does not want to talk to us", hello)
    _introduce(connection, server)
    if server.tls == "starttls":
        if not connection.offers.starttls:
            raise ProviderError(
                f"smtp: {server.place} does not offer encryption (STARTTLS)",
                hint='Nothing was sent. If it speaks TLS from the start, set tls = "implicit" under [provider].',
            )
        ready = connection.ask(commands.STARTTLS)
        if ready.code != 220:
            raise _refused(server, "does not begin encryption", ready)
        connection.encrypt(server)
        _introduce(connection, server)


def _introduce(connection: Connection, server: Server) -> None:
    name = server.helo or connection.local_name()
    reply = connection.ask(commands.greeting(name))
    if reply.good:
        connection.offers = commands.offers(reply)
        return
    if reply.code in (500, 501, 502, 504):
        reply = connection.ask(commands.greeting(name, extended=False))
    if not reply.good:
        raise _refused(server, "does not take our greeting", reply)


def _log_in(connection: Connection, server: Server) -> None:
    if "PLAIN" in connection.offers.auth:
        reply = connection.ask(commands.auth_plain(server.user, server.password))
    elif "LOGIN" in connection.offers.auth:
        for line in commands.auth_login(server.user, server.password):
            reply = connection.ask(line)
            if reply.code != 334:
                break
    else:
        raise ProviderError(
            f"smtp: {server.place} offers no way to log in that we know (PLAIN, LOGIN)",
            hint="Remove user under [provider] in mailer.toml, or ask your provider for its submission port.",
        )
    if reply.good:
        return
    if reply.temporary:
        raise UnreachableError(f"smtp: {server.place} cannot check the password now: {reply.code} {reply.enhanced}")
    # Not its words: some servers repeat what they were sent.
    raise ProviderError(
        f"smtp: {server.place} refuses the user or password ({reply.code} {reply.enhanced})".replace(" )", ")"),
        hint="The user stands under [provider] in mailer.toml, the password in MAILER_SMTP_PASSWORD.",
    )


def _refused(server: Server, what: str, reply: Reply) -> Exception:
    message = f"smtp: {server.place} {what}: {words(reply)}"
    return UnreachableError(message) if reply.temporary else ProviderError(message)


def _no_tls(server: Server, error: ssl.SSLError) -> ProviderError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return ProviderError(
            f"smtp: the certificate of {server.place} is not to be trusted: {error.verify_message}",
            hint="Check host under [provider]. For a server of your own with its own authority, set ca_file.",
        )
    hint = {
        "starttls": "Nothing was sent.",
        "implicit": 'Nothing was sent. If the server begins in clear text, set tls = "starttls" under [provider].',
    }
    return ProviderError(f"smtp: no encryption with {server.place}: {_reason(error)}", hint=hint.get(server.tls))


def _reason(error: OSError | UnicodeError) -> str:
    if isinstance(error, UnicodeError):
        return "that is no host name"
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "it closed the connection"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "the encryption failed").lower().replace("_", " ")
    return (error.strerror or "the network failed").lower()
