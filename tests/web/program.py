"""A program of the organisation, which asks the API with a token."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.testclient import TestClient

from mailer.model import Scope
from mailer.services.tokens import create
from tests.web.house import House

PREFIX = "/api/v1"


@dataclass
class Asker:
    """Asks with a token of these scopes; the last answer's status and headers are kept to be looked at."""

    house: House
    client: TestClient
    headers: dict[str, str] = field(default_factory=dict)

    def may(self, *scopes: Scope, name: str = "website", expires: str = "") -> str:
        """Ask with a new token from now on; the token."""
        token = create(self.house.program, name, scopes, expires).token
        self.headers["Authorization"] = f"Bearer {token}"
        return token

    def get(self, path: str, status: int = 200, **query: Any) -> Any:
        answer = self.client.get(f"{PREFIX}{path}", headers=self.headers, params=query)
        assert answer.status_code == status, answer.text
        return answer.json()

    def post(
        self, path: str, what: Any, status: int = 200, *, key: str = "", headers: Mapping[str, str] | None = None
    ) -> Any:
        named = {"Idempotency-Key": key} if key else {}
        answer = self.client.post(f"{PREFIX}{path}", headers={**self.headers, **named, **(headers or {})}, json=what)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def asker(house: House, client: TestClient) -> Iterator[Asker]:
    """A program without a token yet."""
    yield Asker(house, client)
