"""`mailer check`: an issue or a file, what is found, where, and what a person lets pass."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.cli.campaign import ISSUE, Piece, add_articles, add_people, crowd, mails, write_issue

SCHEMA = Path(__file__).parent.parent / "data" / "sarif" / "sarif-2.1.0.json"

PAGE = """<!doctype html>
<html lang="en" dir="ltr">
<head><title>News</title></head>
<body>
<h1>News</h1>
<p>Hello</p>
<p><img src="pictures/river.png" width="10" height="10"></p>
</body>
</html>
"""

MAIL = (
    b"From: news@rivers.example\r\nTo: ann@example.org\r\nSubject: =?utf-8?q?=C3=85rets_elv?=\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + PAGE.encode()
)

MJML = """<mjml><mj-body><mj-section><mj-column>
<mj-image src="pictures/river.png" />
</mj-column></mj-section></mj-body></mjml>
"""


@pytest.fixture
def issue(mailer: Any) -> Any:
    """A bulletin for members, of whom there are two, without an article: one thing to warn of."""
    add_people(mailer, "members", "ann@example.org,Ann,Oslo", "bo@example.org,Bo,Bergen")
    write_issue(
        mailer, "Dear {{ subscriber.first_name }}, hello.", preheader="What the week along the river brought us"
    )
    return mailer


@pytest.fixture
def stopped(issue: Any) -> Any:
    """The same, stopped by an error that may be accepted."""
    issue.add_settings('\n[checks.rules]\nno-articles = "error"\n')
    return issue


def rules(run: Any) -> dict[str, dict[str, Any]]:
    return {finding["rule"]: finding for finding in run.json["findings"]}


def check(mailer: Any, *words: str) -> Any:
    return mailer("check", *words, "--offline")


def test_findings_stand_behind_their_line(issue: Any) -> None:
    run = issue.done("check", ISSUE, "--offline")
    assert f"issues/{ISSUE}.md:2: warning: this bulletin has no article (no-articles)" in run.out.splitlines()
    assert "content:" in run.out.splitlines()
    assert run.out.splitlines()[-1].startswith(f"{ISSUE}: ")


def test_an_error_is_exit_1_and_counted(stopped: Any) -> None:
    run = check(stopped, ISSUE)
    assert run.code == 1
    assert "1 error" in run.out.splitlines()[-1]
    assert run.err.splitlines()[0] == f"error: 1 error to mend in {ISSUE}"


def test_json_has_places_counts_and_the_hash_of_plan(issue: Any) -> None:
    run = check(issue, ISSUE, "--json")
    assert run.json["hash"] == issue.done("plan", ISSUE, "--json").json["hash"]
    assert rules(run)["no-articles"]["source"] == {"file": f"issues/{ISSUE}.md", "line": 2}
    assert run.json["counts"]["warning"] == sum(each["level"] == "warning" for each in run.json["findings"])


def test_what_is_accepted_stops_nothing_and_keeps_its_reason(stopped: Any) -> None:
    run = stopped.done("check", ISSUE, "--offline", "--accept", "no-articles", "--reason", "it is a letter")
    assert f"issues/{ISSUE}.md:2: accepted: this bulletin has no article (no-articles): it is a letter" in run.out
    assert run.out.splitlines()[-1].endswith("1 accepted")
    assert rules(check(stopped, ISSUE, "--json"))["no-articles"]["accepted"] == "it is a letter"
    assert "accepted: this bulletin has no article (no-articles): it is a letter" in stopped.done("plan", ISSUE).out
    stopped.done("send", ISSUE, "--yes")
    assert len(mails(stopped)) == 2


def test_taken_back_it_stops_again(stopped: Any) -> None:
    stopped.done("check", ISSUE, "--offline", "--accept", "no-articles", "--reason", "it is a letter")
    assert check(stopped, ISSUE, "--take-back", "no-articles").code == 1
    run = check(stopped, ISSUE, "--take-back", "no-articles")
    assert run.err.splitlines()[0] == f'error: {ISSUE}: nothing of the rule "no-articles" is accepted'


def test_another_fault_under_the_same_rule_is_not_accepted(mailer: Any) -> None:
    keys = add_articles(mailer, Piece("Weir"), Piece("Nets"))
    add_people(mailer, "members", "ann@example.org,Ann,Oslo")
    write_issue(mailer, name="first", articles=[keys["Weir"], keys["Nets"]])
    mailer.done("send", "first", "--yes")
    write_issue(mailer, articles=[keys["Weir"]])
    mailer.done("check", ISSUE, "--offline", "--accept", "repeated-article", "--reason", "on purpose")
    write_issue(mailer, articles=[keys["Nets"]])
    found = rules(check(mailer, ISSUE, "--json"))["repeated-article"]
    assert (found["level"], found["accepted"]) == ("error", "")


def test_send_accepts_too_and_its_history_says_who_and_why(stopped: Any) -> None:
    refused = stopped("send", ISSUE, "--yes")
    assert refused.code == 1
    assert refused.err.splitlines()[-1].endswith("; or let it pass: --accept no-articles --reason TEXT")
    run = stopped.done("send", ISSUE, "--yes", "--accept", "no-articles", "--reason", "it is a letter")
    assert "accepted: this bulletin has no article (no-articles): it is a letter" in run.err
    with closing(sqlite3.connect(stopped.root / "mailer.db")) as connection:
        (detail,) = connection.execute("SELECT detail FROM issue_changes WHERE what = 'accepted'").fetchone()
    assert detail.startswith("no-articles: it is a letter (")


def test_a_scheduled_issue_keeps_what_was_accepted(stopped: Any) -> None:
    assert stopped("send", ISSUE, "--at", "tomorrow 09:00").code == 1
    stopped.done("send", ISSUE, "--at", "tomorrow 09:00", "--accept", "no-articles", "--reason", "a letter")
    with closing(sqlite3.connect(stopped.root / "mailer.db")) as connection:
        found = connection.execute("SELECT what FROM issue_changes ORDER BY id").fetchall()
    assert ("accepted",) in found


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("check", ISSUE, "--accept", "no-article", "--reason", "x"), 'unknown rule "no-article": did you mean "no-a'),
        (("check", ISSUE, "--accept", "no-articles"), "why is it accepted?"),
        (("check", ISSUE, "--accept", "no-articles", "--reason", "a\tb"), "a reason is one line"),
        (("check", ISSUE, "--accept", "no-recipients", "--reason", "x"), "no-recipients cannot be accepted: A send to"),
        (("check", ISSUE, "--reason", "x"), "--reason is for what is accepted"),
        (("check",), "which issue or file?"),
        (("check", "a.html", "--accept", "no-articles", "--reason", "x"), "what is accepted is kept for an issue"),
        (("send", ISSUE, "--dry-run", "--accept", "no-articles", "--reason", "x"), "--accept and --dry-run do not go"),
        (("send", "--due", "--accept", "no-articles", "--reason", "x"), "--accept and --due do not go together"),
    ],
)
def test_what_cannot_be_accepted_is_said_in_one_line(mailer: Any, words: tuple[str, ...], message: str) -> None:
    run = mailer(*words)
    assert run.code == 2
    assert run.err.startswith(f"error: {message}")


def test_what_finds_nothing_cannot_be_accepted(issue: Any) -> None:
    run = check(issue, ISSUE, "--accept", "repeated-article", "--reason", "x")
    assert run.err.splitlines()[0] == f"error: {ISSUE}: repeated-article finds nothing that could be accepted"


def test_sarif_is_valid_and_points_at_the_lines(stopped: Any) -> None:
    stopped("check", ISSUE, "--offline", "--accept", "no-articles", "--reason", "a letter")
    report = json.loads(check(stopped, ISSUE, "--sarif").out)
    jsonschema_rs.validator_for(json.loads(SCHEMA.read_text())).validate(report)
    results = {result["ruleId"]: result for result in report["runs"][0]["results"]}
    found = results["no-articles"]
    place = found["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": f"issues/{ISSUE}.md"}, "region": {"startLine": 2}}
    assert found["suppressions"] == [{"kind": "external", "status": "accepted", "justification": "a letter"}]
    described = report["runs"][0]["tool"]["driver"]["rules"]
    assert {rule["id"]: number for number, rule in enumerate(described)}["no-articles"] == found["ruleIndex"]


def test_a_field_that_nobody_has_is_at_the_line_where_it_is_written(issue: Any) -> None:
    partial = issue.done("templates", "eject", "_footer.mjml") and issue.root / "templates" / "_footer.mjml"
    text = partial.read_text(encoding="utf-8").replace("{{ labels.why }}", "{{ subscriber.town | default('') }} ")
    partial.write_text(text, encoding="utf-8")
    there = text[: text.index("subscriber.town")].count("\n") + 1
    write_issue(
        issue,
        'Dear {{ subscriber.first_name }},\n\nwelcome {{ subscriber["nick"] | default("back") }}.',
        subject='Hello {{ subscriber.frist_name | default("you") }}, welcome {{ subscriber.nick | default("") }}',
    )
    run = check(issue, ISSUE, "--json")
    places = {
        each["message"].split()[-1]: (each["source"]["file"], each["source"]["line"])
        for each in run.json["findings"]
        if each["rule"] == "unknown-field"
    }
    file = f"issues/{ISSUE}.md"
    assert places == {"frist_name": (file, 3), "nick": (file, 3), "town": ("templates/_footer.mjml", there)}
    report = json.loads(check(issue, ISSUE, "--sarif").out)
    found = [each for each in report["runs"][0]["results"] if each["message"]["text"].endswith('"first_name"?')]
    assert found[0]["locations"][0]["physicalLocation"]["region"] == {"startLine": 3}


def test_a_field_that_a_template_mentions_too_is_shown_where_the_issue_does(issue: Any) -> None:
    issue.done("templates", "eject", "_header.mjml")
    header = issue.root / "templates" / "_header.mjml"
    mention = "<mj-section><mj-column><mj-text>{{ subscriber.nick | default('') }}</mj-text></mj-column></mj-section>"
    header.write_text(f"{mention}\n{header.read_text(encoding='utf-8')}", encoding="utf-8")
    write_issue(issue, "Hello.\n\nWelcome {{ subscriber.nick | default('back') }}.")
    found = rules(check(issue, ISSUE, "--json"))["unknown-field"]
    assert found["source"] == {"file": f"issues/{ISSUE}.md", "line": 9}


def test_a_field_that_some_lack_is_at_its_line_wherever_it_is_used(issue: Any) -> None:
    add_people(issue, "members", "cy@example.org,,Oslo")
    write_issue(issue, "Hello.\n\n{% if subscriber.first_name %}\nDear {{ subscriber.first_name }},\n{% endif %}")
    found = rules(check(issue, ISSUE, "--json"))["field-missing"]
    assert found["source"] == {"file": f"issues/{ISSUE}.md", "line": 9}


def test_suppressions_are_counted_where_they_meet_nobody(issue: Any) -> None:
    add_people(issue, "members", *crowd(200))
    gone = "".join(f"gone{number}@example.net\n" for number in range(20))
    issue.done("suppressions", "import", "-", stdin=f"email\n{gone}".encode())
    said = rules(check(issue, ISSUE, "--json"))["nobody-left-out"]["message"]
    assert "although there are 20 suppressions" in said
    issue.done("suppressions", "add", "reader0001@example.org", "--reason", "manual")
    assert "nobody-left-out" not in rules(check(issue, ISSUE, "--json"))


def test_nothing_of_a_reader_is_printed(issue: Any) -> None:
    add_people(issue, "members", "secret.person@example.org,{{ Zebedee TODO }},Lorem ipsum")
    for form in ((), ("--json",), ("--sarif",)):
        run = check(issue, ISSUE, *form)
        assert "Zebedee" not in run.out + run.err
        assert "secret.person" not in run.out + run.err
        assert "template-marks" in run.out


def test_what_one_reader_has_is_not_accepted_for_what_another_has_elsewhere(issue: Any) -> None:
    hello = "Dear {{ subscriber.first_name }}, welcome to this letter."
    town = 'How is it in {{ subscriber.city | default("town") }}?'
    file = write_issue(issue, f"{hello}\n\n{town}")

    def found() -> set[tuple[str, int, str]]:
        run = check(issue, ISSUE, "--json")
        assert "Zebedee" not in run.out and "Wyvern" not in run.out
        told = [each for each in run.json["findings"] if each["rule"] == "template-marks"]
        return {(each["place"]["excerpt"], each["source"]["line"], each["accepted"]) for each in told}

    add_people(issue, "members", "cy@example.org,{{ Zebedee }},")
    first, second = (f"in somebody's mail, at: {line}" for line in (hello, town))
    assert found() == {(first, 7, "")}
    check(issue, ISSUE, "--accept", "template-marks", "--reason", "that is their name")
    add_people(issue, "members", f"di@example.org,Di{'lys' * 20},{{{{ Wyvern }}}}")
    assert found() == {(first, 7, "that is their name"), (second, 9, "")}
    text = file.read_text()
    file.write_text(text.replace("Dear", "A line more.\n\nDear"))
    assert found() == {(first, 9, "that is their name"), (second, 11, "")}, "lines that move change nothing"


@pytest.mark.parametrize(("name", "line"), [("page.html", 7), ("mail.eml", 13), ("mail.mjml", 2)])
def test_a_file_on_its_own(mailer: Any, tmp_path: Path, name: str, line: int) -> None:
    contents = {"page.html": PAGE.encode(), "mail.eml": MAIL, "mail.mjml": MJML.encode()}
    file = tmp_path / name
    file.write_bytes(contents[name])
    run = check(mailer, str(file), "--json")
    assert rules(run)["image-address"]["source"] == {"file": str(file), "line": line}
    assert run.json["name"] == name


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.html", None, "there is no file"),
        ("a.html", b"<p>\n\xff", ":2: the file is not UTF-8"),
        ("a.mjml", b"<p>", "a.mjml: this is no MJML document"),
        ("a.html", b"\n", "a.html:1: the file is empty"),
        ("a.eml", b"", "a.eml:1: the file is empty"),
    ],
)
def test_what_is_no_mail_is_said_in_one_line(
    mailer: Any, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    run = check(mailer, str(tmp_path / name))
    assert run.code == 1
    assert message in run.err.splitlines()[0]


def test_a_file_needs_no_workspace(
    mailer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from mailer.cli import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "page.html").write_text(PAGE)
    main(["check", "page.html", "--offline"])
    assert "page.html:7: " in capsys.readouterr().out


def test_rules_are_listed_and_explained_at_the_levels_of_the_workspace(stopped: Any) -> None:
    listed = {rule["id"]: rule for rule in stopped.done("check", "--rules", "--json").json}
    assert (listed["no-articles"]["level"], listed["no-articles"]["usual"]) == ("error", "warning")
    assert "error here, warning by default" in stopped.done("check", "--explain", "no-articles").out
    assert "it can be neither changed nor accepted" in stopped.done("check", "--explain", "no-recipients").out
    assert 'unknown rule "no-artcles": did you mean "no-articles"?' in stopped("check", "--explain", "no-artcles").err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('no-artcles = "off"', 'unknown rule "no-artcles": did you mean "no-articles"?'),
        ('no-recipients = "off"', "no-recipients is always an error: "),
    ],
)
def test_levels_of_no_rule_are_found_with_the_settings(mailer: Any, line: str, message: str) -> None:
    mailer.add_settings(f"\n[checks.rules]\n{line}\n")
    write_issue(mailer)
    for command in (("config", "check"), ("check", ISSUE, "--offline"), ("check", "--rules")):
        run = mailer(*command)
        assert run.code == 1
        where = "mailer.toml:15" if command[0] == "config" else "mailer.toml"
        assert run.err.startswith(f"error: {where}: [checks] rules: {message}")
