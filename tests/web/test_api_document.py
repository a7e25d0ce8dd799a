"""What the API's document says is what the API does: asked by a program that read nothing else."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import CheckFunction
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient

from mailer import __version__
from mailer.model import Scope, SubscriptionState
from mailer.services.public import failing
from mailer.web.api.document import PROBLEMS
from tests.store.world import World
from tests.thoroughness import examples
from tests.web.house import BASE, House
from tests.web.program import PREFIX, Asker
from tests.web.program import asker as asker

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
Case = schemathesis.Case[Any]
# What a schema cannot say of an address or the name of a list is said when it is wrong.
NOT_ASKED: list[CheckFunction] = [positive_data_acceptance]


def test_every_operation_keeps_to_its_document(house: House, asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attack test 44: whatever is sent, nothing is answered that the document does not know, and never by a fault.

    Half of what is sent as the document says is about a person, a list and an issue that are there. What is not as it
    says comes to no database, so that one kind is enough.
    """
    monkeypatch.setattr(failing, "MOST", 1_000_000)
    house.join("ada")
    World(house.program.store, house.moment).freeze("weekly", name="weekly")
    asker.may(*Scope)
    schema = schemathesis.openapi.from_asgi(f"{PREFIX}/openapi.json", asker.client.app)
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) == 8
    good = GenerationMode.POSITIVE
    answered: Counter[int] = Counter()
    for operation, mode in product(operations, GenerationMode if house.program.store.is_file else (good,)):
        cases = operation.as_strategy(generation_mode=mode)

        @settings(max_examples=examples(96, 16), deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=cases | cases.map(about_what_is_there) if mode is good else cases)
        def ask(case: Case) -> None:
            answer = case.call_and_validate(headers=asker.headers, excluded_checks=NOT_ASKED)
            answered[answer.status_code] += 1

        ask()
    assert answered[200] > len(operations), answered


def about_what_is_there(case: Case) -> Case:
    known = {"email": "ada@example.org", "list": "weekly", "name": "weekly"}
    if case.path_parameters:
        case.path_parameters = {**case.path_parameters, **{name: known[name] for name in case.path_parameters}}
    if isinstance(case.body, dict):
        case.body = {**case.body, **{name: known[name] for name in case.body if name in known}}
    return case


def test_what_stands_on_the_page_is_what_there_is(client: TestClient) -> None:
    """Every request with the rights it needs, and every status of a mistake."""
    page = PAGE.read_text(encoding="utf-8")
    parts = re.split(r"(?m)^### |^\| (?=`GET )", page)
    for path, methods in client.get(f"{PREFIX}/openapi.json").json()["paths"].items():
        for method, operation in methods.items():
            (part,) = (part for part in parts if part.startswith(f"`{method.upper()} {path}`"))
            assert all(f"`{scope}`" in part.split("\n\n{")[0] for scope in operation["security"][0]["token"]), path
    assert re.findall(r"(?m)^\| (\d{3}) \|", page) == list(PROBLEMS)
    assert set(re.findall(r"(?m)^\| `(\w+:\w+)` \|", page)) == set(Scope)


def test_the_requests_on_the_page_are_taken_as_they_stand(house: House, asker: Asker) -> None:
    asker.may(*Scope)
    asked = re.findall(r"(?s)### `POST /api/v1([^`]+)`(.*?)(?=\n##)", PAGE.read_text(encoding="utf-8"))
    sent = [(path, json.loads(body)) for path, part in asked for body in re.findall(r"(?s)```json\n(.*?)```", part)]
    assert [path.rpartition("/")[2] for path, _ in sent] == [
        "subscribe",
        "subscribe",
        "unsubscribe",
        "show",
        "update",
    ]
    for path, body in sent:
        asker.post(path, body, 202 if path.endswith("/subscribe") and "consent" not in body else 200)
    assert house.state("grace") is SubscriptionState.UNSUBSCRIBED


def test_the_document_says_where_and_by_whom(client: TestClient) -> None:
    """Attack test 42: the place comes from the settings, whatever the request says."""
    spoofed = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}
    document: dict[str, Any] = client.get(f"{PREFIX}/openapi.json", headers=spoofed).json()
    assert document["servers"] == [{"url": BASE}]
    assert document["info"]["version"] == __version__
    assert document["components"]["securitySchemes"] == {"token": {"type": "http", "scheme": "bearer"}}
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert operation["security"] and operation["description"] and set(PROBLEMS) <= set(operation["responses"])
            assert all("email" not in each["name"] for each in operation.get("parameters", ())), path
