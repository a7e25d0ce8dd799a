"""`[checks]`: how issues are looked at before they go."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from mailer.config.values import Line, Section
from mailer.wording import near_name

RuleLevel = Literal["off", "note", "warning", "error"]

# Shares of opened mails by mail program, rounded from what providers of such counts publish; they name only what
# matters. Who knows their own readers writes their own.
CLIENTS = {
    "apple-mail": 46.0,
    "gmail": 24.0,
    "outlook.outlook-com": 4.0,
    "outlook.windows": 4.0,
    "outlook.ios": 1.0,
    "outlook.android": 1.0,
    "outlook.windows-mail": 1.0,
    "yahoo": 3.0,
    "samsung-email": 1.0,
    "thunderbird": 1.0,
    "protonmail": 1.0,
}


class Checks(Section):
    """How issues are looked at before they go."""

    rules: dict[Line, RuleLevel] = Field(
        default_factory=dict,
        description='Levels of your own by rule: links-unchecked = "off", no-preheader = "error".',
    )
    clients: dict[Line, Annotated[float, Field(ge=0, le=100)]] = Field(
        default_factory=lambda: dict(CLIENTS),
        description="The mail programs your readers use, with their shares in per cent, by caniemail's names.",
    )
    shorteners: tuple[Line, ...] = Field(
        default=(), description="Domains that shorten links, beside those that are known.", max_length=1000
    )
    placeholders: tuple[Line, ...] = Field(
        default=(),
        description="Words that must not be left in an issue, beside TK, TODO and the like.",
        max_length=1000,
    )
    link_hours: float = Field(default=24, description="How long it is believed what a link answered.", ge=0, le=24 * 30)
    link_seconds: float = Field(
        default=20, description="The longest that looking at all links of an issue may take.", gt=0, le=600
    )

    @field_validator("clients")
    @classmethod
    def _somebody_reads(cls, value: dict[str, float]) -> dict[str, float]:
        if not any(value.values()):
            raise ValueError("must name one with a share")
        from mailer.checks.caniemail.readers import known_clients  # a table that few commands need

        known = known_clients()
        for name in sorted(set(value) - known):
            near = near_name(name, known)
            raise ValueError(f'names no mail program: "{name}"' + (f', did you mean "{near}"?' if near else ""))
        return value
