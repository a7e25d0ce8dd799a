"""Sign-up forms in a real browser: on the organisation's own site, and with a puzzle that only a browser solves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient

from mailer.errors import ConfigError, ConflictError
from mailer.model import MailingList
from mailer.services.public.signup import consent_version
from mailer.services.public.snippet import form_of
from tests import browser
from tests.web.house import BASE, House
from tests.web.visiting import visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ELSEWHERE = "https://www.example.org/join"


@pytest.fixture
def kind() -> str:
    """What a browser does is no matter of the database."""
    return "sqlite"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser.browser() as opened:
        yield opened


def setting(house: House, **told: object) -> None:
    web = house.program.settings.web.model_copy(update=told)
    house.program.settings = house.program.settings.model_copy(update={"web": web})


def mailed(house: House) -> list[str]:
    house.work()
    return [str(mail["To"]) for mail in house.mails()]


def test_from_the_organisations_own_site(house: House, client: TestClient, chromium: Browser) -> None:
    html = form_of(house.program, house.program.list_named("weekly")).html
    with visitor(chromium, client) as page:
        page.route(ELSEWHERE, lambda route: route.fulfill(body=f"<h1>Join</h1>{html}", content_type="text/html"))
        page.goto(ELSEWHERE)
        assert not page.get_by_label("Leave this empty").is_visible()
        page.get_by_label("Your e-mail address").fill("ann@example.org")
        page.get_by_label("First name").fill("Ann")
        page.get_by_label("I want the weekly bulletin.").check()
        page.get_by_role("button", name="Subscribe").click()
        assert page.url == f"{BASE}/subscribe/weekly"
        assert page.get_by_label("Your e-mail address").input_value() == "ann@example.org"
        page.get_by_role("button", name="Subscribe").click()
        assert page.get_by_role("heading", name="Check your mail").is_visible()
    assert mailed(house) == ["ann@example.org"]


def test_a_browser_solves_the_puzzle(house: House, client: TestClient, chromium: Browser) -> None:
    setting(house, proof_of_work=True)
    with visitor(chromium, client) as page:
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
        page.goto("/subscribe/weekly")
        page.get_by_label("Your e-mail address").fill("ann@example.org")
        page.get_by_label("I want the weekly bulletin.").check()
        # Pressed before it is solved, the form waits.
        page.get_by_role("button", name="Subscribe").click()
        page.get_by_role("heading", name="Check your mail").wait_for()
        assert refused == []
    assert mailed(house) == ["ann@example.org"]


def test_without_javascript_no_form_needs_it(house: House, client: TestClient, chromium: Browser) -> None:
    with visitor(chromium, client, java_script_enabled=False) as page:
        page.goto("/subscribe")
        page.get_by_role("link", name="Weekly bulletin").click()
        page.get_by_label("Your e-mail address").fill("ann@example.org")
        page.get_by_label("I want the weekly bulletin.").check()
        page.get_by_role("button", name="Subscribe").click()
        assert page.get_by_role("heading", name="Check your mail").is_visible()


def test_what_is_in_a_form_is_text(house: House) -> None:
    """Attack 38."""
    hostile = MailingList("weekly", '"><script>', consent='<img src=x>\n"&', public=True, fields=("shoe_size",))
    html = form_of(house.program, hostile).html
    assert re.findall(r"<(\w+)", html).count("script") == 0
    assert "&lt;img src=x&gt;<br>&quot;&amp;" in html
    assert "Shoe size</label>" in html
    assert consent_version(hostile) in html


def test_a_form_in_another_language(house: House) -> None:
    html = form_of(house.program, MailingList("weekly", "اخبار", language="ar", public=True)).html
    assert 'lang="ar" dir="rtl"' in html


def test_there_is_a_form_of_public_lists_only_and_where_there_are_pages(house: House) -> None:
    with pytest.raises(ConflictError, match="takes nobody by a form"):
        form_of(house.program, house.program.list_named("members"))
    setting(house, base_url="")
    with pytest.raises(ConfigError, match="have no address"):
        form_of(house.program, house.program.list_named("weekly"))
