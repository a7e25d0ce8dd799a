"""`mailer send` through SendGrid, which stands in on this machine: everybody once, and the mail the outbox has."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailer.app import open_mailer
from mailer.model import Envelope
from mailer.providers.sendgrid.mail import merge_of
from mailer.store import issues as stored_issues
from mailer.workspace import Workspace
from tests.cli.campaign import ISSUE, Piece, add_articles, add_people, article_keys, crowd, ledger_rows, write_issue
from tests.providers.sendgrid_merges import KEY
from tests.providers.sendgrid_site import Mail, Says, Site, error, running

SETTINGS = """
[provider]
name = "sendgrid"
base_url = "{url}"
timeout = 5
batch_size = 40
{more}
"""
PEOPLE = (
    "ann@example.org,Ann & Bo,Oslo",
    "bo@example.org,<b>Bo</b>,Bergen",
    '"cy@example.org","Lee; Cy",',
    "åse@example.org,Åse,Tromsø",
    "dee@grønn.example,Żółć,Łódź",
)
BODY = """Dear {{ subscriber.first_name | default("friend") }} of {{ subscriber.city | default("somewhere") }},

{% if subscriber.city == "Oslo" %}
We meet at the harbour.
{% endif %}

[articles]
"""


@pytest.fixture
def site() -> Iterator[Site]:
    with running() as made:
        yield made


@pytest.fixture
def mailer(mailer: Any, site: Site, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A workspace over SendGrid, with people and an issue."""
    monkeypatch.setenv("SENDGRID_API_KEY", KEY)
    write_settings(mailer, site.url)
    add_people(mailer, "members", *PEOPLE, *crowd(95))
    add_people(mailer, "weekly", "ann@example.org,Ann,Oslo", "wim@example.org,Wim,Gent")
    add_articles(mailer, Piece("The river is clean"), Piece("A second one", url="https://rivers.example/a?b=1&c=2"))
    write_issue(mailer, BODY, subject="Rivers for {{ subscriber.city | default('you') }}", lists=["members", "weekly"])
    return mailer


def write_settings(mailer: Any, url: str, more: str = "") -> None:
    base = (mailer.root / "mailer.toml").read_text(encoding="utf-8").partition("\n[provider]")[0]
    web = '[web]\nbase_url = "https://news.example.org"\n' if "[web]" not in base else ""
    mailer.write("mailer.toml", base + web + SETTINGS.format(url=url, more=more))


def sent(mailer: Any, *words: str, code: int = 0) -> Any:
    run = mailer("send", ISSUE, "--yes", *words, "--json")
    assert run.code == code, run.err
    return run.json


def outbox(mailer: Any) -> dict[str, Mail]:
    """The mails that the same workspace writes to files, by address, in the form of the stand-in's."""
    found = {}
    for path in sorted((mailer.root / "outbox" / ISSUE / "new").glob("*.eml")):
        content = path.read_bytes()
        merge = merge_of(Envelope(int(path.stem), "", "", content))
        (one,) = merge.recipients
        to = content.partition(b"\r\nTo: ")[2].partition(b"\r\n")[0].decode().rpartition("<")[2].rstrip(">")
        sender = {"email": merge.sender.email, "name": merge.sender.name}
        name = " ".join(one.name.replace(";", " ").replace(",", " ").split())
        found[to] = Mail(
            to, name, merge.subject, merge.text, merge.html, sender, merge.sender.reply_to, one.headers, {}
        )
    return found


def test_everybody_once_and_what_the_outbox_has(mailer: Any, site: Site, tmp_path: Path) -> None:
    mailer.done("plan", ISSUE)  # which makes the key that links are signed with
    shutil.copytree(mailer.root, tmp_path / "other")
    told = sent(mailer)
    assert (told["state"], told["recipients"], told["accepted_now"], told["twice"]) == ("sent", 100, 100, 0)
    assert len(site.sends) == 4, "three batches, the last one with people of two lists"
    assert Counter(mail.to for mail in site.mails) == Counter({mail.to: 1 for mail in site.mails})

    other = type(mailer)(tmp_path / "other", mailer.capsys, mailer.monkeypatch)
    settings = (other.root / "mailer.toml").read_text(encoding="utf-8").partition("\n[provider]")[0]
    other.write("mailer.toml", settings)
    assert sent(other)["accepted_now"] == 100
    expected = outbox(other)
    assert expected.keys() == {mail.to for mail in site.mails}
    for mail in site.mails:
        there = expected[mail.to]
        assert {**vars(mail), "arguments": {}} == vars(there)
    assert "We meet at the harbour." in next(mail.text for mail in site.mails if mail.to == "ann@example.org")
    assert sent(mailer)["accepted_now"] == 0
    assert len(site.sends) == 4


def test_the_ids_are_opaque_and_lead_to_the_ledger(mailer: Any, site: Site) -> None:
    sent(mailer)
    references = [mail.arguments["mailer_delivery"] for mail in site.mails]
    assert len(set(references)) == 100
    assert {int(reference.partition(".")[0]) for reference in references} == set(range(1, 101))
    assert not any("@" in value for mail in site.mails for value in mail.arguments.values())
    assert site.sends[0].json["categories"] == ["bulletin", "members"]


def test_one_who_cannot_be_mailed_is_refused_alone(mailer: Any, site: Site) -> None:
    site.bad = {"bo@example.org"}
    told = sent(mailer, code=3)
    assert told["deliveries"] == {"accepted": 99, "refused": 1}
    assert max(Counter(mail.to for mail in site.mails).values()) == 1
    status = mailer.done("status", ISSUE)
    assert "Bad Request" in status.out
    assert "bo@example.org" not in status.out


def test_a_doubt_is_held_and_the_rest_is_sent(mailer: Any, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailer.providers.sendgrid.provider.PAUSE", 0.1)
    site.plan += [Says(takes=True), Says(500, takes=True)]
    told = sent(mailer, code=3)
    # Of calls at the same time any may be the second.
    held = len(site.sends[1].json["personalizations"])
    assert told["deliveries"] == {"accepted": 100 - held, "doubtful": held}
    assert sent(mailer, code=3)["accepted_now"] == 0, "a doubt is not sent again"
    assert max(Counter(mail.to for mail in site.mails).values()) == 1


def test_a_limit_is_waited_for_and_everybody_gets_it(mailer: Any, site: Site) -> None:
    site.plan += [Says(takes=True), Says(429, headers={"Retry-After": "1"})]
    assert sent(mailer)["deliveries"] == {"accepted": 100}
    assert len(site.mails) == 100


def test_a_key_without_the_right_freezes_nothing(mailer: Any, site: Site) -> None:
    site.scopes = Says(200, b'{"scopes": ["stats.read"]}')
    run = mailer("send", ISSUE, "--yes")
    assert run.code == 1
    assert "the API key lacks the scope mail.send" in run.err
    assert ledger_rows(mailer)["issues"] == 0
    assert site.sends == []


def test_a_key_that_is_revoked_in_the_middle_gives_everything_back(mailer: Any, site: Site) -> None:
    write_settings(mailer, site.url, "connections = 1")
    site.plan += [Says(takes=True), *[Says(401, error("revoked"))] * 5]
    run = mailer("send", ISSUE, "--yes")
    site.plan.clear()
    assert run.code == 3
    assert "the issue was paused: sendgrid: the API key is not valid (HTTP 401: revoked)" in run.err
    assert f"Set SENDGRID_API_KEY to a key of this account; then: mailer resume {ISSUE}, mailer send {ISSUE}" in run.err
    assert KEY not in run.err
    assert mailer("send", ISSUE).code == 3
    with open_mailer(Workspace(mailer.root), {}) as program, program.store.write() as connection:
        stored_issues.resume(connection, ISSUE, program.now())
    assert sent(mailer)["deliveries"] == {"accepted": 100}
    assert max(Counter(mail.to for mail in site.mails).values()) == 1


def test_without_a_network_nothing_is_frozen(mailer: Any) -> None:
    write_settings(mailer, "http://127.0.0.1:9")
    run = mailer("send", ISSUE, "--yes")
    assert run.code == 1
    assert "sendgrid cannot be reached" in run.err
    assert "hint: Nothing was sent." in run.err
    assert ledger_rows(mailer)["issues"] == 0


def test_without_a_key_it_says_where_to_put_one(mailer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SENDGRID_API_KEY")
    run = mailer("send", ISSUE, "--yes")
    assert run.code == 1
    assert "sendgrid needs an API key" in run.err
    assert "SENDGRID_API_KEY" in run.err
    assert ledger_rows(mailer)["issues"] == 0
    mailer.done("plan", ISSUE)
    mailer.done("preview", ISSUE)


def test_the_key_may_stand_in_a_file_that_only_its_owner_reads(
    mailer: Any, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SENDGRID_API_KEY")
    write_settings(mailer, site.url, 'key_file = "sendgrid.key"')
    file = mailer.write("sendgrid.key", KEY + "\n")
    file.chmod(0o644)
    run = mailer("send", ISSUE, "--yes")
    assert run.code == 1
    assert "other people can read" in run.err
    file.chmod(0o600)
    assert sent(mailer)["accepted_now"] == 100


def test_a_rehearsal_delivers_and_keeps_nothing(mailer: Any, site: Site) -> None:
    told = mailer.done("send", ISSUE, "--sandbox", "--json").json
    assert (told["looked_at"], told["recipients"], told["outcomes"]) == (100, 100, {"accepted": 100})
    assert site.mails == []
    assert ledger_rows(mailer)["issues"] == 0
    site.bad = {"bo@example.org"}
    run = mailer("send", ISSUE, "--sandbox")
    assert run.code == 3
    assert "sendgrid looked at 100 mails of 100: 99 accepted, 1 refused. Nothing was sent." in run.out
    assert sent(mailer, code=3)["accepted_now"] == 99


def test_a_provider_without_a_sandbox_says_so(mailer: Any, site: Site) -> None:
    text = (mailer.root / "mailer.toml").read_text(encoding="utf-8").partition("\n[provider]")[0]
    mailer.write("mailer.toml", text)
    run = mailer("send", ISSUE, "--sandbox")
    assert run.code == 2
    assert "outbox has no sandbox" in run.err


def test_with_the_sandbox_on_nothing_can_be_sent(mailer: Any, site: Site) -> None:
    write_settings(mailer, site.url, "sandbox = true")
    run = mailer("send", ISSUE, "--yes")
    assert run.code == 1
    assert "sandbox is on" in run.err
    assert (site.sends, site.mails) == ([], [])


def test_mails_that_ask_people_to_confirm_go_through_it_too(mailer: Any, site: Site) -> None:
    mailer.write(
        "subscribers/weekly.toml", 'title = "Weekly"\nopt_in = "double"\nconsent = "You agree to a mail a week."\n'
    )
    mailer.done("subscribers", "add", "new@example.org", "--list", "weekly")
    mailer.done("subscribers", "ask", "--list", "weekly", "--yes")
    assert "new@example.org" in [mail.to for mail in site.mails]
    assert article_keys(mailer, ISSUE) == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('region = "us"', 'provider.region must be "global" or "eu"'),
        ('categories = ["a", "a"]', "must not name one twice"),
        (f"categories = {[str(n) for n in range(11)]}", "must not have more than 10 entries"),
        ('categories = ["å"]', "must be 1 to 255 characters of ASCII"),
        ('ip_pool = "x"', "must have 2 characters or more"),
        ("unsubscribe_group = 0", "must be 1 or more"),
        ("timeout = 0", "must be 1.0 or more"),
        ("sandboxed = true", 'unknown key "sandboxed"'),
        ('api_key = "x"', "must not stand in a file"),
        ('key_file = "SG.abc"', "must not stand in a file"),
    ],
)
def test_wrong_settings_are_told(mailer: Any, site: Site, more: str, words: str) -> None:
    base = SETTINGS.replace("timeout = 5\n", "")
    text = (mailer.root / "mailer.toml").read_text(encoding="utf-8").partition("\n[provider]")[0]
    mailer.write("mailer.toml", text + base.format(url=site.url, more=more))
    run = mailer("plan", ISSUE)
    assert run.code == 1
    assert words in run.err


@pytest.mark.parametrize(
    ("url", "right"),
    [
        ("http://api.example.org", False),
        ("http://127.0.0.1.example.org", False),
        ("http://user:word@127.0.0.1", False),
        ("https://api.example.org?a=b", False),
        ("https://api.example.org/", True),
        ("http://localhost:8080", True),
        ("http://[::1]:8080", True),
    ],
)
def test_the_key_goes_over_tls_or_nowhere(mailer: Any, url: str, right: bool) -> None:
    write_settings(mailer, url)
    run = mailer("config", "show")
    assert (run.code == 0) == right, run.err
