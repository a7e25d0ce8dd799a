"""Joining a double opt-in list from the command line: the mail in the outbox, its link, and what is kept of it."""

from __future__ import annotations

import json
import re
from email.message import EmailMessage
from typing import Any

import pytest

from tests.cli.campaign import outbox_mails, part

WEEKLY = """
title = "Weekly bulletin"
opt_in = "double"
language = "{language}"
consent = "I want the weekly bulletin."
"""
TOKEN = re.compile(r"(?:/c/|%20)([A-Za-z0-9_-]{40,})$")
FOLDER = "confirmations.weekly"


@pytest.fixture
def campaign(mailer: Any) -> Any:
    mailer.write("subscribers/weekly.toml", WEEKLY.format(language="en"))
    return mailer


def mails(mailer: Any) -> list[EmailMessage]:
    return outbox_mails(mailer.root, FOLDER)


def token(mail: EmailMessage) -> str:
    (line,) = [line for line in part(mail, "plain").splitlines() if line.startswith(("https://", "mailto:"))]
    return str(TOKEN.findall(line)[-1])


def add(mailer: Any, name: str, *words: str) -> Any:
    return mailer.done("subscribers", "add", f"{name}@example.org", "--list", "weekly", *words)


def state(mailer: Any, name: str) -> str:
    people = mailer.done("subscribers", "list", "--list", "weekly", "--json").json
    return next(str(person["state"]) for person in people if person["email"] == f"{name}@example.org")


def with_pages(mailer: Any) -> None:
    mailer.add_settings('\n[web]\nbase_url = "https://news.example.org"\n')


def test_adding_writes_the_mail_and_its_link_confirms(campaign: Any) -> None:
    with_pages(campaign)
    run = add(campaign, "ann")
    assert run.out == "added to weekly as pending; not mailed until they confirm; asked by mail to confirm\n"
    (mail,) = mails(campaign)
    assert (mail["To"], mail["From"]) == ("ann@example.org", "Rivers United <news@example.org>")
    assert mail["Subject"] == "Please confirm: Weekly bulletin"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert [mail[name] for name in ("Precedence", "List-Unsubscribe", "List-ID")] == [None] * 3
    assert all(each.defects == [] for each in mail.walk())
    link = f"https://news.example.org/c/{token(mail)}"
    assert link in part(mail, "html") and link in part(mail, "plain")
    assert "I want the weekly bulletin." in part(mail, "plain")
    confirmed = campaign.done("subscribers", "confirm", link)
    assert confirmed.out == "confirmed on weekly\n"
    assert state(campaign, "ann") == "confirmed"
    assert campaign.done("subscribers", "confirm", token(mail)).out == "was confirmed already on weekly\n"


def test_without_pages_confirming_is_a_mail_to_the_contact(campaign: Any) -> None:
    add(campaign, "ann")
    (mail,) = mails(campaign)
    assert f"mailto:office@example.org?subject=confirm%20{token(mail)}\n" in part(mail, "plain")
    assert f"\noffice@example.org\nconfirm {token(mail)}\n" in part(mail, "plain")
    run = campaign.done("subscribers", "confirm", "-", stdin=f"Subject: Re: confirm {token(mail)}\n".encode())
    assert run.out == "confirmed on weekly\n"


@pytest.mark.parametrize(("language", "direction"), [("ar", "rtl"), ("de", "ltr")])
def test_the_mail_speaks_the_language_of_the_list(campaign: Any, language: str, direction: str) -> None:
    campaign.write("subscribers/weekly.toml", WEEKLY.format(language=language))
    add(campaign, "ann")
    (mail,) = mails(campaign)
    assert f'lang="{language}" dir="{direction}"' in part(mail, "html")
    assert "Please confirm" not in part(mail, "plain") + str(mail["Subject"])


def test_a_name_that_somebody_entered_is_not_mailed(campaign: Any) -> None:
    add(campaign, "ann", "--set", "first_name=Visit-spam-example")
    (mail,) = mails(campaign)
    assert "Visit-spam" not in mail.as_string()


@pytest.mark.parametrize("words", [("--no-mail",), ("--consent", "asked by phone")])
def test_no_mail_where_none_is_wanted(campaign: Any, words: tuple[str, ...]) -> None:
    run = add(campaign, "ann", *words)
    assert run.out == "added to weekly as pending; not mailed until they confirm\n"
    assert mails(campaign) == []


def test_no_mail_on_a_single_opt_in_list(campaign: Any) -> None:
    campaign.done("subscribers", "add", "ann@example.org", "--list", "members")
    assert list(campaign.root.glob("outbox/*/new/*")) == []


def test_a_person_is_not_mailed_again_within_the_pause(campaign: Any) -> None:
    add(campaign, "ann")
    again = add(campaign, "ann", "--json")
    assert again.json["asked"] == {"result": "pause", "detail": ""}
    assert len(mails(campaign)) == 1


def test_who_left_is_not_mailed_and_an_old_link_does_not_bring_them_back(campaign: Any) -> None:
    add(campaign, "ann")
    campaign.done("subscribers", "unsubscribe", "ann@example.org", "--list", "weekly")
    assert "kept out of weekly" in add(campaign, "ann").out
    (mail,) = mails(campaign)
    run = campaign("subscribers", "confirm", token(mail), "--json")
    assert (run.code, run.json) == (1, {"list_name": "weekly", "result": "left"})
    assert "an old link does not undo that" in run.err
    assert state(campaign, "ann") == "unsubscribed"


@pytest.mark.parametrize("text", ["", "nonsense", "confirm", "A" * 60])
def test_what_is_no_token_is_one_line(campaign: Any, text: str) -> None:
    run = campaign("subscribers", "confirm", "-", stdin=text.encode())
    assert (run.code, run.out) == (1, "")
    assert run.err.splitlines()[0] == "error: this link is not valid"


def test_unsubscribing_by_the_token_of_an_issue(campaign: Any) -> None:
    from mailer.render.links import Purpose, Signer
    from mailer.workspace.signing import secret_keys

    add(campaign, "ann", "--no-mail")
    ann = campaign.done("subscribers", "list", "--list", "weekly", "--json").json[0]["id"]
    keys = secret_keys(campaign.root / ".mailer" / "secret.key", {})
    text = "unsubscribe " + Signer(keys).token(Purpose.UNSUBSCRIBE, "weekly", ann)
    run = campaign.done("subscribers", "unsubscribe", "--token", "-", "--reason", "their mail", stdin=text.encode())
    assert run.out == "unsubscribed from weekly; no import puts them back\n"
    assert state(campaign, "ann") == "unsubscribed"
    again = campaign.done("subscribers", "unsubscribe", "--token", text)
    assert again.out == "was unsubscribed from weekly already\n"
    last = campaign.done("subscribers", "history", "ann@example.org", "--json").json["changes"][-1]
    assert (last["became"], last["how"], last["words"]) == ("unsubscribed", "command", "their mail")


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("ann@example.org",),
        ("--list", "weekly"),
        ("ann@example.org", "--token", "x"),
        ("--list", "weekly", "--token", "x"),
    ],
)
def test_unsubscribing_needs_a_person_and_a_list_or_a_token(campaign: Any, words: tuple[str, ...]) -> None:
    assert campaign("subscribers", "unsubscribe", *words).code == 2


def test_history_tells_it_all(campaign: Any) -> None:
    add(campaign, "ann")
    (mail,) = mails(campaign)
    campaign.done("subscribers", "confirm", token(mail))
    told = campaign.done("subscribers", "history", "ann@example.org", "--json").json
    assert [(each["list_name"], each["became"], each["how"]) for each in told["changes"]] == [
        ("weekly", "pending", "command"),
        ("weekly", "confirmed", "command"),
    ]
    message_id = str(mail["Message-ID"]).strip("<>")
    (ask,) = told["asks"]
    assert (ask["message_id"], ask["outcome"]) == (message_id, "accepted")
    confirmed = told["changes"][1]
    assert confirmed["evidence"]["message_id"] == message_id
    assert confirmed["consent_text"] == "I want the weekly bulletin."
    text = campaign.done("subscribers", "history", "ann@example.org", "--texts").out
    assert message_id in text and confirmed["consent_version"] in text
    assert "  | I want the weekly bulletin." in text
    assert "ann@example.org" not in text


def test_history_of_somebody_unknown(campaign: Any) -> None:
    run = campaign("subscribers", "history", "ann@example.org")
    assert (run.code, run.out) == (1, "")
    assert "nobody here has that address" in run.err and "ann@" not in run.err


def test_consent_on_paper_to_the_text_of_the_list(campaign: Any) -> None:
    words = ("--state", "confirmed", "--consent", "signed the form at the fair")
    add(campaign, "ann", *words, "--consent-text")
    add(campaign, "bob", *words)
    for name, version in (("ann", True), ("bob", False)):
        (change,) = campaign.done("subscribers", "history", f"{name}@example.org", "--json").json["changes"]
        assert change["words"] == "added: signed the form at the fair"
        assert (change["consent_text"] == "I want the weekly bulletin.") is version
    for refused in (
        campaign("subscribers", "add", "c@example.org", "--list", "weekly", "--consent-text"),
        campaign(
            "subscribers", "add", "c@example.org", "--list", "members", "--consent", "yes, they did", "--consent-text"
        ),
    ):
        assert refused.code == 2 and "consent" in refused.err


def bring(mailer: Any, count: int) -> None:
    rows = "\n".join(("email", *(f"p{number:03d}@example.org" for number in range(count))))
    mailer.done("subscribers", "import", "-", "--list", "weekly", stdin=rows.encode())


def test_asking_the_people_of_an_import(campaign: Any) -> None:
    bring(campaign, 5)
    assert mails(campaign) == []
    dry = campaign.done("subscribers", "ask", "--list", "weekly", "--dry-run", "--json")
    assert dry.json == {"list": "weekly", "due": 5, "would_ask": 5}
    assert mails(campaign) == []
    first = campaign.done("subscribers", "ask", "--list", "weekly", "--limit", "2")
    assert first.out == "weekly: 2 people asked to confirm; 3 still to be asked\n"
    second = campaign.done("subscribers", "ask", "--list", "weekly", "--json").json
    assert (second["due"], second["asked"]) == (3, 3)
    assert campaign.done("subscribers", "ask", "--list", "weekly").out == "weekly: 0 people asked to confirm\n"
    assert sorted(str(mail["To"]) for mail in mails(campaign)) == [f"p{number:03d}@example.org" for number in range(5)]
    assert len({token(mail) for mail in mails(campaign)}) == 5


def test_a_link_of_somebody_who_was_forgotten_is_no_link(campaign: Any) -> None:
    add(campaign, "ann")
    (mail,) = mails(campaign)
    campaign.done("subscribers", "forget", "ann@example.org", "--yes")
    run = campaign("subscribers", "confirm", token(mail))
    assert run.code == 1 and "this link is not valid" in run.err
    assert campaign("subscribers", "history", "ann@example.org").code == 1


def test_asking_many_needs_a_word(campaign: Any) -> None:
    campaign.add_settings("\n[limits]\nconfirm_above = 3\n")
    bring(campaign, 4)
    run = campaign("subscribers", "ask", "--list", "weekly")
    assert (run.code, mails(campaign)) == (2, [])
    assert "4 people on weekly will be asked to confirm, which needs a word: --yes" in run.err
    campaign.done("subscribers", "ask", "--list", "weekly", "--yes")
    assert len(mails(campaign)) == 4


def test_asking_one_person(campaign: Any) -> None:
    bring(campaign, 2)
    words = ("subscribers", "ask", "--list", "weekly", "p001@example.org")
    assert campaign.done(*words, "--dry-run").out == "would be asked\n"
    assert campaign.done(*words).out == "weekly: asked by mail to confirm\n"
    again = campaign(*words)
    assert again.code == 1 and "they were asked to confirm lately" in again.err
    unknown = campaign("subscribers", "ask", "--list", "weekly", "-", stdin=b"nobody@example.org")
    assert unknown.code == 1 and "nobody@" not in unknown.err
    assert [str(mail["To"]) for mail in mails(campaign)] == ["p001@example.org"]


def test_a_provider_that_cannot_begin_leaves_people_to_be_asked(campaign: Any) -> None:
    (campaign.root / "outbox").write_text("in the way")
    added = campaign("subscribers", "add", "ann@example.org", "--list", "weekly")
    assert added.code == 1 and "outbox" in added.err
    (campaign.root / "outbox").unlink()
    assert campaign.done("subscribers", "ask", "--list", "weekly", "--json").json["asked"] == 1


def test_a_mail_that_was_not_written_is_told(campaign: Any) -> None:
    run = campaign("subscribers", "add", "jürgen@example.org", "--list", "weekly")
    assert run.code == 3 and "the mail that asks them to confirm was refused" in run.err
    assert "jürgen" not in run.out + run.err
    asked = campaign("subscribers", "ask", "--list", "weekly", "--json")
    assert (asked.code, asked.json["due"]) == (0, 0)


def test_a_rotation_between_the_mail_and_its_answer(campaign: Any) -> None:
    add(campaign, "ann")
    (mail,) = mails(campaign)
    campaign.done("keys", "rotate")
    assert campaign.done("subscribers", "confirm", token(mail)).out == "confirmed on weekly\n"


def test_no_issue_can_be_written_in_the_design_of_that_mail(campaign: Any) -> None:
    front = {"kind": "bulletin", "subject": "Rivers", "lists": ["weekly"], "template": "confirm"}
    lines = "".join(f"{name}: {json.dumps(value)}\n" for name, value in front.items())
    campaign.write("issues/one.md", f"---\n{lines}---\n\nHello.\n")
    run = campaign("plan", "one")
    assert run.code == 1 and "the template 'confirm' is not for issues" in run.err
    assert "there are: alert, bulletin" in run.err
