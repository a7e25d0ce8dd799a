"""Every table and key of `mailer.toml`. A description is what `mailer config schema` and the reference page say."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from mailer.config.approval import Approval
from mailer.config.bounces import Bounces
from mailer.config.checks import Checks
from mailer.config.smtp import SmtpSettings
from mailer.config.texts import Texts
from mailer.config.theme import Theme
from mailer.config.values import (
    ApiUrl,
    Category,
    Email,
    Language,
    Line,
    Name,
    OptionalEmail,
    OptionalUrl,
    Section,
    Url,
    WebhookKey,
    Zone,
)
from mailer.config.web import Web
from mailer.errors import ConfigError
from mailer.model import Sender
from mailer.wording import unknown


class Organisation(Section):
    """Who sends."""

    name: Line = Field(default="", description="The organisation as subscribers know it.")
    postal_address: str = Field(default="", description="Postal address, which law requires at the foot of every mail.")
    contact: OptionalEmail = Field(default="", description="E-mail address at which a person answers.")
    website: OptionalUrl = Field(default="", description="The organisation's site.")
    zone: Zone = Field(
        default="UTC", description="Time zone of the times you name, such as Europe/Oslo; a day ends at its midnight."
    )


class SenderSettings(Section):
    """`[from.NAME]`: one identity to write as."""

    name: Line = Field(description="The name that stands in the inbox.", min_length=1)
    email: Email = Field(description="The address that stands in the inbox; its domain must permit the provider.")
    reply_to: OptionalEmail = Field(default="", description="Where answers go, when not to the address above.")


class SourceSettings(Section):
    """`[sources.NAME]`: where articles come from."""

    kind: Literal["feed", "jsonfeed", "folder", "listing"] = Field(
        description="feed (RSS, Atom), jsonfeed, folder (Markdown files) or listing (plain text)."
    )
    url: Url | None = Field(
        default=None, description="Where to fetch it; beside a path, what its relative links begin with."
    )
    path: Line | None = Field(default=None, description="A file or folder in the workspace instead.", min_length=1)
    tags: tuple[Line, ...] = Field(default=(), description="Campaign tags added to each of its articles.")
    split_tags: bool = Field(default=False, description="Whether one category with commas is several tags.")
    zone: Zone = Field(default="UTC", description="Time zone of dates that name none, such as Europe/Oslo.")
    language: Language | None = Field(default=None, description="Language of its articles, such as en.")
    allow_private: bool = Field(default=False, description="Permit an address inside your own network.")
    enabled: bool = Field(default=True, description="Whether `articles sync` reads it when no source is named.")

    @model_validator(mode="after")
    def _says_where(self) -> Self:
        if self.kind == "folder" and self.path is None:
            raise ValueError('needs path, the folder of the articles, as path = "content/posts"')
        if self.url is None and self.path is None:
            raise ValueError("needs url (on the network) or path (in the workspace)")
        return self


class Tags(Section):
    """Campaign tags."""

    aliases: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description='Other spellings of a tag: clean-rivers = ["rivers", "#CleanRiversNow"].'
    )


class Provider(SmtpSettings):
    """Who takes the mails."""

    name: Name = Field(
        default="outbox", description="outbox writes the mails as files and needs no account; sendgrid; smtp."
    )
    path: Line = Field(
        default="outbox", description="The folder in the workspace for the outbox provider.", min_length=1
    )
    batch_size: int = Field(default=1000, description="The most recipients to hand over at once.", ge=1, le=10_000)
    timeout: float = Field(
        default=30,
        description="Seconds that one call to the provider may take; with smtp, one reply of it.",
        ge=1,
        le=600,
    )
    region: Literal["global", "eu"] = Field(
        default="global", description="sendgrid: where the account's data live, global or eu."
    )
    categories: tuple[Category, ...] | None = Field(
        default=None,
        description="sendgrid: categories of its statistics. Default: the issue's kind and its list; [] for none.",
        max_length=10,
    )
    ip_pool: Line = Field(default="", description="sendgrid: the IP pool to send from.", max_length=64)
    unsubscribe_group: int | None = Field(
        default=None, description="sendgrid: number of the unsubscribe group, in addition to our own links.", ge=1
    )
    sandbox: bool = Field(
        default=False, description="sendgrid: deliver nothing. Only `mailer send --sandbox` works then."
    )
    key_file: Line = Field(
        default="", description="A file with the API key that only you can read, when it is not in the environment."
    )
    base_url: ApiUrl = Field(
        default="", description="sendgrid: another address of the API, for a stand-in. https, or this machine."
    )
    safe: bool = Field(
        default=False,
        description="sendgrid: have each batch kept for a while, so that one in doubt is dropped and sent anew.",
    )
    safe_minutes: int = Field(
        default=25, description="sendgrid: how long a batch is kept with safe = true.", ge=20, le=24 * 60
    )

    webhook_keys: tuple[WebhookKey, ...] = Field(
        default=(),
        description="sendgrid: the verification key of its signed event webhook; two while it is being replaced.",
        max_length=4,
    )

    @field_validator("categories")
    @classmethod
    def _each_once(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value and len(set(value)) < len(value):
            raise ValueError("must not name one twice")
        return value

    @field_validator("ip_pool")
    @classmethod
    def _long_enough(cls, value: str) -> str:
        if len(value) == 1:
            raise ValueError("must have 2 characters or more")
        return value

    @model_validator(mode="after")
    def _can_be_safe(self) -> Self:
        # The outbox is safe by itself. A promise that nobody keeps is not taken.
        if self.safe and self.name == "smtp":
            raise ValueError("cannot be safe with smtp, which keeps no mails back; sendgrid does")
        return self


class Database(Section):
    """Where subscribers, articles and the ledger are kept."""

    url: Line = Field(
        default="sqlite:///mailer.db",
        description="SQLAlchemy URL; a relative SQLite path is in the workspace. PostgreSQL: set DATABASE_URL.",
        repr=False,  # it may hold a password from the environment
    )
    pool: int = Field(
        default=10,
        description="PostgreSQL: the most connections of one process; a clock has one more, procrastinate six.",
        ge=2,
        le=200,
    )


class Work(Section):
    """What `mailer work` does, and who carries it."""

    engine: Literal["local", "procrastinate"] = Field(
        default="local",
        description="Who tells workers what to do: local, each its own threads; procrastinate, PostgreSQL all hosts.",
    )
    threads: int = Field(
        default=0,
        description="How many batches one worker has in hand at once. 0: as many as connections.",
        ge=0,
        le=64,
    )
    sync_minutes: int = Field(
        default=0, description="Read all sources every so many minutes. 0: only when a person asks.", ge=0, le=24 * 60
    )
    suppressions_hours: int = Field(
        default=0,
        description="Read whom the provider does not mail any more every so many hours. 0: only when a person asks.",
        ge=0,
        le=24 * 7,
    )
    keep_deliveries_days: int = Field(
        default=0,
        description="Count and delete the deliveries of issues that ended so many days ago. 0: keep them.",
        ge=0,
        le=36_500,
    )
    keep_events_days: int = Field(
        default=0,
        description="Count and delete what providers reported about issues that ended so many days ago. 0: keep it.",
        ge=0,
        le=36_500,
    )


class Privacy(Section):
    """What is learned about readers."""

    tracking: bool = Field(
        default=False, description="Count opens and clicks, without whose they are. Off unless you ask for it."
    )
    individual: bool = Field(
        default=False, description="With tracking: also keep who opened and clicked, for segments. Needs their consent."
    )
    keep_tracking_days: int = Field(
        default=90, description="Delete who opened and clicked after so many days.", ge=1, le=3660
    )


class Limits(Section):
    """Where the program stops and asks, or gives up."""

    confirm_above: int = Field(
        default=500, description="Ask before sending to, or changing, more people than this.", ge=0
    )
    lease_seconds: float = Field(
        default=30,
        description="How long a batch is one sender's; after a crash the next one waits so long before it takes over.",
        ge=1,
        le=3600,
    )
    fetch_seconds: float = Field(default=20, description="The longest that fetching one source may take.", gt=0, le=600)
    fetch_megabytes: int = Field(default=16, description="The largest answer accepted from a source.", ge=1, le=1024)
    late_hours: float = Field(
        default=6,
        description="A scheduled issue found later than this after its time is paused and not sent by itself.",
        gt=0,
        le=24 * 30,
    )
    max_rate: int | None = Field(
        default=None, description="The most mails a minute, of all senders on this database. Default: no limit.", ge=1
    )
    warmup: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        default=(),
        description="The most mails on the 1st, 2nd, ... day of sending from a new domain: [200, 500, 1000].",
        max_length=365,
    )
    pause_above: float = Field(
        default=0.1,
        description="Pause an issue when more than this part of its last mails was refused or came back; 1: never.",
        gt=0,
        le=1,
    )


class Secrets(Section):
    """What never stands in a file. Read from the environment only."""

    sendgrid_api_key: SecretStr | None = Field(default=None, description="Set SENDGRID_API_KEY in the environment.")
    smtp_password: SecretStr | None = Field(default=None, description="Set MAILER_SMTP_PASSWORD in the environment.")
    imap_password: SecretStr | None = Field(default=None, description="Set MAILER_IMAP_PASSWORD in the environment.")


class Settings(BaseSettings):
    """The settings of a workspace."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="MAILER_", env_nested_delimiter="__", title="mailer.toml"
    )

    organisation: Organisation = Field(default_factory=Organisation, description="Who sends.")
    senders: dict[Name, SenderSettings] = Field(default_factory=dict, description="[from.NAME]: who writes.")
    sources: dict[Name, SourceSettings] = Field(
        default_factory=dict, description="[sources.NAME]: where articles come from."
    )
    tags: Tags = Field(default_factory=Tags, description="Campaign tags.")
    provider: Provider = Field(default_factory=Provider, description="Who takes the mails.")
    database: Database = Field(default_factory=Database, description="Where everything is kept.")
    web: Web = Field(default_factory=Web, description="The public pages.")
    bounces: Bounces = Field(default_factory=Bounces, description="What follows when mails come back.")
    checks: Checks = Field(default_factory=Checks, description="How issues are looked at before they go.")
    approval: Approval = Field(default_factory=Approval, description="Who must agree before an issue goes.")
    privacy: Privacy = Field(default_factory=Privacy, description="What is learned about readers.")
    limits: Limits = Field(default_factory=Limits, description="Where the program stops and asks.")
    work: Work = Field(default_factory=Work, description="What workers do, and who carries it.")
    theme: Theme = Field(default_factory=Theme, description="How mails and pages look.")
    texts: Texts = Field(
        default_factory=dict,
        description='[texts.LANG]: own words for what pages and mails say, "English phrase" = "...".',
    )
    secrets: Secrets = Field(default_factory=Secrets, description="From the environment only.", repr=False)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is passed in: `load_settings` says which environment counts, and nothing is read unasked."""
        return (init_settings,)

    def sender(self, name: str = "") -> Sender:
        """The identity of that name; without a name the first one. ConfigError tells what to write."""
        if not self.senders:
            raise ConfigError(
                "mailer.toml has no sender", hint='add [from.office] with name = "..." and email = "..." to mailer.toml'
            )
        chosen = name or next(iter(self.senders))
        if chosen not in self.senders:
            raise ConfigError(unknown("sender", chosen, self.senders), hint="senders are [from.NAME] in mailer.toml")
        found = self.senders[chosen]
        return Sender(found.name, found.email, found.reply_to)
