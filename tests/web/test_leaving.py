"""Unsubscribing: by the one click of mail programs as RFC 8058 has it, and by the button on the page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from starlette.testclient import TestClient

from mailer.audience.address import parse_address
from mailer.model import How, SubscriptionState
from mailer.render.links import Purpose, Signer
from mailer.services.forgetting import forget
from mailer.store import subscriptions
from mailer.store.tables import subscription_events
from tests.web.house import BASE, House

CONFIRMED, LEFT = SubscriptionState.CONFIRMED, SubscriptionState.UNSUBSCRIBED
CLICK = "List-Unsubscribe=One-Click"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PARTS = (
    '--sep\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--sep--\r\n',
    {"Content-Type": "multipart/form-data; boundary=sep"},
)


def signer(house: House) -> Signer:
    return Signer(house.program.workspace.secret_keys({}))


def token(house: House, who: str, purpose: Purpose = Purpose.UNSUBSCRIBE, list_name: str = "weekly") -> str:
    return signer(house).token(purpose, list_name, who)


def lines(house: House) -> int:
    """How long the consent log is: what changes anything writes a line."""
    with house.program.store.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(subscription_events)).scalar_one())


def last_line(house: House, name: str) -> subscriptions.SubscriptionEvent:
    with house.program.store.read() as connection:
        return subscriptions.history(connection, f"{name}@example.org")[-1]


ONE_CLICKS: Mapping[str, tuple[str, dict[str, str]]] = {
    "urlencoded": (CLICK, FORM),
    "urlencoded with a charset": (CLICK, {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}),
    "multipart": PARTS,
    "no type": (CLICK, {}),
    "a wrong type": (CLICK, {"Content-Type": "text/plain"}),
    "a line break behind": (CLICK + "\r\n", FORM),
    "other fields beside": (f"a=b&{CLICK}&c=d", FORM),
    "a cookie and a foreign origin": (
        CLICK, {**FORM, "Cookie": "a=b", "Origin": "https://evil.example", "Referer": "https://evil.example/x"}
    ),
    "parts without their end": (PARTS[0].replace("--sep--", ""), PARTS[1]),
    "parts of another kind of end": (PARTS[0].replace("\r\n", "\n"), PARTS[1]),
    "parts without a boundary": (PARTS[0], {"Content-Type": "multipart/form-data"}),
    "a body that was lost": ("", FORM),
}  # fmt: skip


def test_one_click(house: House, client: TestClient) -> None:
    """Attack 32: 200, no redirect, no cookie, and nothing else asked for."""
    for number, (case, (body, headers)) in enumerate(ONE_CLICKS.items()):
        path = f"/u/{token(house, house.join(f'ann{number}'))}"
        answer = client.post(path, content=body, headers=headers)
        assert (answer.status_code, answer.text) == (200, "Unsubscribed.\n"), case
        assert answer.headers["content-type"].startswith("text/plain")
        assert "set-cookie" not in answer.headers
        assert house.state(f"ann{number}") is LEFT
    told = last_line(house, "ann2")
    assert (told.how, told.evidence) == (How.ONE_CLICK, {"request": "POST multipart/form-data"})


def test_one_click_again_and_from_who_is_gone_is_answered_the_same(house: House, client: TestClient) -> None:
    ann, bob = house.join("ann"), house.join("bob")
    path = f"/u/{token(house, ann)}"
    first = client.post(path, content=CLICK, headers=FORM)
    forget(house.program, parse_address("bob@example.org"))
    written = lines(house)
    others = [path, path + "/", path, f"/u/{token(house, bob)}", f"/u/{token(house, 'a' * 16)}"]
    others.append(f"/u/{token(house, ann, list_name='nothing')}")
    for each in others:
        answer = client.post(each, content=CLICK, headers=FORM)
        assert (answer.status_code, answer.text) == (first.status_code, first.text)
        assert answer.headers == first.headers
    assert lines(house) == written


def test_a_post_that_says_something_else_is_no_click(house: House, client: TestClient) -> None:
    """Attack 32."""
    path = f"/u/{token(house, house.join('ann'))}"
    for body in ("List-Unsubscribe=Two", "List-Unsubscribe=", "list=1", "{}", "List-Unsubscribe=One-Click2"):
        answer = client.post(path, content=body, headers=FORM)
        assert answer.status_code == 400
        assert "<form" in answer.text
    assert house.state("ann") is CONFIRMED


def test_looking_unsubscribes_nobody(house: House, client: TestClient) -> None:
    """Attack 31: scanners open every link, in every way that is no post."""
    path = f"/u/{token(house, house.join('ann'))}"
    written = lines(house)
    scanner = {"User-Agent": "Mozilla/5.0 (compatible; SafeLinks)", "Sec-Purpose": "prefetch", "X-Purpose": "preview"}
    override = {"X-HTTP-Method-Override": "POST", "X-Method-Override": "POST", "X-HTTP-Method": "POST"}
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"):
        for query in ("", f"?{CLICK}", "?leave=1&_method=POST"):
            answer = client.request(method, path + query, headers={**scanner, **override})
            assert answer.status_code in (200, 204, 405, 501)
            assert answer.headers.get("location") is None
    assert (lines(house), house.state("ann")) == (written, CONFIRMED)


def test_the_button(house: House, client: TestClient) -> None:
    ann = house.join("ann")
    for path in (f"/u/{token(house, ann)}", f"/u/{token(house, ann)}/"):
        page = client.get(path)
        assert (page.status_code, "Weekly bulletin" in page.text) == (200, True)
        assert "ann@" not in page.text
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
    answer = client.post(path, data={"leave": "1"})
    assert "You are unsubscribed" in answer.text
    assert (house.state("ann"), last_line(house, "ann").how) == (LEFT, How.LINK)
    assert client.post(path, data={"leave": "1"}).text == answer.text
    assert client.get(path).status_code == 200


def test_the_page_is_in_the_language_of_the_person(house: House, client: TestClient) -> None:
    path = f"/u/{token(house, house.join('ann'))}"
    with house.program.store.write() as connection:
        connection.execute(
            sa.text("UPDATE subscribers SET attributes = :value"), {"value": json.dumps({"language": "ar"})}
        )
    assert '<html lang="ar" dir="rtl">' in client.get(path, headers={"Accept-Language": "de"}).text


def hostile(house: House, ann: str) -> dict[str, str]:
    """Attacks 33 and 34."""
    good, made = token(house, ann), signer(house)
    flipped = good[:-3] + ("A" if good[-3] != "A" else "B") + good[-2:]
    purposes = {purpose.value: token(house, ann, purpose) for purpose in (
        Purpose.CONFIRM, Purpose.PREFERENCES, Purpose.VIEW)}  # fmt: skip
    return {
        **purposes,
        "a bit flipped": flipped,
        "cut": good[:-4],
        "longer": good + "AAAA",
        "padded": good + "=",
        "no tag": good[:20],
        "another key": Signer([b"k" * 32]).token(Purpose.UNSUBSCRIBE, "weekly", ann),
        "swapped list": good[:8] + made.token(Purpose.UNSUBSCRIBE, "alerts", ann)[8:],
        "look-alikes": good.replace(good[0], "А", 1),
        "capitals": good.swapcase(),
        "a number": "1",
        "an id": ann,
        "huge": "A" * 5000,
        "a percent sign": "%00" + good,
        "json": '{"alg":"none"}',
    }


def test_no_other_token_unsubscribes(house: House, client: TestClient) -> None:
    ann = house.join("ann")
    written = lines(house)
    for case, each in hostile(house, ann).items():
        for path in (f"/u/{each}", f"/u/{each}/"):
            assert client.get(path).status_code == 404, case
            answer = client.post(path, content=CLICK, headers=FORM)
            assert answer.status_code == 404, case
            assert answer.headers.get("location") is None
    assert (lines(house), house.state("ann")) == (written, CONFIRMED)


TRICKS = (
    "//u/{}", "/U/{}", "/u//{}", "/u/%2e%2e/u/{}", "/u/{}/x", "/u/{}//", "/%75/{}/..", "/u\\{}", "/u/{};x"
)  # fmt: skip


def test_tricks_with_the_path_lead_nowhere(house: House, client: TestClient) -> None:
    """Attack 43: no redirect, and no second spelling but the slash at the end."""
    ann = house.join("ann")
    for trick in TRICKS:
        answer = client.post(f"{BASE}{trick.format(token(house, ann))}", content=CLICK, headers=FORM)
        assert answer.status_code in (404, 405), trick
        assert answer.headers.get("location") is None
    assert house.state("ann") is CONFIRMED


def test_a_host_that_is_made_up_changes_no_link(house: House, client: TestClient) -> None:
    """Attack 42."""
    path = f"/u/{token(house, house.join('ann'))}"
    said = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher", "Forwarded": "host=evil.example"}  # fmt: skip  # noqa: E501
    for answer in (client.get(path, headers=said), client.post(path, data={"leave": "1"}, headers=said)):
        assert "evil.example" not in answer.text + str(answer.headers)


def test_where_to_go_next_is_not_for_others_to_say(house: House, client: TestClient) -> None:
    """Attack 40."""
    path = f"/u/{token(house, house.join('ann'))}"
    there = {"next": "https://evil.example", "url": "//evil.example", "redirect": "\\evil.example"}
    for answer in (client.get(path, params=there), client.post(path, params=there, data={"leave": "1", **there})):
        assert answer.status_code == 200
        assert answer.headers.get("location") is None
        assert 'href="//evil' not in answer.text
        assert 'href="https://evil' not in answer.text


def test_a_link_of_a_test_mail_says_so(house: House, client: TestClient) -> None:
    ann = house.join("ann")
    path = f"/u/{token(house, ann, Purpose.PREVIEW)}"
    for answer in (client.get(path), client.post(path, data={"leave": "1"}), client.get(path + "/")):
        assert (answer.status_code, "test mail" in answer.text) == (200, True)
    click = client.post(path, content=CLICK, headers=FORM)
    assert (click.status_code, click.text) == (200, "This was a test mail: nothing was changed.\n")
    assert house.state("ann") is CONFIRMED


def test_one_list_is_left_and_no_other(house: House, client: TestClient) -> None:
    ann = house.join("ann")
    house.join("ann", "alerts")
    house.join("bob")
    client.post(f"/u/{token(house, ann)}", content=CLICK, headers=FORM)
    assert [house.state("ann"), house.state("ann", "alerts"), house.state("bob")] == [LEFT, CONFIRMED, CONFIRMED]


def test_it_works_for_a_list_whose_file_is_gone(house: House, client: TestClient) -> None:
    path = f"/u/{token(house, house.join('ann'))}"
    (house.folder / "subscribers" / "weekly.toml").unlink()
    house.program.__dict__.pop("lists", None)
    assert "weekly" in client.get(path).text
    assert client.post(path, content=CLICK, headers=FORM).status_code == 200
    assert house.state("ann") is LEFT


def fields(number: int) -> dict[str, Any]:
    return {f"f{each}": "x" for each in range(number)}


def test_forms_that_are_too_much_are_refused(house: House, client: TestClient) -> None:
    """Attack 44: a thousand fields, a long one, a file, deep JSON."""
    path = f"/u/{token(house, house.join('ann'))}"
    posts: list[dict[str, Any]] = [
        {"data": fields(1000)},
        {"data": {"leave": "x" * 20_000}},
        {"files": {"leave": ("x.txt", b"x" * 100)}},
        {"content": "[" * 50_000, "headers": {"Content-Type": "application/json"}},
        {"content": b"leave=" + b"x" * 10_000_000, "headers": FORM},
    ]
    for post in posts:
        assert client.post(path, **post).status_code in (400, 413)
        assert client.post("/subscribe/weekly", **post).status_code in (400, 413, 422)
    assert house.state("ann") is CONFIRMED
