"""Signing up: what the form does, what it never tells, and what machines do with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from unittest.mock import Mock

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from mailer.audience.address import parse_address
from mailer.errors import ConfigError, MailerError, ProviderError, TemplateError, UsageError
from mailer.model import How, JobKind, JobState, SubscriptionState, SuppressionReason
from mailer.providers.outbox import Outbox
from mailer.services.forgetting import forget
from mailer.services.jobs import signup
from mailer.services.public import stamps
from mailer.services.public.limits import mailbox_of, network_of
from mailer.store import jobs, subscribers, subscriptions, suppressions
from mailer.store.suppressions import Suppression
from mailer.store.tables import attempts, job_parts, spent
from mailer.store.tables import subscribers as people
from tests.web.forms import filled, links_of, sign_up, text_of
from tests.web.house import House

PENDING, CONFIRMED, LEFT = SubscriptionState.PENDING, SubscriptionState.CONFIRMED, SubscriptionState.UNSUBSCRIBED


def waiting(house: House) -> int:
    with house.program.store.read() as connection:
        return sum(job.kind is JobKind.SIGNUP for job in jobs.newest(connection))


def attributes(house: House, name: str) -> dict[str, object]:
    with house.program.store.read() as connection:
        person = subscribers.get(connection, f"{name}@example.org")
    assert person is not None
    return dict(person.attributes)


def suppress(house: House, value: str) -> None:
    with house.program.store.write() as connection:
        suppressions.add(connection, Suppression(value, SuppressionReason.COMPLAINED), house.moment)


def test_from_the_form_to_the_list(house: House, client: TestClient) -> None:
    answer = sign_up(house, client, "ann@example.org", first_name="Ann")
    assert answer.status_code == 200
    assert "Check your mail" in answer.text
    assert (house.woken, house.state("ann")) == (1, None)  # nothing is done while she waits
    house.work()
    assert house.state("ann") is PENDING
    (mail,) = house.mails()
    assert mail["To"] == "ann@example.org"
    page = client.get(links_of(mail)["c"])
    assert "Yes, subscribe me" in page.text
    assert "I want the weekly bulletin." in page.text
    assert house.state("ann") is PENDING
    done = client.post(links_of(mail)["c"])
    assert (done.status_code, house.state("ann")) == (200, CONFIRMED)
    with house.program.store.read() as connection:
        joined, confirmed = subscriptions.history(connection, "ann@example.org")
    assert (joined.how, joined.consent_text) == (How.FORM, "I want the weekly bulletin.")
    assert (confirmed.how, confirmed.consent_text) == (How.CONFIRM_LINK, "I want the weekly bulletin.")
    assert attributes(house, "ann")["first_name"] == "Ann"


def test_what_was_entered_is_gone_when_the_job_is_done(house: House, client: TestClient) -> None:
    sign_up(house, client, "ann@example.org")
    assert waiting(house) == 1
    house.work()
    assert waiting(house) == 0


def test_who_is_on_the_list_is_told_by_mail_and_not_on_the_page(house: House, client: TestClient) -> None:
    """Attack 35."""
    ann = house.join("ann")
    new, known = (sign_up(house, client, f"{name}@example.org") for name in ("bob", "ann"))
    assert known.status_code == new.status_code
    assert known.text == new.text.replace("bob@", "ann@")
    assert set(known.headers) == set(new.headers)
    house.work()
    mails = {str(mail["To"]): mail for mail in house.mails()}
    assert mails["ann@example.org"]["Subject"] == "Your subscription is active: Weekly bulletin"
    assert set(links_of(mails["ann@example.org"])) == {"p", "u"}
    assert set(links_of(mails["bob@example.org"])) == {"c"}
    assert client.get(links_of(mails["ann@example.org"])["p"]).status_code == 200
    assert ann not in known.text


@contextmanager
def statements(house: House) -> Iterator[list[str]]:
    """Every statement that the database is given meanwhile."""
    told: list[str] = []

    def note(_c: object, _k: object, statement: str, *_more: object) -> None:
        told.append(re.sub(r"\s+", " ", statement))

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", note)
    try:
        yield told
    finally:
        sa.event.remove(sa.engine.Engine, "before_cursor_execute", note)


def test_the_same_work_is_done_for_every_address(house: House, client: TestClient) -> None:
    """Attack 35: the same statements, so the same time; and none of them asks about people."""
    house.join("known")
    house.join("left", state=LEFT)
    suppress(house, "hated@example.org")
    done = {}
    for name in ("new", "known", "left", "hated"):
        form = filled(house, client, f"{name}@example.org")
        with statements(house) as told:
            assert client.post("/subscribe/weekly", data=form).status_code == 200
        done[name] = told
    assert done["new"]
    assert done["known"] == done["left"] == done["hated"] == done["new"]
    assert not any(re.search(r"subscri|suppress", statement) for statement in done["new"])


@pytest.mark.parametrize("value", ["ann@example.org", "@example.org"])
def test_who_must_not_be_mailed_gets_nothing(house: House, client: TestClient, value: str) -> None:
    suppress(house, value)
    assert "Check your mail" in sign_up(house, client, "ann@example.org").text
    house.work()
    assert (house.mails(), house.state("ann")) == ([], None)


def test_who_was_forgotten_gets_nothing(house: House, client: TestClient) -> None:
    house.join("ann")
    forget(house.program, parse_address("ann@example.org"))
    assert "Check your mail" in sign_up(house, client, "ann@example.org").text
    house.work()
    assert (house.mails(), house.state("ann")) == ([], None)


def test_a_form_changes_nothing_about_people_who_are_known(house: House, client: TestClient) -> None:
    house.join("ann")
    house.join("bob", state=PENDING)
    house.join("cat", "members")
    for name in ("ann", "bob", "cat"):
        sign_up(house, client, f"{name}@example.org", first_name="Mallory", language="ur")
    house.work()
    assert attributes(house, "ann") == attributes(house, "bob") == attributes(house, "cat") == {}
    assert [house.state(name) for name in ("ann", "bob", "cat")] == [CONFIRMED, PENDING, PENDING]


def test_a_list_that_asks_nobody_takes_people_at_once_and_tells_them(house: House, client: TestClient) -> None:
    sign_up(house, client, "ann@example.org", "alerts")
    house.work()
    assert house.state("ann", "alerts") is CONFIRMED
    (mail,) = house.mails()
    assert set(links_of(mail)) == {"p", "u"}
    client.post(links_of(mail)["u"], data={"leave": "1"})
    assert house.state("ann", "alerts") is LEFT


def test_even_there_who_left_is_asked(house: House, client: TestClient) -> None:
    house.join("ann", "alerts", LEFT)
    sign_up(house, client, "ann@example.org", "alerts")
    house.work()
    assert house.state("ann", "alerts") is LEFT
    (mail,) = house.mails()
    assert client.post(links_of(mail)["c"]).status_code == 200
    assert house.state("ann", "alerts") is CONFIRMED


def test_the_mails_repeat_nothing_that_was_entered(house: House, client: TestClient) -> None:
    """Attack 36: no relay for words of strangers."""
    house.join("bob")
    for name in ("ann", "bob"):
        sign_up(house, client, f"{name}@example.org", first_name="Buy-Pills http://evil.example", language="xx-evil")
    house.work()
    for mail in house.mails():
        assert b"evil" not in mail.as_bytes().lower()
        assert "Pills" not in str(mail)


def test_template_code_and_line_breaks_in_a_name_stay_text(house: House, client: TestClient) -> None:
    """Attacks 1 and 9."""
    sign_up(house, client, "ann@example.org", first_name="{{7*7}}\r\nBcc: x@evil.example\0\u2028<script>")
    house.work()
    assert attributes(house, "ann")["first_name"] == "{{7*7}} Bcc: x@evil.example <script>"
    assert all(mail["Bcc"] is None for mail in house.mails())


def test_scripts_in_what_was_entered_are_shown_as_text(house: House, client: TestClient) -> None:
    """Attack 38."""
    form = filled(house, client, '"><script>alert(1)</script>@x', first_name='"><img src=x onerror=alert(1)>')
    answer = client.post("/subscribe/weekly", data=form)
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text
    assert "<img src=x" not in answer.text
    assert "&#34;&gt;&lt;img" in answer.text
    assert "script-src" not in answer.headers["content-security-policy"]


NO_ADDRESSES = [
    "", "ann", "ann@", "@example.org", "ann@localhost", "a b@example.org", "ann@example.org, bob@example.org",
    "ann@example.org\r\nBcc: x@evil.example", '"x\r\nRCPT TO:<v@x>"@e.org', "x" * 300 + "@example.org",
    "ann%evil.example@", "<ann@evil.example", "ann@exa\0mple.org", "@a,@b:ann@example.org",
]  # fmt: skip


def test_what_is_no_address_is_said_to_be_none(house: House, client: TestClient) -> None:
    """Attack 10."""
    for email in NO_ADDRESSES:
        answer = sign_up(house, client, email)
        assert answer.status_code == 422, email
        assert "This is not an e-mail address" in answer.text
    assert (waiting(house), house.woken) == (0, 0)


def test_who_does_not_agree_is_not_signed_up(house: House, client: TestClient) -> None:
    for agree in ("", "yes", "0" * 16):
        answer = sign_up(house, client, "ann@example.org", agree=agree)
        assert answer.status_code == 422
        assert "Please tick the box" in answer.text
        assert "checked" not in answer.text
    assert waiting(house) == 0


def test_only_public_lists_have_a_form(house: House, client: TestClient) -> None:
    """Attack 34: a list that takes nobody looks like one that does not exist."""
    shown = client.get("/subscribe").text
    assert client.get("/").text == shown, "whoever types the bare address arrives there"
    assert "Weekly bulletin" in shown
    assert "Members" not in shown
    for name in ("members", "nothing", "..%2fweekly", "WEEKLY"):
        assert client.get(f"/subscribe/{name}").status_code == 404
        assert client.post(f"/subscribe/{name}", data={"email": "ann@example.org"}).status_code == 404
    assert waiting(house) == 0


def test_a_list_that_closed_meanwhile_takes_nobody(house: House, client: TestClient) -> None:
    sign_up(house, client, "ann@example.org")
    (house.folder / "subscribers" / "weekly.toml").write_text('title = "Weekly"\n')
    del house.program.__dict__["lists"]
    house.work()
    assert (house.mails(), house.state("ann"), waiting(house)) == ([], None, 0)


def test_looking_does_nothing(house: House, client: TestClient) -> None:
    """Attack 31: also with everything that a form would say in the address."""
    form = filled(house, client, "ann@example.org")
    with statements(house) as told:
        for method in ("GET", "HEAD", "OPTIONS"):
            answer = client.request(method, "/subscribe/weekly", params=form)
            assert answer.status_code in (200, 204)
            assert "ann@example.org" not in answer.text
    assert not any(statement.startswith(("INSERT", "UPDATE", "DELETE")) for statement in told)
    assert client.put("/subscribe/weekly", data=form).status_code == 405


# --- machines ---------------------------------------------------------------------------------------------------------


def test_who_fills_in_the_trap_gets_the_usual_answer_and_nothing_happens(house: House, client: TestClient) -> None:
    good = sign_up(house, client, "ann@example.org")
    trapped = sign_up(house, client, "ann@example.org", homepage="http://evil.example")
    assert (trapped.status_code, trapped.text) == (200, good.text)
    assert waiting(house) == 1


def test_a_form_without_a_stamp_is_shown_again_filled_in(house: House, client: TestClient) -> None:
    """As from the organisation's own site, where forms are older than the visit."""
    form = filled(house, client, "ann@example.org", first_name="Ann")
    del form["stamp"]
    answer = client.post("/subscribe/weekly", data=form)
    assert answer.status_code == 200
    assert "Please check what you entered" in answer.text
    assert 'value="ann@example.org"' in answer.text
    assert 'value="Ann"' in answer.text
    assert waiting(house) == 0


def test_a_stamp_is_good_once_for_its_form_and_a_day(house: House, client: TestClient) -> None:
    """Attack 33: tampered, another list's, another key's, old, used."""
    form = filled(house, client, "ann@example.org")
    stamp = form["stamp"]
    alerts = filled(house, client, "ann@example.org", "alerts")["stamp"]
    bad = [stamp[:-2] + "A=", stamp[:-1], stamp + "=", "x" * 44, "ä" * 44, "=" * 44, alerts, stamp.lower(), "A" * 5000,
           stamps.make([b"k" * 32], "weekly", house.moment)]  # fmt: skip
    for each in bad:
        answer = client.post("/subscribe/weekly", data={**form, "stamp": each})
        assert "Please check what you entered" in answer.text, each
    assert waiting(house) == 0
    assert "Check your mail" in client.post("/subscribe/weekly", data=form).text
    other = client.post("/subscribe/weekly", data={**form, "email": "bob@example.org"})
    assert "Please check what you entered" in other.text
    late = filled(house, client, "ann@example.org")
    house.later(days=1, seconds=1)
    assert "Please check what you entered" in client.post("/subscribe/weekly", data=late).text
    assert waiting(house) == 1


def test_a_button_pressed_twice_is_pressed_once(house: House, client: TestClient) -> None:
    form = filled(house, client, "ann@example.org")
    first, second = (client.post("/subscribe/weekly", data=form) for _ in range(2))
    assert (first.status_code, first.text) == (second.status_code, second.text)
    assert waiting(house) == 1


def test_a_machine_is_too_quick(house: House, client: TestClient) -> None:
    web = house.program.settings.web
    house.program.settings = house.program.settings.model_copy(
        update={"web": web.model_copy(update={"form_seconds": 2.0})}
    )
    form = filled(house, client, "ann@example.org")
    answer = client.post("/subscribe/weekly", data=form)
    assert "That was very quick" in answer.text
    assert form["stamp"] in answer.text  # its time goes on
    assert waiting(house) == 0
    house.later(seconds=2)
    assert "Check your mail" in client.post("/subscribe/weekly", data=form).text


def test_the_puzzle_has_to_be_solved_where_there_is_one(house: House, client: TestClient) -> None:
    web = house.program.settings.web
    house.program.settings = house.program.settings.model_copy(
        update={"web": web.model_copy(update={"proof_of_work": True})}
    )
    page = client.get("/subscribe/weekly")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert '<script src="/subscribe.js" defer></script>' in page.text
    assert client.get("/subscribe.js").headers["content-type"].startswith("text/javascript")
    form = filled(house, client, "ann@example.org")
    stamp = form["stamp"]
    answer = next(str(n) for n in range(1 << 24) if not any(sha256(f"{stamp}:{n}".encode()).digest()[:2]))
    for wrong in ("", "0x1", "²", "-1", str(int(answer) + 1), "9" * 5000):
        assert "Your browser has not finished" in client.post("/subscribe/weekly", data={**form, "work": wrong}).text
    assert "Check your mail" in client.post("/subscribe/weekly", data={**form, "work": answer}).text


# --- bombing ----------------------------------------------------------------------------------------------------------


def test_one_address_gets_one_mail_a_day_however_it_is_spelt(house: House, client: TestClient) -> None:
    """Attack 36."""
    spellings = [
        "ann.b@example.org",
        "annb@example.org",
        "a.n.n.b+x@example.org",
        "ANNB+y@Example.ORG",
        "annb@example.org",
    ]
    for each in spellings:
        assert "Check your mail" in sign_up(house, client, each).text
    sign_up(house, client, spellings[0], "alerts")
    house.work()
    assert len(house.mails()) == 1
    house.later(days=1, hours=1)
    for each in spellings:
        sign_up(house, client, each)
    house.work()
    assert len(house.mails()) == 2


def test_one_address_gets_three_mails_a_month(house: House, client: TestClient) -> None:
    house.join("ann", state=PENDING)
    for _ in range(4):
        sign_up(house, client, "ann@example.org")
        house.work()
        house.later(days=1, hours=1)
    assert len(house.mails()) == 3
    house.later(days=27)
    sign_up(house, client, "ann@example.org")
    house.work()
    assert len(house.mails()) == 4


def test_a_network_has_a_limit(house: House, client: TestClient) -> None:
    """Attacks 36 and 42: what a client says about itself is no way around it."""
    said = [{}, {"X-Forwarded-For": "8.8.8.8"}, {"Forwarded": "for=8.8.4.4"}, {"X-Real-IP": "1.1.1.1"}]
    for number in range(20):
        form = filled(house, client, f"a{number}@example.org")
        assert client.post("/subscribe/weekly", data=form, headers=said[number % 4]).status_code == 200
    for headers in said:
        answer = client.post("/subscribe/weekly", data=filled(house, client, "z@example.org"), headers=headers)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "3600")
        assert "too many sign-ups" in answer.text
    assert waiting(house) == 20
    house.later(hours=1)
    assert "Check your mail" in sign_up(house, client, "z@example.org").text


def test_a_list_has_a_limit(house: House, client: TestClient) -> None:
    web = house.program.settings.web.model_copy(update={"signups_to_list": 2})
    house.program.settings = house.program.settings.model_copy(update={"web": web})
    assert [sign_up(house, client, f"a{number}@example.org").status_code for number in range(3)] == [200, 200, 429]
    assert sign_up(house, client, "a@example.org", "alerts").status_code == 200


def test_nothing_that_is_counted_names_anybody(house: House, client: TestClient) -> None:
    """Attack 58."""
    sign_up(house, client, "ann@example.org")
    house.work()
    with house.program.store.read() as connection:
        kept = [str(row) for table in (attempts, spent) for row in connection.execute(sa.select(table))]
    assert kept
    assert not [row for row in kept if "ann" in row or "203.0" in row or "weekly" in row]


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("203.0.113.7", "203.0.113.0/24"), ("::ffff:203.0.113.9", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"), ("fe80::1%eth0", "fe80::/48"), ("", ""),
    ],
)  # fmt: skip
def test_a_network_is_what_one_owner_has_many_addresses_of(client: str, network: str) -> None:
    assert network_of(client) == network


def test_a_mailbox_is_what_many_spellings_reach() -> None:
    found = {mailbox_of(parse_address(each)) for each in ("a.nn+x@Example.org", "ann@example.org", "A.N.N@example.org")}
    assert found == {"ann@example.org"}


# --- when something is in the way -------------------------------------------------------------------------------------


def test_a_mail_that_could_not_leave_is_tried_again(
    house: House, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object) -> None:
        raise ProviderError("the way is shut")

    sign_up(house, client, "ann@example.org")
    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "submit", closed)
        house.work()
    assert (house.mails(), waiting(house)) == ([], 1)
    with house.program.store.read() as connection:
        (job,) = jobs.newest(connection)
    assert job.state is JobState.WAITING
    assert "the way is shut" in job.detail
    house.later(minutes=2)
    house.work()
    assert (len(house.mails()), waiting(house)) == (1, 0)


@pytest.mark.parametrize("error", [ConfigError("no key"), ProviderError("away"), TemplateError("a mistake")])
def test_a_mistake_of_the_organisation_loses_no_form(
    house: House, client: TestClient, monkeypatch: pytest.MonkeyPatch, error: MailerError
) -> None:
    """Whoever was told to look for a mail gets it once the mistake is mended."""
    sign_up(house, client, "ann@example.org")
    with monkeypatch.context() as patch:
        patch.setattr(signup, "provided", Mock(side_effect=error))
        house.work()
    house.later(minutes=2)
    house.work()
    assert (len(house.mails()), waiting(house)) == (1, 0)


def test_who_is_forgotten_leaves_no_form_that_could_not_be_carried_out(
    house: House, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ann", "ben"):
        house.join(name)
        sign_up(house, client, f"{name}@example.org")
    with monkeypatch.context() as patch:
        patch.setattr(signup, "provided", Mock(side_effect=UsageError("never")))
        house.work()
    forget(house.program, parse_address("ann@example.org"))
    with house.program.store.read() as connection:
        (left,) = connection.execute(sa.select(job_parts.c.body)).scalars()
    assert b"ben@" in left


def test_killed_before_the_mail_was_handed_over_nobody_is_mailed_twice(
    house: House, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    sign_up(house, client, "ann@example.org")
    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "submit", die)
        with pytest.raises(Killed):
            house.work()
    house.later(hours=2)
    house.work()
    assert (house.mails(), waiting(house), house.state("ann")) == ([], 0, PENDING)


# --- languages --------------------------------------------------------------------------------------------------------


def test_the_mail_is_in_the_language_of_the_page(house: House, client: TestClient) -> None:
    german = client.get("/subscribe/weekly", params={"language": "de"})
    assert '<html lang="de"' in german.text
    form = filled(house, client, "ann@example.org", language="de")
    assert '<html lang="de"' in client.post("/subscribe/weekly", data=form).text
    house.work()
    (mail,) = house.mails()
    assert str(mail["Subject"]) == "Bitte bestätigen: Weekly bulletin"
    assert '<html lang="de"' in client.get(links_of(mail)["c"]).text
    assert attributes(house, "ann")["language"] == "de"


def test_a_language_that_there_is_not_is_the_lists(house: House, client: TestClient) -> None:
    for number, language in enumerate(["xx", "../../etc", "de\r\nX: y", "e" * 500, "{{7*7}}"]):
        sign_up(house, client, f"ann{number}@example.org", language=language)
    house.work()
    assert len(house.mails()) == 5
    for mail in house.mails():
        assert str(mail["Subject"]).startswith("Please confirm:")
        assert "Yes, subscribe me" in text_of(mail)


# --- stamps -----------------------------------------------------------------------------------------------------------


def test_stamps_outlive_a_rotation_of_keys(house: House) -> None:
    old, new = b"o" * 32, b"n" * 32
    stamp = stamps.make([old], "weekly", house.moment)
    assert stamps.shown_at([new, old], "weekly", stamp) == house.moment
    assert stamps.shown_at([new], "weekly", stamp) is None


def test_everybody_new_is_written_down_once(house: House, client: TestClient) -> None:
    for each in ("Ann@example.org", "ann@EXAMPLE.org", "ａｎｎ@example.org"):
        sign_up(house, client, each)
        house.work()
        house.later(days=1, hours=1)
    with house.program.store.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(people)).scalar() == 1
