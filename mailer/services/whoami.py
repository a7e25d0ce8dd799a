"""Who runs the program, as the operating system knows them."""

from __future__ import annotations

import os
import sys


def user_name() -> str:
    """The user whose process this is. Not what the environment says, which anybody may write."""
    if sys.platform == "win32":
        return os.getlogin()
    import pwd

    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)  # a container may run under a number that has no name
