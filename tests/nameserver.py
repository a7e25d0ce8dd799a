"""A name server on this machine, over UDP and TCP, with the records that a test gives it."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

PLAIN = 512
"""The octets that fit into an answer over UDP; longer ones are asked for again over TCP."""

Zone = Mapping[tuple[str, str], tuple[str, ...]]


@dataclass
class NameServer:
    """`asked`: (name, type, "udp" or "tcp") in order. Names in `silent` get no answer, those in `broken` SERVFAIL."""

    zone: Zone
    port: int
    silent: frozenset[str] = frozenset()
    broken: frozenset[str] = frozenset()
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def answer(self, wire: bytes, way: str) -> bytes | None:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind, way))
        if name in self.silent:
            return None
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        if name in self.broken:
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif found := self.zone.get((name, kind)):
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
        elif not any(there == name or there.endswith(f".{name}") for there, _ in self.zone):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        data = reply.to_wire()
        if way == "udp" and len(data) > PLAIN:
            short = dns.message.make_response(query)
            short.flags |= dns.flags.TC | dns.flags.RA
            return short.to_wire()
        return data


@contextmanager
def name_server(
    zone: Zone, silent: frozenset[str] = frozenset(), broken: frozenset[str] = frozenset()
) -> Iterator[NameServer]:
    """It, listening. TXT records are written as in a zone file, with their quotation marks."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("127.0.0.1", port))
    server = NameServer(zone, port, silent, broken)
    for serve, sock in ((_udp, datagrams), (_tcp, listener)):
        threading.Thread(target=serve, args=(server, sock), daemon=True).start()
    try:
        yield server
    finally:
        for sock in (datagrams, listener):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


def _udp(server: NameServer, sock: socket.socket) -> None:
    with suppress(OSError):
        while True:
            wire, place = sock.recvfrom(4096)
            if wire and (reply := server.answer(wire, "udp")) is not None:
                sock.sendto(reply, place)
            elif not wire:
                return


def _tcp(server: NameServer, sock: socket.socket) -> None:
    with suppress(OSError):
        while True:
            connection, _ = sock.accept()
            with connection, connection.makefile("rb") as stream:
                (size,) = struct.unpack("!H", stream.read(2))
                if (reply := server.answer(stream.read(size), "tcp")) is not None:
                    connection.sendall(struct.pack("!H", len(reply)) + reply)
