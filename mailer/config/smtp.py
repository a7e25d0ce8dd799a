"""The settings under `[provider]` that only SMTP has."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from mailer.config.values import Line, OptionalEmail, Section

_DNS = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9])?\Z")
# A local part has 64 characters, and the token wants up to 33 of them with its plus sign.
LONGEST_BOUNCES = 30


def _dns_name(value: str) -> str:
    if not _DNS.match(value.lower()) or ".." in value or len(value) > 253:
        raise ValueError("must be a name as DNS has them, such as news.example.org")
    return value.lower()


def _host(value: str) -> str:
    if value and not re.fullmatch(r"[\w.:-]{1,253}", value):
        raise ValueError("must be a host name or an IP address, such as smtp.example.org, without a port")
    return value


def _bounces(value: str) -> str:
    local = value.rpartition("@")[0]
    if len(local) > LONGEST_BOUNCES or not local.isascii():
        raise ValueError(f"must have at most {LONGEST_BOUNCES} plain letters before the @: a token comes behind them")
    return value


DnsName = Annotated[str, AfterValidator(_dns_name)]
Host = Annotated[str, AfterValidator(_host)]


class DkimSettings(Section):
    """`[[provider.dkim]]`: one signature. Two of them, one with each kind of key, are read by every receiver."""

    domain: DnsName = Field(description="The domain that signs: that of the From address, or one above it.")
    selector: DnsName = Field(description="The name of the key: its record is at SELECTOR._domainkey.DOMAIN.")
    key: Line = Field(
        description="PEM file of the private key, RSA or Ed25519; its owner alone may read it.", min_length=1
    )


class SmtpSettings(Section):
    """How to reach a mail server, and how it is to see us."""

    host: Host = Field(default="", description="smtp: the mail server, such as smtp.example.org.")
    port: int = Field(
        default=0,
        description="smtp: its port; 0 is 587 with starttls, 465 with implicit and 25 with none.",
        ge=0,
        le=65535,
    )
    tls: Literal["starttls", "implicit", "none"] = Field(
        default="starttls", description="smtp: encryption; none is for a server on this machine."
    )
    allow_unencrypted: bool = Field(
        default=False, description="smtp: permit tls = none to another machine. A password is never sent that way."
    )
    ca_file: Line = Field(
        default="", description="smtp: PEM file of your own certificate authority, instead of the system's."
    )
    user: Line = Field(default="", description="smtp: user to log in as; the password is MAILER_SMTP_PASSWORD.")
    helo: Annotated[str, AfterValidator(lambda value: _dns_name(value) if value else value)] = Field(
        default="", description="smtp: the name to greet with; this machine's, when it is not set."
    )
    connections: int = Field(
        default=4, description="smtp: the most connections at once; sendgrid: the most calls at once.", ge=1, le=64
    )
    smtputf8: bool = Field(
        default=False, description="smtp: the server takes addresses with letters beyond ASCII before the @."
    )
    bounces: Annotated[OptionalEmail, AfterValidator(_bounces)] = Field(
        default="", description="Where bounces go, as bounces@example.org; each mail gets bounces+TOKEN@example.org."
    )
    dkim: tuple[DkimSettings, ...] = Field(default=(), description="smtp: signatures, one for each key.", max_length=4)
