"""`mailer test` and `send --dry-run`: an issue tried out, of which nothing counts as sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import policy
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest

from mailer.errors import LinkError
from mailer.render.bounces import BounceAddresses
from mailer.render.links import Purpose, Signer
from mailer.services import testsend
from mailer.services.references import delivery_of
from mailer.workspace import Workspace
from tests.cli.campaign import ISSUE, add_people, ledger_rows, mails, outbox_mails, part, write_issue
from tests.providers.sendgrid_merges import KEY
from tests.providers.sendgrid_site import Site, running
from tests.providers.test_smtp_servers import running_aiosmtpd

PEOPLE = ("ann@example.org,Ann,Oslo", "bo@example.org,Bo,Bergen")
BODY = "Dear {{ subscriber.first_name }} of {{ subscriber.city }}."
TESTS = f"tests.{ISSUE}"
TOKEN = re.compile(r"/u/([A-Za-z0-9_-]+)")
TO = ("--to", "desk@example.net")
WEB = '\n[web]\nbase_url = "https://news.example.org"\n'


@pytest.fixture
def issue(mailer: Any) -> Any:
    add_people(mailer, "members", *PEOPLE)
    write_issue(mailer, BODY, subject="Rivers for {{ subscriber.city }}")
    mailer.add_settings(WEB)
    return mailer


def try_out(mailer: Any, *words: str, code: int = 0) -> Any:
    run = mailer("test", ISSUE, *words, "--json")
    assert run.code == code, run.err
    return run.json


def test_a_test_is_a_whole_mail_to_somebody_who_is_on_no_list(issue: Any) -> None:
    told = try_out(issue, *TO, "--to", "Boss@Example.net")
    assert [(mail["address"], mail["outcome"]) for mail in told["mails"]] == [
        ("desk@example.net", "accepted"),
        ("Boss@example.net", "accepted"),
    ]
    first, second = outbox_mails(issue.root, TESTS)
    assert str(first["Subject"]) == told["subject"] == "[Test] Rivers for Anytown"
    assert "Dear Alex of Anytown." in part(first, "plain")
    assert str(second["To"]).endswith("<Boss@example.net>")
    assert first["Message-ID"] != second["Message-ID"]
    assert first["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_nothing_of_it_is_in_the_ledger(issue: Any) -> None:
    try_out(issue, *TO)
    assert set(ledger_rows(issue).values()) == {0}
    assert issue.done("plan", ISSUE, "--json").json["state"] is None
    issue.done("send", ISSUE)
    assert len(mails(issue)) == 2
    assert "[Test]" not in str(mails(issue)[0]["Subject"])


def test_a_second_test_is_another_mail(issue: Any) -> None:
    """A mail program that knows the Message-ID would show neither."""
    try_out(issue, *TO)
    try_out(issue, *TO)
    assert len({mail["Message-ID"] for mail in outbox_mails(issue.root, TESTS)}) == 2


def test_as_a_subscriber_gets_it(issue: Any) -> None:
    told = try_out(issue, *TO, "--as", "bo@example.org")
    assert told["reader"] == "bo@example.org"
    (mail,) = outbox_mails(issue.root, TESTS)
    assert str(mail["Subject"]) == "[Test] Rivers for Bergen"
    assert "Dear Bo of Bergen." in part(mail, "plain")
    assert "bo@example.org" not in mail.as_string(), "only what is said of them, not where they live"
    assert "is on none of the issue's lists" in issue("test", ISSUE, *TO, "--as", "nobody@example.org").err


def test_its_links_say_that_they_are_a_test_and_nothing_else(issue: Any) -> None:
    try_out(issue, *TO, "--as", "bo@example.org")
    (mail,) = outbox_mails(issue.root, TESTS)
    signer = Signer(Workspace(issue.root).secret_keys({}))
    tokens = set(TOKEN.findall(part(mail, "plain") + part(mail, "html") + str(mail["List-Unsubscribe"])))
    assert len(tokens) == 1
    for token in tokens:
        signer.read(token, Purpose.PREVIEW)
        for purpose in set(Purpose) - {Purpose.PREVIEW}:
            with pytest.raises(LinkError):
                signer.read(token, purpose)


def test_addresses_from_standard_input(issue: Any) -> None:
    run = issue.done("test", ISSUE, "--to", "-", stdin=b"one@example.net\n\n two@example.net \n")
    assert '"[Test] Rivers for Anytown" went to 2 of 2 addresses by outbox' in run.out
    assert issue("test", ISSUE, "--to", "-", stdin=b"\n").code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--to", "one@example.net", "--to", "nonsense.example"), "address 2 of 2 is none: "),
        (tuple(f"--to=a{number}@example.net" for number in range(21)), "a test goes to 20 addresses at most"),
        (("--to", "åse@example.org"), "address 1 of 1 has letters that this provider cannot carry"),
    ],
)
def test_addresses_that_cannot_be(issue: Any, words: tuple[str, ...], said: str) -> None:
    run = issue("test", ISSUE, *words)
    assert run.code == 2
    assert said in run.err
    assert "nonsense.example" not in run.err
    assert not (issue.root / "outbox").exists()


def test_an_address_named_twice_gets_one(issue: Any) -> None:
    assert len(try_out(issue, *TO, "--to", "DESK@example.net")["mails"]) == 1


def test_somebody_forgotten_gets_nothing(issue: Any) -> None:
    issue.done("subscribers", "forget", "ann@example.org", "--yes")
    run = issue("test", ISSUE, *TO, "--to", "ann@example.org")
    assert run.code == 2
    assert "address 2 of 2 belongs to somebody who asked to be forgotten" in run.err
    assert "ann@" not in run.err
    assert not (issue.root / "outbox").exists()


def test_a_suppressed_address_gets_the_test_and_a_word(issue: Any) -> None:
    """A person of the organisation may have left the list and looks at tests all the same."""
    issue.done("suppressions", "add", "@example.net")
    run = issue.done("test", ISSUE, *TO)
    assert "warning: address 1 of 1 is suppressed (manual), and would get no issue" in run.err
    assert len(outbox_mails(issue.root, TESTS)) == 1


def test_no_number_of_a_test_is_one_of_the_ledger(issue: Any) -> None:
    try_out(issue, *TO)
    (mail,) = outbox_mails(issue.root, TESTS)
    reference = str(mail["Message-ID"]).strip("<>").rpartition("@")[0]
    assert int(reference.partition(".")[0]) >= testsend.FIRST_NUMBER
    assert delivery_of(reference) is None, "no event is looked up by it"


# --- through other providers ----------------------------------------------------------------------------------------


@pytest.fixture
def site() -> Iterator[Site]:
    with running() as made:
        yield made


@pytest.fixture
def at_sendgrid(issue: Any, site: Site, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SENDGRID_API_KEY", KEY)
    issue.add_settings(f'\n[provider]\nname = "sendgrid"\nbase_url = "{site.url}"\ntimeout = 5\n')
    return issue


def test_through_sendgrid(at_sendgrid: Any, site: Site) -> None:
    told = try_out(at_sendgrid, *TO, "--to", "boss@example.net", "--as", "bo@example.org")
    assert told["provider"] == "sendgrid"
    assert [mail["outcome"] for mail in told["mails"]] == ["accepted", "accepted"]
    assert len(site.sends) == 1
    got = {mail.to: mail for mail in site.mails}
    assert sorted(got) == ["boss@example.net", "desk@example.net"]
    mail = got["desk@example.net"]
    assert mail.subject == "[Test] Rivers for Bergen"
    assert "Dear Bo of Bergen." in mail.text
    assert mail.arguments["mailer_batch"] == "0"
    assert delivery_of(mail.arguments["mailer_delivery"]) is None
    assert set(ledger_rows(at_sendgrid).values()) == {0}


def test_what_would_stop_a_send_is_said_and_stops_no_test(at_sendgrid: Any, site: Site) -> None:
    text = (at_sendgrid.root / "mailer.toml").read_text().replace("1 Quay Street, Oslo", "")
    at_sendgrid.write("mailer.toml", text)
    run = at_sendgrid.done("test", ISSUE, *TO)
    assert "warning: would stop a send: the organisation's postal address is missing" in run.err
    assert "warning: this bulletin has no article" in run.err
    assert len(site.mails) == 1


def test_a_refused_test_says_why(at_sendgrid: Any, site: Site) -> None:
    site.bad, site.points = {"desk@example.net"}, True
    run = at_sendgrid("test", ISSUE, *TO)
    assert run.code == 3
    assert re.search(r"^desk@example.net +refused +\S", run.out, re.MULTILINE)
    assert "1 test mail did not go out" in run.err


def test_through_a_mail_server(issue: Any) -> None:
    with running_aiosmtpd() as (keeper, port):
        issue.add_settings(
            f'\n[provider]\nname = "smtp"\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\n'
            'bounces = "bounces@example.org"\n'
        )
        try_out(issue, *TO)
    (content,), (sender,) = keeper.taken["desk@example.net"], keeper.senders
    message = BytesParser(policy=policy.default).parsebytes(content)
    assert str(message["Subject"]) == "[Test] Rivers for Anytown"
    keys = Workspace(issue.root).secret_keys({})
    number = BounceAddresses(keys, "bounces@example.org").delivery(sender)
    assert number is not None
    assert number >= testsend.FIRST_NUMBER, "a bounce of it is one of no delivery"


# --- send --dry-run -------------------------------------------------------------------------------------------------


def test_a_dry_run_writes_every_mail_and_sends_none(issue: Any) -> None:
    told = issue.done("send", ISSUE, "--dry-run", "--json").json
    assert (told["name"], told["recipients"], told["state"]) == (ISSUE, 2, None)
    written = told["written"]
    assert (written["mails"], written["unwritable"]) == (2, {})
    assert written["bytes"] > written["largest"] > 5000
    assert set(ledger_rows(issue).values()) == {0}
    assert not (issue.root / "outbox").exists()
    issue.done("send", ISSUE)
    sizes = [path.stat().st_size for path in (issue.root / "outbox" / ISSUE / "new").glob("*.eml")]
    assert (written["bytes"], written["largest"]) == (sum(sizes), max(sizes)), "to the byte what was sent then"


def test_a_mail_that_cannot_be_written_is_found_beyond_the_sample(issue: Any) -> None:
    """The checks look at 500 people; the one without a city comes later."""
    add_people(issue, "members", *(f"reader{number:04d}@example.org,Ann,Oslo" for number in range(600)))
    add_people(issue, "members", "zoe@example.org,Zoe,")
    run = issue("send", ISSUE, "--dry-run")
    assert run.code == 3
    assert re.search(r"^dry run: 602 mails written in [\d.]+ s, [\d,]+ bytes each", run.out, re.MULTILINE)
    assert re.search(r"^cannot be written: 1: .*city", run.out, re.MULTILINE)
    assert "1 mail cannot be written, and would be refused" in run.err
    assert "zoe" not in run.out + run.err


def test_a_dry_run_of_an_issue_on_its_way_writes_what_is_left(issue: Any, tmp_path: Path) -> None:
    issue.done("send", ISSUE)
    assert issue.done("send", ISSUE, "--dry-run", "--json").json["written"]["mails"] == 0


def test_a_dry_run_for_a_provider_that_merges(at_sendgrid: Any, site: Site) -> None:
    written = at_sendgrid.done("send", ISSUE, "--dry-run", "--json").json["written"]
    assert (written["mails"], written["unwritable"]) == (2, {})
    assert written["largest"] > 5000
    assert site.sends == []
