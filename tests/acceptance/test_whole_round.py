"""The public side as people meet it: a browser, a mail server, and the program as processes. Nothing is played.

browser --https--> a web server in front --> `mailer serve` --smtp--> a mail server, which is read from
                                             `mailer send`  --smtp-->
"""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from email.message import EmailMessage
from http.client import HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests import browser
from tests.acceptance.commands import SETTINGS, run
from tests.acceptance.postbox import Postbox, front, mail_server
from tests.acceptance.serving import serving
from tests.acceptance.test_work import heard, working
from tests.providers.test_smtp_servers import Authority, authority

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["authority"]

WEEKLY = """
title = "Weekly bulletin"
public = true
fields = ["first_name"]
consent = "I want the weekly bulletin."
"""
ALERTS = 'title = "Alerts"\npublic = true\n'
WITNESS = "witness@example.org"


@dataclass(frozen=True)
class Round:
    """What stands for the whole test."""

    folder: Path
    postbox: Postbox
    base: str
    authority: Authority
    worker: subprocess.Popen[str]

    def issue(self, name: str) -> None:
        """Write an issue to the weekly list and the alerts, and have it sent to its end."""
        head = f"kind: bulletin\nsubject: {name.title()} news\nlists: [weekly, alerts]\n"
        body = "Dear {{ subscriber.first_name | default('friend') }}, the river rises.\n"
        (self.folder / "issues").mkdir(exist_ok=True)
        (self.folder / "issues" / f"{name}.md").write_text(f"---\n{head}---\n\n{body}")
        run(self.folder, "send", name, "--at", "now", "--yes")
        heard(self.worker.stdout, "finished")
        assert subjects(self.postbox, WITNESS)[-1] == f"{name.title()} news"

    def click(self, mail: EmailMessage, version: int = 11) -> tuple[int, list[tuple[str, str]], str]:
        """What a mailbox provider does when its unsubscribe button is pressed (RFC 8058): it reads the two headers of
        the mail and posts, without cookie, origin or language, and follows nothing. `version`: of HTTP, times ten."""
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        (address,) = re.findall(r"<(https:[^>]+)>", "".join(mail["List-Unsubscribe"].split()))
        parts = urlsplit(address)
        with closing(HTTPSConnection(parts.netloc, timeout=30, context=self.authority.client())) as connection:
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            connection._http_vsn = version  # type: ignore[attr-defined]
            connection._http_vsn_str = f"HTTP/{version // 10}.{version % 10}"  # type: ignore[attr-defined]
            connection.request("POST", parts.path, "List-Unsubscribe=One-Click", kind)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read().decode()


def subjects(postbox: Postbox, address: str) -> list[str]:
    return [str(mail["Subject"]) for mail in postbox.of(address)]


def link(mail: EmailMessage, kind: str) -> str:
    """The address in a mail that leads to our page of that kind, which is the same in both of its parts."""
    found = set()
    for form in ("plain", "html"):
        part = mail.get_body((form,))
        assert part is not None
        found |= set(re.findall(rf"https://localhost:\d+/{kind}/[\w-]+", part.get_content()))
    (one,) = found
    return str(one)


def furnish(folder: Path, base: str, port: int) -> None:
    (folder / "subscribers").mkdir(parents=True)
    provider = f'[provider]\nname = "smtp"\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\n'
    web = f'[web]\nbase_url = "{base}"\nproxies = ["127.0.0.1"]\nform_seconds = 0\n'
    rules = '[checks.rules]\nprivate-link = "off"\n'  # whoever reads these mails is on this machine
    (folder / "mailer.toml").write_text(SETTINGS + web + provider + rules)
    (folder / "subscribers" / "weekly.toml").write_text(WEEKLY)
    (folder / "subscribers" / "alerts.toml").write_text(ALERTS)


@pytest.fixture
def whole(tmp_path: Path, authority: Authority) -> Iterator[Round]:
    folder = tmp_path / "workspace"
    with mail_server() as (postbox, port), front(authority.server()) as before:
        base = f"https://localhost:{before.port}"
        furnish(folder, base, port)
        words = ("--list", "weekly", "--state", "confirmed", "--consent", "asked in person")
        run(folder, "subscribers", "add", WITNESS, *words)
        with serving(folder) as served, working(folder) as worker:
            before.behind = served.port
            yield Round(folder, postbox, base, authority, worker)


@pytest.fixture
def page(whole: Round) -> Iterator[Page]:
    """A window of Chromium, which has to take the certificate of nobody it knows; without JavaScript."""
    with browser.browser() as opened:
        context = opened.new_context(
            base_url=whole.base, ignore_https_errors=True, locale="en", java_script_enabled=False
        )
        yield context.new_page()
        assert context.cookies() == []


def join(whole: Round, page: Page, email: str, first_name: str) -> None:
    """Subscribe on the page, read the mail, press its button."""
    page.goto("/subscribe")
    page.get_by_role("link", name="Weekly bulletin").click()
    page.get_by_label("Your e-mail address").fill(email)
    page.get_by_label("First name").fill(first_name)
    page.get_by_label("I want the weekly bulletin.").check()
    page.get_by_role("button", name="Subscribe").click()
    assert email in page.locator("main").inner_text()
    mail = whole.postbox.wait(email)
    assert first_name not in mail.as_string()
    page.goto(link(mail, "c"))
    page.get_by_role("button", name="Yes, subscribe me").click()
    assert "Weekly bulletin" in page.locator("main").inner_text()


def test_two_people_from_the_form_to_the_last_mail(whole: Round, page: Page) -> None:
    ada, bob = "ada@example.org", "bob.quill@example.org"
    join(whole, page, ada, "Ada")
    join(whole, page, bob, "Robertus")
    whole.issue("first")
    leave(whole, page, whole.postbox.wait(ada, 2))
    mail = whole.postbox.wait(bob, 2)
    own = link(mail, "p")
    page.goto(link(mail, "v"))
    assert "Dear Robertus," in page.locator("body").inner_text()
    page.goto(own)
    assert bob not in page.content()
    change(page)
    assert all(word in download(page, bob) for word in (bob, "Robertus", "alerts"))

    page.locator("section[aria-labelledby=pause] button").click()
    whole.issue("second")
    assert news(whole, bob) == ["First news"], "on a pause"
    page.locator("section[aria-labelledby=pause] button").click()
    whole.issue("third")
    assert news(whole, bob) == ["First news", "Third news"], "once, although on two lists"

    forget(page, own, bob)
    whole.issue("fourth")
    assert news(whole, bob) == ["First news", "Third news"]
    assert page.goto(own).status == page.goto(link(mail, "v")).status == 404  # type: ignore[union-attr]
    assert whole.click(mail)[0] == 200, "a mailbox provider is told nothing else"
    assert left_of(whole.folder, "bob.quill", "robertus") == []
    assert left_of(whole.folder, "ada@") != [], "who only left is still known to have left"
    assert news(whole, ada) == ["First news"]


def news(whole: Round, address: str) -> list[str]:
    """The issues that came, after the mail that asked."""
    return subjects(whole.postbox, address)[1:]


def leave(whole: Round, page: Page, mail: EmailMessage) -> None:
    """By the button of a mail program, after a scanner looked at everything."""
    body = mail.get_body(("plain",))
    assert mail["Subject"] == "First news" and body is not None and "Dear Ada," in body.get_content()
    page.goto(link(mail, "u"))
    assert page.get_by_role("button", name="Unsubscribe").is_visible()
    status, headers, text = whole.click(mail)
    assert (status, text) == (200, "Unsubscribed.\n")
    assert {name.lower() for name, _ in headers} & {"location", "set-cookie"} == set()
    assert whole.click(mail, 10)[0] == 200, "a second time, as some do, and in the oldest protocol"


def download(page: Page, address: str) -> str:
    with page.expect_download() as found:
        page.locator("#address").fill(address)
        page.locator("section[aria-labelledby=data] button").click()
    return str(json.loads(found.value.path().read_text()))


def change(page: Page) -> None:
    """One list less and one more, and then both; another language."""
    page.get_by_label("Weekly bulletin").uncheck()
    page.get_by_label("Alerts").check()
    page.get_by_role("button", name="Save the lists").click()
    assert page.get_by_label("Alerts").is_checked() and not page.get_by_label("Weekly bulletin").is_checked()
    page.get_by_label("Weekly bulletin").check()
    page.get_by_role("button", name="Save the lists").click()
    page.locator("#language").select_option("de")
    page.get_by_role("button", name="Save the language").click()
    assert page.locator("html").get_attribute("lang") == "de"


def forget(page: Page, own: str, address: str) -> None:
    page.goto(own)
    page.locator("section[aria-labelledby=data] a").click()
    page.locator("#address").fill(address)
    page.locator("main form button").click()
    assert page.locator("html").get_attribute("lang") == "de"
    assert page.locator("form").count() == 0


def left_of(folder: Path, *words: str) -> list[str]:
    """Where one of these words still stands: rows of the database, and bytes of every file of the workspace."""
    with closing(sqlite3.connect(folder / "mailer.db")) as connection:
        rows = [line for line in connection.iterdump() if any(word in line.lower() for word in words)]
    files = [path for path in folder.rglob("*") if path.is_file()]
    return rows + [path.name for path in files if any(word.encode() in path.read_bytes().lower() for word in words)]
