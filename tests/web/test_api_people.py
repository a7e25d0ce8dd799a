"""The API's requests about people: what a token may learn, and what the log of consents says afterwards."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mailer.audience.address import parse_address
from mailer.model import How, JobKind, Scope, SubscriptionState
from mailer.services.suppressions import Suppression
from mailer.store import jobs, subscribers, subscriptions, suppressions
from tests.web.house import House
from tests.web.program import Asker
from tests.web.program import asker as asker

READ, WRITE = Scope.SUBSCRIBERS_READ, Scope.SUBSCRIBERS_WRITE
CONFIRMED, PENDING, LEFT = SubscriptionState.CONFIRMED, SubscriptionState.PENDING, SubscriptionState.UNSUBSCRIBED
ADA = {"email": "ada@example.org", "list": "weekly"}
FAIR = {**ADA, "consent": "signed up at the fair, 14 November 2026"}


def log_of(house: House, name: str = "ada") -> list[subscriptions.SubscriptionEvent]:
    with house.program.store.read() as connection:
        return subscriptions.history(connection, f"{name}@example.org")


def attributes(house: House, name: str = "ada") -> dict[str, Any]:
    with house.program.store.read() as connection:
        person = subscribers.get(connection, f"{name}@example.org")
    assert person is not None
    return dict(person.attributes)


def waiting(house: House) -> list[dict[str, Any]]:
    """What was left to be carried out, with the list it is for."""
    with house.program.store.read() as connection:
        found = [job for job in jobs.newest(connection) if job.kind is JobKind.SIGNUP]
        return [{**job.arguments, **json.loads(jobs.body(connection, job.id))} for job in reversed(found)]


def test_who_agreed_is_on_the_list_and_the_log_says_how(house: House, asker: Asker) -> None:
    asker.may(READ, WRITE)
    said = asker.post("/subscribers/subscribe", {**FAIR, "attributes": {"First name": "Ada"}, "tags": ["fair"]})
    assert said == {"list": "weekly", "outcome": "added", "state": "confirmed"}
    (event,) = log_of(house)
    assert (event.state, event.how, event.source) == (CONFIRMED, How.API, FAIR["consent"])
    assert event.evidence == {"token": "website"} and event.consent_text is None
    assert attributes(house) == {"first_name": "Ada", "tags": ["fair"]}
    assert asker.post("/subscribers/subscribe", FAIR)["outcome"] == "unchanged"


def test_the_text_that_was_agreed_to_is_part_of_the_proof(house: House, asker: Asker) -> None:
    asker.may(READ, WRITE)
    asker.post("/subscribers/subscribe", {**FAIR, "agreed_to_text": True})
    (event,) = log_of(house)
    assert event.consent_text == "I want the weekly bulletin."
    said = asker.post("/subscribers/subscribe", {**FAIR, "list": "members", "agreed_to_text": True}, 422)
    assert "has no consent text" in said["detail"]


@pytest.mark.parametrize("how", ["left", "suppressed"])
def test_who_said_no_is_kept_out(house: House, asker: Asker, how: str) -> None:
    if how == "left":
        house.join("ada", state=LEFT)
    else:
        with house.program.store.write() as connection:
            suppressions.add(connection, Suppression("ada@example.org"), house.moment)
    asker.may(READ, WRITE)
    assert asker.post("/subscribers/subscribe", FAIR) == {"list": "weekly", "outcome": "kept_out", "state": None}
    assert house.state("ada") in (LEFT, None)


def test_without_consent_nobody_is_looked_up(house: House, asker: Asker) -> None:
    """Attack test 35: what the form would do is left to be done, and the answer is the same for everybody."""
    house.join("ada")
    asker.may(READ, WRITE)
    said = [
        asker.post("/subscribers/subscribe", {**ADA, "email": email}, 202)
        for email in ("ada@example.org", "nobody@example.org")
    ]
    assert said == [{"list": "weekly", "outcome": "asking", "state": None}] * 2
    assert [job["email"] for job in waiting(house)] == ["ada@example.org", "nobody@example.org"]
    assert house.woken == 2 and house.state("nobody") is None


def test_who_asks_through_a_program_confirms_by_mail(house: House, asker: Asker) -> None:
    asker.may(WRITE)
    asker.post("/subscribers/subscribe", {**ADA, "attributes": {"first_name": "Ada"}}, 202)
    house.work()
    (mail,) = house.mails()
    assert mail["To"] == "ada@example.org" and house.state("ada") is PENDING
    (event,) = log_of(house)
    assert (event.how, event.evidence) == (How.API, {"token": "website"})
    asker.post("/subscribers/subscribe", {**ADA, "attributes": {"first_name": "Eve"}}, 202)
    house.work()
    assert len(house.mails()) == 1 and attributes(house) == {"first_name": "Ada"}
    said = asker.post("/subscribers/subscribe", {**ADA, "list": "members"}, 422)
    assert "not public" in said["detail"]


def test_without_consent_only_what_the_form_asks_for_is_taken(house: House, asker: Asker) -> None:
    asker.may(WRITE)
    more = {"attributes": {"first_name": "Ada", "language": "de"}, "agreed_to_text": True}
    asker.post("/subscribers/subscribe", {**ADA, **more}, 202)
    (job,) = waiting(house)
    assert (job["list"], job["values"], job["token"]) == ("weekly", {"first_name": "Ada", "language": "de"}, "website")
    assert job["agreed"]
    for wrong in ({"attributes": {"city": "Oslo"}}, {"attributes": {"first_name": 1}}, {"tags": ["vip"]}):
        asker.post("/subscribers/subscribe", {**ADA, **wrong}, 422)
    assert len(waiting(house)) == 1


def test_a_token_that_may_only_write_learns_nothing(house: House, asker: Asker) -> None:
    """Attack test 35: of a person who is here, who is not, and who must not be mailed it hears the same."""
    house.join("ada")
    house.join("bea", state=LEFT)
    asker.may(WRITE)
    names = ("ada", "bea", "nobody")
    said = [asker.post("/subscribers/subscribe", {**FAIR, "email": f"{name}@example.org"}) for name in names]
    assert said == [{"list": "weekly", "outcome": None, "state": None}] * 3
    gone = [asker.post("/subscribers/unsubscribe", {"email": f"{name}@example.org"}) for name in (*names, "never")]
    assert gone == [{"done": True, "lists": None}] * 4
    assert house.state("ada") is LEFT
    for path in ("show", "update"):
        asker.post(f"/subscribers/{path}", {"email": "ada@example.org"}, 403)


def test_unsubscribing_from_one_list_and_from_all(house: House, asker: Asker) -> None:
    house.join("ada")
    house.join("ada", "alerts")
    house.join("ada", "members", PENDING)
    asker.may(READ, WRITE)
    assert asker.post("/subscribers/unsubscribe", {**ADA, "reason": "by telephone"})["lists"] == ["weekly"]
    assert (house.state("ada"), house.state("ada", "alerts")) == (LEFT, CONFIRMED)
    last = log_of(house)[-1]
    assert (last.how, last.source, last.evidence) == (How.API, "by telephone", {"token": "website"})
    assert asker.post("/subscribers/unsubscribe", {"email": "ADA@Example.org"})["lists"] == ["alerts", "members"]
    assert asker.post("/subscribers/unsubscribe", {"email": "ada@example.org"})["lists"] == []
    assert len(log_of(house)) == 6, "and nothing is written where nothing changes"


def test_showing_a_person(house: House, asker: Asker) -> None:
    house.join("ada")
    house.join("ada", "alerts", LEFT)
    asker.may(READ)
    said = asker.post("/subscribers/show", {"email": " Ada@example.org "})
    assert said["email"] == "ada@example.org" and said["suppressed"] == []
    assert [(each["list"], each["state"]) for each in said["lists"]] == [
        ("alerts", "unsubscribed"),
        ("weekly", "confirmed"),
    ]
    said = asker.post("/subscribers/show", {"email": "nobody@example.org"}, 404)
    assert said["detail"] == "nobody here has that address", "the address is not said again"


def test_changing_what_is_known(house: House, asker: Asker) -> None:
    house.join("ada")
    asker.may(READ, WRITE)
    first = {"set": {"city": "Oslo", "age": 34}, "add_tags": ["vip", "Fair"]}
    email = {"email": "ada@example.org"}
    assert asker.post("/subscribers/update", {**email, **first}) == {"changed": True}
    assert asker.post("/subscribers/update", {**email, **first}) == {"changed": False}
    asker.post("/subscribers/update", {**email, "unset": ["city"], "remove_tags": ["fair"]})
    assert attributes(house) == {"age": 34, "tags": ["vip"]}
    asker.post("/subscribers/update", {"email": "nobody@example.org", "set": {"city": "Oslo"}}, 404)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"set": {"": 1}}, "is no name"),
    ({"set": {"tags": ["x"]}}, "tags are no attribute"),
    ({"set": {"e-mail": "x", "E mail": "y"}}, "the same attribute"),
    ({"set": {"email": "eve@example.org"}}, "cannot be set"),
    ({"set": {"city": "\x00"}}, "control characters"),
    ({"set": {"city": {"name": "\x00"}}}, "control characters"),
    ({"set": {"city": "x" * 20_000}}, "longer than"),
    ({"set": {"city": " "}}, "has no value"),
    ({"set": {"city": "Oslo"}, "unset": ["City"]}, "both set and unset"),
    ({"add_tags": ["\x1b[2J"]}, "unprintable"),
    ({"add_tags": ["x" * 101]}, "longer than"),
]


def test_what_cannot_be_kept_is_refused(house: House, asker: Asker) -> None:
    house.join("ada")
    asker.may(READ, WRITE)
    for what, said in WRONG:
        problem = asker.post("/subscribers/update", {"email": "ada@example.org", **what}, 422)
        assert said in problem["detail"], what
    assert attributes(house) == {}


NO_ADDRESS = (
    "",
    "ada",
    "ada@",
    "a\r\nBcc: b@example.org",
    "a@example.org,b@example.org",
    "x" * 400 + "@example.org",
    "a@b\x00.org",
)


def test_no_address_is_no_address(asker: Asker) -> None:
    """Attack tests 9 and 10: an address with line ends, or two of them, never gets in; and it is not said again."""
    asker.may(READ, WRITE)
    for email in NO_ADDRESS:
        problem = asker.post("/subscribers/subscribe", {**FAIR, "email": email}, 422)
        assert len(email) < 5 or json.dumps(email)[1:-1] not in json.dumps(problem)


def test_the_same_person_in_other_letters_is_one(house: House, asker: Asker) -> None:
    """Attack test 29: a suppressed address stays so in capitals and full-width letters."""
    house.join("ada", state=LEFT)
    asker.may(READ, WRITE)
    for email in ("ADA@EXAMPLE.ORG", "\uff41da@example.org", " ada@example.org\u3000"):
        assert asker.post("/subscribers/subscribe", {**FAIR, "email": email})["outcome"] == "kept_out"
    assert parse_address("ADA@EXAMPLE.ORG").key == "ada@example.org"
