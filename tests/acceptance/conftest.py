"""What several of these tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance.forking import Fork, forking


@pytest.fixture(scope="session")
def fork() -> Iterator[Fork]:
    """The process that begins senders."""
    with forking() as started:
        yield started
