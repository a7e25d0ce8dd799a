"""The kinds of value that settings are made of, each with its check and the sentence for a wrong one."""

from __future__ import annotations

from base64 import b64decode
from contextlib import suppress
from ipaddress import ip_network
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from mailer.audience.address import parse_address
from mailer.wording import near_name


class Section(BaseModel):
    """A table of the file: unknown keys are mistakes, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


def _one_line(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must be one line without control characters")
    return value


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname or not value.isprintable() or " " in value:
        raise ValueError("must be a link that begins with https:// or http://")
    if parts.username is not None:
        raise ValueError("must not hold a user name or password")
    return value


def _api_url(value: str) -> str:
    """Where a key is sent to: over TLS, or not beyond this machine."""
    if not value:
        return value
    parts = urlsplit(_http_url(value))
    if parts.scheme.lower() == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise ValueError("must begin with https://, because the API key is sent there")
    if parts.query or parts.fragment:
        raise ValueError("must be an address without ? and #")
    return value


def _category(value: str) -> str:
    if not value or not value.isascii() or not value.isprintable() or len(value) > 255:
        raise ValueError("must be 1 to 255 characters of ASCII on one line")
    return value


def _email(value: str) -> str:
    try:
        return parse_address(value).email
    except ValueError as error:
        raise ValueError(f"is not an e-mail address: {error}") from None


def _zone(value: str) -> str:
    with suppress(ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return ZoneInfo(value).key
    near = near_name(value, available_timezones())
    raise ValueError(f'is not a time zone such as "Europe/Oslo"{f": did you mean {near}?" if near else ""}')


def _webhook_key(value: str) -> str:
    """A public key as SendGrid shows it: base64 of DER, with or without the lines around it."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    plain = "".join(line for line in value.split() if not line.startswith("-----")).replace("BEGINPUBLICKEY", "")
    try:
        key = load_der_public_key(b64decode(plain, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("must be the verification key as SendGrid shows it, which begins with MFkw") from None
    if not isinstance(key, EllipticCurvePublicKey):
        raise ValueError("must be a key for ECDSA, as SendGrid shows it")
    return plain


def _network(value: str) -> str:
    try:
        return str(ip_network(value))
    except ValueError:
        raise ValueError("must be a network such as 10.0.0.0/8, or an address such as 127.0.0.1") from None


Line = Annotated[str, AfterValidator(_one_line)]
Url = Annotated[str, AfterValidator(_http_url)]
OptionalUrl = Annotated[str, AfterValidator(lambda value: _http_url(value) if value else value)]
ApiUrl = Annotated[str, AfterValidator(_api_url)]
Category = Annotated[str, AfterValidator(_category)]
Email = Annotated[str, AfterValidator(_email)]
OptionalEmail = Annotated[str, AfterValidator(lambda value: _email(value) if value else value)]
Zone = Annotated[str, AfterValidator(_zone)]
# Mail programs know these two forms everywhere; names and rgb() they know here and there.
Colour = Annotated[str, StringConstraints(pattern=r"^#(?:[0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$")]
# A font list goes into style attributes: nothing that could end one.
Fonts = Annotated[str, StringConstraints(pattern=r"^[\w\s,'-]+$", min_length=1)]
WebhookKey = Annotated[str, AfterValidator(_webhook_key)]
Network = Annotated[str, AfterValidator(_network)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
