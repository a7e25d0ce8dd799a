"""What is tried against every page at once: looking, strange words everywhere, and leaving while an issue goes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from httpx2 import Response
from starlette.testclient import TestClient

from mailer.model import SubscriptionState
from mailer.render.links import Purpose, Signer
from mailer.services.sending.results import SendOptions
from mailer.services.sending.sender import send_frozen
from mailer.store.tables import metadata
from mailer.web.site import SURFACES
from tests.web.house import House
from tests.web.issuing import freeze, send, write_issue

ISSUE = "2026-11-22-rivers"
SCRIPT = '"><script>alert(1)</script>'
WILD = f"{SCRIPT}'; DROP TABLE subscribers; --\r\nSet-Cookie: a=b {{{{7*7}}}}"
# Of people who follow a link of a mail it counts; its own tests say what (tests/web/test_counting.py). The API is asked
# by its document (tests/web/test_api_document.py).
OTHERS = {"mailer.web.counting", "mailer.web.api"}
PURPOSES = {"c": Purpose.CONFIRM, "u": Purpose.UNSUBSCRIBE, "p": Purpose.PREFERENCES, "v": Purpose.VIEW}
LOOKING = {
    "User-Agent": f"SafeLinks {SCRIPT}",
    "Referer": f"https://evil.example/{SCRIPT}",
    "Sec-Purpose": "prefetch",
    "X-HTTP-Method-Override": "POST",
    "Accept-Language": f"{SCRIPT}, de;q=0.5",
    "Cookie": f"session={quote(SCRIPT)}",
    "Forwarded": "for=127.0.0.1;host=evil.example;proto=http",
    "X-Forwarded-Host": "evil.example",
}


def paths(method: str) -> list[str]:
    """Every address that takes a method, as it stands in the program."""
    found = [
        route.path
        for name in SURFACES
        if name not in OTHERS
        for route in import_module(name).router.routes
        if method in route.methods
    ]
    assert len(found) > 5
    return found


def filled(house: House, path: str, person: str) -> str:
    """The address with what somebody's own link has in it."""
    kind = path.split("/")[1]
    if kind in PURPOSES:
        name = ISSUE if kind == "v" else "weekly"
        signer = Signer(house.program.workspace.secret_keys({}))
        path = path.replace("{token}", signer.token(PURPOSES[kind], name, person))
    return path.replace("{list_name}", "weekly").replace("{name}", ISSUE if "issues" in path else "weekly")


def everything(house: House) -> list[str]:
    with house.program.store.read() as connection:
        return [
            f"{table.name} {row}" for table in metadata.sorted_tables for row in connection.execute(sa.select(table))
        ]


@pytest.fixture
def reader(house: House) -> Iterator[str]:
    """Somebody who got an issue."""
    person = house.join("ada")
    send(house, ISSUE)
    yield person


def is_plain(answer: Response) -> None:
    """Nothing of what was asked with is in the answer, and browsers are told to be strict."""
    assert answer.status_code < 500, (answer.url, answer.status_code)
    assert SCRIPT not in answer.text and "<script>alert" not in answer.text, answer.url
    assert "evil.example" not in answer.text + str(answer.headers), answer.url
    assert answer.headers.keys().isdisjoint({"set-cookie", "location"}), answer.url
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" in answer.headers


def test_looking_changes_nothing_anywhere(house: House, client: TestClient, reader: str) -> None:
    """Attacks 31, 38 and 42: each page, by each method that only looks, with strange words wherever there is room."""
    before = everything(house)
    shown = 0
    for path in paths("GET"):
        own = filled(house, path, reader)
        for query in ("", "?List-Unsubscribe=One-Click&leave=1&action=leave", f"?language={quote(WILD)}&page={SCRIPT}"):
            for method in ("GET", "HEAD", "OPTIONS"):
                answer = client.request(method, own + query, headers=LOOKING)
                is_plain(answer)
                shown += answer.status_code == 200 and "text/html" in answer.headers["content-type"]
    assert shown > 30, "pages were there to be looked at"
    assert everything(house) == before
    assert house.woken == 0


def test_addresses_of_strange_words_lead_nowhere(house: House, client: TestClient, reader: str) -> None:
    """Attacks 38 and 45: in place of each name and token."""
    before = everything(house)
    places = [path for method in ("GET", "POST") for path in paths(method) if "{" in path]
    for word in (SCRIPT, "'; DROP TABLE subscribers; --", "' OR '1'='1", "%", "_", "{{7*7}}", "\u202eweekly", "\x00"):
        for path in places:
            strange = path.replace(path[path.index("{") : path.index("}") + 1], quote(word, safe=""))
            for method in ("GET", "POST"):
                answer = client.request(method, strange, headers=LOOKING)
                is_plain(answer)
                assert answer.status_code in (400, 404, 405), (method, strange, answer.status_code)
    assert everything(house) == before


FIELDS: Mapping[str, str] = dict.fromkeys(
    ("action", "lists", "was", "language", "weeks", "address", "email", "stamp", "agree", "field-first_name", "leave"),
    WILD,
)


@pytest.mark.parametrize("fields", [FIELDS, {**FIELDS, "action": "lists"}, {**FIELDS, "action": "language"}])
def test_strange_words_in_a_form_stay_words(
    house: House, client: TestClient, reader: str, fields: Mapping[str, str]
) -> None:
    """Attacks 1, 38 and 45: every field of every form."""
    for path in paths("POST"):
        if path.startswith("/c/"):
            continue  # its form has no field
        is_plain(client.post(filled(house, path, reader), data=dict(fields), headers=LOOKING))
    house.work()
    assert house.state("ada") in (SubscriptionState.CONFIRMED, SubscriptionState.UNSUBSCRIBED)
    assert not any("alert(1)" in row for row in everything(house))


def test_who_left_after_the_freeze_gets_nothing(house: House, client: TestClient) -> None:
    """Attack 56: from the moment the post is answered, no mail begins."""
    ada, ben = house.join("ada"), house.join("ben")
    write_issue(house, ISSUE)
    freeze(house, ISSUE)
    path = filled(house, "/u/{token}", ada)
    assert client.post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    send_frozen(house.program, ISSUE, SendOptions())
    assert [str(mail["To"]) for mail in house.mails()] == ["ben@example.org"]
    assert ben
