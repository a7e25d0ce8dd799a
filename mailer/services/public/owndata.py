"""A person's own data, and being forgotten: for who holds their link and knows their address too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from hmac import digest
from typing import Any

from mailer.audience.address import Address, parse_address
from mailer.errors import ConflictError
from mailer.model import How
from mailer.services.forgetting import Forgotten, forget
from mailer.services.personal_data import personal_data
from mailer.services.program import Program
from mailer.services.public.preferences import found, read_link
from mailer.store import attempts
from mailer.store import preferences as stored

TRIES = 10
"""So often a day an address is compared with the one a link names."""


class NotTheirsError(ConflictError):
    """Another address than the one that the link belongs to."""


class TooOftenError(ConflictError):
    """It was tried too often today."""


def own_data(program: Program, token: str, typed: str) -> Mapping[str, Any]:
    """Everything that is held about them."""
    return personal_data(program, proven(program, token, typed))


def forget_me(program: Program, token: str, typed: str) -> Forgotten:
    """Erase everything. ConflictError while a mail to them is being handed over."""
    return forget(program, proven(program, token, typed), how=How.PREFERENCES)


def proven(program: Program, token: str, typed: str) -> Address:
    """The address of the link's person, if it is the one that was typed."""
    target = read_link(program, token)
    bucket = _bucket(program, target.subscriber_id)
    with program.store.write() as connection:
        who = found(stored.holder(connection, target.subscriber_id))
        if attempts.admit(connection, bucket, program.now(), timedelta(days=1), TRIES) is None:
            raise TooOftenError("this was tried too often today")
    try:
        address = parse_address(typed)
    except ValueError:
        raise NotTheirsError("that is no e-mail address") from None
    if address.key != who.email_key:
        raise NotTheirsError("the link belongs to another address")
    return address


def _bucket(program: Program, subscriber_id: str) -> str:
    key = program.workspace.secret_keys(program.environ)[0]
    return digest(key, b"mailer proof of address " + subscriber_id.encode(), "sha256").hex()
