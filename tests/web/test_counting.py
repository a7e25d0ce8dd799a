"""Links that count, in real mails, followed over the real application: what is learned, and of whom never."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from mailer.audience.address import parse_address
from mailer.cli.status import read_words
from mailer.errors import StoreError
from mailer.model import EngagementKind, JobKind, Reader
from mailer.render.links import LinkTarget, Purpose, Signer
from mailer.services import counting
from mailer.services.control import cancel
from mailer.services.forgetting import forget
from mailer.services.scheduling import When, plan_schedule, schedule_issue
from mailer.services.sending.freezing import freeze_issue, plan_send
from mailer.services.sending.sender import send_frozen
from mailer.services.status import issue_status
from mailer.store import engagement, jobs, subscribers
from mailer.store.tables import engagement_counts, engagements, links
from mailer.store.tables import subscribers as people_table
from tests.web.house import BASE, House

NAME = "2026-11-22-rivers"
FIRST, SECOND = "https://www.example.org/a?x=1&y=2#part", "http://example.net/b"
WEBSITE = "https://www.example.org"
"""The foot of each mail leads there."""

PERSON = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
}
PROXY = {"User-Agent": "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"}
LINK = re.compile(rf"{re.escape(BASE)}/l/([\w-]+)/(\d+)")
HUMAN, MACHINE = Reader.HUMAN, Reader.MACHINE


def learn(house: House, *, tracking: bool = True, individual: bool = False, days: int = 90) -> None:
    """What the organisation wants to learn of its readers."""
    values = {"tracking": tracking, "individual": individual, "keep_tracking_days": days}
    settings = house.program.settings
    house.program.settings = settings.model_copy(update={"privacy": settings.privacy.model_copy(update=values)})


def send(house: House, lists: str = "weekly", name: str = NAME) -> dict[str, tuple[str, str]]:
    """Send an issue with two links; the HTML and the text of each reader's mail, by their first names."""
    (house.folder / "issues").mkdir(exist_ok=True)
    (house.folder / "issues" / f"{name}.md").write_text(
        f"---\nkind: bulletin\nsubject: Rivers\nlists: [{lists}]\n---\n\n"
        f"Read [one]({FIRST}), [two]({SECOND}), [one again]({FIRST}).\n"
    )
    freeze_issue(house.program, plan_send(house.program, name)[0])
    send_frozen(house.program, name)
    found = {}
    for mail in house.mails():
        html, text = mail.get_body(("html",)), mail.get_body(("plain",))
        assert html is not None
        assert text is not None
        found[str(mail["To"]).partition("@")[0]] = html.get_content(), text.get_content()
    return found


def rows(house: House, table: sa.Table) -> list[Any]:
    with house.program.store.read() as connection:
        return [row._asdict() for row in connection.execute(sa.select(table).order_by(*table.primary_key.columns))]


def counted(house: House) -> dict[tuple[str, int, str], int]:
    """How often, by what was done, the link and who did it."""
    return {(row["kind"], row["link"], row["reader"]): row["number"] for row in rows(house, engagement_counts)}


def token_in(text: str) -> str:
    (token,) = {found[1] for found in LINK.finditer(text)}
    return token


def refuse(house: House, name: str) -> None:
    """They do not want to be counted."""
    table = people_table
    with house.program.store.write() as connection:
        connection.execute(sa.update(table).where(table.c.email_key == f"{name}@example.org").values(untracked=True))


def test_nothing_is_counted_unless_the_organisation_asks_for_it(house: House, client: TestClient) -> None:
    house.join("ann")
    html, text = send(house)["ann"]
    assert "/l/" not in html + text
    assert 'width="1"' not in html
    assert FIRST.replace("&", "&amp;") in html
    assert rows(house, links) == []


def test_a_click_leads_to_the_article_and_is_counted_without_whose_it_was(house: House, client: TestClient) -> None:
    learn(house)
    for name in ("ann", "bo"):
        house.join(name)
    mails = send(house)
    assert LINK.findall(mails["ann"][0]) == LINK.findall(mails["bo"][0]), "the same links for everybody"
    token = token_in(mails["ann"][0])
    signer = Signer(house.program.workspace.secret_keys({}))
    assert signer.read(token, Purpose.COUNT) == LinkTarget(NAME, "")
    assert [(row["number"], row["url"]) for row in rows(house, links)] == [(1, FIRST), (2, SECOND), (3, WEBSITE)]
    house.later(hours=1)
    answer = client.get(f"/l/{token}/1", headers=PERSON)
    assert (answer.status_code, answer.headers["location"]) == (302, FIRST)
    assert (answer.headers["referrer-policy"], "set-cookie" in answer.headers) == ("no-referrer", False)
    assert "no-store" in answer.headers["cache-control"]
    client.get(f"/l/{token}/1", headers=PERSON)
    client.get(f"/l/{token}/2", headers=PERSON)
    assert counted(house) == {("clicked", 1, "human"): 2, ("clicked", 2, "human"): 1}
    assert rows(house, engagements) == [], "nobody's name is kept"


def test_the_picture_counts_an_opening(house: House, client: TestClient) -> None:
    learn(house)
    house.join("ann")
    html, text = send(house)["ann"]
    (address,) = re.findall(rf'<img src="{BASE}(/l/[\w-]+/0)"', html)
    assert "/0" not in text
    house.later(hours=1)
    answer = client.get(address, headers=PERSON)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
    assert answer.content.startswith(b"GIF89a")
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin", "mail programs on the web show it"
    client.get(address, headers=PROXY)
    client.get(address, headers={"User-Agent": "Mozilla/5.0"})
    assert counted(house) == {("opened", 0, "human"): 1, ("opened", 0, "proxy"): 1, ("opened", 0, "machine"): 1}


def test_links_of_the_reader_never_count(house: House, client: TestClient) -> None:
    learn(house, individual=True)
    house.join("ann")
    for part in send(house)["ann"]:
        for page in ("u", "p", "v"):
            assert re.search(rf"{BASE}/{page}/[\w-]+", part)
        assert not re.search(rf"{BASE}/l/[\w-]+/\d+/", part)
    urls = [row["url"] for row in rows(house, links)]
    assert not [url for url in urls if url.startswith(BASE)]


def test_who_does_not_want_it_and_a_list_that_does_not_get_the_links_as_they_are(house: House) -> None:
    (house.folder / "subscribers" / "alerts.toml").write_text('title = "Alerts"\nopt_in = "single"\ntracking = false\n')
    learn(house)
    for name in ("ann", "bo"):
        house.join(name)
    house.join("cy", "alerts")
    refuse(house, "bo")
    mails = send(house, "weekly, alerts")
    assert token_in(mails["ann"][0])
    for name in ("bo", "cy"):
        assert "/l/" not in mails[name][0] + mails[name][1]
        assert SECOND in mails[name][0]
        assert SECOND in mails[name][1]


def test_a_person_is_kept_only_where_the_organisation_says_so(house: House, client: TestClient) -> None:
    learn(house, individual=True)
    ids = {name: house.join(name) for name in ("ann", "bo")}
    mails = send(house)
    ann, bo = (token_in(mails[name][0]) for name in ("ann", "bo"))
    signer = Signer(house.program.workspace.secret_keys({}))
    assert signer.read(ann, Purpose.COUNT) == LinkTarget(NAME, ids["ann"])
    house.later(hours=1)
    for _ in range(3):
        client.get(f"/l/{ann}/2", headers=PERSON)
    client.get(f"/l/{ann}/0", headers={"User-Agent": "curl/8"})
    refuse(house, "bo")
    assert client.get(f"/l/{bo}/1", headers=PERSON).headers["location"] == FIRST, "they said no since"
    (kept,) = rows(house, engagements)
    with house.program.store.read() as connection:
        found = subscribers.get(connection, "ann@example.org")
    assert found is not None
    assert (kept["kind"], kept["link"], kept["reader"]) == ("clicked", 2, "human"), "once a day, and no machine"
    assert counted(house) == {("clicked", 2, "human"): 3, ("opened", 0, "machine"): 1}


def test_what_comes_in_the_first_minute_was_a_filter(house: House, client: TestClient) -> None:
    learn(house, individual=True)
    house.join("ann")
    token = token_in(send(house)["ann"][0])
    house.later(seconds=59)
    client.get(f"/l/{token}/1", headers=PERSON)
    house.later(seconds=1)
    client.get(f"/l/{token}/1", headers=PERSON)
    assert counted(house) == {("clicked", 1, "machine"): 1, ("clicked", 1, "human"): 1}


def test_a_scanner_that_asks_every_link_in_every_way_is_no_person(house: House, client: TestClient) -> None:
    """Attack 31: HEAD counts as a machine, OPTIONS and POST count nothing, prefetching is told apart."""
    learn(house, individual=True)
    house.join("ann")
    token = token_in(send(house)["ann"][0])
    house.later(hours=1)
    for number in (0, 1, 2):
        head = client.head(f"/l/{token}/{number}", headers=PERSON)
        assert (head.status_code, head.content) == ((302, b"") if number else (200, b""))
        client.get(f"/l/{token}/{number}", headers={**PERSON, "Purpose": "prefetch"})
    before = counted(house)
    assert {reader for _, _, reader in before} == {"machine"}
    for method in ("OPTIONS", "POST", "PUT", "DELETE", "PATCH"):
        assert client.request(method, f"/l/{token}/1", headers=PERSON).status_code in (200, 204, 405)
    assert counted(house) == before
    assert rows(house, engagements) == []


TRICKS = (
    "?url=https://evil.example",
    "?next=//evil.example/",
    "?r=%0d%0aLocation:%20https://evil.example",
    "#https://evil.example",
)


def test_nobody_is_led_to_where_the_request_says(house: House, client: TestClient) -> None:
    """Attack 40: where a link leads stands in a table, and nothing in the request adds to it."""
    learn(house)
    house.join("ann")
    token = token_in(send(house)["ann"][0])
    for trick in TRICKS:
        assert client.get(f"/l/{token}/1{trick}", headers=PERSON).headers["location"] == FIRST
    for number in ("4", "-1", "1e0", "01x", "99999999999999999999", "%31%0d%0aX:y", "\\evil.example", "//evil.example"):
        answer = client.get(f"/l/{token}/{number}", headers=PERSON)
        assert answer.status_code in (400, 404), number
        assert "location" not in answer.headers


def test_a_token_for_something_else_or_of_nobody_leads_nowhere(house: House, client: TestClient) -> None:
    """Attack 33: tokens of another purpose, another issue, another key, changed or cut."""
    learn(house, individual=True)
    ann = house.join("ann")
    token = token_in(send(house)["ann"][0])
    house.later(hours=1)
    signer = Signer(house.program.workspace.secret_keys({}))
    wrong = [
        *(signer.token(purpose, NAME, ann) for purpose in Purpose if purpose is not Purpose.COUNT),
        signer.token(Purpose.COUNT, "another-issue", ann),
        Signer((b"x" * 32,)).token(Purpose.COUNT, NAME, ann),
        token[:-2],
        token + "A",
        token.swapcase(),
        "A" * 5000,
    ]
    answers = [client.get(f"/l/{each}/1", headers=PERSON) for each in wrong]
    assert {answer.status_code for answer in answers} <= {404, 414, 400}
    assert len({answer.content for answer in answers[:-1]}) == 1, "the same words for every cause"
    stranger = signer.token(Purpose.COUNT, NAME, house.join("bo"))
    assert client.get(f"/l/{stranger}/1", headers=PERSON).status_code == 302
    assert counted(house) == {}, "who was not sent the issue counts for nothing"


def test_a_link_works_when_nothing_is_counted_any_more(house: House, client: TestClient) -> None:
    learn(house, days=10)
    house.join("ann")
    token = token_in(send(house)["ann"][0])
    house.later(days=11)
    assert client.get(f"/l/{token}/1", headers=PERSON).headers["location"] == FIRST
    learn(house, tracking=False)
    house.moment -= timedelta(days=10)
    assert client.get(f"/l/{token}/1", headers=PERSON).headers["location"] == FIRST
    assert counted(house) == {}


def test_a_reader_arrives_whatever_becomes_of_the_figure(
    house: House, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn(house)
    house.join("ann")
    token = token_in(send(house)["ann"][0])
    house.later(hours=1)

    def busy(*_: object) -> None:
        raise StoreError("the database is busy")

    monkeypatch.setattr(engagement, "count", busy)
    assert client.get(f"/l/{token}/1", headers=PERSON).headers["location"] == FIRST


def test_a_name_of_a_browser_is_kept_nowhere(
    house: House, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Attacks 38 and 58: what a reader's program says of itself is looked at and forgotten."""
    learn(house, individual=True)
    house.join("ann")
    token = token_in(send(house)["ann"][0])
    house.later(hours=1)
    odd = "Mozilla/5.0 <script>alert(1)</script> Firefox/128.0"
    answer = client.get(f"/l/{token}/1", headers={"User-Agent": odd, "Referer": "https://x/<script>"})
    assert "script" not in answer.text
    assert "alert" not in caplog.text
    assert token not in caplog.text
    for table in (engagements, engagement_counts, links):
        assert "alert" not in repr(rows(house, table))


def test_notes_of_several_who_count_add_up(house: House) -> None:
    learn(house)
    house.join("ann")
    send(house)
    with house.program.store.write() as connection:
        ann = connection.execute(sa.select(people_table.c.id)).scalar_one()
        found = engagement.leading(connection, NAME, 1)
        assert found is not None
        for number in range(3):
            at = house.moment + timedelta(hours=12 * number)
            counting.note(connection, found.issue_id, None, EngagementKind.CLICKED, HUMAN, at, 1)
        counting.note(connection, found.issue_id, None, EngagementKind.OPENED, MACHINE, house.moment)
        # Whose it was is known, and not to be kept.
        assert counting.note(connection, found.issue_id, ann, EngagementKind.OPENED, HUMAN, house.moment)
        told = engagement.counts(connection, [found.issue_id])
    assert [(each.kind, each.link, each.url, each.reader, each.number) for each in told] == [
        ("clicked", 1, FIRST, "human", 3),
        ("opened", 0, "", "human", 1),
        ("opened", 0, "", "machine", 1),
    ]
    assert rows(house, engagements) == []


def test_what_is_frozen_stays_when_the_settings_change(house: House, client: TestClient) -> None:
    """An issue that was approved with links that count is sent with them, also after a crash."""
    learn(house)
    house.join("ann")
    (house.folder / "issues").mkdir()
    (house.folder / "issues" / f"{NAME}.md").write_text(
        f"---\nkind: bulletin\nsubject: Rivers\nlists: [weekly]\n---\n\nRead [one]({FIRST}).\n"
    )
    prepared = plan_send(house.program, NAME)[0]
    assert prepared.links == (FIRST, WEBSITE)
    freeze_issue(house.program, prepared)
    learn(house, tracking=False)
    send_frozen(house.program, NAME)
    (mail,) = house.mails()
    body = mail.get_body(("html",))
    assert body is not None
    assert token_in(body.get_content())


def test_a_scheduled_issue_that_becomes_a_draft_again_leaves_no_links(house: House) -> None:
    learn(house)
    house.join("ann")
    (house.folder / "issues").mkdir()
    file = house.folder / "issues" / f"{NAME}.md"
    for url in (FIRST, SECOND):
        file.write_text(f"---\nkind: bulletin\nsubject: Rivers\nlists: [weekly]\n---\n\nRead [one]({url}).\n")
        prepared = plan_send(house.program, NAME)[0]
        schedule_issue(house.program, prepared, plan_schedule(house.program, prepared, When("2026-12-01 09:00")))
        assert [row["url"] for row in rows(house, links)] == [url, WEBSITE], "those of the newest"
    cancel(house.program, NAME)
    assert rows(house, links) == []


def test_the_hash_says_whether_readers_are_counted(house: House) -> None:
    """Who approved an issue without counting has not approved one with it; without it, hashes stay what they were."""
    house.join("ann")
    (house.folder / "issues").mkdir()
    (house.folder / "issues" / f"{NAME}.md").write_text(
        f"---\nkind: bulletin\nsubject: Rivers\nlists: [weekly]\n---\n\nRead [one]({FIRST}).\n"
    )
    plain = plan_send(house.program, NAME)[0]
    assert not {"counting", "links"} & set(plain.snapshot)
    learn(house)
    assert plan_send(house.program, NAME)[0].hash != plain.hash
    assert replace(plain, links=(FIRST,)).snapshot == plain.snapshot


def test_figures_tell_what_people_likely_did_beside_everything(house: House, client: TestClient) -> None:
    learn(house)
    house.join("ann")
    token = token_in(send(house)["ann"][0])
    house.later(hours=1)
    for headers in (PERSON, PROXY, {"User-Agent": "Mozilla/5.0"}):
        client.get(f"/l/{token}/0", headers=headers)
    for headers in (PERSON, {"User-Agent": "curl/8"}, PROXY):
        client.get(f"/l/{token}/2", headers=headers)
    found = issue_status(house.program, NAME).readings
    assert [(each.what.value, each.url, each.total, each.people) for each in found] == [
        ("opened", "", 3, 2),
        ("clicked", SECOND, 3, 1),
    ]
    assert read_words(found) == ["3 times opened, 2 likely by people", "3 times clicked, 1 likely by people"]
    assert read_words([replace(found[0], total=1)]) == ["1 time opened, 2 likely by people"]


def test_who_opened_and_clicked_is_deleted_by_the_setting(house: House, client: TestClient) -> None:
    """Attack 58: nothing about a person outlives its purpose. The counts name nobody and stay."""
    learn(house, individual=True, days=30)
    house.join("ann")
    token = token_in(send(house)["ann"][0])
    house.later(days=1)
    client.get(f"/l/{token}/1", headers=PERSON)
    house.later(days=2)
    client.get(f"/l/{token}/1", headers=PERSON)
    assert len(rows(house, engagements)) == 2
    house.later(days=29)
    with house.program.store.write() as connection:
        jobs.add(connection, JobKind.PRUNE, {}, house.moment, key="prune of a test")
    assert any("1 opening or click of people deleted" in words for words in house.work())
    (kept,) = rows(house, engagements)
    assert kept["at"] == house.moment - timedelta(days=29)
    assert sum(row["number"] for row in rows(house, engagement_counts)) == 2


def test_whoever_is_forgotten_leaves_no_opening_and_their_link_counts_nothing(house: House, client: TestClient) -> None:
    """Attack 58: the link still leads on, as it may stand in a mail that somebody kept."""
    learn(house, individual=True)
    house.join("ann")
    token = token_in(send(house)["ann"][0])
    house.later(hours=1)
    client.get(f"/l/{token}/1", headers=PERSON)
    forget(house.program, parse_address("ann@example.org"))
    assert rows(house, engagements) == []
    before = rows(house, engagement_counts)
    assert client.get(f"/l/{token}/1", headers=PERSON).headers["location"] == FIRST
    assert rows(house, engagement_counts) == before
