"""States as words of the command line."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar

State = TypeVar("State", bound=StrEnum)


def states_named(kind: type[State], texts: Iterable[str] | None) -> list[State]:
    """The states of these names, each once. UsageError tells the near one."""
    from mailer.errors import UsageError
    from mailer.wording import unknown

    known = {state.value: state for state in kind}
    names = dict.fromkeys(text.strip().lower() for text in texts or ())
    for name in names:
        if name not in known:
            raise UsageError(unknown("state", name, known))
    return [known[name] for name in names]
