"""`[web]`: the public pages, who may reach what, and how often."""

from __future__ import annotations

from pydantic import Field

from mailer.config.values import Network, OptionalUrl, Section


class Web(Section):
    """The public pages."""

    base_url: OptionalUrl = Field(default="", description="Where the pages for unsubscribing and reading are reached.")
    proxies: tuple[Network, ...] = Field(
        default=(),
        description="Networks of your own proxies: only what comes from there may say for whom it asks.",
        max_length=64,
    )
    metrics_from: tuple[Network, ...] = Field(
        default=("127.0.0.0/8", "::1/128"),
        description="Networks that may read /metrics without a token.",
        max_length=64,
    )
    signups_a_day: int = Field(
        default=1, description="The most mails a day to one address because of forms, on all lists.", ge=1, le=100
    )
    signups_of_network: int = Field(
        default=20, description="The most sign-ups an hour from one network (IPv4 /24, IPv6 /48).", ge=1, le=1_000_000
    )
    signups_to_list: int = Field(default=1000, description="The most sign-ups an hour to one list.", ge=1, le=1_000_000)
    form_seconds: float = Field(
        default=2,
        description="A form that is sent sooner than this after it was shown was filled in by a machine.",
        ge=0,
        le=60,
    )
    proof_of_work: bool = Field(
        default=False, description="Have browsers solve a puzzle before a form is sent. Needs JavaScript."
    )
    body_seconds: float = Field(default=20, description="The longest that a request may take to arrive.", gt=0, le=600)
    request_log: bool = Field(
        default=True, description="Write a line for each request: method, kind of page, answer and time, nobody's data."
    )
