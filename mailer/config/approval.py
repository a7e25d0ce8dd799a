"""`[approval]`: who must agree before an issue goes."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from mailer.config.values import Line, Name, Section


class Approver(Section):
    """`[approval.people.NAME]`: somebody whose word counts."""

    user: Line = Field(default="", description="Their name as a user of the operating system.")
    key: Line = Field(default="", description="Their SSH public key, as ssh-ed25519 AAAA...; its other half signs.")

    @model_validator(mode="after")
    def _is_somebody(self) -> Self:
        if bool(self.user) == bool(self.key):
            raise ValueError("needs either user or key")
        return self


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
        return self
