"""The folder a campaign lives in, on disk."""

from mailer.workspace.layout import Workspace as Workspace
from mailer.workspace.layout import find as find
from mailer.workspace.shipped import shipped as shipped
from mailer.workspace.shipped import template_sources as template_sources
