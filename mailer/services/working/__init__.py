"""Carrying out what is due: scheduled issues begin, what waits in issues being sent is handed over, jobs are done.

Any number of these may run, on any number of machines: which of them begins an issue or takes a batch is decided in
the database. `lookout` says what is to be done, a carrier brings each piece to a thread, `work` sees to it.
"""

from mailer.services.working.alone import only_one
from mailer.services.working.happenings import Happening, Say, figures
from mailer.services.working.work import Work

__all__ = ["Happening", "Say", "Work", "figures", "only_one"]
