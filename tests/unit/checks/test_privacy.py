"""Findings say nothing about a real person."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.checks.facts import Facts, Mail
from mailer.checks.finding import Fault, Finding, Level, Part, Place
from mailer.checks.fingerprint import fingerprint
from mailer.checks.privacy import impersonal
from mailer.checks.run import check
from mailer.checks.sarif import sarif
from mailer.checks.table import RULES
from tests.unit.checks.making import GOOD, HTML, MAIL, TEXT


def nothing(_: str) -> bool:
    return False


def judged(facts: Facts, wrote: str = "") -> list[Finding]:
    return list(impersonal(check(facts), facts, {}, wrote.__contains__ if wrote else nothing))


def personal(secret: str) -> Mail:
    """A real person's mail that breaks many rules with their own data."""
    body = (
        f'<h4>{secret}</h4><img src="http://site.example/{secret}.png"><a href="javascript:{secret}">{secret}</a>'
        f'<a href="http://{secret}.example/{secret}">https://other.example</a><p style="color:#fff">TODO {secret}</p>'
        f'<script>{secret}</script><div style="background:url({secret})" class="{secret}">{{{{ {secret} }}}}</div>'
        f'<a href="mailto:{secret}@example.org">*|{secret}|*</a>'
    )
    html = HTML.replace("</div>\n</body>", f"{body}</div></body>").replace("<title>Rivers", f"<title>{secret}")
    return Mail("longest", f"RE: {secret}!!!", secret, html, f"{TEXT}\n<b>{secret}</b> {{{{ {secret} }}}}", real=True)


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=9, max_size=20).map(lambda word: f"zq{word}"))
def test_a_secret_of_a_person_never_appears(secret: str) -> None:
    facts = replace(GOOD, mails=(MAIL, personal(secret)))
    found = judged(facts)
    assert len({finding.rule for finding in found}) >= 5
    report = json.dumps(sarif(found, RULES, "issues/a.md", "1"))
    for told in (*(finding.words + finding.advice for finding in found), report, repr(found)):
        assert secret not in told


def test_the_same_would_appear_if_the_reader_were_made_up() -> None:
    found = judged(replace(GOOD, mails=(MAIL, replace(personal("zqsecret"), real=False))))
    assert "zqsecret" in repr(found)


def test_what_an_author_wrote_is_shown_although_only_a_real_person_gets_it() -> None:
    facts = replace(GOOD, mails=(MAIL, replace(MAIL, text=TEXT + "{{ weir }}", real=True)))
    assert [finding.words for finding in judged(facts)] == ["readers will see template code"]
    (shown,) = judged(facts, "the {{ weir }} is open")
    assert shown.words == "readers will see template code: {{ weir }}"


def test_what_a_real_person_has_is_told_by_the_line_that_an_author_wrote() -> None:
    lines = {3: "Dear {{ subscriber.first_name }},", 4: "in {{ subscriber.city }}, " + "long " * 60}
    faulty = [replace(MAIL, text=f"{TEXT}{gap}{{{{ zq{gap!r} }}}}", real=True) for gap in ("\n", "\n\n")]
    facts = replace(GOOD, mails=(MAIL, *faulty))
    first = TEXT.count("\n") + 2

    def beside(finding: Finding) -> str:
        assert finding.place is not None and finding.place.excerpt == ""
        return lines[finding.place.line - first + 3]

    found = impersonal(check(facts), facts, {}, nothing, beside)
    assert [each.words for each in found] == [
        "readers will see template code: in somebody's mail, at: Dear {{ subscriber.first_name }},",
        f"readers will see template code: {('in somebody' + chr(39) + 's mail, at: ' + lines[4])[:117]}...",
    ]
    assert len({fingerprint(each) for each in found}) == 2


def test_what_the_made_up_reader_sees_too_is_shown_once_wherever_it_is() -> None:
    broken = replace(MAIL, text=TEXT + "{{ weir }}")
    moved = replace(broken, text="Dear Ann,\n" + broken.text, real=True)
    (finding,) = judged(replace(GOOD, mails=(broken, moved)))
    assert finding.words.endswith("{{ weir }}")


def test_without_a_real_person_everything_is_said() -> None:
    facts = replace(GOOD, mails=(replace(MAIL, text=TEXT + "{{ weir }}"),))
    assert judged(facts) == list(check(facts))


@pytest.mark.parametrize("element", [3, -1])
def test_two_readers_with_the_same_fault_are_one_finding(element: int) -> None:
    place = Place(Part.HTML, 7, "Ann", element)
    other = replace(place, excerpt="Bo")
    found = [Finding("no-articles", Level.NOTE, "x", "y", each) for each in (place, other)]
    facts = replace(GOOD, mails=(MAIL, replace(MAIL, real=True)))
    assert impersonal(found, facts, {}, nothing) == (replace(found[0], place=replace(place, excerpt="")),)
    assert Fault("x").place is None
