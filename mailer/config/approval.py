"""`[approval]`: who must agree before an issue goes."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from mailer.config.values import Line, Name, Section

KEY_BEGINS: Final = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"


def _ed25519(value: str) -> str:
    if value and len(key_bytes(value)) != 32:
        raise ValueError("must be the line of a .pub file that begins with ssh-ed25519")
    return value


def key_bytes(line: str) -> bytes:
    """What tells a public key from others, without its comment; nothing when it is none."""
    kind, _, rest = line.partition(" ")
    try:
        blob = b64decode((rest.split() or [""])[0], validate=True)
    except (NotBase64, ValueError):
        return b""
    return blob.removeprefix(KEY_BEGINS) if kind == "ssh-ed25519" and blob.startswith(KEY_BEGINS) else b""


class Approver(Section):
    """`[approval.people.NAME]`: somebody whose word counts."""

    user: Line = Field(
        default="",
        description="Their name as a user of the operating system. With a key beside it, only the key's word counts, "
        "and user says who they are when they send.",
    )
    key: Annotated[Line, AfterValidator(_ed25519)] = Field(
        default="", description="Their SSH public key, as ssh-ed25519 AAAA...; its other half signs."
    )

    @model_validator(mode="after")
    def _is_somebody(self) -> Self:
        if not (self.user or self.key):
            raise ValueError("needs user, key or both")
        return self

    @property
    def public(self) -> bytes:
        """The bytes of the key; none without one."""
        return key_bytes(self.key) if self.key else b""


class Approval(Section):
    """Who must agree before an issue goes."""

    required: int = Field(
        default=0, description="So many people must approve an issue, beside the one who sends it.", ge=0, le=10
    )
    people: dict[Name, Approver] = Field(
        default_factory=dict, description="[approval.people.NAME]: whose word counts. None: any other user."
    )

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        if self.people and len(self.people) < self.required:
            raise ValueError(f"required = {self.required} needs as many under [approval.people.NAME]")
        for what in ("user", "key"):
            seen: dict[str | bytes, str] = {}
            for name, person in self.people.items():
                value = person.public if what == "key" else person.user
                if value and seen.setdefault(value, name) != name:
                    raise ValueError(f"{seen[value]} and {name} have the same {what}: one person is one voice")
        return self
