"""`mailer preview --serve` as a person uses it: a browser beside an editor."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pytest

from tests import browser
from tests.acceptance.commands import command, environment
from tests.web.house import furnish
from tests.web.visiting import DESKTOP, PHONE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAME = "2026-11-22-rivers"
ISSUE = """---
kind: bulletin
subject: Rivers rise
preheader: What we saw at the weir, and what comes next
lists: [weekly]
---

Hello {{ subscriber.first_name | default('friend') }}, the **river** rises: [click here](https://www.example.org/news).
"""
SHOWN = ".screen iframe:not(.coming)"


def furnish_issue(folder: Path) -> Path:
    furnish(folder)
    (folder / "issues").mkdir()
    (folder / "issues" / f"{NAME}.md").write_text(ISSUE)
    (folder / "templates").mkdir()
    return folder


@contextmanager
def previewing(folder: Path, *words: str, **variables: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that serves the page, and its address."""
    process = subprocess.Popen(
        command("--workspace", str(folder), "preview", NAME, "--serve", "--json", *(words or ["--no-open"])),
        env=environment() | variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        said = "".join(process.stdout.readline() for _ in range(3))
        assert said, process.communicate()
        yield process, json.loads(said)["url"]
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def opened() -> Iterator[Browser]:
    with browser.browser() as found:
        yield found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A workspace and the address of its page, for tests that leave the files as they were."""
    folder = furnish_issue(tmp_path_factory.mktemp("served") / "workspace")
    with previewing(folder) as (_, url):
        yield folder, url


@contextmanager
def page_at(opened: Browser, url: str, **how: Any) -> Iterator[Page]:
    context = opened.new_context(**{"viewport": DESKTOP, **how})
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(url)
    page.wait_for_selector(SHOWN)
    until(page, "document.getElementById('summary').textContent !== '…'")
    yield page
    assert faults == []
    context.close()


def until(page: Page, condition: str, given: Any = None, seconds: float = 60) -> None:
    """Wait until it holds. Playwright's own waiting evaluates text in the page, which the page's policy forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition, given):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(20)


def mail_has(page: Page, text: str) -> None:
    """Wait until every frame shows it."""
    until(
        page,
        """([shown, text]) => { const all = [...document.querySelectorAll(shown)];
        return all.length && all.every((each) => each.contentDocument?.body?.textContent.includes(text)); }""",
        [SHOWN, text],
    )


def test_a_template_is_edited_and_the_page_follows(tmp_path: Path, opened: Browser) -> None:
    """The issue, a partial that was not there before, a mistake and its mending, settings; then Ctrl-C."""
    folder = furnish_issue(tmp_path / "workspace")
    footer = Path(__file__).parents[2] / "templates" / "_footer.mjml"
    with previewing(folder) as (process, url), page_at(opened, url) as page:
        mail_has(page, "the river rises")
        issue = folder / "issues" / f"{NAME}.md"
        issue.write_text(ISSUE.replace("the **river**", "the **sea**"))
        mail_has(page, "the sea rises")
        partial = folder / "templates" / "_footer.mjml"
        partial.write_text(footer.read_text().replace("{{ labels.unsubscribe }}", "Leave us"))
        mail_has(page, "Leave us")
        partial.write_text(footer.read_text() + "{{ nosuch }}\n")
        page.wait_for_selector("#troubles:not([hidden])")
        told = page.inner_text("#troubles")
        assert f"templates/_footer.mjml:{footer.read_text().count(chr(10)) + 1}" in told
        assert "'nosuch' is undefined" in told
        assert page.inner_text("#troubles .chosen") == "{{ nosuch }}"
        mail_has(page, "Leave us")
        partial.unlink()
        page.wait_for_selector("#troubles", state="hidden")
        mail_has(page, "Unsubscribe")
        settings = folder / "mailer.toml"
        settings.write_text(settings.read_text().replace("1 Quay Street", "2 Quay Street"))
        mail_has(page, "2 Quay Street")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
        page.wait_for_selector("#status.lost")
    assert process.stderr is not None


@pytest.mark.parametrize(("scheme", "size"), [("light", DESKTOP), ("dark", PHONE)])
def test_nothing_keeps_people_out_of_the_page(
    served: tuple[Path, str], opened: Browser, scheme: str, size: Any
) -> None:
    folder, url = served
    issue = folder / "issues" / f"{NAME}.md"
    with page_at(opened, url, viewport=size, color_scheme=scheme) as page:
        # The mail is what it is: this is about the page around it. Its policy lets no script of ours in but this way.
        page.evaluate("document.getElementById('frames').remove()")
        faults = browser.barriers(page, browser.axe())
        assert faults == []
        wide = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert wide[0] <= wide[1]
        issue.write_text("---\nkind: nonsense\n---\n")
        page.wait_for_selector("#troubles:not([hidden])")
        assert browser.barriers(page, only=["color-contrast", "region", "scrollable-region-focusable"]) == []
        issue.write_text(ISSUE)
        page.wait_for_selector("#troubles", state="hidden")
        page.keyboard.press("?")
        assert browser.barriers(page) == []


def test_from_a_finding_to_its_place_and_back(served: tuple[Path, str], opened: Browser) -> None:
    _, url = served
    with page_at(opened, url) as page:
        row = page.locator("#findings li", has_text="generic-link")
        row.get_by_role("button", name="Show").click()
        assert "chosen" in str(row.get_attribute("class"))
        inside = page.frame_locator(SHOWN).first
        outlined = inside.locator("[data-mailer-found]", has_text="click here")
        assert "solid" in outlined.evaluate("each => each.style.outline")
        page.keyboard.press("n")
        inside.locator("[data-mailer-found]", has_text="click here").click()
        assert "chosen" in str(row.get_attribute("class"))
        assert page.url == url, "links in a mail lead nowhere"
        row.get_by_role("button", name="Source").click()
        page.wait_for_selector("#panel-source .chosen")
        assert "click here" in page.inner_text("#panel-source .chosen")


def test_by_keys_alone(served: tuple[Path, str], opened: Browser) -> None:
    """Frames, colours, parts, language and reader, without a mouse."""
    _, url = served
    with page_at(opened, url) as page:
        page.keyboard.press("p")
        page.keyboard.press("c")
        page.wait_for_selector('[data-key="phone-dark"] iframe:not(.coming)')
        assert page.locator(".device").count() == 1
        ground = "getComputedStyle(document.querySelector('iframe:not(.coming)').contentDocument.body).backgroundColor"
        assert max(map(int, page.evaluate(f"{ground}.match(/\\d+/g).slice(0, 3)"))) < 80
        page.keyboard.press("r")
        until(page, "document.querySelector('iframe:not(.coming)').contentDocument.documentElement.dir === 'rtl'")
        page.keyboard.press("r")
        until(page, "document.querySelector('iframe:not(.coming)').contentDocument.documentElement.dir === 'ltr'")
        page.keyboard.press("]")
        mail_has(page, "Hello friend,")
        page.keyboard.press("2")
        page.wait_for_selector("#panel-text .lines")
        assert "Hello friend, the river rises" in page.inner_text("#panel-text")
        page.keyboard.press("4")
        page.wait_for_selector("#panel-message .lines")
        assert "List-Unsubscribe-Post" in page.inner_text("#panel-message")


@pytest.mark.skipif(sys.platform != "linux", reason="links and files are opened by another program than on POSIX")
def test_the_browser_is_given_a_file_and_not_the_address(tmp_path: Path, opened: Browser) -> None:
    """Whoever else is on the machine reads what programs are started with."""
    folder = furnish_issue(tmp_path / "workspace")
    programs, given = tmp_path / "programs", tmp_path / "given"
    programs.mkdir()
    (programs / "xdg-open").write_text(f'#!/bin/sh\necho "$@" > {given}.coming; mv {given}.coming {given}\n')
    (programs / "xdg-open").chmod(0o755)
    with previewing(folder, "--open", PATH=f"{programs}:{os.environ['PATH']}") as (process, url):
        end = time.monotonic() + 60
        while not given.exists():
            assert time.monotonic() < end
            time.sleep(0.02)
        leading = Path(unquote(urlsplit(given.read_text().strip()).path))
        assert leading.parent == folder / "preview" and leading.stat().st_mode & 0o077 == 0
        assert url not in given.read_text() and f"url={url}" in leading.read_text()
        with page_at(opened, leading.as_uri()) as page:
            assert page.url == url
        process.send_signal(signal.SIGINT)
        process.wait(60)
        assert not leading.exists()
