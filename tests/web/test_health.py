"""What monitors ask."""

from __future__ import annotations

from starlette.testclient import TestClient


def test_the_process_says_that_it_is_there(client: TestClient) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")
