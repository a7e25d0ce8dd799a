"""A stand-in for SendGrid on this machine: real sockets, a log of every request, and every way to fail.

It refuses what the documentation says is refused, and makes of a request the mails that SendGrid would make of it.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.providers.sendgrid_kept import Kept

RESERVED = {
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding",
    "to", "from", "subject", "reply-to", "cc", "bcc",
}  # fmt: skip
SCOPES = ["mail.send", "user.profile.read"]


@dataclass(frozen=True)
class Says:
    """One answer. `takes`: the mails leave all the same. `drop`: "before" or "after" reading the request, no answer."""

    status: int = 202
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    takes: bool = False
    drop: str = ""
    wait: float = 0
    dribble: float = 0


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Mail:
    """What one recipient gets."""

    to: str
    name: str
    subject: str
    text: str
    html: str
    sender: Mapping[str, str]
    reply_to: str
    headers: Mapping[str, str]
    arguments: Mapping[str, str]


@dataclass
class Site:
    """The stand-in. `plan` says what the next calls of Mail Send are answered; after it, what they deserve.

    A request with one of the addresses in `bad` is refused; `points`: the error names their places.
    """

    url: str
    plan: deque[Says] = field(default_factory=deque)
    bad: set[str] = field(default_factory=set)
    points: bool = False
    scopes: Says = field(default_factory=lambda: Says(200, json.dumps({"scopes": SCOPES}).encode()))
    asked: list[Asked] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    kept: Kept = field(default_factory=Kept)
    connections: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def sends(self) -> list[Asked]:
        return [each for each in self.asked if each.path == "/v3/mail/send" and each.method == "POST"]

    def answer(self, asked: Asked) -> Says:
        with self.lock:
            self.asked.append(asked)
            if asked.path == "/v3/scopes":
                return self.scopes
            if self.kept.handles(asked.path):
                return self.about_kept(asked)
            if (asked.method, asked.path) != ("POST", "/v3/mail/send"):
                return Says(404, error("not found"))
            planned = self.plan.popleft() if self.plan else None
            if planned is None or planned.takes:
                verdict = self.deserved(asked)
                return planned if planned is not None and verdict.status < 300 else verdict
            return planned

    def about_kept(self, asked: Asked) -> Says:
        """Batch ids and scheduled sends: their own plan, and their own clock."""
        said = self.kept.answer(asked.method, asked.path, asked.body)
        if said is None:
            return Says(drop="after")
        headers = {"Date": formatdate(self.kept.now(), usegmt=True)} if self.kept.clock else {}
        return Says(said.status, b"" if said.body is None else json.dumps(said.body).encode(), headers)

    def deserved(self, asked: Asked) -> Says:
        if not asked.headers.get("Authorization", "").startswith("Bearer SG."):
            return Says(401, error("The provided authorization grant is invalid, expired, or revoked"))
        try:
            body = asked.json
        except ValueError:
            return Says(400, error("Bad Request"))
        late = [{"message": why, "field": place} for place, why, wrong in self.kept.faults(body) if wrong]
        if faults := faults_in(body) + late:
            return Says(400, json.dumps({"errors": faults}).encode())
        places = [number for number, each in enumerate(body["personalizations"]) if each["to"][0]["email"] in self.bad]
        if places and self.points:
            return Says(400, json.dumps({"errors": [invalid(number) for number in places]}).encode())
        if places:
            return Says(400, json.dumps({"errors": [{"field": None, "message": "Bad Request"}]}).encode())
        if body.get("mail_settings", {}).get("sandbox_mode", {}).get("enable"):
            return Says(200)
        if "batch_id" in body and "send_at" in body:
            self.kept.keep(body, list(mails_of(body)))
        else:
            self.mails += mails_of(body)
        return Says(202, headers={"X-Message-Id": f"mid-{len(self.asked)}"})


def error(message: str, place: str | None = None) -> bytes:
    return json.dumps({"errors": [{"message": message, "field": place, "help": None}]}).encode()


def invalid(number: int) -> dict[str, Any]:
    return {
        "message": "Does not contain a valid address.",
        "field": f"personalizations.{number}.to.0.email",
        "help": {},
    }


def faults_in(body: Any) -> list[dict[str, Any]]:
    """What SendGrid documents that it refuses."""
    found = [
        ("personalizations", "1 to 1000 personalizations", not 1 <= len(body.get("personalizations", ())) <= 1000),
        ("subject", "The subject is required.", not body.get("subject")),
        ("content", "The content value must be a string at least one character in length.", not body.get("content")),
        ("categories", "10 categories", len(body.get("categories", ())) > 10),
        ("send_at", "with a batch_id, so that it can be dropped", ("send_at" in body) != ("batch_id" in body)),
    ]
    kinds = [part["type"] for part in body.get("content", ())]
    found.append(
        (
            "content",
            "text/plain must be first",
            kinds not in (["text/plain", "text/html"], ["text/html"], ["text/plain"]),
        )
    )
    addresses = [each["to"][0]["email"].lower() for each in body.get("personalizations", ())]
    found.append(("personalizations", "Each unique email address once", len(set(addresses)) < len(addresses)))
    for number, each in enumerate(body.get("personalizations", ())):
        found += personal_faults(f"personalizations.{number}", each)
    return [{"message": message, "field": place, "help": None} for place, message, wrong in found if wrong]


def personal_faults(place: str, each: Any) -> list[tuple[str, str, bool]]:
    values = each.get("substitutions", {})
    return [
        (f"{place}.to", "one recipient", len(each["to"]) != 1),
        (f"{place}.to.0.name", "no ; or ,", bool(set(";,") & set(each["to"][0].get("name", "")))),
        (f"{place}.substitutions", "strings", not all(isinstance(value, str) for value in values.values())),
        (f"{place}.substitutions", "10000 bytes", len(json.dumps(values, ensure_ascii=False).encode()) > 11_000
         or sum(len(key.encode()) + len(value.encode()) for key, value in values.items()) > 10_000),
        (f"{place}.custom_args", "strings", not all(isinstance(v, str) for v in each.get("custom_args", {}).values())),
        (f"{place}.headers", "reserved", bool(RESERVED & {name.lower() for name in each.get("headers", {})})),
        (f"{place}.headers", "ASCII on one line",
         not all(value.isascii() and value.isprintable() for value in each.get("headers", {}).values())),
    ]  # fmt: skip


def mails_of(body: Any) -> Iterator[Mail]:
    parts = {part["type"]: part["value"] for part in body["content"]}
    for each in body["personalizations"]:
        values = each.get("substitutions", {})
        yield Mail(
            to=each["to"][0]["email"],
            name=each["to"][0].get("name", ""),
            subject=substituted(body["subject"], values),
            text=substituted(parts.get("text/plain", ""), values),
            html=substituted(parts.get("text/html", ""), values),
            sender=body["from"],
            reply_to=body.get("reply_to", {}).get("email", ""),
            headers=each.get("headers", {}),
            arguments=each.get("custom_args", {}),
        )


def substituted(text: str, values: Mapping[str, str]) -> str:
    """As SendGrid does: every tag wherever it stands, and up to four deep."""
    for _ in range(4):
        before = text
        for tag, value in values.items():
            text = text.replace(tag, value)
        if text == before:
            break
    return text


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 20
    site: Site

    def setup(self) -> None:
        with self.site.lock:
            self.site.connections += 1
        super().setup()

    def do_POST(self) -> None:
        if self.site.plan and self.site.plan[0].drop == "before":
            self.site.plan.popleft()
            self.drop()
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.reply(self.site.answer(Asked(self.command, self.path, dict(self.headers), body)))

    do_GET = do_PATCH = do_DELETE = do_POST

    def reply(self, says: Says) -> None:
        time.sleep(says.wait)
        if says.drop:
            self.drop()
            return
        head = [f"HTTP/1.1 {says.status} X", f"Content-Length: {len(says.body)}"]
        head += [f"{name}: {value}" for name, value in says.headers.items()]
        with suppress(OSError):
            self.wfile.write("\r\n".join([*head, "", ""]).encode())
            for octet in says.body if says.dribble else b"":
                time.sleep(says.dribble)
                self.wfile.write(bytes([octet]))
            if not says.dribble:
                self.wfile.write(says.body)

    def drop(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *args: Any) -> None:
        """Keeps the test's output clean."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what many of the tests are about."""


@contextmanager
def running(tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    """The stand-in, until the block ends."""
    handler = type("OneSite", (Handler,), {})
    server = Server(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    site = Site(f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}")
    handler.site = site  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
