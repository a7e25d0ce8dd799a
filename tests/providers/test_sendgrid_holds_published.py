"""SendGrid's published descriptions accept what safe mode sends, and we understand everything they answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from mailer.errors import ProviderError
from mailer.model import Batch, Outcome
from mailer.providers.sendgrid import holds
from mailer.providers.sendgrid.provider import SendGrid
from mailer.providers.sendgrid.transport import answer_of
from tests.prism import description, prism
from tests.providers.sendgrid_merges import merge, person, provider

NUMBER = "HkJ5yLYULb7Rj8GKSx7u025ouWVlMgAi"


@pytest.fixture(scope="module")
def mail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SendGrid]:
    """Mail Send and its batch ids."""
    log = tmp_path_factory.mktemp("prism") / "mail"
    with prism(description("sendgrid/tsg_mail_v3.json"), log) as url:
        made = provider(url, seconds=60)
        yield made
        made.close()


@pytest.fixture(scope="module")
def sends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SendGrid]:
    """Scheduled sends."""
    log = tmp_path_factory.mktemp("prism") / "sends"
    with prism(description("sendgrid/tsg_scheduled_sends_v3.json"), log) as url:
        made = provider(url, seconds=60)
        yield made
        made.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is worth waiting for between two questions."""
    monkeypatch.setattr(holds, "PAUSES", (0.01,))


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=15)


def answering(made: SendGrid, *statuses: int, monkeypatch: pytest.MonkeyPatch) -> SendGrid:
    """The same, told to answer the next calls so; the last one for the rest."""
    waiting = list(statuses)

    def ask(call: object, **given: object) -> object:
        status = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return answer_of(call, timeout=60, request_headers={"Prefer": f"code={status}"}, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(made.sends, "_ask", ask)
    return made


def test_a_number_is_given(mail: SendGrid) -> None:
    assert holds.NUMBER.fullmatch(mail.new_hold())


@pytest.mark.parametrize("people", [1, 1000])
def test_a_kept_batch_is_accepted(mail: SendGrid, people: int) -> None:
    made = Batch(7, "rivers", 1, merges=(merge(*map(person, range(people))),), hold=NUMBER, send_at=soon())
    assert {each.outcome for each in mail.submit(made)} == {Outcome.ACCEPTED}


def test_a_drop_is_accepted_in_each_of_its_ways(sends: SendGrid, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sends.drop(NUMBER, soon())
    # Refused because something was said already: then the second way, and then what the list says of it.
    assert answering(sends, 400, 204, monkeypatch=monkeypatch).drop(NUMBER, soon())
    assert answering(sends, 400, 400, 200, monkeypatch=monkeypatch).drop(NUMBER, soon())
    assert not answering(sends, 400, 400, 200, monkeypatch=monkeypatch).drop("another", soon())
    monkeypatch.undo()
    sends.release(NUMBER)
    assert sends.sends.taken() == 2, "as in its example"


@pytest.mark.parametrize(
    "body",
    [
        {"batch_id": NUMBER},
        {"status": "cancel"},
        {"batch_id": NUMBER, "status": "stop"},
        {"batch_id": "-" + NUMBER, "status": "cancel"},
        {"batch_id": 7, "status": "cancel"},
    ],
    ids=str,
)
def test_it_does_look_at_what_we_send(sends: SendGrid, body: dict[str, object]) -> None:
    answer = answer_of(sends.client.user.scheduled_sends.post, request_body=body)
    assert answer.status >= 400


@pytest.mark.parametrize("status", [401, 403, 500])
@pytest.mark.parametrize("before", [0, 1, 2], ids=["post", "patch", "get"])
def test_an_answer_that_is_no_word_about_the_batch_is_none(
    sends: SendGrid, status: int, before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = answering(sends, *[400] * before, status, monkeypatch=monkeypatch)
    with pytest.raises(ProviderError, match=rf"does not say whether it dropped a batch: HTTP {status}"):
        made.drop(NUMBER, soon())


@pytest.mark.parametrize("status", [400, 404])
def test_what_it_does_not_know_is_not_dropped(sends: SendGrid, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not answering(sends, status, status, 404, monkeypatch=monkeypatch).drop(NUMBER, soon())


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 500])
def test_every_refusal_of_a_number_is_understood(mail: SendGrid, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ProviderError, match=rf"gives no number to keep a batch under.*HTTP {status}"):
        answering(mail, status, monkeypatch=monkeypatch).new_hold()


@pytest.mark.parametrize("status", [400, 401, 403, 500])
def test_every_refusal_to_forget_is_understood(sends: SendGrid, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ProviderError, match=rf"keeps the number of a dropped batch: HTTP {status}"):
        answering(sends, status, monkeypatch=monkeypatch).release(NUMBER)


@pytest.mark.parametrize(
    ("path", "method", "known"),
    [
        ("/v3/user/scheduled_sends", "post", {"201", "400", "401", "403", "404", "500"}),
        ("/v3/user/scheduled_sends", "get", {"200", "400", "401", "403", "404", "500"}),
        ("/v3/user/scheduled_sends/{batch_id}", "get", {"200", "400", "401", "403", "404", "500"}),
        ("/v3/user/scheduled_sends/{batch_id}", "patch", {"204", "400", "401", "403", "404", "500"}),
        ("/v3/user/scheduled_sends/{batch_id}", "delete", {"204", "400", "401", "403", "404", "500"}),
    ],
)
def test_the_descriptions_are_the_published_ones(path: str, method: str, known: set[str]) -> None:
    described = orjson.loads(description("sendgrid/tsg_scheduled_sends_v3.json").read_bytes())
    assert set(described["paths"][path][method]["responses"]) == known, "another answer to understand"
    described = orjson.loads(description("sendgrid/tsg_mail_v3.json").read_bytes())
    assert set(described["paths"]["/v3/mail/batch"]["post"]["responses"]) == {
        "201", "400", "401", "403", "404", "405", "500",
    }  # fmt: skip
