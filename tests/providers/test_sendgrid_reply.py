"""What an answer of SendGrid means, in every form that is documented and in those that are not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.providers.sendgrid.reply import LONGEST_DETAIL, Answer, Meaning, Reply, described, faults_of, pause, read

NOW = 1_795_000_000.0


def answered(status: int, body: Any = b"", **headers: str) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read(Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw), NOW)


def errors(*given: Any) -> dict[str, Any]:
    return {"errors": list(given)}


def test_accepted_carries_the_id() -> None:
    assert answered(202, x_message_id="14c5d75ce93.dfd") == Reply(Meaning.ACCEPTED, provider_id="14c5d75ce93.dfd")
    assert read(Answer(200, {}), NOW, sandbox=True).meaning is Meaning.ACCEPTED
    assert read(Answer(202, {}), NOW, sandbox=True).meaning is Meaning.DOUBTFUL


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (errors({"message": "Bad Request", "field": None, "help": None}), "HTTP 400: Bad Request"),
        (
            errors({"message": "no", "field": "personalizations.0.to", "help": {}}),
            "HTTP 400: no [personalizations.0.to]",
        ),
        (errors({"error_id": "x", "message": "no", "parameter": "to"}, {"message": "also"}), "HTTP 400: no [to]; also"),
        (errors({"message": "twice"}, {"message": "twice"}), "HTTP 400: twice"),
        (errors("authorization required"), "HTTP 400: authorization required"),
        ({"error": "plain"}, "HTTP 400: plain"),
        ({"error": {"message": "inside"}}, "HTTP 400: inside"),
        ({"message": "top"}, "HTTP 400: top"),
        ({"errors": [{"message": None, "field": 3, "help": "helping"}], "id": "z"}, "HTTP 400: helping"),
        ({"errors": "words"}, "HTTP 400: words"),
        ({"errors": None}, "HTTP 400"),
        ({}, "HTTP 400"),
        ([], "HTTP 400"),
        (b"", "HTTP 400"),
        (b"<html><body>nginx</body></html>", "HTTP 400"),
        (b"\xff\xfe\x00", "HTTP 400"),
        (b"[" * 5000, "HTTP 400"),
    ],
)
def test_every_form_of_an_error(body: Any, detail: str) -> None:
    assert answered(400, body).detail == detail


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("The address ann.lee+x@example.net is bad", "The address (address) is bad"),
        ("<ann@example.net>, 'bo@example.org'", "<(address)>, '(address)'"),
        ("two\nlines\x1b[31m \u2028 end", "two lines [31m end"),
        ("å@grønn.example;x", "(address);x"),
    ],
)
def test_a_detail_is_one_line_without_an_address(message: str, shown: str) -> None:
    assert answered(400, errors({"message": message})).detail == f"HTTP 400: {shown}"


@given(st.text(max_size=2000), st.text(max_size=50))
def test_a_detail_is_short_and_printable_whatever_came(message: str, place: str) -> None:
    detail = described(400, list(faults_of(json.dumps(errors({"message": message, "field": place})).encode())))
    assert len(detail) <= LONGEST_DETAIL
    assert detail.isprintable()
    assert "@" not in detail.replace("(address)", "")


@given(st.integers(100, 999), st.binary(max_size=200))
def test_any_answer_has_a_meaning(status: int, body: bytes) -> None:
    reply = read(Answer(status, {}, body), NOW)
    assert (reply.meaning is Meaning.ACCEPTED) == (status == 202)
    if status >= 500 or 300 <= status < 400:
        assert reply.meaning is Meaning.DOUBTFUL


@pytest.mark.parametrize(
    ("fields", "meaning", "pointed"),
    [
        (["personalizations.3.to.0.email"], Meaning.REFUSED, (3,)),
        (["personalizations[12].to"], Meaning.REFUSED, (12,)),
        (["personalizations.3.to", "personalizations.3.headers", "personalizations.1.to"], Meaning.REFUSED, (3, 1)),
        (["personalizations.2.to", "subject"], Meaning.REFUSED, (2,)),
        (["personalizations"], Meaning.REFUSED, ()),
        ([None], Meaning.REFUSED, ()),
        ([None, "subject"], Meaning.REFUSED, ()),
        (["from.email"], Meaning.STOP, ()),
        (["content.0.value", "subject"], Meaning.STOP, ()),
        (["personalizations.99999999999999999999.to"], Meaning.REFUSED, (999999999,)),
    ],
)
def test_whom_a_refusal_is_about(fields: list[str | None], meaning: Meaning, pointed: tuple[int, ...]) -> None:
    reply = answered(400, errors(*({"message": "no", "field": each} for each in fields)))
    assert (reply.meaning, reply.pointed) == (meaning, pointed)


@pytest.mark.parametrize("status", [401, 403, 404, 405, 406, 407, 409, 415, 422, 451])
def test_what_no_recipient_is_to_blame_for(status: int) -> None:
    assert answered(status, errors({"message": "no"})).meaning is Meaning.STOP


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-reset": str(int(NOW) + 30)}, 30.0),
        ({"x-ratelimit-reset": str(int(NOW) - 30)}, 1.0),
        ({"x-ratelimit-reset": str(int(NOW) + 10**9)}, 3600.0),
        ({"x-ratelimit-reset": "25"}, 25.0),
        ({"retry-after": "7"}, 7.0),
        ({"x-ratelimit-reset": "soon", "retry-after": "7"}, 7.0),
        ({"retry-after": "Sun, 22 Nov 2026 17:00:00 GMT"}, None),
        ({"x-ratelimit-reset": "²"}, None),
        ({}, None),
    ],
)
def test_how_long_a_limit_lasts(headers: dict[str, str], seconds: float | None) -> None:
    assert pause(headers, NOW) == seconds
