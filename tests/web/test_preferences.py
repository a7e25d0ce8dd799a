"""People's own page: what it shows, what each section does, and what nobody can do with it."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from mailer.model import How, SubscriptionState, SuppressionReason
from mailer.render.links import Purpose, Signer
from mailer.store import preferences, subscriptions, suppressions
from mailer.store.suppressions import Suppression
from mailer.store.tables import metadata, subscribers
from tests.web.house import House

CONFIRMED, PENDING, LEFT = SubscriptionState.CONFIRMED, SubscriptionState.PENDING, SubscriptionState.UNSUBSCRIBED


def signer(house: House) -> Signer:
    return Signer(house.program.workspace.secret_keys(house.program.environ))


def path_of(house: House, person: str, purpose: Purpose = Purpose.PREFERENCES) -> str:
    return f"/p/{signer(house).token(purpose, 'weekly', person)}"


@pytest.fixture
def ada(house: House) -> str:
    """The address of Ada's page."""
    return path_of(house, house.join("ada"))


def everything(house: House) -> str:
    """All rows of the database as text."""
    with house.program.store.read() as connection:
        return "\n".join(
            str([tuple(row) for row in connection.execute(sa.select(table))]) for table in metadata.sorted_tables
        )


def person(house: House, name: str = "ada") -> Any:
    with house.program.store.read() as connection:
        return connection.execute(sa.select(subscribers).where(subscribers.c.email == f"{name}@example.org")).one()


def log(house: House, name: str = "ada") -> list[subscriptions.SubscriptionEvent]:
    with house.program.store.read() as connection:
        return subscriptions.history(connection, f"{name}@example.org")


def ticked(page: str) -> dict[str, bool]:
    found = re.findall(r'name="lists" value="([^"]+)"( checked)?', page)
    return {name: bool(checked) for name, checked in found}


def test_the_page_shows_public_lists_and_those_they_are_on(house: House, client: TestClient, ada: str) -> None:
    page = client.get(ada)
    assert (page.status_code, ticked(page.text)) == (200, {"alerts": False, "weekly": True})
    house.join("ada", "members", PENDING)
    page = client.get(ada)
    assert ticked(page.text) == {"alerts": False, "members": False, "weekly": True}
    assert "You have not confirmed this one yet" in page.text
    assert "ada@example.org" not in page.text, "a mail that was forwarded has the link as well"
    assert "a…@example.org" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "set-cookie" not in page.headers


def test_joining_and_leaving_lists_with_evidence(house: House, client: TestClient, ada: str) -> None:
    answer = client.post(ada, data={"action": "lists", "was": ["weekly"], "lists": ["alerts"]})
    assert (answer.status_code, ticked(answer.text)) == (200, {"alerts": True, "weekly": False})
    assert "Saved." in answer.text
    assert (house.state("ada", "weekly"), house.state("ada", "alerts")) == (LEFT, CONFIRMED)
    assert [(event.how, event.evidence) for event in log(house)[1:]] == [
        (How.PREFERENCES, {"link_of_list": "weekly"})
    ] * 2
    client.post(ada, data={"action": "lists", "was": ["alerts"], "lists": ["alerts", "weekly"]})
    assert house.state("ada", "weekly") is CONFIRMED
    assert log(house)[-1].consent_text == "I want the weekly bulletin.", "what they read when they ticked it"


def test_ticking_a_list_that_waits_confirms_it(house: House, client: TestClient, ada: str) -> None:
    house.join("ada", "members", PENDING)
    client.post(ada, data={"action": "lists", "was": ["weekly"], "lists": ["weekly"]})
    assert house.state("ada", "members") is PENDING, "what was not ticked is no answer"
    client.post(ada, data={"action": "lists", "was": ["weekly"], "lists": ["weekly", "members"]})
    assert house.state("ada", "members") is CONFIRMED


def test_a_page_that_was_open_for_long_takes_back_nothing(house: House, client: TestClient, ada: str) -> None:
    """They left by another link since; the old page had the list ticked and leaves it as it is."""
    client.post(ada, data={"action": "leave"})
    client.post(ada, data={"action": "lists", "was": ["weekly"], "lists": ["weekly", "alerts"]})
    assert (house.state("ada", "weekly"), house.state("ada", "alerts")) == (LEFT, CONFIRMED)


def test_names_that_are_no_lists_are_passed_over(house: House, client: TestClient, ada: str) -> None:
    """Also those that no database takes."""
    odd = {"action": "lists", "was": ["a\0b", "weekly"], "lists": ["b\0a", "nothing"]}
    assert client.post(ada, data=odd).status_code == 200
    assert house.state("ada") is LEFT


def test_nobody_joins_a_list_that_is_not_for_everybody(house: House, client: TestClient, ada: str) -> None:
    for name in ("members", "nonesuch", "../weekly", "'; drop table lists; --"):
        assert client.post(ada, data={"action": "lists", "lists": [name]}).status_code == 200
    assert house.state("ada", "members") is None
    house.join("ada", "members")
    client.post(ada, data={"action": "lists", "was": ["members"]})
    client.post(ada, data={"action": "lists", "lists": ["members"]})
    assert house.state("ada", "members") is LEFT, "whoever keeps that list decides who is on it"


@pytest.mark.parametrize("state", [None, LEFT, PENDING])
def test_who_is_suppressed_joins_nothing(
    house: House, client: TestClient, ada: str, state: SubscriptionState | None
) -> None:
    if state is not None:
        house.join("ada", "alerts", state)
    with house.program.store.write() as connection:
        entry = Suppression("ada@example.org", SuppressionReason.COMPLAINED)
        suppressions.add(connection, entry, house.moment)
    page = client.post(ada, data={"action": "lists", "lists": ["alerts"]})
    assert house.state("ada", "alerts") is state
    assert "No mail goes to your address at the moment" in page.text


def test_leaving_everything(house: House, client: TestClient, ada: str) -> None:
    house.join("ada", "members", PENDING)
    house.join("ben")
    for _ in range(2):
        assert client.post(ada, data={"action": "leave"}).status_code == 200
        assert (house.state("ada"), house.state("ada", "members"), house.state("ben")) == (LEFT, LEFT, CONFIRMED)
    assert len([event for event in log(house) if event.how is How.PREFERENCES]) == 2


def test_a_pause_ends_by_itself_and_on_the_page(house: House, client: TestClient, ada: str) -> None:
    page = client.post(ada, data={"action": "pause", "weeks": "4"})
    assert person(house).paused_until == house.moment + timedelta(weeks=4)
    assert "until December 20, 2026" in page.text
    client.post(ada, data={"action": "resume"})
    assert person(house).paused_until is None
    client.post(ada, data={"action": "pause", "weeks": "2"})
    house.later(weeks=2)
    assert "How long?" in client.get(ada).text


@pytest.mark.parametrize("weeks", ["0", "-4", "5", "999999999999", "x", ""])
def test_a_pause_of_no_length_on_offer_is_refused(house: House, client: TestClient, ada: str, weeks: str) -> None:
    assert client.post(ada, data={"action": "pause", "weeks": weeks}).status_code == 400
    assert person(house).paused_until is None


def test_the_language_is_theirs(house: House, client: TestClient, ada: str) -> None:
    answer = client.post(ada, data={"action": "language", "language": "de"})
    assert answer.headers["content-language"] == "de"
    assert person(house).attributes["language"] == "de"
    assert 'value="de" lang="de" selected' in client.get(ada).text
    assert client.post(ada, data={"action": "language", "language": "<script>"}).status_code == 400
    client.post(ada, data={"action": "language", "language": ""})
    assert "language" not in person(house).attributes


def test_being_counted_is_offered_where_anything_is_counted(house: House, client: TestClient, ada: str) -> None:
    assert "You may count" not in client.get(ada).text
    client.post(ada, data={"action": "counting"})
    assert person(house).untracked
    client.post(ada, data={"action": "counting", "counted": "true"})
    assert not person(house).untracked


# --- their data, and being forgotten ----------------------------------------------------------------------------------


def test_their_data_is_a_file_for_who_knows_the_address(house: House, client: TestClient, ada: str) -> None:
    answer = client.post(f"{ada}/data", data={"address": " ADA@example.org"})
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    assert answer.headers["cache-control"] == "no-store"
    data = json.loads(answer.text)
    assert data["person"]["email"] == "ada@example.org"
    assert [each["list"] for each in data["lists"]] == ["weekly"]
    assert data["consent_log"][0]["state"] == "confirmed"


def test_attack_data_of_others_and_guessing_the_address(house: House, client: TestClient, ada: str) -> None:
    house.join("ben")
    for place in ("data", "forget"):
        wrong = client.post(f"{ada}/{place}", data={"address": "ben@example.org"})
        assert wrong.status_code == 403
        assert "not the address these settings belong to" in wrong.text
        assert "ben@" not in wrong.text
    for _ in range(8):
        assert client.post(f"{ada}/data", data={"address": "no address"}).status_code == 403
    late = client.post(f"{ada}/data", data={"address": "ada@example.org"})
    assert late.status_code == 429, "a link and a guess are not enough"
    assert "ada@example.org" not in late.text
    house.later(days=2)
    assert client.post(f"{ada}/data", data={"address": "ada@example.org"}).status_code == 200


def test_being_forgotten_asks_once_more(house: House, client: TestClient, ada: str) -> None:
    assert "Forget me for good" in client.get(f"{ada}/forget").text
    assert house.state("ada") is CONFIRMED
    done = client.post(f"{ada}/forget", data={"address": "ada@example.org"})
    assert (done.status_code, "You are forgotten" in done.text) == (200, True)
    assert house.state("ada") is None
    assert "ada@example" not in everything(house)
    assert client.get(ada).status_code == 404, "links in old mails lead nowhere"
    assert client.post(f"{ada}/forget", data={"address": "ada@example.org"}).status_code == 404


def test_whoever_is_forgotten_leaves_no_wish_behind(house: House, client: TestClient, ada: str) -> None:
    client.post(ada, data={"action": "pause", "weeks": "4"})
    client.post(ada, data={"action": "counting"})
    client.post(f"{ada}/forget", data={"address": "ada@example.org"})
    with house.program.store.read() as connection:
        row = connection.execute(sa.select(subscribers.c.paused_until, subscribers.c.untracked)).one()
        how = connection.execute(sa.text("select how from subscription_events order by id desc limit 1")).scalar()
    assert (tuple(row), how) == ((None, False), "preferences")


# --- what nobody can do -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_attack_opening_a_page_changes_nothing(house: House, client: TestClient, ada: str, method: str) -> None:
    before = everything(house)
    sent = "?action=leave&lists=alerts&weeks=4&address=ada@example.org&_method=POST"
    for place in (ada, f"{ada}/", f"{ada}/forget", f"{ada}/data"):
        prefetch = {"Purpose": "prefetch", "Sec-Purpose": "prefetch", "X-HTTP-Method-Override": "POST"}
        client.request(method, place + sent, headers=prefetch)
    assert everything(house) == before


def test_attack_tokens_of_other_purposes_people_and_keys(house: House, client: TestClient) -> None:
    one = house.join("ada")
    keys = Signer([b"another organisation's key......"])
    good = signer(house).token(Purpose.PREFERENCES, "weekly", one)
    forged = [
        *(signer(house).token(purpose, "weekly", one) for purpose in (Purpose.UNSUBSCRIBE, Purpose.VIEW)),
        signer(house).token(Purpose.CONFIRM, "weekly", one),
        signer(house).token(Purpose.PREFERENCES, "weekly", "0123456789abcdef"),
        keys.token(Purpose.PREFERENCES, "weekly", one),
        good[:-1], good + "A", good[:-1] + ("A" if good[-1] != "A" else "B"), good.swapcase(), good + "=",
        "1", one, "A" * 500, "%00", "ada@example.org",
    ]  # fmt: skip
    before = everything(house)
    for token in forged:
        for place in (f"/p/{token}", f"/p/{token}/forget", f"/p/{token}/data"):
            assert client.get(place).status_code in (404, 405)
            answer = client.post(place, data={"action": "leave", "address": "ada@example.org"})
            assert answer.status_code in (404, 405), token
    assert everything(house) == before


def test_attack_another_site_cannot_send_the_form(house: House, client: TestClient, ada: str) -> None:
    """There is no cookie that a browser would add: without the token there is nothing to send the form to."""
    assert not client.get(ada).cookies
    client.cookies.set("session", "ada")
    client.cookies.set("token", ada.rpartition("/")[2])
    evil = {"Origin": "https://evil.example", "Referer": "https://evil.example/"}
    for place in ("/p", "/p/", "/p/me"):
        assert client.post(place, data={"action": "leave"}, headers=evil).status_code == 404
    assert house.state("ada") is CONFIRMED
    page = client.get(ada)
    assert page.headers["referrer-policy"] == "no-referrer", "the token does not travel to where a link leads"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "form-action 'self'" in page.headers["content-security-policy"]


def test_a_link_of_a_preview_is_good_for_nothing(house: House, client: TestClient) -> None:
    one = house.join("ada")
    path = path_of(house, one, Purpose.PREVIEW)
    assert client.get(path).status_code == 200
    assert "Lists" not in client.get(path).text
    client.post(path, data={"action": "leave"})
    assert house.state("ada") is CONFIRMED


def test_words_of_the_organisation_are_text_and_not_html(house: House, client: TestClient) -> None:
    path = house.folder / "subscribers" / "weekly.toml"
    path.write_text(path.read_text().replace("Weekly bulletin", "<script>alert(1)</script>{{ 7*7 }}"))
    assert "<script>" not in client.get(path_of(house, house.join("ada"))).text


def test_a_person_is_held_while_they_decide(house: House) -> None:
    one = house.join("ada")
    with house.program.store.write() as connection:
        who = preferences.holder(connection, one, locked=True)
        assert who is not None
        preferences.pause(connection, who.number, house.moment, house.moment)
    assert person(house).paused_until == house.moment
