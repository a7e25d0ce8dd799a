"""Why an address on the web was not seen as its readers would see it."""

from __future__ import annotations

from enum import StrEnum


class Trouble(StrEnum):
    """`UNASKED`: there was no time left to ask. `STRANGER`: somebody answered who is not this program.

    `MOVED`: an answer came, from another place to which everybody is sent for good.
    """

    ADDRESS = "no address of the web"
    PRIVATE = "not a public address"
    NAME = "the name is unknown"
    TLS = "the secure connection failed"
    TIME = "no answer in time"
    CONNECTION = "the connection failed"
    LOOP = "redirects without an end"
    INSECURE = "leads from https to http"
    UNASKED = "not asked"
    STRANGER = "answered by another program"
    MOVED = "moved for good"
