"""Which addresses are asked, which answers are believed, and how much weight some findings have."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from mailer.checks.facts import Facts, Probe
from mailer.checks.finding import Level
from mailer.checks.probed import addresses, asked_as, secure_twin, settled
from mailer.checks.run import check
from tests.unit.checks.cases.alive import leaving, probe
from tests.unit.checks.cases.pictures import seen
from tests.unit.checks.making import GOOD, LINK, MAIL, NOW, html, sending

ARTICLE = "https://site.example/rivers"


def test_links_and_images_are_asked_once_each() -> None:
    tags = (
        '<img src="https://site.example/a.png" alt=""><a href="HTTP://b.example/#c">b</a>'
        '<a href="mailto:a@b.example">c</a>'
    )
    assert addresses(html(tags * 2)) == (ARTICLE, "HTTP://b.example/#c", "https://site.example/a.png")


@pytest.mark.parametrize(
    "src", ["data:image/gif;base64,R0lGODlhAQABAAAAACw=", "boat.jpg", "cid:boat", "", "ftp://a.example/"]
)
def test_what_is_on_no_web_server_is_not_asked(src: str) -> None:
    assert addresses(html(f'<img src="{src}" alt=""><a href="{src}">A boat</a>')) == (ARTICLE,)


def test_nothing_that_only_a_real_person_is_shown_is_asked() -> None:
    own = replace(MAIL, html='<a href="https://site.example/?member=4711">Yours</a>', real=True)
    assert addresses(replace(GOOD, mails=(MAIL, own))) == (ARTICLE,)
    assert addresses(replace(GOOD, mails=(own,))) == ()


@pytest.mark.parametrize(
    "tag",
    [
        f'<a href="{LINK}">Leave</a>',
        *(f'<a href="https://news.example.org/{kind}/AaQB">Your page</a>' for kind in "upvcl"),
        '<a href="https://list.example/unsubscribe/17">x</a>',
        '<a href="https://list.example/17">Unsubscribe here</a>',
        '<a href="https://list.example/opt-out">x</a>',
        '<a href="https://list.example/17">Newsletter abbestellen</a>',
        '<a href="https://list.example/17">Vom Newsletter abmelden</a>',
        '<a href="https://list.example/17">Se désabonner</a>',
        '<a href="https://list.example/17">Se désinscrire</a>',
        '<a href="https://list.example/17">Darse de baja</a>',
        '<a href="https://list.example/17">Cancelar la suscripción</a>',
        '<a href="https://list.example/17">Cancelar a inscrição</a>',
        '<a href="https://list.example/17">إلغاء الاشتراك</a>',
        '<a href="https://list.example/17">Uitschrijven</a>',
        '<a href="https://list.example/17">退订</a>',
        '<p>To unsubscribe, click <a href="https://list.example/17">here</a>.</p>',
        '<p><a href="https://list.example/17">Hier</a> können Sie sich abmelden.</p>',
    ],
)
def test_a_way_out_of_a_mail_is_never_opened(tag: str) -> None:
    assert addresses(html(tag)) == (ARTICLE,)


@pytest.mark.parametrize("line", ["\r\n", "\n"])
def test_a_way_out_that_only_a_header_names_is_never_opened(line: str) -> None:
    out = "https://list.example/17/by-by"
    head = ["From: a@b.example", "List-Unsubscribe: <mailto:a@b.example>,", f" <{out}>", "", ""]
    tags = f'<a href="{out}">x</a><img src="{out}" alt="">'
    assert addresses(html(tags)) == (ARTICLE, out)
    assert addresses(html(tags, raw=line.join(head).encode())) == (ARTICLE,)


def test_a_header_in_the_text_of_a_mail_is_none() -> None:
    raw = b"From: a@b.example\r\n\r\nList-Unsubscribe: <https://site.example/rivers>\r\n"
    assert addresses(html("", raw=raw)) == (ARTICLE,)


@pytest.mark.parametrize("name", ["unsubstantiated", "/copt-ical", "/rivers/u/a", "https://news.example.org/archive/1"])
def test_what_only_looks_like_a_way_out_is_asked(name: str) -> None:
    url = name if "://" in name else f"https://other.example/{name}"
    assert addresses(html(f'<a href="{url}">More</a>')) == (ARTICLE, url)


def test_a_long_text_that_tells_of_unsubscribing_has_links_that_are_asked() -> None:
    text = "How people unsubscribe from newsletters was looked at by several people. " * 5
    tags = f'<p>{text}<a href="https://b.example/study">The study</a></p><p>Unsubscribing</p>'
    assert addresses(html(tags)) == (ARTICLE, "https://b.example/study")


def test_without_pages_of_ones_own_nothing_is_left_out_for_them() -> None:
    facts = replace(sending(base_url=""), mails=(replace(MAIL, unsubscribe=""),))
    assert ARTICLE in addresses(facts)


def test_a_place_on_a_page_is_not_asked_for() -> None:
    assert asked_as("https://a.example/b?c#d#e") == "https://a.example/b?c"


@pytest.mark.parametrize(
    ("url", "twin"),
    [
        ("http://a.example/b?c", "https://a.example/b?c"),
        ("HTTP://a.example", "https://a.example"),
        ("http://a.example?b=c:d", "https://a.example?b=c:d"),
        ("https://a.example/", ""),
        ("http://a.example:8080/", ""),
        ("ftp://a.example/", ""),
    ],
)
def test_the_same_address_over_https(url: str, twin: str) -> None:
    assert secure_twin(url) == twin


@pytest.mark.parametrize(
    ("answer", "believed"),
    [
        (probe(status=200), True),
        (probe(status=299), True),
        (probe(status=403), True),
        (probe(status=999), True),
        (probe(status=404), False),
        (probe(status=199), False),
        (probe(status=300), False),
        (probe(status=500), False),
        (probe(status=0, problem="no answer in time"), False),
    ],
)
def test_what_was_not_there_is_asked_again(answer: Probe, believed: bool) -> None:
    assert settled(answer, NOW + timedelta(hours=20)) is believed


@pytest.mark.parametrize("status", [429, 503])
def test_who_is_asked_too_much_is_left_alone_for_an_hour(status: int) -> None:
    answer = probe(status=status)
    assert settled(answer, NOW + timedelta(minutes=59))
    assert not settled(answer, NOW + timedelta(hours=1))


def level(facts: Facts, rule: str) -> Level:
    (finding,) = (each for each in check(facts) if each.rule == rule)
    return finding.level


def test_a_way_out_that_does_not_work_stops_only_what_leaves_this_machine() -> None:
    wrong = leaving(probe(LINK, 404))
    assert level(wrong, "one-click-answers") is Level.ERROR
    assert level(replace(wrong, sending=None), "one-click-answers") is Level.ERROR
    here = leaving(probe(LINK, 404), facts=sending(leaves_this_machine=False))
    assert level(here, "one-click-answers") is Level.WARNING


@pytest.mark.parametrize(("pixels", "expected"), [(300, Level.NOTE), (299, Level.WARNING)])
def test_half_the_pixels_are_a_warning(pixels: int, expected: Level) -> None:
    assert level(seen(more='width="600"', width=pixels), "image-blurred") is expected


@pytest.mark.parametrize(("kind", "expected"), [("webp", Level.NOTE), ("avif", Level.WARNING)])
def test_a_type_that_one_mail_program_lacks_is_a_note(kind: str, expected: Level) -> None:
    assert level(seen(content_type=f"image/{kind}"), "image-type") is expected


def test_a_link_that_two_mails_have_is_told_once() -> None:
    other = replace(MAIL, html=MAIL.html.replace("<h1>", '<p><a href="https://a.example">a</a></p><h1>'))
    facts = replace(GOOD, mails=(MAIL, other), probes={ARTICLE: probe(ARTICLE, 404)})
    assert [each.rule for each in check(facts) if each.rule == "link-broken"] == ["link-broken"]


def test_where_a_page_is_now_is_part_of_the_advice() -> None:
    gone = probe(ARTICLE, 200, "moved for good", final_url="https://site.example/new")
    (finding,) = (each for each in check(replace(GOOD, probes={ARTICLE: gone})) if each.rule == "link-moved")
    assert finding.advice == "link to where it is now: https://site.example/new"
    assert finding.place is not None
    assert (finding.place.excerpt, finding.place.line) == (ARTICLE, 11)
