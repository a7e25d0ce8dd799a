"""What a mail server answers: octets in any pieces -> replies. Without a socket, so that it can be tried with any."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

# RFC 5321, 4.5.3.1.5 allows 512 octets; some servers explain themselves at more length.
LONGEST_LINE = 4096
MOST_LINES = 128

_LINE = re.compile(rb"([2-5][0-9]{2})([ -]|\Z)(.*)\Z", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: |\Z)")


class WrongReplyError(ValueError):
    """What came is no SMTP reply, or one without end. The message is for people."""


class Reply(NamedTuple):
    """One reply. `lines` are its texts without the codes; `enhanced` is the RFC 3463 status, empty if it has none."""

    code: int
    lines: tuple[str, ...] = ("",)

    @property
    def good(self) -> bool:
        return 200 <= self.code < 300

    @property
    def temporary(self) -> bool:
        return 400 <= self.code < 500

    @property
    def enhanced(self) -> str:
        found = _ENHANCED.match(self.lines[0])
        # One of another class than the code itself says nothing that could be relied on.
        return found[1] if found and found[1][0] == str(self.code)[0] else ""

    @property
    def text(self) -> str:
        """All lines as one, each without the enhanced status that servers repeat on it."""
        status = self.enhanced
        bare = (line.removeprefix(status).strip() if status else line.strip() for line in self.lines)
        return " ".join(filter(None, bare))


class ReplyReader:
    """Takes what the network brings and gives whole replies."""

    __slots__ = ("_code", "_lines", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._code = 0
        self._lines: list[str] = []

    @property
    def pending(self) -> bool:
        """Whether something was said that no reply was made of yet."""
        return bool(self._rest or self._lines)

    def feed(self, data: bytes) -> None:
        self._rest += data

    def next(self) -> Reply | None:
        """The next whole reply; None while it is not there yet."""
        while True:
            end = self._rest.find(b"\n", 0, LONGEST_LINE)
            if end < 0:
                if len(self._rest) >= LONGEST_LINE:
                    raise WrongReplyError("a line of its reply does not end")
                return None
            line, self._rest = self._rest[:end], self._rest[end + 1 :]
            reply = self._line(line.removesuffix(b"\r"))
            if reply is not None:
                return reply

    def _line(self, line: bytes) -> Reply | None:
        reply, last = _parsed(line)
        if last and not self._lines:
            return reply
        if self._lines and reply.code != self._code:
            raise WrongReplyError("the lines of its reply have different codes")
        self._code = reply.code
        self._lines += reply.lines
        if not last:
            if len(self._lines) >= MOST_LINES:
                raise WrongReplyError("its reply does not end")
            return None
        lines, self._lines = self._lines, []
        return Reply(self._code, tuple(lines))


@lru_cache(maxsize=64)
def _parsed(line: bytes) -> tuple[Reply, bool]:
    """One line as a reply of its own, and whether it is the last one. A server says the same few over and over."""
    parts = _LINE.match(line)
    if parts is None:
        raise WrongReplyError("what it answers is not SMTP")
    return Reply(int(parts[1]), (parts[3].decode("utf-8", "replace"),)), parts[2] != b"-"
