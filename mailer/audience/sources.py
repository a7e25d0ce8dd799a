"""The bytes of a subscriber file, piece by piece: as they lie there, or inflated on the way.

A pass over a file of hundreds of megabytes holds one piece of it, so a ZIP needs no more memory than a CSV file.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import Protocol

from mailer.audience.layout import Content
from mailer.errors import ImportFileError

# Some hundred people: what is made of them stays in the processor's cache.
PIECE = 1 << 13


class Source(Protocol):
    """Bytes that can be gone through again and again. `size` and `done` count what the file takes up on the disk."""

    size: int
    done: int

    def pieces(self) -> Iterator[bytes]:
        """All bytes in order. ImportFileError where they are damaged."""
        ...


class Plain:
    """A file that is what it looks like."""

    def __init__(self, data: Content) -> None:
        self.size = len(data)
        self.done = 0
        self._data = data

    def pieces(self) -> Iterator[bytes]:
        """See `Source`."""
        for start in range(0, self.size, PIECE):
            self.done = min(start + PIECE, self.size)
            yield self._data[start : start + PIECE]


class Deflated:
    """A part of a file, stored or deflated (ZIP's methods 0 and 8); `length` and `crc` are what it must give."""

    def __init__(self, data: Content, start: int, size: int, *, stored: bool, length: int, crc: int, name: str) -> None:
        self.size = size
        self.done = 0
        self._data = data
        self._start = start
        self._stored = stored
        self.length = length
        self._crc = crc
        self._name = name

    def pieces(self) -> Iterator[bytes]:
        """See `Source`."""
        crc = length = 0
        for piece in self._stored_pieces() if self._stored else self._inflated_pieces():
            crc = zlib.crc32(piece, crc)
            length += len(piece)
            if length > self.length:
                break
            yield piece
        if length != self.length or crc != self._crc:
            raise self._damaged()

    def _damaged(self) -> ImportFileError:
        return ImportFileError(f"{self._name} is damaged inside the ZIP file", hint="Export or download it again.")

    def _stored_pieces(self) -> Iterator[bytes]:
        for start in range(0, self.size, PIECE):
            self.done = min(start + PIECE, self.size)
            yield self._data[self._start + start : self._start + self.done]

    def _inflated_pieces(self) -> Iterator[bytes]:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            for packed in self._stored_pieces():
                yield inflater.decompress(packed, PIECE)
                while inflater.unconsumed_tail and not inflater.eof:
                    yield inflater.decompress(inflater.unconsumed_tail, PIECE)
            yield inflater.flush()
        except zlib.error:
            raise self._damaged() from None


class Gzipped:
    """A `.gz` file; `most` bounds what may come out of it."""

    def __init__(self, data: Content, most: int) -> None:
        self.size = len(data)
        self.done = 0
        self._data = data
        self._most = most

    def pieces(self) -> Iterator[bytes]:
        """See `Source`."""
        length = 0
        for piece in self._inflated():
            length += len(piece)
            if length > self._most:
                raise ImportFileError(
                    f"the .gz file unpacks to more than {self._most >> 20} MB", hint="Split it into smaller files."
                )
            yield piece

    def _inflated(self) -> Iterator[bytes]:
        inflater = None
        try:
            for start in range(0, self.size, PIECE):
                self.done = min(start + PIECE, self.size)
                rest = self._data[start : self.done]
                # After one file another may follow (files that were joined), or zeroes that fill a block.
                while rest := rest if inflater else rest.lstrip(b"\0"):
                    inflater = inflater or zlib.decompressobj(16 + zlib.MAX_WBITS)
                    yield inflater.decompress(rest, PIECE)
                    rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
                    inflater = None if inflater.eof else inflater
            if inflater is not None:
                raise self._damaged()
        except zlib.error:
            raise self._damaged() from None

    @staticmethod
    def _damaged() -> ImportFileError:
        return ImportFileError("the .gz file is damaged", hint="Export or download it again.")


def head(source: Source, size: int = PIECE) -> bytes:
    """The first bytes."""
    found = b""
    for piece in source.pieces():
        found += piece
        if len(found) >= size:
            break
    return found[:size]


class SeekableContent(io.RawIOBase):
    """The bytes as a file object, without a copy of them."""

    def __init__(self, data: Content) -> None:
        self._data = data
        self._at = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next byte is read from."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As of any file."""
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._data)}[whence]
        self._at = max(0, begin + offset)
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """As of any file."""
        end = len(self._data) if size is None or size < 0 else self._at + size
        found = self._data[self._at : end]
        self._at += len(found)
        return found
