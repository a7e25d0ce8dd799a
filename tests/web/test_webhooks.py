"""What providers post: believed by its signature alone, stored before it is acknowledged, harmless twice."""

from __future__ import annotations

import json
import random
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

import httpx2
import orjson
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.testclient import TestClient

from mailer.config import Settings
from mailer.errors import StoreError
from mailer.providers.sendgrid.signature import SIGNATURE, TIMESTAMP, is_signed
from mailer.services.references import key_of, references
from mailer.store import jobs as stored_jobs
from mailer.store import suppressions
from mailer.store.tables import deliveries, events, jobs, suppression_events
from tests.providers.test_sendgrid_events import COMMON, DOCUMENTED
from tests.store.world import World
from tests.web.house import House

OURS, THEIRS = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
SNAPSHOT = {"message_ids": "ab" * 16}
AT = "1763800000"
Post = Callable[..., httpx2.Response]


def public(key: EllipticCurvePrivateKey) -> str:
    return b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def signed(body: bytes, key: EllipticCurvePrivateKey = OURS, at: str = AT) -> dict[str, str]:
    signature = key.sign(at.encode() + body, ECDSA(SHA256()))
    return {SIGNATURE: b64encode(signature).decode(), TIMESTAMP: at, "Content-Type": "application/json"}


def trust(house: House, *keys: EllipticCurvePrivateKey) -> None:
    """Put the keys into the settings."""
    values = house.program.settings.model_dump(exclude_unset=True)
    values["provider"] = {**values.get("provider", {}), "webhook_keys": [public(key) for key in keys]}
    house.program.settings = Settings.model_validate(values)


@pytest.fixture
def post(house: House, client: TestClient) -> Post:
    """Posts events as SendGrid does."""
    trust(house, OURS)

    def carry_out(told: Any, **headers: str) -> httpx2.Response:
        body = told if isinstance(told, bytes) else orjson.dumps(told)
        return client.post("/webhooks/sendgrid", content=body, headers={**signed(body), **headers})

    return carry_out


def sent(house: House, *names: str) -> dict[str, str]:
    """An issue that went to these people; the reference of each mail."""
    for name in names:
        house.join(name)
    world = World(house.program.store)
    world.freeze("weekly", snapshot=SNAPSHOT, batch_size=1000)
    for _ in range(-(-len(names) // 1000)):
        world.submit()
    with house.program.store.read() as connection:
        numbers = list(connection.execute(sa.select(deliveries.c.id).order_by(deliveries.c.id)).scalars())
    return dict(zip(names, references(key_of(SNAPSHOT, ()), "issue", numbers), strict=True))


def about(reference: str, event: str, **more: Any) -> dict[str, Any]:
    return {**COMMON, "event": event, "mailer_delivery": reference, **more}


def number_of(house: House, table: sa.Table) -> int:
    with house.program.store.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def suppressed(house: House) -> dict[str, str]:
    with house.program.store.read() as connection:
        return {one.value.partition("@")[0]: one.reason.value for one in suppressions.every(connection)}


def test_a_post_is_stored_and_then_taken_in(house: House, post: Post) -> None:
    mails = sent(house, "ada", "ben")
    answer = post([about(mails["ada"], "spamreport"), about(mails["ben"], "delivered")])
    assert (answer.status_code, answer.text, house.woken) == (200, "stored\n", 1)
    assert "set-cookie" not in answer.headers
    assert number_of(house, events) == 0, "answered before it is worked on"
    assert house.work() != []
    assert suppressed(house) == {"ada": "complained"}
    assert (number_of(house, events), number_of(house, jobs)) == (2, 0)


def test_every_documented_event_is_taken(house: House, post: Post) -> None:
    mails = sent(house, *(name.replace(" ", "_") for name in DOCUMENTED))
    told = [about(mails[name.replace(" ", "_")], **fields) for name, (fields, _, _) in DOCUMENTED.items()]
    assert post(told).status_code == 200
    house.work()
    with house.program.store.read() as connection:
        kinds = sorted(kind.value for kind in connection.execute(sa.select(events.c.kind)).scalars())
    assert kinds == sorted(kind.value for _, kind, _ in DOCUMENTED.values() if kind.value not in ("opened", "clicked"))
    assert suppressed(house) == {
        "bounce": "bounced",
        "spamreport": "complained",
        "unsubscribe": "unsubscribed",
        "group_unsubscribe": "unsubscribed",
    }


# --- 47: nobody else is believed --------------------------------------------------------------------------------------


def test_attack_no_signature_wrong_key_and_changed_bodies(house: House, client: TestClient) -> None:
    trust(house, OURS)
    body = orjson.dumps([{**COMMON, "event": "spamreport"}], option=orjson.OPT_INDENT_2)
    good = signed(body)
    changed = body.replace(b"1513299569", b"1513299560")
    again = json.dumps(json.loads(body)).encode()
    forged: tuple[tuple[bytes, dict[str, str]], ...] = (
        (body, {}),
        (body, {TIMESTAMP: AT}),
        (body, {**good, SIGNATURE: ""}),
        (body, signed(body, THEIRS)),
        (body, {**good, TIMESTAMP: "1763800001"}),
        (body, {**good, TIMESTAMP: ""}),
        (body, {**good, TIMESTAMP: AT + "["}),
        (body, {**good, SIGNATURE: "no base64!"}),
        (body, {**good, SIGNATURE: "A" * 5000}),
        (body, {**good, SIGNATURE: b64encode(b64decode(good[SIGNATURE])[:-1]).decode()}),
        (body, {**good, SIGNATURE: b64encode(b"").decode()}),
        (changed, good),
        (again, good),
        (body + b"\r\n", good),
        (b"", good),
    )
    for content, headers in forged:
        answer = client.post("/webhooks/sendgrid", content=content, headers=headers)
        assert (answer.status_code, answer.text) == (403, "not signed\n"), headers
    assert (number_of(house, jobs), house.woken) == (0, 0)


def test_attack_without_a_key_nothing_is_believed(house: House, client: TestClient) -> None:
    body = b"[]"
    assert client.post("/webhooks/sendgrid", content=body, headers=signed(body)).status_code == 403
    assert client.post("/webhooks/sendgrid", content=body).status_code == 403
    assert number_of(house, jobs) == 0


def test_attack_other_methods_and_paths_do_nothing(house: House, client: TestClient) -> None:
    trust(house, OURS)
    body = b"[]"
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"):
        assert client.request(method, "/webhooks/sendgrid", content=body, headers=signed(body)).status_code >= 204
    for path in ("/webhooks/sendgrid/", "/webhooks/SendGrid", "/webhooks/smtp", "/webhooks//sendgrid"):
        assert client.post(path, content=body, headers=signed(body)).status_code in (400, 404)
    assert number_of(house, jobs) == 0


def test_two_keys_while_one_is_replaced(house: House, client: TestClient) -> None:
    trust(house, THEIRS, OURS)
    for key in (OURS, THEIRS):
        assert client.post("/webhooks/sendgrid", content=b"[]", headers=signed(b"[]", key)).status_code == 200


def test_the_vector_of_the_sdk() -> None:
    """The provider's own example: bytes with the end of line that it posts, and nothing read and written again."""
    key = (
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8e"
        "NEc6wEA3F+g=="
    )
    signature = "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM="
    body = (
        b'[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address",'
        b'"sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",'
        b'"sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",'
        b'"smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]\r\n'
    )
    assert is_signed([key], signature, "1600112502", body)
    assert not is_signed([key], signature, "1600112502", body.strip())
    assert not is_signed([key], signature, "1600112502", json.dumps(json.loads(body)).encode())
    assert not is_signed([], signature, "1600112502", body)


# --- 48, 49, 50: what comes twice, late, in another order, or is nonsense ---------------------------------------------


def test_attack_a_replayed_post_changes_nothing(house: House, post: Post) -> None:
    mails = sent(house, "ada", "ben")
    told = [about(mails["ada"], "spamreport"), about(mails["ben"], "bounce", status="5.1.1", reason="550 5.1.1")]
    post(told)
    house.work()
    before = number_of(house, events), number_of(house, suppression_events)
    house.later(days=30)
    with house.program.store.write() as connection:
        suppressions.remove(connection, "ada@example.org", 0, "it was a mistake", house.moment)
    for _ in range(3):
        assert post(told).status_code == 200
    house.work()
    assert (number_of(house, events), number_of(house, suppression_events)) == (before[0], before[1] + 1)
    assert suppressed(house) == {"ben": "bounced"}, "what somebody let in again stays in"


def test_attack_duplicates_and_any_order(house: House, post: Post) -> None:
    mails = sent(house, "ada", "ben")
    told = [
        about(mails["ada"], "bounce", status="5.1.1", reason="550 5.1.1 unknown", timestamp=1763800000),
        about(mails["ada"], "delivered", timestamp=1763700000),
        about(mails["ben"], "delivered", timestamp=1763700000),
        about(mails["ben"], "delivered", timestamp=1763700000, sg_event_id="another"),
    ]
    random.Random(7).shuffle(told)
    post(told * 5)
    post(told[::-1])
    house.work()
    assert number_of(house, events) == 3
    assert suppressed(house) == {"ada": "bounced"}


@pytest.mark.parametrize(
    "told",
    [
        [1, None, "x", [], {}, {"event": 7}, {"event": "delivered", "mailer_delivery": 7}],
        [{**COMMON, "event": "bounce", "timestamp": {"$gt": 0}}, {**COMMON, "event": "bounce", "reason": ["x"] * 9}],
        [{**COMMON, "event": "bounce", "reason": "<script>alert(1)</script>" * 10_000, "status": "\x00" * 99}],
        [{**COMMON, "event": "a" * 10_000}, {**COMMON, "event": "\r\n\x1b[2J"}],
        {"event": "delivered"},
        [],
    ],
)
def test_attack_nonsense_is_safe(house: House, post: Post, told: Any) -> None:
    assert post(told).status_code == 200
    words = " ".join(house.work())
    assert "fault of the program" not in words
    assert "script" not in words
    assert (number_of(house, events), suppressed(house)) == (0, {})


@pytest.mark.parametrize("body", [b"hello", b"<xml/>", b"null", b'"text"', b"\xff\xfe[", b"7"])
def test_attack_what_is_no_post_of_events_is_not_kept(house: House, post: Post, body: bytes) -> None:
    assert (post(body).status_code, number_of(house, jobs)) == (400, 0)


def test_attack_deep_json_is_told_and_kept_for_a_person(house: House, post: Post) -> None:
    assert post(b"[" * 100_000).status_code == 200
    (words,) = house.work()
    assert "failed" in words and "fault of the program" not in words


def test_attack_events_of_mails_that_we_never_sent_do_nothing(house: House, post: Post) -> None:
    mails = sent(house, "ada")
    number = mails["ada"].partition(".")[0]
    for reference in (f"{number}.0123456789abcdef", "99." + mails["ada"].partition(".")[2], "", "x" * 500):
        assert post([about(reference, "spamreport"), {"event": "spamreport", "email": "ada@example.org"}]).is_success
    house.work()
    assert (number_of(house, events), suppressed(house)) == (0, {})


def test_attack_a_post_that_is_too_long_is_not_taken(house: House, post: Post) -> None:
    assert post(b"[" + b" " * (17 << 20) + b"]").status_code == 413
    assert number_of(house, jobs) == 0


def test_thousands_at_once(house: House, post: Post) -> None:
    mails = sent(house, *(f"reader{number}" for number in range(300)))
    told = [about(each, "delivered", timestamp=1763700000 + n) for n in range(10) for each in mails.values()]
    assert post(told).status_code == 200
    house.work()
    assert number_of(house, events) == 3000


def test_nothing_is_acknowledged_that_is_not_stored(house: House, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> int:
        raise StoreError("the database is away")

    monkeypatch.setattr(stored_jobs, "add", fail)
    assert post([]).status_code == 503
    assert house.woken == 0


def test_nothing_personal_is_logged_or_kept_of_it(house: House, post: Post, caplog: pytest.LogCaptureFixture) -> None:
    mails = sent(house, "ada")
    post([about(mails["ada"], "bounce", email="ada@example.org", reason="550 5.1.1 <ada@example.org> unknown")])
    words = " ".join(house.work())
    with house.program.store.read() as connection:
        details = connection.execute(sa.select(events.c.detail)).scalars().all()
        notes = [one.note for one in suppressions.every(connection)]
    assert "ada" not in " ".join((words, caplog.text, *details, *notes)).replace(mails["ada"], "")
