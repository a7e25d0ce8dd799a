"""Every page of the public side as somebody comes to it: by its address, and by the button before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import TYPE_CHECKING

from starlette.testclient import TestClient

from mailer.model import SubscriptionState, SuppressionReason
from mailer.render.links import Purpose, Signer
from mailer.store import suppressions
from mailer.store.suppressions import Suppression
from tests.web.forms import links_of, sign_up
from tests.web.house import House
from tests.web.issuing import send

if TYPE_CHECKING:
    from playwright.sync_api import Page

MAIN_FORM = "main form button"


@dataclass(frozen=True)
class Stop:
    """One page: its name, the address to begin at, what is filled in and pressed there, and the answer."""

    name: str
    path: str
    fill: Mapping[str, str] = field(default_factory=dict)
    press: str = ""
    status: int = 200

    def visit(self, page: Page) -> int:
        """Go there as people do; the status of what they see."""
        answer = page.goto(self.path)
        assert answer is not None
        if not self.press:
            return answer.status
        for field_, value in self.fill.items():
            page.locator(field_).fill(value)
        # What the browser itself would not let pass is what is looked at.
        page.locator("form").evaluate_all("forms => forms.forEach(form => { form.noValidate = true })")
        with page.expect_navigation() as told:
            page.locator(self.press).first.click()
        return told.value.status


def token(house: House, purpose: Purpose, person: str, name: str = "weekly") -> str:
    return Signer(house.program.workspace.secret_keys(house.program.environ)).token(purpose, name, person)


def prepare(house: House) -> None:
    """Issues to read: more than one page of the archive, where a page has two."""
    house.join("reader")
    for number in range(3):
        send(house, f"2026-11-{number:02}-rivers", subject=f"Rivers rise, part {number + 1}", preheader="What to do")
        house.later(hours=1)


def mail_of(house: House, client: TestClient, name: str, language: str) -> EmailMessage:
    """What somebody gets who fills in the form."""
    house.later(days=2)
    sign_up(house, client, f"{name}@example.org", language=language)
    house.work()
    return next(mail for mail in reversed(house.mails()) if mail["To"] == f"{name}@example.org")


def stops(house: House, client: TestClient, mark: str) -> list[Stop]:
    """All of them, for people whose names begin with MARK, the language of the mails they asked for: most pages can be
    met once only."""
    lists, own = f"/p/{token(house, Purpose.PREFERENCES, house.join(f'{mark}-ada'))}", "?page=2"
    gone = f"/p/{token(house, Purpose.PREFERENCES, house.join(f'{mark}-gone'))}"
    leave = f"/u/{token(house, Purpose.UNSUBSCRIBE, house.join(f'{mark}-bob'))}"
    stopped = f"/p/{token(house, Purpose.PREFERENCES, house.join(f'{mark}-stopped'))}"
    with house.program.store.write() as connection:
        found = Suppression(f"{mark}-stopped@example.org", SuppressionReason.COMPLAINED)
        suppressions.add(connection, found, house.moment)
    confirm = links_of(mail_of(house, client, f"{mark}-cleo", mark))["c"]
    late = links_of(mail_of(house, client, f"{mark}-dan", mark))["c"]
    house.join(f"{mark}-dan", state=SubscriptionState.UNSUBSCRIBED)
    reader = house.join("reader")
    return [
        Stop("subscribe-lists", "/subscribe"),
        Stop("subscribe", "/subscribe/weekly"),
        Stop("subscribe-again", "/subscribe/weekly", {"#email": "not an address"}, MAIN_FORM, 422),
        Stop("check-mail", "/subscribe/alerts", {"#email": f"{mark}-eve@example.org"}, MAIN_FORM),
        Stop("confirm", confirm),
        Stop("confirmed", confirm, press=MAIN_FORM),
        Stop("confirmed-before", confirm, press=MAIN_FORM),
        Stop("confirm-too-late", late, press=MAIN_FORM, status=409),
        Stop("unsubscribe", leave),
        Stop("unsubscribed", leave, press=MAIN_FORM),
        Stop("preferences", lists),
        Stop("preferences-saved", lists, press="#lists ~ form button"),
        Stop("preferences-paused", lists, press="section[aria-labelledby=pause] button"),
        Stop(
            "preferences-not-theirs",
            lists,
            {"#address": "eve@example.org"},
            "section[aria-labelledby=data] button",
            403,
        ),
        Stop("preferences-stopped", stopped),
        Stop("forget", f"{gone}/forget"),
        Stop("forget-not-theirs", f"{gone}/forget", {"#address": "eve@example.org"}, MAIN_FORM, 403),
        Stop("forgotten", f"{gone}/forget", {"#address": f"{mark}-gone@example.org"}, MAIN_FORM),
        Stop("archive", "/archive"),
        Stop("archive-of-list", f"/archive/weekly{own}"),
        Stop("archive-own-link", "/archive/_own"),
        Stop("issue", "/archive/issues/2026-11-01-rivers"),
        Stop("own-copy", f"/v/{token(house, Purpose.VIEW, reader, '2026-11-01-rivers')}"),
        Stop("test-link", f"/u/{token(house, Purpose.PREVIEW, reader)}"),
        Stop("not-found", "/u/nothing", status=404),
    ]
