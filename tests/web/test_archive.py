"""The archive: what is in it, how it is written for nobody in particular, and what no page of it may hold."""

from __future__ import annotations

import re
from typing import Any

import feedparser
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from mailer.model import Issue, IssueKind, MailingList
from mailer.render.links import Purpose, Signer
from mailer.services.archiving import for_everybody
from mailer.store import archive, issues
from mailer.store.tables import archived_issues, issue_lists
from mailer.store.tables import issues as issues_table
from tests.web.house import BASE, House
from tests.web.issuing import freeze, send, write_issue
from tests.web.test_preferences import everything


def titles(page: str) -> list[str]:
    return re.findall(r"<h2><a [^>]*><bdi>(.*?)</bdi>", page)


def token_of(house: House, purpose: Purpose, name: str, person: str) -> str:
    return Signer(house.program.workspace.secret_keys(house.program.environ)).token(purpose, name, person)


def in_archive(house: House) -> int:
    with house.program.store.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(archived_issues)).scalar_one()


@pytest.fixture
def ada(house: House) -> str:
    """Ada's number in links; she is on every list."""
    for name in ("weekly", "alerts", "members"):
        person = house.join("ada", name)
    return person


def test_an_issue_is_shown_once_it_is_sent(house: House, client: TestClient, ada: str) -> None:
    write_issue(house, "one", preheader="Hello {{ subscriber.first_name | default('all') }}")
    freeze(house, "one")
    assert in_archive(house) == 1
    assert "Nothing was sent yet." in client.get("/archive").text
    assert client.get("/archive/issues/one").status_code == 404
    send(house, "one", preheader="Hello {{ subscriber.first_name | default('all') }}")
    page = client.get("/archive")
    assert (titles(page.text), "Hello all" in page.text) == (["Rivers rise"], True)
    assert titles(client.get("/archive/weekly").text) == ["Rivers rise"]
    assert page.headers["cache-control"] == "public, max-age=300"
    assert "x-robots-tag" not in page.headers
    assert 'content="noindex"' not in page.text


OPEN, SHUT = MailingList("open", "Open", archive=True), MailingList("shut", "Shut")


@pytest.mark.parametrize(
    ("lists", "values", "there"),
    [
        ([OPEN], {}, True),
        ([SHUT], {}, False),
        ([OPEN, SHUT], {}, False),
        ([OPEN], {"archive": False}, False),
        ([SHUT], {"archive": True}, True),
        ([OPEN], {"segment": "has(city)"}, False),
        ([OPEN], {"segment": "has(city)", "archive": True}, True),
    ],
)
def test_what_comes_into_the_archive(lists: list[MailingList], values: dict[str, Any], there: bool) -> None:
    issue = Issue("one", IssueKind.BULLETIN, "Rivers", tuple(each.name for each in lists), "", **values)
    assert for_everybody(issue, lists) is there


def test_an_issue_for_some_is_in_no_archive(house: House, client: TestClient, ada: str) -> None:
    send(house, "one", segment='domain == "example.org"')
    assert in_archive(house) == 0
    assert client.get("/archive/issues/one").status_code == 404


def test_only_lists_with_an_archive_have_a_page(house: House, client: TestClient, ada: str) -> None:
    send(house, "one", lists=["members"], archive=True)
    for name in ("members", "alerts", "nonesuch", "_own2", "weekly.toml", "Weekly"):
        assert client.get(f"/archive/{name}").status_code == 404, name
        assert client.get(f"/archive/{name}.atom").status_code == 404, name


def test_attack_an_issue_of_the_archive_is_nobodys(house: House, client: TestClient) -> None:
    """Neither a name nor a token of whoever got it, nor of whoever reads it: written for nobody."""
    house.join("ada")
    with house.program.store.write() as connection:
        connection.execute(sa.text('update subscribers set attributes = \'{"first_name": "Lovelace"}\''))
    body = (
        "Hello {{ subscriber.first_name | default('friend') }}! {{ subscriber.email }} "
        "{% if subscriber.city %}in {{ subscriber.city }}{% else %}anywhere{% endif %} "
        "{{ subscriber.first_name | upper }} [yours]({{ links.unsubscribe }}?who={{ subscriber.id }})\n"
    )
    send(house, "one", body, subject="For {{ subscriber.first_name | default('all of us') }}")
    page = client.get("/archive/issues/one").text
    assert "Hello friend!" in page
    assert "anywhere" in page
    for secret in ("Lovelace", "ada@example.org", "LOVELACE"):
        assert secret not in page
    assert titles(client.get("/archive").text) == ["For all of us"]
    links = set(re.findall(rf'href="({BASE}[^"]*)"', page))
    assert links == {f"{BASE}/archive/_own", f"{BASE}/archive/_own?who="}
    assert client.get("/archive/_own").status_code == 200
    with house.program.store.read() as connection:
        person = connection.execute(sa.text("select public_id from subscribers")).scalar_one()
    assert person not in page


def test_attack_scripts_and_template_code_in_an_issue_are_shut_in(house: House, client: TestClient, ada: str) -> None:
    hostile = "</title><script>alert(1)</script>{{ '{{ 7*7 }}' }}"
    send(house, "one", f"Look {hostile}\n", subject=hostile, preheader=hostile)
    page = client.get("/archive/issues/one")
    policy = page.headers["content-security-policy"]
    assert "sandbox " in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    for path in ("/archive", "/archive/weekly", "/archive.atom"):
        shown = client.get(path).text
        assert "<script>" not in shown
        assert "{{ 7*7 }}" in shown, "text stays text"
        assert "49" not in re.sub(r"<style>.*?</style>", "", shown, flags=re.DOTALL)


def test_pages_of_twenty(house: House, client: TestClient, ada: str) -> None:
    send(house, "one")
    with house.program.store.write() as connection:
        sent = connection.execute(sa.select(issues_table)).mappings().one()
        list_id = connection.execute(sa.select(issue_lists.c.list_id)).scalar_one()
        for number in range(100, 140):
            row = {**sent, "id": number, "name": f"more-{number}"}
            connection.execute(sa.insert(issues_table).values(row))
            connection.execute(sa.insert(issue_lists).values(issue_id=number, position=0, list_id=list_id))
            archive.put(connection, number, archive.Archived(f"Number {number}", "", "en"), house.later(minutes=1))
    first, second, third = (client.get("/archive/weekly", params={"page": page}).text for page in (1, 2, 3))
    assert (titles(first)[0], titles(second)[-1], titles(third)) == ("Number 139", "Number 100", ["Rivers rise"])
    assert ('rel="prev"' in first, 'rel="next"' in first, 'rel="prev"' in third, 'rel="next"' in third) == (
        False, True, True, False,
    )  # fmt: skip
    for page in (0, -1, 4, 999999, 10**30):
        assert client.get("/archive/weekly", params={"page": page}).status_code == 404
    assert client.get("/archive?page='; drop table issues").status_code == 400


def test_a_feed_that_a_reader_understands(house: House, client: TestClient, ada: str) -> None:
    send(house, "one", subject="Rivers & <lakes>", preheader="The week's news")
    answer = client.get("/archive/weekly.atom", headers={"Host": "evil.example"})
    assert answer.headers["content-type"].startswith("application/atom+xml")
    feed = feedparser.parse(answer.content)
    assert (bool(feed.bozo), feed.version) == (False, "atom10")
    links = {link.rel: link.href for link in feed.feed.links}
    assert links == {"self": f"{BASE}/archive/weekly.atom", "alternate": f"{BASE}/archive/weekly"}
    assert (feed.feed.title, feed.feed.author) == ("Weekly bulletin – Rivers United", "Rivers United")
    assert feed.feed.id
    (entry,) = feed.entries
    assert (entry.title_detail.type, entry.title) == ("text/plain", "Rivers & <lakes>")
    assert (entry.link, entry.id, entry.summary) == (f"{BASE}/archive/issues/one",) * 2 + ("The week's news",)
    assert entry.updated == "2026-11-22T09:00:00Z"
    assert client.get("/archive.atom").status_code == 200


def test_an_issue_that_is_taken_out(house: House, ada: str) -> None:
    send(house, "one")
    with house.program.store.write() as connection:
        number = issues.number(connection, "one")
        archive.begun(connection, number, house.later(days=1))
        (entry,) = archive.page(connection, None, 9)
        assert entry.at == house.moment
        assert archive.take_out(connection, number)
        assert not archive.take_out(connection, number)
        assert archive.page(connection, None, 9) == []


# --- one's own copy ---------------------------------------------------------------------------------------------------


def test_ones_own_copy_as_a_page(house: House, client: TestClient, ada: str) -> None:
    send(house, "one", lists=["members"])
    mail = house.mails()[0]
    body = mail.get_body(("html",))
    assert body is not None
    page = client.get(f"/v/{token_of(house, Purpose.VIEW, 'one', ada)}")
    assert page.status_code == 200
    assert page.text.split() == body.get_content().split(), "the mail, with its own links"
    assert token_of(house, Purpose.UNSUBSCRIBE, "members", ada) in page.text
    assert page.headers["cache-control"] == "private, no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "noindex" in page.headers["x-robots-tag"]
    assert "sandbox " in page.headers["content-security-policy"]


def test_a_copy_of_somebody_of_whom_less_is_known_now(house: House, client: TestClient) -> None:
    person = house.join("ada")
    with house.program.store.write() as connection:
        connection.execute(sa.text('update subscribers set attributes = \'{"city": "Oslo"}\''))
    send(house, "one", "In {{ subscriber.city }}.\n")
    path = f"/v/{token_of(house, Purpose.VIEW, 'one', person)}"
    assert "In Oslo." in client.get(path).text
    with house.program.store.write() as connection:
        connection.execute(sa.text("update subscribers set attributes = '{}'"))
    assert "In ." in client.get(path).text


def test_attack_copies_of_others_and_other_issues(house: House, client: TestClient, ada: str) -> None:
    send(house, "one")
    good = token_of(house, Purpose.VIEW, "one", ada)
    for token in (
        token_of(house, Purpose.VIEW, "two", ada),
        token_of(house, Purpose.VIEW, "one", "0123456789abcdef"),
        token_of(house, Purpose.UNSUBSCRIBE, "one", ada),
        token_of(house, Purpose.PREFERENCES, "weekly", ada),
        good[:-2], good + "AA", ada, "one", "1",
    ):  # fmt: skip
        assert client.get(f"/v/{token}").status_code == 404
    before = everything(house)
    for method in ("GET", "HEAD", "OPTIONS", "POST", "DELETE"):
        client.request(method, f"/v/{good}")
        client.request(method, "/archive/issues/one")
    assert everything(house) == before
    preview = client.get(f"/v/{token_of(house, Purpose.PREVIEW, 'one', ada)}")
    assert (preview.status_code, "from a test mail" in preview.text) == (200, True)


def test_reading_on_the_web_is_not_counted(house: House, client: TestClient, ada: str) -> None:
    send(house, "one", "[The river](https://rivers.example/rising)\n")
    with house.program.store.write() as connection:
        sent = connection.execute(sa.select(issues_table.c.snapshot)).scalar_one()
        counting = {"counting": {"lists": ["weekly"], "individual": False}, "links": ["https://rivers.example/rising"]}
        connection.execute(sa.update(issues_table).values(snapshot={**sent, **counting}))
    for path in (f"/v/{token_of(house, Purpose.VIEW, 'one', ada)}", "/archive/issues/one"):
        page = client.get(path).text
        assert 'href="https://rivers.example/rising"' in page
        assert f"{BASE}/l/" not in page


def test_a_copy_of_whoever_was_forgotten_is_gone(house: House, client: TestClient, ada: str) -> None:
    send(house, "one")
    path = f"/v/{token_of(house, Purpose.VIEW, 'one', ada)}"
    own = f"/p/{token_of(house, Purpose.PREFERENCES, 'weekly', ada)}"
    assert client.get(path).status_code == 200
    assert client.post(f"{own}/forget", data={"address": "ada@example.org"}).status_code == 200
    assert client.get(path).status_code == 404
