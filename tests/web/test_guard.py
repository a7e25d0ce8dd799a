"""What every request passes: tricks with paths, methods, headers and bodies; and what no answer and no log says."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Annotated

import pytest
from fastapi import FastAPI, Form
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.testclient import TestClient

from mailer.errors import StoreError
from mailer.web import bodies
from mailer.web.guard import HEADERS
from mailer.web.logs import Lines
from mailer.web.places import is_plain
from mailer.web.site import make_app
from tests.thoroughness import examples
from tests.web.house import BASE, SETTINGS, House

SECRET = "zoe@example.org"


def away() -> None:
    raise StoreError(f"the server cannot be reached\nrow: {SECRET}")


def faulty() -> None:
    raise ValueError(f"the row of {SECRET}")


def telling(request: Request) -> dict[str, object]:
    told = {name: request.url_for("tell_token", token="x").path for name in ("path",)}
    return {**told, "client": request.client.host if request.client else "", "method": request.method}


def tell_token(token: str) -> dict[str, str]:
    return {"token": token}


def taking(name: Annotated[str, Form()]) -> dict[str, int]:
    return {"length": len(name)}


def strict() -> Response:
    return HTMLResponse("<p>own", headers={"Content-Security-Policy": "sandbox", "Cache-Control": "max-age=60"})


def wide(body: dict[str, object]) -> dict[str, int]:
    return {"keys": len(body)}


def with_probes(app: FastAPI) -> FastAPI:
    """Surfaces of the test, beside those of the program."""
    for path, endpoint, method in (
        ("/probe/away", away, "GET"), ("/probe/fault", faulty, "GET"), ("/probe/tell", telling, "GET"),
        ("/probe/token/{token}", tell_token, "GET"), ("/probe/form", taking, "POST"), ("/probe/own", strict, "GET"),
        ("/api/probe/wide", wide, "POST"), ("/api/probe/fault", faulty, "GET"), ("/webhooks/probe", away, "POST"),
    ):  # fmt: skip
        app.add_api_route(path, endpoint, methods=[method], response_model=None)
    return app


@pytest.fixture
def kind() -> str:
    """Nothing here asks the database, so that one kind of it is enough."""
    return "sqlite"


@pytest.fixture
def served(house: House) -> Iterator[Callable[..., TestClient]]:
    """The application with more lines in the settings, asked from some address."""
    opened: list[TestClient] = []

    def make(more: str = "", peer: str = "203.0.113.7") -> TestClient:
        settings = house.folder / "mailer.toml"
        settings.write_text(SETTINGS + more)
        from mailer.config import load_settings

        house.program.settings = load_settings(settings, house.program.environ)
        app = with_probes(make_app(house.program, house.wake))
        opened.append(TestClient(app, base_url=BASE, follow_redirects=False, client=(peer, 50000)))
        return opened[-1].__enter__()

    yield make
    for each in opened:
        each.__exit__(None, None, None)


@pytest.fixture
def probe(served: Callable[..., TestClient]) -> TestClient:
    return served()


# --- paths ------------------------------------------------------------------------------------------------------------

TRICKS = (
    "//healthz", "/probe//tell", "/probe/%2e%2e/healthz", "/probe%2ftell",
    "/probe%2Ftoken%2Fx", "/probe%5ctell", "/probe/token/a%00b", "/probe/token/a%0d%0aSet-Cookie:x", "/probe\\tell",
    "/probe/token/%ff", "/probe/token/" + "a" * 3000, "/probe/token/%2e%2e", "/probe/token/%7f",
)  # fmt: skip


@pytest.mark.parametrize("path", TRICKS)
def test_paths_that_can_be_read_in_two_ways_are_nothing(probe: TestClient, path: str) -> None:
    """Attack 43."""
    answer = probe.get(f"{BASE}{path}")
    assert answer.status_code == 404
    assert not {"location", "set-cookie"} & set(answer.headers)


@pytest.mark.parametrize("path", ["/HEALTHZ", "/healthz/", "/healthz;x", "/healthz%20", "/Probe/tell"])
def test_nearly_the_path_is_another_path(probe: TestClient, path: str) -> None:
    """Attack 43: no redirect to what was probably meant, and no other spelling of it."""
    answer = probe.get(f"{BASE}{path}")
    assert (answer.status_code, "location" in answer.headers) == (404, False)


@given(path=st.text(max_size=40), raw=st.binary(max_size=40))
@settings(max_examples=examples(400))
def test_a_plain_path_has_one_reading(path: str, raw: bytes) -> None:
    if is_plain(path, raw):
        assert path.startswith("/") and not set(path.split("/")) & {".", ".."}
        assert "//" not in path and "\\" not in path
        assert not [letter for letter in path if ord(letter) < 32]
        assert b"%2f" not in raw.partition(b"?")[0].lower()


def test_tokens_of_every_letter_pass(probe: TestClient) -> None:
    token = "".join(map(chr, range(48, 58))) + "abcXYZ-_.~="
    assert probe.get(f"/probe/token/{token}").json() == {"token": token}


# --- methods ----------------------------------------------------------------------------------------------------------


def test_head_is_get_without_a_body(probe: TestClient) -> None:
    head, get = probe.head("/probe/tell"), probe.get("/probe/tell")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(get.content))


def test_options_says_how_and_does_nothing(probe: TestClient) -> None:
    """Attack 31."""
    answer = probe.options("/probe/form", headers={"Origin": "https://evil.example"})
    assert (answer.status_code, answer.content, answer.headers["allow"]) == (204, b"", "OPTIONS, POST")
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_wrong_method_is_told_the_right_ones(probe: TestClient) -> None:
    answer = probe.post("/probe/tell")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert probe.put("/probe/nothing").status_code == 404


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"])
def test_the_method_is_the_method(probe: TestClient, name: str) -> None:
    """Attack 44: overriding by header, query or field."""
    headers = {name.replace("_", "x-"): "POST"}
    assert probe.get("/probe/form", params={"_method": "POST"}, headers=headers).status_code == 405
    assert (
        probe.post("/probe/tell", data={"_method": "GET"}, headers={name.replace("_", "x-"): "GET"}).status_code == 405
    )


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "BREW"])
def test_other_methods_are_not_known(probe: TestClient, method: str) -> None:
    assert probe.request(method, "/healthz").status_code == 501


# --- bodies -----------------------------------------------------------------------------------------------------------


def test_a_form_field_of_ten_megabytes_is_refused(probe: TestClient) -> None:
    """Attack 44."""
    assert probe.post("/probe/form", data={"name": "a" * 10_000_000}).status_code == 413
    assert probe.post("/probe/form", data={"name": "a" * 60_000}).json() == {"length": 60_000}


def test_a_body_that_does_not_say_how_long_it_is_is_refused_at_the_same_length(probe: TestClient) -> None:
    """Attack 44."""
    portions = (b"a" * 1000 for _ in range(10_000))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert probe.post("/probe/form", content=portions, headers=headers).status_code == 413


@pytest.mark.parametrize(
    ("path", "most"),
    [("/u/x", 64 << 10), ("/webhooks/probe", 16 << 20), ("/api/v1/x", 1 << 20), ("/webhooksx", 64 << 10)],
)
def test_what_may_come_where(path: str, most: int) -> None:
    assert bodies.most_of(path) == most


def test_a_thousand_form_fields_are_answered_at_once(probe: TestClient) -> None:
    """Attack 44."""
    fields = {f"field{number}": "x" for number in range(999)}
    assert probe.post("/probe/form", data={**fields, "name": "abc"}).json() == {"length": 3}
    parts = {f"field{number}": (None, "x") for number in range(1200)}
    assert probe.post("/probe/form", files=parts).status_code in (400, 413)
    assert probe.post("/probe/form", data={**fields, "one": "x", "two": "x"}).status_code == 400


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000, b'{"a":' * 50_000, b"{", b"\xff\xfe", b"nul\x00", b'"' + b"a" * 100_000 + b'"', b"[]", b"null",
        b'{"a":' + b"9" * 50_000 + b"}",
    ],
    ids=["deep lists", "deep objects", "cut", "no UTF-8", "nul", "a string", "a list", "null", "a long number"],
)  # fmt: skip
def test_json_made_to_hurt_is_a_mistake_of_whoever_sent_it(probe: TestClient, content: bytes) -> None:
    """Attack 44."""
    answer = probe.post("/api/probe/wide", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.content) < 1000, "what was sent is not sent back"


def test_headers_without_end_are_refused(probe: TestClient) -> None:
    """Attack 44."""
    assert probe.get("/probe/tell", headers={"X-Long": "a" * 20_000}).status_code == 431
    assert probe.get("/probe/tell", headers={f"X-{number}": "a" * 30 for number in range(600)}).status_code == 431
    assert probe.get("/probe/tell", headers={"X-Long": "a" * 15_000}).status_code == 200


def test_keys_that_collide_cost_nothing(probe: TestClient) -> None:
    """Attack 44: a hash flood needs keys whose hashes are known; text has random ones in each process."""
    keys = {f"key{number}": number for number in range(50_000)}
    answer = probe.post("/api/probe/wide", json=keys)
    assert answer.json() == {"keys": 50_000}


def test_all_bodies_together_have_a_bound(probe: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "TOGETHER", 100_000)
    refused = probe.post("/api/probe/wide", content=b" " * 100_001)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")
    for _ in range(5):  # what was refused, and what was answered, is given back
        assert probe.post("/api/probe/wide", json={"a": "a" * 90_000}).status_code == 200


def test_attack_44_who_fills_up_the_bound_keeps_out_no_form(probe: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some long bodies of strangers that arrive slowly are no reason to refuse who unsubscribes."""
    monkeypatch.setattr(bodies, "TOGETHER", 0)
    assert probe.post("/probe/form", data={"name": "a"}).status_code == 200
    assert probe.post("/api/probe/wide", content=b" " * 100_001).status_code == 503


# --- who asks, and under which name -----------------------------------------------------------------------------------


def test_host_and_forwarding_headers_of_strangers_change_nothing(probe: TestClient) -> None:
    """Attack 42."""
    headers = {
        "Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http",
        "X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1;host=evil.example", "X-Real-IP": "127.0.0.1",
        "X-Original-URL": "/metrics", "X-Rewrite-URL": "/metrics",
    }  # fmt: skip
    answer = probe.get("/probe/tell", headers=headers)
    assert answer.json()["client"] == "203.0.113.7"
    page = probe.get("/nothing", headers=headers)
    assert "evil.example" not in page.text + str(page.headers)
    assert probe.get("/metrics", headers=headers).status_code == 401


def test_a_proxy_that_the_settings_name_is_believed(served: Callable[..., TestClient]) -> None:
    client = served('proxies = ["10.0.0.0/8"]\n', peer="10.1.1.1")
    assert (
        client.get("/probe/tell", headers={"X-Forwarded-For": "6.6.6.6, 198.51.100.9"}).json()["client"]
        == "198.51.100.9"
    )


def test_under_a_path_of_the_site_both_ways_of_forwarding_work(
    served: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy may hand on the path as it is, or without what the public address begins with."""
    monkeypatch.setattr("tests.web.test_guard.SETTINGS", SETTINGS.replace(BASE, f"{BASE}/news"))
    client = served()
    for path in ("/probe/tell", "/news/probe/tell"):
        assert client.get(path).json()["path"] == "/news/probe/token/x"
    assert client.get("/news//probe/tell").status_code == 404
    assert client.post("/news/api/probe/wide", content=b"[").headers["content-type"] == "application/problem+json"
    assert client.post("/news/webhooks/probe", content=b"a" * 100_000).status_code == 503, "it may be that long"


# --- what answers say -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/nothing", "/probe/fault", "/api/nothing", "/probe/tell"])
def test_every_answer_keeps_browsers_strict(probe: TestClient, path: str) -> None:
    """Attacks 38 and 41: nothing runs, nothing is framed, and there is no cookie whose power could be borrowed."""
    answer = probe.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert {name for name in HEADERS if name.lower() not in answer.headers} == set()
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    assert not {"set-cookie", "server", "location", "x-powered-by"} & set(answer.headers)


def test_a_surface_may_be_stricter_itself(probe: TestClient) -> None:
    headers = probe.get("/probe/own").headers
    assert (headers["content-security-policy"], headers["cache-control"]) == ("sandbox", "max-age=60")


def test_no_promise_of_encryption_where_there_is_none(
    served: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.web.test_guard.SETTINGS", SETTINGS.replace("https://news", "http://news"))
    assert "strict-transport-security" not in served().get("/healthz").headers


def test_a_fault_is_a_page_without_details(probe: TestClient) -> None:
    """Attack 57."""
    for path, kind in (("/probe/fault", "text/html"), ("/api/probe/fault", "application/problem+json")):
        answer = probe.get(path)
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (500, kind)
        assert not [word for word in (SECRET, "ValueError", "Traceback", ".py") if word in answer.text]


def test_a_database_that_is_away_is_said_so_with_a_time_to_come_again(probe: TestClient) -> None:
    answer = probe.get("/probe/away")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert "server" not in answer.text.lower().replace("observer", "") and SECRET not in answer.text
    posted = probe.post("/webhooks/probe")
    assert (posted.status_code, posted.text) == (503, "Service Unavailable\n")


def test_an_error_page_of_ones_own_with_a_mistake_is_no_fault_more(probe: TestClient, house: House) -> None:
    folder = house.folder / "templates" / "web"
    folder.mkdir(parents=True)
    (folder / "error.html").write_text("{{ nothing.of.that }}")
    assert (probe.get("/nowhere").status_code, probe.get("/nowhere").text) == (404, "Not Found\n")


# --- what the log says ------------------------------------------------------------------------------------------------


def test_the_log_names_kinds_of_pages_and_nobody(probe: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    """Attacks 57 and 58."""
    caplog.set_level(logging.INFO, "mailer")
    headers = {"User-Agent": SECRET, "Referer": f"https://{SECRET}/", "Authorization": f"Bearer {SECRET}"}
    probe.get(f"/probe/token/{SECRET}", params={"email": SECRET}, headers=headers)
    probe.get(f"/nowhere/{SECRET}%0A", headers=headers)
    probe.request(f"X{SECRET.replace('@', '')}", "/healthz")
    probe.get("/probe/fault", headers=headers)
    probe.get("/probe/away", headers=headers)
    for as_json in (True, False):
        lines = [Lines(as_json=as_json).format(record) for record in caplog.records if record.name == "mailer.web"]
        assert not [line for line in lines if "zoe" in line or "203.0.113" in line or "\n" in line], lines
    told = [json.loads(Lines(as_json=True).format(each)) for each in caplog.records if each.name == "mailer.web"]
    requests = [(each["method"], each["route"], each["status"]) for each in told if each["what"] == "request"]
    assert requests == [
        ("GET", "/probe/token/{token}", 200), ("GET", "-", 404), ("OTHER", "-", 501), ("GET", "/probe/fault", 500),
        ("GET", "/probe/away", 503),
    ]  # fmt: skip
    (fault,) = [each for each in told if each["what"] == "fault"]
    assert fault["fault"] == "ValueError" and "test_guard.py:" in fault["where"]
    (database,) = [each for each in told if each["what"] == "database"]
    assert database["detail"] == "the server cannot be reached"


def test_the_log_can_be_turned_off(served: Callable[..., TestClient], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mailer")
    served("request_log = false\n").get("/healthz")
    assert not [record for record in caplog.records if record.name == "mailer.web"]


def test_words_of_libraries_are_left_out_of_the_log() -> None:
    record = logging.LogRecord("some.parser", logging.WARNING, "", 0, "bad value %s", (SECRET,), None)
    assert SECRET not in Lines(as_json=True).format(record)


def test_an_unnamed_proxy_is_pointed_out_once(probe: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        probe.get("/healthz", headers={"X-Forwarded-For": "198.51.100.9"})
    assert [record.msg for record in caplog.records if record.name == "mailer.web"] == ["proxy"]
