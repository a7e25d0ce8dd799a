"""Who may ask the API: tokens, rights, what is answered to everybody else, and requests that come twice."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from mailer.model import JobKind, Scope
from mailer.services.public import failing
from mailer.services.tokens import create, holder, revoke, token_list
from mailer.store import jobs
from mailer.store.tables import api_answers, api_tokens, attempts
from tests.web.house import House
from tests.web.program import PREFIX, Asker
from tests.web.program import asker as asker

READ, WRITE = Scope.SUBSCRIBERS_READ, Scope.SUBSCRIBERS_WRITE
FAIR = {"email": "ada@example.org", "list": "weekly", "consent": "signed up at the fair"}
PUBLIC = ("/openapi.json",)


def operations(client: TestClient) -> list[tuple[str, str, list[str]]]:
    """Every method, path and the rights it needs, as the document says."""
    paths = client.get(f"{PREFIX}/openapi.json").json()["paths"]
    return [
        (method.upper(), path, operation["security"][0]["token"])
        for path, methods in paths.items()
        for method, operation in methods.items()
    ]


def test_nothing_is_told_without_a_token(client: TestClient) -> None:
    """Attack test 46: every route of the document asks who is there, before it looks at what was sent."""
    found = operations(client)
    assert len(found) == 8
    for method, path, _ in found:
        answer = client.request(method, path.replace("{name}", "weekly"), content=b"{")
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="mailer"'), path
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_token_may_do_what_it_was_made_for_and_nothing_else(house: House, client: TestClient) -> None:
    tokens = {scope: create(house.program, scope.name.lower(), [scope]).token for scope in Scope}
    for method, path, needed in operations(client):
        for scope, token in tokens.items():
            answer = client.request(
                method, path.replace("{name}", "weekly"), json={}, headers={"Authorization": f"Bearer {token}"}
            )
            assert (answer.status_code == 403) is not (set(needed) <= {scope.value}), (path, scope, answer.text)


@pytest.mark.parametrize("over", ["revoked", "expired"])
def test_a_token_that_is_over_is_good_for_nothing(house: House, asker: Asker, over: str) -> None:
    """Attack test 46: revoking works at once, in every process, because each request asks the database."""
    asker.may(Scope.LISTS_READ, expires="1h")
    asker.get("/lists")
    if over == "revoked":
        revoke(house.program, "website")
    else:
        house.later(hours=1)
    answer = asker.get("/lists", 401)
    assert "not good" in answer["detail"]


def test_nothing_but_the_token_is_taken_for_it(house: House, client: TestClient) -> None:
    """Attack test 46: not in the address of a page, not in a cookie, not under another scheme, not nearly right."""
    token = create(house.program, "website", [Scope.LISTS_READ]).token
    path = f"{PREFIX}/lists"
    good = client.get(path, headers={"Authorization": f"bEARER   {token} "})
    assert good.status_code == 200
    other = token[:-1] + ("A" if token[-1] != "A" else "B")
    for header in (
        token, f"Basic {token}", f"Bearer {token}x", f"Bearer {other}", f"Bearer {token.lower()}", "Bearer", "Bearer  ",
        f"Bearer {token} {token}", "Bearer ' OR 1=1 --", f"Bearer {token}\x00", "Bearer " + "x" * 8000,
    ):  # fmt: skip
        assert client.get(path, headers={"Authorization": header}).status_code == 401, header
    assert client.get(path, params={"access_token": token, "token": token}).status_code == 401
    assert client.get(path, headers={"Cookie": f"token={token}; Authorization=Bearer {token}"}).status_code == 401
    asked = {"X-HTTP-Method-Override": "GET", "X-Original-URL": path, "Authorization": f"Bearer {token}"}
    assert client.delete(path, headers=asked).status_code == 405


def test_what_is_kept_of_a_token_is_its_hash(house: House) -> None:
    token = create(house.program, "website", [Scope.LISTS_READ]).token
    with house.program.store.read() as connection:
        row = connection.execute(sa.select(api_tokens)).one()
    assert token.removeprefix("mailer_") not in str(row) and re.fullmatch("[0-9a-f]{64}", row.hash)
    assert holder(house.program, f"Bearer {row.hash}") is None, "who reads the database has no token by that"


def test_which_tokens_are_in_use_is_known_to_the_hour(house: House, asker: Asker) -> None:
    asker.may(Scope.LISTS_READ)
    assert token_list(house.program)[0].used_at is None
    hour = house.moment.replace(minute=0, second=0, microsecond=0)
    for minutes, expected in ((1, hour), (50, hour), (10, hour + timedelta(hours=1))):
        house.later(minutes=minutes)
        asker.get("/lists")
        assert token_list(house.program)[0].used_at == expected


def test_who_tries_tokens_is_not_answered_for_a_while(house: House, asker: Asker, monkeypatch: Any) -> None:
    """Tokens that are not good are counted by network; a good one from there is answered all the same."""
    monkeypatch.setattr(failing, "MOST", 3)
    good = asker.may(Scope.LISTS_READ)
    asker.headers["Authorization"] = f"Bearer {good[:-2]}zz"
    for _ in range(3):
        asker.get("/lists", 401)
    answer = asker.client.get(f"{PREFIX}/lists", headers=asker.headers)
    assert answer.status_code == 429 and 0 < int(answer.headers["retry-after"]) <= 600
    with house.program.store.read() as connection:
        (row,) = connection.execute(sa.select(attempts)).all()
    assert row.number == 3 and "203.0.113" not in str(row), "who is not answered costs no writing, and is not named"
    asker.headers["Authorization"] = f"Bearer {good}"
    asker.get("/lists")
    asker.headers["Authorization"] = f"Bearer {good[:-2]}zz"
    house.later(minutes=10)
    asker.get("/lists", 401)


def test_the_log_names_nobody(house: House, asker: Asker, caplog: pytest.LogCaptureFixture) -> None:
    """Attack tests 46, 57 and 58: neither a token nor a person gets into the log, whatever is wrong."""
    caplog.set_level(0)
    house.join("ada")
    token = asker.may(*Scope)
    asker.post("/subscribers/show", {"email": "ada@example.org"})
    asker.post("/subscribers/show", {"email": "ada@example.org", "more": 1}, 422)
    asker.get("/issues/ada@example.org", 404)
    asker.get("/lists", 422, email="ada@example.org")
    asker.headers["Authorization"] = f"Bearer {token[:-1]}"
    asker.get("/lists", 401)
    ours = [record for record in caplog.records if record.name.startswith("mailer")]
    assert ours and not [each for each in ours if "ada@" in str(vars(each)) or token[7:40] in str(vars(each))]


def test_without_any_token_nothing_is_counted(house: House, client: TestClient) -> None:
    assert client.get(f"{PREFIX}/lists").status_code == 401
    with house.program.store.read() as connection:
        assert connection.execute(sa.select(attempts)).all() == []


def test_the_same_request_again_is_not_done_again(house: House, asker: Asker) -> None:
    asker.may(READ, WRITE)
    first = asker.post("/subscribers/subscribe", FAIR, key="a-1")
    asker.post("/subscribers/unsubscribe", {"email": FAIR["email"]})
    answer = asker.client.post(
        f"{PREFIX}/subscribers/subscribe", headers={**asker.headers, "Idempotency-Key": "a-1"}, json=FAIR
    )
    assert answer.json() == first and answer.headers["idempotency-replayed"] == "true"
    assert asker.post("/subscribers/subscribe", FAIR)["outcome"] == "kept_out", "without the key it is asked anew"
    with house.program.store.read() as connection:
        (row,) = connection.execute(sa.select(api_answers)).all()
    assert "ada" not in str(row), "what is kept names nobody"


def test_a_key_is_one_requests_and_one_tokens(asker: Asker) -> None:
    asker.may(READ, WRITE)
    asker.post("/subscribers/subscribe", FAIR, key="a-1")
    said = asker.post("/subscribers/subscribe", {**FAIR, "email": "bea@example.org"}, 422, key="a-1")
    assert "used for another request" in said["detail"]
    asker.post("/subscribers/unsubscribe", {"email": FAIR["email"]}, 422, key="a-1")
    asker.may(READ, WRITE, name="other")
    assert asker.post("/subscribers/subscribe", FAIR, key="a-1")["outcome"] == "unchanged"


def test_a_key_is_forgotten_after_a_day(house: House, asker: Asker) -> None:
    asker.may(READ, WRITE)
    asker.post("/subscribers/subscribe", FAIR, key="a-1")
    house.later(hours=23)
    assert asker.post("/subscribers/subscribe", FAIR, key="a-1")["outcome"] == "added"
    house.later(hours=2)
    assert asker.post("/subscribers/subscribe", FAIR, key="a-1")["outcome"] == "unchanged"


def test_answers_are_deleted_when_they_are_over(house: House, asker: Asker) -> None:
    asker.may(READ, WRITE)
    asker.post("/subscribers/subscribe", FAIR, key="old")
    house.later(hours=20)
    asker.post("/subscribers/subscribe", FAIR, key="new")
    house.later(hours=5)
    with house.program.store.write() as connection:
        jobs.add(connection, JobKind.PRUNE, {}, house.moment)
    house.work()
    with house.program.store.read() as connection:
        assert connection.execute(sa.select(api_answers.c.key)).scalars().all() == ["new"]


def test_what_could_not_be_done_may_be_asked_again(house: House, asker: Asker) -> None:
    asker.may(READ, WRITE)
    change = {"email": "ada@example.org", "set": {"city": "Oslo"}}
    asker.post("/subscribers/update", change, 404, key="a-1")
    house.join("ada")
    assert asker.post("/subscribers/update", change, key="a-1") == {"changed": True}


def test_a_key_outlives_a_rotation_of_the_keys(house: House, asker: Asker) -> None:
    from mailer.services.keys import rotate

    asker.may(READ, WRITE)
    asker.post("/subscribers/subscribe", FAIR, key="a-1")
    rotate(house.program)
    assert asker.post("/subscribers/subscribe", FAIR, key="a-1")["outcome"] == "added"


def test_of_many_at_one_moment_one_is_done(house: House, asker: Asker) -> None:
    asker.may(READ, WRITE)
    together = threading.Barrier(4)

    def ask(_: int) -> str:
        together.wait(10)
        said: dict[str, str] = asker.post("/subscribers/subscribe", FAIR, key="a-1")
        return said["outcome"]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))) == ["added"] * 4


def test_what_is_no_key_is_refused(asker: Asker) -> None:
    asker.may(WRITE)
    names = {name.encode(): value.encode() for name, value in asker.headers.items()}
    for key in (b"", b" ", b"x" * 256, b"a b", b"\xe4"):
        answer = asker.client.post(
            f"{PREFIX}/subscribers/subscribe", headers={**names, b"Idempotency-Key": key}, json=FAIR
        )
        assert answer.status_code == 422, (key, answer.text)


BODIES: list[tuple[bytes, str, int]] = [
    (b"{", "application/json", 422),
    (b"", "application/json", 422),
    (b"[]", "application/json", 422),
    (b'"x"', "application/json", 422),
    (b"[" * 100_000, "application/json", 400),
    (b'{"email": ' + b"9" * 5000 + b"}", "application/json", 400),
    (b'{"email": "a@example.org", "list": "weekly", "consent": NaN}', "application/json", 422),
    (b'{"email": "a@example.org", "list": "weekly", "consent": "fair", "attributes": {"x": NaN}}',
     "application/json", 422),
    (b'{"email": "a@example.org", "list": "weekly", "consent": "fair", "attributes": {"x": "\\ud800"}}',
     "application/json", 422),
    (b'{"email": "a@example.org", "list": "weekly", "consent": "fair\\u0000ground"}', "application/json", 422),
    (b'{"email": "a@example.org", "list": "weekly", "consent": "fair", "more": 1}', "application/json", 422),
    (b'{"email": "a@example.org", "list": "../../etc/passwd", "consent": "fair"}', "application/json", 404),
    (b'{"email": "a@example.org", "list": "weekly\' OR 1=1 --", "consent": "fair"}', "application/json", 404),
    (b"\xff\xfe", "application/json", 422),
    (b"email=a@example.org&list=weekly&consent=fair", "application/x-www-form-urlencoded", 415),
    (b'{"email": "a@example.org", "list": "weekly", "consent": "fair"}', "text/plain", 415),
    (b'{"x": "' + b"x" * (1 << 20) + b'"}', "application/json", 413),
]  # fmt: skip


def test_bodies_that_mean_harm(house: House, asker: Asker) -> None:
    """Attack tests 41, 44 and 45: forms of other sites, deep and large JSON, numbers that are none, SQL in names."""
    asker.may(READ, WRITE)
    for body, kind, status in BODIES:
        answer = asker.client.post(
            f"{PREFIX}/subscribers/subscribe", headers={**asker.headers, "Content-Type": kind}, content=body
        )
        assert answer.status_code == status, (body[:80], answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert "set-cookie" not in answer.headers and "access-control-allow-origin" not in answer.headers
    assert house.state("a") is None
