"""`mailer.toml` and the environment -> `Settings`. Pydantic is imported here and nowhere else."""

from mailer.config.load import json_schema as json_schema
from mailer.config.load import load_settings as load_settings
from mailer.config.settings import Settings as Settings
from mailer.config.settings import SourceSettings as SourceSettings
from mailer.config.theme import Theme as Theme
