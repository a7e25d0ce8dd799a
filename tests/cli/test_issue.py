"""`mailer plan`, `preview` and `status`: what would happen, what it looks like, what became of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from email import policy
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest

from mailer.errors import LinkError
from mailer.render.links import Purpose, Signer
from tests.cli.campaign import (
    ISSUE,
    Piece,
    add_articles,
    add_people,
    crowd,
    ledger_rows,
    part,
    read,
    write_issue,
)

PEOPLE = ("ann@example.org,Ann,Oslo", "bo@example.org,,Bergen", "cy@example.org,Cy,")
PREHEADER = "What the week brought along the river, in two articles"
TOKEN = re.compile(r"(?:/u/|%20)([A-Za-z0-9_-]{40,})")


@pytest.fixture
def issue(mailer: Any) -> Any:
    """An issue with two articles for members, of whom there are three."""
    keys = add_articles(mailer, Piece("Weir"), Piece("Nets", days=2))
    add_people(mailer, "members", *PEOPLE)
    write_issue(
        mailer,
        'Dear {{ subscriber.first_name | default("friend") }},\n\n[articles]',
        articles=[{"key": keys["Nets"]}, {"key": keys["Weir"]}],
        preheader=PREHEADER,
    )
    return mailer


def planned(mailer: Any, *words: str, code: int = 0) -> Any:
    run = mailer("plan", ISSUE, *words, "--json")
    assert run.code == code, run.err
    return run.json


def rules(mailer: Any, *words: str, code: int = 0) -> dict[str, str]:
    """What the checks find: rule -> level."""
    return {finding["rule"]: finding["level"] for finding in planned(mailer, *words, code=code)["findings"]}


# --- plan -----------------------------------------------------------------------------------------------------------


def test_a_plan_tells_content_and_audience(issue: Any) -> None:
    add_people(issue, "weekly", "ann@example.org,Ann,Oslo", "di@example.org,Di,Oslo", "ed@example.org,Ed,Oslo")
    issue.done("subscribers", "import", "-", "--list", "weekly", stdin=b"email\nflo@example.org\n")
    issue.done("subscribers", "unsubscribe", "ed@example.org", "--list", "weekly")
    path = issue.root / "issues" / f"{ISSUE}.md"
    path.write_text(path.read_text().replace('["members"]', '["members", "weekly"]'))
    plan = planned(issue)
    assert plan["recipients"] == 4, "ann is on both lists and counts once"
    assert plan["exclusions"] == {"unsubscribed": 1, "pending": 1}
    assert [article["title"] for article in plan["articles"]] == ["Nets", "Weir"]
    assert (plan["subject"], plan["lists"], plan["state"]) == ("Rivers", ["members", "weekly"], None)
    assert plan["sender"] == "Rivers United <news@example.org>"
    assert 10_000 < plan["html_bytes"] < 102_400
    assert (plan["provider"], plan["batches"]) == ("outbox", 1)
    shown = issue.done("plan", f"issues/{ISSUE}.md").out
    assert all(text in shown for text in ("recipients  4", "1 unsubscribed", plan["hash"][:12], "Nets", "one-click"))


def test_a_plan_writes_nothing(issue: Any) -> None:
    first = planned(issue)
    rows, files = ledger_rows(issue), sorted(issue.root.rglob("*"))
    assert planned(issue) == first, "the hash above all"
    assert ledger_rows(issue) == rows
    assert set(rows.values()) == {0}
    assert sorted(issue.root.rglob("*")) == files
    assert not (issue.root / "outbox").exists()


def change_file(mailer: Any) -> None:
    path = mailer.root / "issues" / f"{ISSUE}.md"
    path.write_text(path.read_text() + "\nOne more line.\n")


def change_article(mailer: Any) -> None:
    add_articles(mailer, Piece("Weir"), Piece("Nets, and more of them", days=2, url="https://rivers.example/paper/1"))


def change_theme(mailer: Any) -> None:
    mailer.add_settings('[theme.colours]\nprimary = "#123456"\n')


def change_template(mailer: Any) -> None:
    mailer.done("templates", "eject", "_footer.mjml")
    path = mailer.root / "templates" / "_footer.mjml"
    path.write_text(path.read_text() + "{# mine #}")


def change_lists(mailer: Any) -> None:
    path = mailer.root / "issues" / f"{ISSUE}.md"
    path.write_text(path.read_text().replace('["members"]', '["members", "weekly"]'))


def change_list_title(mailer: Any) -> None:
    mailer.write("subscribers/members.toml", 'title = "All members"\nopt_in = "single"\n')


def change_reply_to(mailer: Any) -> None:
    mailer.write("subscribers/members.toml", 'title = "Members"\nopt_in = "single"\nreply_to = "x@example.org"\n')


def change_pages(mailer: Any) -> None:
    mailer.add_settings('[web]\nbase_url = "https://news.example.org"\n')


def change_contact(mailer: Any) -> None:
    path = mailer.root / "mailer.toml"
    path.write_text(path.read_text().replace("office@example.org", "desk@example.org"))


@pytest.mark.parametrize(
    "change",
    [
        change_file,
        change_article,
        change_theme,
        change_template,
        change_lists,
        change_list_title,
        change_reply_to,
        change_pages,
        change_contact,
    ],
)
def test_the_hash_follows_everything_that_is_sent(issue: Any, change: Callable[[Any], None]) -> None:
    before = planned(issue)["hash"]
    change(issue)
    assert planned(issue)["hash"] != before


def test_the_hash_does_not_follow_what_is_not_sent(issue: Any) -> None:
    before = planned(issue)["hash"]
    path = issue.root / "issues" / f"{ISSUE}.md"
    path.write_text(path.read_text().replace("articles:", "# a remark\n\narticles:"))
    add_articles(issue, Piece("Another"), source="other")
    issue.add_settings("[limits]\nconfirm_above = 3\n")
    assert planned(issue)["hash"] == before


def test_a_misspelt_field_is_noticed_although_it_has_a_default(issue: Any) -> None:
    write_issue(issue, 'Dear {{ subscriber.frist_name | default("friend") }}, {% if subscriber.city %}x{% endif %}')
    plan = planned(issue)
    (finding,) = [each for each in plan["findings"] if each["rule"] == "unknown-field"]
    assert finding["message"] == "none of the 3 people looked at has the field frist_name"
    assert finding["advice"] == 'did you mean "first_name"?'


def test_nobody_on_the_list_is_an_error(mailer: Any) -> None:
    write_issue(mailer, "Hello {{ subscriber.first_name }}.")
    assert rules(mailer, code=1) == {
        "no-recipients": "error", "unwritable": "error", "one-click": "warning", "no-articles": "warning",
    }  # fmt: skip
    run = mailer("plan", ISSUE)
    assert run.code == 1
    assert "recipients  0" in run.out
    assert "error: 1 of 1 sample mails cannot be written" in run.out
    assert "error: nobody would receive this issue" in run.out
    assert "2 errors to mend before" in run.err


def test_a_field_that_some_lack_is_an_error_with_the_reason(issue: Any) -> None:
    write_issue(issue, "Hello {{ subscriber.first_name }}.")
    plan = planned(issue, code=1)
    (finding,) = [each for each in plan["findings"] if each["rule"] == "unwritable"]
    assert "1 of 3 sample mails cannot be written" in finding["message"]
    assert f"issues/{ISSUE}.md:7" in finding["message"]
    assert "subscriber.first_name" in finding["message"]


def test_a_field_that_all_lack_says_nothing_about_the_subject(issue: Any) -> None:
    write_issue(issue, "Hello {{ subscriber.nickname }}.")
    assert "empty-subject" not in rules(issue, code=1)


def test_an_article_that_a_list_got_is_an_error_without_again(issue: Any) -> None:
    issue.done("send", ISSUE)
    path = issue.root / "issues" / f"{ISSUE}.md"
    (issue.root / "issues" / "next.md").write_text(path.read_text())
    run = issue("plan", "next")
    assert run.code == 1
    assert "2 of the articles went to one of these lists before" in run.out
    assert issue("send", "next").code == 1
    assert ledger_rows(issue)["issues"] == 1
    assert issue.done("plan", "next", "--again").err == ""


def test_what_readers_lack_and_what_they_had_before_is_told(issue: Any) -> None:
    issue.done("send", ISSUE)
    text = (issue.root / "issues" / f"{ISSUE}.md").read_text()
    (issue.root / "issues" / "next.md").write_text(
        text.replace("[articles]", "[articles] TK, as [our shop](https://go.example/a)")
    )
    issue.add_settings('[checks]\nplaceholders = ["our shop"]\nshorteners = ["GO.example"]\n')
    found = issue("plan", "next", "--again", "--json").json["findings"]
    messages = {each["rule"]: each["message"] for each in found}
    assert messages["field-missing"].startswith("1 of 3 people looked at has no first_name")
    assert messages["repeated-subject"] == "one of these lists got an issue with this subject before"
    assert {each["place"]["excerpt"] for each in found if each["rule"] == "placeholder"} == {"TK", "our shop"}
    assert "shortened-link" in messages
    assert "repeated-subject" not in {each["rule"] for each in issue("plan", ISSUE, "--json").json["findings"]}


def test_everything_in_order(issue: Any) -> None:
    change_pages(issue)
    assert "checks: all passed" in issue.done("plan", ISSUE).out


def test_batches_are_counted_as_the_provider_takes_them(issue: Any) -> None:
    issue.add_settings("[provider]\nbatch_size = 2\n")
    assert planned(issue)["batches"] == 2


@pytest.mark.parametrize("command", ["plan", "preview", "send", "status"])
def test_an_unknown_issue_names_the_near_one(issue: Any, command: str) -> None:
    run = issue(command, ISSUE.replace("rivers", "river"))
    assert run.code == 1
    assert run.err.startswith("error: ")
    assert (ISSUE in run.err) or command == "status"


def test_an_article_that_is_not_in_the_store_is_named_with_the_file(issue: Any) -> None:
    write_issue(issue, articles=[{"key": "0000"}])
    run = issue("plan", ISSUE)
    assert run.code == 1
    assert f"issues/{ISSUE}.md: " in run.err
    assert "0000" in run.err


def test_the_plan_of_a_sent_issue_says_what_send_would_do(issue: Any) -> None:
    recipients = planned(issue)["recipients"]
    issue.done("send", ISSUE)
    add_people(issue, "members", "late@example.org,Late,Oslo")
    run = issue.done("plan", ISSUE)
    assert "sent; sending it again does nothing" in run.out
    assert planned(issue)["recipients"] == recipients, "those of then"
    path = issue.root / "issues" / f"{ISSUE}.md"
    path.write_text(path.read_text() + "One word more.\n")
    assert rules(issue, code=1)["sent-otherwise"] == "error"
    assert issue("send", ISSUE).code == 1


# --- preview --------------------------------------------------------------------------------------------------------


def test_a_preview_is_for_a_made_up_reader(issue: Any) -> None:
    run = issue.done("preview", ISSUE, "--json")
    written = {name: Path(run.json[name]) for name in ("html", "text", "message")}
    assert {path.parent for path in written.values()} == {issue.root / "preview"}
    assert (run.json["subject"], run.json["preheader"], run.json["list_name"]) == ("Rivers", PREHEADER, "members")
    assert "Dear Alex," in written["html"].read_text()
    assert "Dear Alex," in written["text"].read_text()
    mail = read(BytesParser(policy=policy.default), written["message"])
    assert mail["To"] == "Alex <reader@example.org>"
    assert {path.stat().st_mode & 0o777 for path in written.values()} == {0o600}
    assert "ann@example.org" not in written["message"].read_text()
    assert part(mail, "html").strip() == written["html"].read_text().strip()
    assert "preview/" in issue.done("preview", ISSUE).out


@pytest.mark.parametrize(
    ("email", "stdin", "greeting"),
    [("cy@example.org", None, "Dear Cy,"), ("bo@example.org", None, "Dear friend,"), ("-", b"CY@example.org\n", "Cy")],
)
def test_a_preview_as_somebody(issue: Any, email: str, stdin: bytes | None, greeting: str) -> None:
    run = issue.done("preview", ISSUE, "--as", email, "--json", stdin=stdin)
    assert greeting in Path(run.json["text"]).read_text()


@pytest.mark.parametrize(
    ("email", "code"), [("zoe@example.org", 1), ("not an address", 2), ("ann@", 2), ("di@example.org", 1)]
)
def test_a_preview_as_a_stranger_is_refused_without_the_address(issue: Any, email: str, code: int) -> None:
    add_people(issue, "weekly", "di@example.org,Di,Oslo")
    run = issue("preview", ISSUE, "--as", email)
    assert run.code == code
    assert email not in run.err
    assert not (issue.root / "preview").exists()


def test_a_preview_goes_by_the_list_that_would_bring_the_person_in(issue: Any) -> None:
    add_people(issue, "weekly", "ann@example.org,Ann,Oslo")
    issue.done("subscribers", "unsubscribe", "ann@example.org", "--list", "members")
    change_lists(issue)
    assert issue.done("preview", ISSUE, "--as", "ann@example.org", "--json").json["list_name"] == "weekly"


def test_a_preview_without_anybody_shows_a_neutral_reader(mailer: Any) -> None:
    write_issue(mailer, 'Dear {{ subscriber.first_name | default("friend") }},')
    run = mailer.done("preview", ISSUE, "--json")
    assert "Dear Alex," in Path(run.json["text"]).read_text()
    assert run.json["reader"] == "reader@example.org"
    assert "reader@example.org" in Path(run.json["message"]).read_text()


@pytest.mark.parametrize("pages", [True, False])
def test_links_of_a_preview_unsubscribe_nobody(issue: Any, pages: bool) -> None:
    if pages:
        change_pages(issue)
    run = issue.done("preview", ISSUE, "--json")
    signer = Signer([(issue.root / ".mailer" / "secret.key").read_bytes().split()[0]])
    for name in ("html", "text", "message"):
        tokens = set(TOKEN.findall(Path(run.json[name]).read_text().replace("=\n", "")))
        known = {token for token in tokens if reads(signer, token, Purpose.PREVIEW)}
        assert len(known) == 1, name
        assert not any(reads(signer, token, Purpose.UNSUBSCRIBE) for token in tokens)


def reads(signer: Signer, token: str, purpose: Purpose) -> bool:
    try:
        signer.read(token, purpose)
    except LinkError:
        return False
    return True


def test_a_preview_may_go_elsewhere(issue: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("typer.launch", opened.append)
    issue.done("preview", ISSUE, "--out", "for/anna", "--open")
    assert (tmp_path / "for" / "anna" / f"{ISSUE}.eml").is_file()
    assert not (issue.root / "preview").exists()
    assert opened == [(tmp_path / "for" / "anna" / f"{ISSUE}.html").as_uri()]


def test_a_preview_where_a_file_is_says_so(issue: Any, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    run = issue("preview", ISSUE, "--out", str(tmp_path / "taken"))
    assert run.code == 1
    assert "taken cannot be written" in run.err


def test_a_preview_sends_and_freezes_nothing(issue: Any) -> None:
    issue.done("preview", ISSUE)
    assert set(ledger_rows(issue).values()) == {0}
    assert not (issue.root / "outbox").exists()


# --- status ---------------------------------------------------------------------------------------------------------


def test_status_of_everything(issue: Any) -> None:
    write_issue(issue, name="2026-11-30-later")
    assert [(row["name"], row["state"]) for row in issue.done("status", "--json").json] == [
        ("2026-11-30-later", "draft"),
        (ISSUE, "draft"),
    ]
    issue.done("send", ISSUE)
    later, sent = issue.done("status", "--json").json
    assert later["state"] == "draft"
    assert (sent["state"], sent["recipients"], sent["accepted"], sent["refused"], sent["waiting"]) == (
        "sent", 3, 3, 0, 0,
    )  # fmt: skip
    assert sent["finished_at"] >= sent["frozen_at"]
    assert re.search(rf"{ISSUE} +sent +\d{{4}}-\d\d-\d\d +3 +3 +Rivers", issue.done("status").out)


def test_status_of_one(issue: Any) -> None:
    issue.done("subscribers", "unsubscribe", "bo@example.org", "--list", "members")
    issue.done("send", ISSUE)
    told = issue.done("status", ISSUE, "--json").json
    assert (told["deliveries"], told["left_out"], told["refusals"]) == ({"accepted": 2}, {"unsubscribed": 1}, {})
    assert (told["lists"], told["articles"], told["figures"]["state"]) == (["members"], 2, "sent")
    shown = issue.done("status", ISSUE).out
    assert "2 accepted" in shown
    assert "1 unsubscribed" in shown


def test_status_of_a_draft_says_what_to_do(issue: Any) -> None:
    run = issue("status", ISSUE)
    assert run.code == 1
    assert f"issue {ISSUE} was not sent yet" in run.err
    assert f"mailer plan {ISSUE}" in run.err


def test_the_longest_of_many_is_measured(mailer: Any) -> None:
    add_people(mailer, "members", *crowd(3), f"zz@example.org,{'A' * 2000},Oslo")
    write_issue(mailer, "Dear {{ subscriber.first_name }},")
    longest = planned(mailer)["html_bytes"]
    mailer.done("subscribers", "unsubscribe", "zz@example.org", "--list", "members")
    assert longest - planned(mailer)["html_bytes"] > 1900
