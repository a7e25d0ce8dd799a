"""The provider of a workspace, opened for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mailer.model import IssueState
from mailer.providers import ChecksAccess, Provider
from mailer.services.program import Program
from mailer.store import issues as stored_issues


@contextmanager
def provided(program: Program) -> Iterator[Provider]:
    provider = program.make_provider()
    try:
        yield provider
    finally:
        provider.close()


def check_access(program: Program, name: str, provider: Provider) -> None:
    """Ask a provider that can be asked whether it would take the issue's mails; ProviderError says what is missing."""
    if not isinstance(provider, ChecksAccess):
        return
    with program.store.read() as connection:
        issue = stored_issues.get(connection, name)
    if issue is None or issue.state is IssueState.SENDING:
        provider.check_access()
