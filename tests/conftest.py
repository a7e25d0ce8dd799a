"""Settings for every test."""

from __future__ import annotations

from hypothesis import settings

# A deadline measures the machine that the tests run on, not the program.
settings.register_profile("mailer", deadline=None)
settings.load_profile("mailer")
