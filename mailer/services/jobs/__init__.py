"""What workers do beside sending: imports, reports of providers, reading sources, pruning.

A job is a row that says everything; any worker on any host can do it, and go on with one whose worker died.
"""

from mailer.services.jobs.carrying import carry
from mailer.services.jobs.clock import due_by_clock
from mailer.services.jobs.leaving import leave_import, leave_post

__all__ = ["carry", "due_by_clock", "leave_import", "leave_post"]
