"""How often a form may be used: by one network, for one list, for one mailbox. Counted under keyed hashes alone."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.engine import Connection

from mailer.audience.address import Address
from mailer.config.web import Web
from mailer.store import attempts

DAY: Final = timedelta(days=1)
NETWORKS: Final = {4: 24, 6: 48}
"""What one household, firm or mobile operator has many addresses of."""


class Limits:
    """The limits of `[web]`. `keys` are the workspace's: the first one hides what is counted."""

    def __init__(self, web: Web, keys: Sequence[bytes]) -> None:
        self._web = web
        self._key = hmac.digest(keys[0], b"mailer attempts v1", "sha256")

    def admits_form(self, connection: Connection, client: str, list_name: str, now: datetime) -> bool:
        """Count a form that was sent; False when that network, or everybody for that list, has sent enough this hour.

        Always in this order, so that two requests never wait for each other in a circle.
        """
        until = attempts.hour_end(now)
        if attempts.count(connection, self.bucket("network", network_of(client)), until) > self._web.signups_of_network:
            return False
        return attempts.count(connection, self.bucket("list", list_name), until) <= self._web.signups_to_list

    def admits_mail(self, connection: Connection, address: Address, now: datetime) -> datetime | None:
        """Count a mail because of a form; None when the mailbox has had enough of them in the last day."""
        bucket = self.bucket("mailbox", mailbox_of(address))
        return attempts.admit(connection, bucket, now, DAY, self._web.signups_a_day)

    def take_back(self, connection: Connection, address: Address, mark: datetime) -> None:
        """That mail was not sent."""
        attempts.take_back(connection, self.bucket("mailbox", mailbox_of(address)), mark)

    def bucket(self, kind: str, value: str) -> str:
        """Under which name something is counted: nobody finds out from it what that was."""
        return hmac.digest(self._key, f"{kind}\0{value}".encode(), "sha256").hex()


def network_of(client: str) -> str:
    """The network of an internet address: its owner has thousands in it. Anything else is a network of its own."""
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return client
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(ipaddress.ip_network((address, NETWORKS[address.version]), strict=False))


def mailbox_of(address: Address) -> str:
    """What many spellings of an address reach: without what follows a "+", and without dots.

    Only for counting: where that guess is wrong, two people share a limit and nothing else.
    """
    local, _, domain = address.key.rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{domain}"
