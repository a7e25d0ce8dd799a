"""What monitors ask, and what they are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from mailer.errors import StoreError
from mailer.model import JobKind
from mailer.services.program import Program
from mailer.services.tokens import create, revoke
from mailer.store import jobs
from mailer.web import health
from mailer.web.site import make_app
from tests.web.house import BASE, House


def figures(text: str) -> dict[tuple[str, ...], float]:
    """Every figure by its name and labels, read as Prometheus reads it."""
    families = text_string_to_metric_families(text)
    return {(each.name, *each.labels.values()): each.value for family in families for each in family.samples}


def asked_from(house: House, address: str) -> TestClient:
    return TestClient(make_app(house.program, house.wake), base_url=BASE, client=(address, 50000))


@pytest.fixture
def here(house: House) -> TestClient:
    """A monitor on the same machine."""
    return asked_from(house, "127.0.0.1")


def test_the_process_says_that_it_is_there(client: TestClient) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_it_is_ready(client: TestClient) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"database": "ok", "keys": "ok"})


def away(*_: Any) -> Any:
    raise StoreError("the server at 10.0.0.5 cannot be reached")


def test_without_its_database_it_lives_and_is_not_ready(
    client: TestClient, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(house.program.store), "read", away)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"database": "away", "keys": "ok"})
    assert client.get("/healthz").status_code == 200


def test_without_keys_it_is_not_ready(client: TestClient, house: House) -> None:
    house.program.workspace.key_file.parent.mkdir(exist_ok=True)
    house.program.workspace.key_file.write_text("no key\n")
    assert client.get("/readyz").json()["keys"] == "not readable"


def test_the_figures_are_those_of_the_tables(here: TestClient, house: House) -> None:
    with house.program.store.write() as connection:
        jobs.add(connection, JobKind.SYNC, {}, house.moment)
    house.later(minutes=5)
    found = figures(here.get("/metrics").text)
    assert found["mailer_jobs_due",] == 1
    assert found["mailer_oldest_waiting_seconds",] == 300
    assert found["mailer_attention",] == 1  # work waits, and no worker is there
    assert found["mailer_workers", "working"] == 0
    again = figures(here.get("/metrics").text)
    assert again["mailer_requests_total", "GET", "/metrics", "200"] >= 1


def test_the_tables_are_asked_seldom(here: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Program] = []

    def metrics(program: Program) -> bytes:
        asked.append(program)
        return b""

    monkeypatch.setattr(health, "metrics", metrics)
    for _ in range(5):
        assert here.get("/metrics").status_code == 200
    assert len(asked) == 1


def test_strangers_need_a_token_that_may_read_figures(client: TestClient, house: House) -> None:
    """Attack 46: none, made up, of another scope, revoked."""
    good = create(house.program, "monitor", ["metrics:read"]).token
    other = create(house.program, "website", ["subscribers:read"]).token

    def status(header: str | None) -> int:
        return client.get("/metrics", headers={"Authorization": header} if header else {}).status_code

    assert [status(None), status("Bearer "), status(f"Bearer {good[:-1]}x"), status(f"Basic {good}")] == [401] * 4
    assert (status(f"Bearer {other}"), status(f"Bearer {good}")) == (403, 200)
    revoke(house.program, "monitor")
    assert status(f"Bearer {good}") == 401
    assert "a token with the scope metrics:read" in client.get("/metrics").text


def test_pages_are_counted_under_the_whole_of_their_path(here: TestClient) -> None:
    assert here.get("/api/v1/lists").status_code == 401
    assert figures(here.get("/metrics").text)["mailer_requests_total", "GET", "/api/v1/lists", "401"] >= 1


def test_an_unnamed_proxy_on_this_machine_opens_nothing(here: TestClient) -> None:
    """Attack 42: everybody who comes through it has this machine's address."""
    assert here.get("/metrics").status_code == 200
    for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Via"):
        assert here.get("/metrics", headers={name: "127.0.0.1"}).status_code == 401


@pytest.mark.parametrize(("address", "status"), [("::1", 200), ("::ffff:127.0.0.1", 200), ("10.0.0.1", 401)])
def test_only_the_networks_of_the_settings(house: House, address: str, status: int) -> None:
    assert asked_from(house, address).get("/metrics").status_code == status


def test_what_monitors_ask_works_under_no_other_method(client: TestClient) -> None:
    ask: Callable[..., Any] = client.request
    for path in ("/healthz", "/readyz", "/metrics"):
        assert {ask(method, path).status_code for method in ("POST", "PUT", "PATCH", "DELETE")} == {405}
