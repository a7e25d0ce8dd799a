"""`mailer lists`: figures, growth as a picture, and what is doubtful about a list's people."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Program

PEOPLE = """email
ada@gmial.com
ben@example.org
b.en@gmail.com
ben+x@gmail.com
abuse@example.org
cleo@yopmail.com
dan@mozmail.com
"""
CONSENT = ("--state", "confirmed", "--consent", "signed up at the fair")


@pytest.fixture
def filled(mailer: Program) -> Program:
    mailer.write("people.csv", PEOPLE)
    mailer.done("subscribers", "import", str(mailer.root / "people.csv"), "--list", "weekly", *CONSENT)
    mailer.done("subscribers", "unsubscribe", "ben@example.org", "--list", "weekly")
    return mailer


def test_show_draws_the_growth_below_the_fields(filled: Program) -> None:
    out = filled.done("lists", "show", "weekly").out
    assert re.search(r"^confirmed +6$", out, re.MULTILINE)
    assert "Subscriptions by state" in out
    assert "joined, at most 7 in a day" in out
    assert re.search(r"^all shown +7 +1 +\+6 +6$", out, re.MULTILINE)
    assert re.search(r"Joined by\n  import +7  █+\n\nLeft by\n  by hand +1  █+\n", out)
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 80


def test_show_as_json_has_the_figures_and_the_series(filled: Program) -> None:
    shown = filled.done("lists", "show", "weekly", "--by", "week", "--since", "3w", "--json").json
    assert shown["counts"] == {"pending": 0, "confirmed": 6, "unsubscribed": 1}
    assert shown["mailable"] == 6
    growth = shown["growth"]
    assert (growth["by"], growth["time_zone"]) == ("week", "UTC")
    assert growth["points"][-1]["confirmed"] == growth["confirmed"] == 6
    assert (growth["joined_by"], growth["left_by"]) == ({"import": 7}, {"command": 1})


def test_why_fewer_can_be_mailed_than_are_confirmed_is_said(filled: Program) -> None:
    assert "can be mailed  6\n" in filled.done("lists", "show", "weekly").out
    filled.done("suppressions", "add", "abuse@example.org")
    assert "can be mailed  5 (1 suppressed)\n" in filled.done("lists", "show", "weekly").out


def test_a_list_of_nobody_has_nothing_to_draw(mailer: Program) -> None:
    assert "Nobody was ever confirmed on this list." in mailer.done("lists", "show", "members").out


def test_plain_letters_where_the_encoding_has_no_blocks(filled: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = io.BytesIO()
    stream = io.TextIOWrapper(memory, encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    assert filled("lists", "show", "weekly").code == 0
    stream.flush()
    assert "# joined, at most 7 in a day" in memory.getvalue().decode("ascii")


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("no_color", ["", "1"])
def test_colours_at_a_terminal_unless_they_are_refused(
    filled: Program, monkeypatch: pytest.MonkeyPatch, no_color: str
) -> None:
    memory = io.BytesIO()
    stream = Terminal(memory, encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", no_color)
    assert filled("lists", "show", "weekly").code == 0
    stream.flush()
    text = memory.getvalue().decode()
    assert ("\x1b[32m" in text) == ("\x1b[" in text) == (no_color == "")
    assert max(len(re.sub(r"\x1b\[\d*m", "", line)) for line in text.splitlines()) <= 60


def test_the_page_is_a_new_file_and_escapes_the_title(filled: Program, tmp_path: Path) -> None:
    filled.write("subscribers/weekly.toml", 'title = "<script>alert(1)</script> & more"\n')
    page = tmp_path / "growth.html"
    done = filled.done("lists", "show", "weekly", "--html", str(page))
    assert f"written to {page}" in done.err
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text and "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in text
    assert "default-src 'none'" in text and "http" not in text.replace("http-equiv", "")
    again = filled("lists", "show", "weekly", "--html", str(page))
    assert again.code == 1 and "is there already" in again.err and again.out == ""


@pytest.mark.parametrize("since", ["soon", "1h", "2999-01-01"])
def test_since_when_must_be_a_day(filled: Program, since: str) -> None:
    run = filled("lists", "show", "weekly", "--since", since)
    assert run.code == 2 and run.err.startswith("error: ") and "hint:" in run.err


def test_an_unknown_list_is_told_with_the_near_name(mailer: Program) -> None:
    for command in ("show", "doctor"):
        run = mailer("lists", command, "weekli")
        assert run.code == 1 and "weekly" in run.err


def test_the_list_of_lists_carries_figures_as_json(filled: Program) -> None:
    listed = {each["definition"]["name"]: each for each in filled.done("lists", "list", "--json").json}
    assert listed["weekly"]["counts"]["confirmed"] == listed["weekly"]["mailable"] == 6


def kinds(run: dict[str, object]) -> dict[str, int]:
    findings = run["findings"]
    assert isinstance(findings, list)
    return {finding["kind"]: finding["people"] for finding in findings}


def test_the_doctor_counts_and_names_nobody(filled: Program) -> None:
    run = filled.done("lists", "doctor", "weekly")
    assert run.out.startswith("6 people examined, 4 kinds of doubt\n")
    assert "gmial.com for gmail.com" in run.out
    assert "Next: mailer lists doctor weekly --examples" in run.out
    assert "Not asked: never-opened, because opens are not counted: [privacy] tracking is off" in run.out
    for name in ("ada@", "b.en", "ben+x", "cleo@", "dan@"):
        assert name not in run.out + run.err
    found = filled.done("lists", "doctor", "weekly", "--json").json
    assert kinds(found) == {"typing-error": 1, "severe-role": 1, "disposable": 1, "alias": 1}
    assert not any(finding["examples"] for finding in found["findings"])


def test_the_doctor_names_addresses_when_asked_and_no_more_than_the_limit(filled: Program) -> None:
    filled.write("more.csv", "email\nfay@gmial.com\n")
    filled.done("subscribers", "import", str(filled.root / "more.csv"), "--list", "weekly", *CONSENT)
    out = filled.done("lists", "doctor", "weekly", "--examples", "--limit", "1").out
    assert "ada@gmial.com" in out and "fay@gmial.com" not in out
    assert "b.en@gmail.com = ben+x@gmail.com" in out


def test_the_doctor_changes_nothing(filled: Program) -> None:
    before = filled.done("lists", "show", "weekly", "--json").out
    filled.done("lists", "doctor", "weekly", "--examples")
    assert filled.done("lists", "show", "weekly", "--json").out == before


def test_consent_without_words_is_doubtful_and_old_when_the_months_say_so(mailer: Program) -> None:
    mailer.done("subscribers", "add", "ada@example.org", "--list", "members")
    assert kinds(mailer.done("lists", "doctor", "members", "--json").json) == {"no-evidence": 1}


def test_ones_own_disposable_domains(filled: Program) -> None:
    filled.write("disposable-domains.txt", "example.org # ours\n!yopmail.com\nmozmail.com\n")
    (found,) = [
        finding
        for finding in filled.done("lists", "doctor", "weekly", "--json").json["findings"]
        if finding["kind"] == "disposable"
    ]
    assert found["details"] == {"example.org": 1}
    filled.write("disposable-domains.txt", b"\xff\xfe")
    run = filled("lists", "doctor", "weekly")
    assert run.code == 1 and "disposable-domains.txt is not UTF-8" in run.err


def test_a_list_without_people_is_healthy(mailer: Program) -> None:
    assert mailer.done("lists", "doctor", "members").out == "0 people examined, 0 kinds of doubt\n"


def test_the_form_of_a_public_list_is_html(mailer: Program) -> None:
    mailer.write("subscribers/open.toml", 'title = "Open"\npublic = true\n')
    settings = (mailer.root / "mailer.toml").read_text()
    mailer.write("mailer.toml", settings + '\n[web]\nbase_url = "https://news.example.org/mail"\n')
    done = mailer.done("lists", "form", "open")
    assert 'action="https://news.example.org/mail/subscribe/open"' in done.out
    assert "its own page: https://news.example.org/mail/subscribe/open" in done.err
    shown = mailer.done("lists", "form", "open", "--json").json
    assert shown["html"].strip() == done.out.strip()
    assert mailer("lists", "form", "weekly").code == 1
