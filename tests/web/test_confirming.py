"""Confirming on a page: the button alone does it, and an old mail never undoes a no."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from mailer.audience.address import parse_address
from mailer.model import How, SubscriptionState, SuppressionReason
from mailer.render.links import Purpose, Signer
from mailer.services.forgetting import forget
from mailer.services.subscribers import unsubscribe
from mailer.store import subscriptions, suppressions
from mailer.store.suppressions import Suppression
from tests.web.forms import links_of, sign_up
from tests.web.house import House

PENDING, CONFIRMED, LEFT = SubscriptionState.PENDING, SubscriptionState.CONFIRMED, SubscriptionState.UNSUBSCRIBED


def asked(house: House, client: TestClient, email: str = "ann@example.org") -> str:
    """Sign up; the path of the link in the mail that came of it."""
    before = len(house.mails())
    sign_up(house, client, email)
    house.work()
    mails = house.mails()
    assert len(mails) == before + 1
    newest = max(mails, key=lambda mail: str(mail["Message-ID"]) not in SEEN)
    SEEN.update(str(mail["Message-ID"]) for mail in mails)
    return links_of(newest)["c"]


SEEN: set[str] = set()


def way_out(house: House) -> str:
    """The path of the link by which Ann leaves."""
    signer = Signer(house.program.workspace.secret_keys({}))
    return f"/u/{signer.token(Purpose.UNSUBSCRIBE, 'weekly', house.join('ann'))}"


def own_page(house: House) -> str:
    """The path of Ann's own page."""
    signer = Signer(house.program.workspace.secret_keys({}))
    return f"/p/{signer.token(Purpose.PREFERENCES, 'weekly', house.join('ann'))}"


def test_looking_confirms_nobody(house: House, client: TestClient) -> None:
    """Attack 31."""
    path = asked(house, client)
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE"):
        for each in (path, path + "/", path + "?confirm=1"):
            assert client.request(method, each, headers={"X-HTTP-Method-Override": "POST"}).status_code in (
                200,
                204,
                405,
            )
    assert house.state("ann") is PENDING


def test_confirming_twice_says_so(house: House, client: TestClient) -> None:
    path = asked(house, client)
    assert "The next issue comes to you" in client.post(path).text
    assert "You had confirmed this before" in client.post(path + "/").text
    with house.program.store.read() as connection:
        assert len(subscriptions.history(connection, "ann@example.org")) == 2


def test_the_confirmed_page_leads_to_the_preferences(house: House, client: TestClient) -> None:
    page = client.post(asked(house, client)).text
    (link,) = {part.partition('"')[0] for part in page.split('href="') if part.startswith("/p/")}
    assert client.get(link).status_code == 200


def test_an_old_link_does_not_undo_a_no(house: House, client: TestClient) -> None:
    """Attack 37."""
    path = asked(house, client)
    client.post(path)
    client.post(way_out(house), content="List-Unsubscribe=One-Click")
    answer = client.post(path)
    assert (answer.status_code, house.state("ann")) == (409, LEFT)
    assert "an old link does not undo that" in answer.text
    assert 'href="/subscribe/weekly"' in answer.text


def test_who_left_comes_back_by_the_new_mail_and_no_other(house: House, client: TestClient) -> None:
    """Attack 37."""
    old = asked(house, client)
    client.post(old)
    client.post(way_out(house), data={"leave": "1"})
    house.later(days=2)
    new = asked(house, client)
    assert house.state("ann") is LEFT  # asking is not coming back
    assert client.post(old).status_code == 409
    assert house.state("ann") is LEFT
    assert client.post(new).status_code == 200
    assert house.state("ann") is CONFIRMED
    with house.program.store.read() as connection:
        *_, again, back = subscriptions.history(connection, "ann@example.org")
    assert (again.state, again.how, back.how) == (LEFT, How.FORM, How.CONFIRM_LINK)


@pytest.mark.parametrize("by", ["click", "command", "own page"])
def test_a_no_after_asking_again_is_the_last_word(house: House, client: TestClient, by: str) -> None:
    """Whatever clocks say: somebody entered her address after she left, and she says no once more."""
    client.post(asked(house, client))
    out = way_out(house)
    client.post(out, data={"leave": "1"})
    house.later(days=2)
    new = asked(house, client)
    house.later(days=-30)  # a clock that is set back
    if by == "click":
        client.post(out, content="List-Unsubscribe=One-Click")
    elif by == "own page":
        client.post(own_page(house), data={"action": "leave"})
    else:
        weekly = house.program.list_named("weekly")
        unsubscribe(house.program.store, weekly, parse_address("ann@example.org"), "by phone", house.moment)
    assert client.post(new).status_code == 409
    assert house.state("ann") is LEFT


def test_who_was_suppressed_meanwhile_is_not_confirmed(house: House, client: TestClient) -> None:
    path = asked(house, client)
    with house.program.store.write() as connection:
        entry = Suppression("ann@example.org", SuppressionReason.COMPLAINED)
        suppressions.add(connection, entry, house.moment)
    answer = client.post(path)
    assert (answer.status_code, house.state("ann")) == (409, PENDING)
    assert "No mail goes to your address" in answer.text


def test_who_was_forgotten_is_unknown(house: House, client: TestClient) -> None:
    path = asked(house, client)
    forget(house.program, parse_address("ann@example.org"))
    assert (client.get(path).status_code, client.post(path).status_code) == (404, 404)


def test_no_other_token_confirms(house: House, client: TestClient) -> None:
    """Attacks 33, 34 and 37: bound to purpose, list, person and mail."""
    good = asked(house, client).removeprefix("/c/")
    bob = asked(house, client, "bob@example.org")
    signer = Signer(house.program.workspace.secret_keys({}))
    who, _, number = signer.read(good, Purpose.CONFIRM).subscriber_id.partition(".")
    other = signer.read(bob.removeprefix("/c/"), Purpose.CONFIRM).subscriber_id.partition(".")[2]
    bad = [
        signer.token(Purpose.UNSUBSCRIBE, "weekly", who),
        signer.token(Purpose.PREFERENCES, "weekly", who),
        signer.token(Purpose.CONFIRM, "alerts", f"{who}.{number}"),
        signer.token(Purpose.CONFIRM, "weekly", f"{who}.{other}"),
        signer.token(Purpose.CONFIRM, "weekly", f"{who}.9999"),
        signer.token(Purpose.CONFIRM, "weekly", f"{who}.x"),
        signer.token(Purpose.CONFIRM, "weekly", f"{'a' * 16}.{number}"),
        Signer([b"k" * 32]).token(Purpose.CONFIRM, "weekly", f"{who}.{number}"),
        good[:-1],
        good + "A",
        good + "%3D",
        good.swapcase(),
    ]
    for each in bad:
        assert client.post(f"/c/{each}").status_code == 404
    assert [house.state("ann"), house.state("bob")] == [PENDING, PENDING]


def test_a_link_of_a_test_mail_says_so(house: House, client: TestClient) -> None:
    signer = Signer(house.program.workspace.secret_keys({}))
    path = f"/c/{signer.token(Purpose.PREVIEW, 'weekly', 'a' * 16)}"
    for answer in (client.get(path), client.post(path)):
        assert (answer.status_code, "test mail" in answer.text) == (200, True)
