"""`[bounces]`: what follows when a mail comes back, and where those that come by mail are read."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from mailer.config.smtp import Host
from mailer.config.values import Line, Section


def _status(value: str) -> str:
    if not re.fullmatch(r"[245]\.\d{1,3}\.\d{1,3}", value):
        raise ValueError("must be an enhanced status code such as 5.7.1 (RFC 3463)")
    return value


StatusCode = Annotated[str, AfterValidator(_status)]
CauseName = Literal["address", "full", "transient", "policy", "content", "unknown"]


class Imap(Section):
    """`[bounces.imap]`: the mailbox that bounces go to."""

    host: Host = Field(default="", description="The server, such as imap.example.org.")
    port: int = Field(default=0, description="Its port; 0 is 993 with implicit and 143 with starttls.", ge=0, le=65535)
    tls: Literal["implicit", "starttls", "none"] = Field(
        default="implicit", description="Encryption; none is for a server on this machine."
    )
    ca_file: Line = Field(
        default="", description="PEM file of your own certificate authority, instead of the system's."
    )
    user: Line = Field(default="", description="User to log in as; the password is MAILER_IMAP_PASSWORD.")
    folder: Line = Field(default="INBOX", description="The folder that is read.", min_length=1)
    after: Literal["seen", "move", "delete"] = Field(
        default="seen", description="What becomes of a mail that was read: marked as seen, moved or deleted."
    )
    move_to: Line = Field(default="Processed", description="Where `move` puts them.", min_length=1)
    minutes: int = Field(
        default=10,
        description="mailer work reads it every so many minutes; 0: only mailer bounces read.",
        ge=0,
        le=1440,
    )


class Bounces(Section):
    """What follows when mails come back. Complaints and unsubscribes always suppress."""

    hard: int = Field(
        default=1, description="Suppress after so many bounces that say there is no such address.", ge=1, le=10
    )
    soft: int = Field(default=4, description="Suppress after so many soft bounces in a row ...", ge=1, le=100)
    soft_days: int = Field(default=21, description="... over at least so many days ...", ge=0, le=366)
    soft_issues: int = Field(
        default=3, description="... and so many issues, with nothing delivered in between.", ge=1, le=100
    )
    pause_blocked: float = Field(
        default=0.05,
        description="Pause an issue when more than this part of its mails was refused as policy; 1: never.",
        gt=0,
        le=1,
    )
    pause_complained: float = Field(
        default=0.003,
        description="Pause an issue when more than this part of its readers complained; 1: never.",
        gt=0,
        le=1,
    )
    least: int = Field(
        default=100, description="So many mails must have been answered before a part means anything.", ge=1
    )
    codes: dict[StatusCode, CauseName] = Field(
        default_factory=dict, description='Whose fault a status is, instead of the usual table: "5.7.606" = "policy".'
    )
    keep_stray_days: int = Field(
        default=30, description="Delete mails that nobody could make sense of after so many days.", ge=1, le=366
    )
    imap: Imap = Field(default_factory=Imap, description="The mailbox that bounces go to.")
