"""The live preview as a browser asks for it: who is let in, what is shown, and what stays when the files are wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from mailer.app import open_mailer
from mailer.checks.document import Document
from mailer.checks.marking import ATTRIBUTE
from mailer.errors import NotFoundError
from mailer.services.approving import approve
from mailer.services.previewing.session import KEPT, Session
from mailer.services.previewing.shots import shots
from mailer.services.previewing.shown import Wish
from mailer.web.previewing.door import token_of_mails
from mailer.web.previewing.site import MOST_BODY, make_app
from mailer.workspace import Workspace
from tests.store.world import FILES_ONLY
from tests.web.house import SETTINGS, House
from tests.web.issuing import send, write_issue

pytestmark = FILES_ONLY

PORT = 8765
TOKEN = "a-token_of-the-test"
MAILS = token_of_mails(TOKEN)
HOME = f"http://127.0.0.1:{PORT}"
NAME = "2026-11-22-rivers"
OWN = (
    '<mjml><mj-body>{% include "@body.mjml" %}<mj-section><mj-column><mj-text>OWN '
    '<a href="{{ links.unsubscribe }}">{{ labels.unsubscribe }}</a></mj-text></mj-column></mj-section></mj-body></mjml>'
)
FRONT = "---\nkind: bulletin\nlists: [weekly]\n"


@dataclass
class Preview:
    """The page's side: asks as it does."""

    house: House
    session: Session
    client: TestClient

    def ask(self, what: str, status: int = 200, /, **content: Any) -> Any:
        answer = self.client.post(f"/{TOKEN}/api/{what}", json=content)
        assert answer.status_code == status, answer.text
        return answer.json()

    def view(self, **wish: str) -> Any:
        return self.ask("view", **wish)["view"]

    def troubles(self) -> Any:
        return self.ask("state")["troubles"]

    def frame(self, number: int, scheme: str = "light", images: str = "images") -> str:
        return self.client.get(f"/{MAILS}/mail/{number}/{scheme}/{images}").text

    def part(self, number: int, name: str) -> str:
        return self.client.get(f"/{TOKEN}/part/{number}/{name}").text

    def write(self, path: str, text: str) -> None:
        """Change a file, and read again as the watching does."""
        file = self.house.folder / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        self.session.refresh(reopen=not path.startswith(("templates/", "issues/")))


@pytest.fixture
def preview(house: House, url: str, tmp_path: Path) -> Iterator[Preview]:
    workspace, unwatched = Workspace(house.folder), tmp_path / "unwatched"
    unwatched.mkdir()
    write_issue(house, NAME, preheader="What we saw")
    house.join("ann")
    session = Session(lambda: open_mailer(workspace, {"DATABASE_URL": url}, now=lambda: house.moment), NAME)
    app = make_app(session, Workspace(unwatched), TOKEN, PORT, lambda: False)
    with TestClient(app, base_url=HOME, raise_server_exceptions=False) as client:
        yield Preview(house, session, client)
    session.close()


# --- the door ---------------------------------------------------------------------------------------------------------

# What a browser says when a file leads it to the page.
WINDOW = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (f"/{TOKEN}/", {}, 200),
        (f"/{TOKEN}/", {"host": f"localhost:{PORT}"}, 200),
        (f"/{TOKEN}/", {"origin": HOME, "sec-fetch-site": "same-origin"}, 200),
        (f"/{TOKEN}/", {"sec-fetch-site": "none"}, 200),
        (f"/{TOKEN}", {}, 404),
        ("/", {}, 404),
        ("//", {}, 404),
        (f"/{TOKEN[:-1]}/", {}, 404),
        (f"/{TOKEN}x/", {}, 404),
        (f"/{TOKEN.upper()}/", {}, 404),
        (f"/{TOKEN}/", {"host": f"evil.example:{PORT}"}, 421),
        (f"/{TOKEN}/", {"host": "127.0.0.1"}, 421),
        (f"/{TOKEN}/", {"host": f"127.0.0.1:{PORT}@evil.example"}, 421),
        (f"/{TOKEN}/", {"origin": "https://evil.example"}, 403),
        (f"/{TOKEN}/", {"origin": "null"}, 403),
        (f"/{TOKEN}/", {"origin": f"http://localhost:{PORT}"}, 403),
        (f"/{TOKEN}/", {"sec-fetch-site": "cross-site"}, 403),
        (f"/{TOKEN}/", {"sec-fetch-site": "same-site"}, 403),
        (f"/{TOKEN}/", WINDOW, 200),
        (f"/{TOKEN}/", {**WINDOW, "sec-fetch-dest": "iframe"}, 403),
        (f"/{TOKEN}/", {**WINDOW, "sec-fetch-mode": "no-cors"}, 403),
        (f"/{TOKEN}/page.js", WINDOW, 403),
        (f"/{TOKEN[:-1]}/", WINDOW, 404),
    ],
)
def test_only_who_knows_the_token_gets_in_under_our_own_name(
    preview: Preview, path: str, headers: dict[str, str], status: int
) -> None:
    answer = preview.client.get(path, headers=headers)
    assert answer.status_code == status
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in answer.headers
    assert (answer.text == "No.\n") is (status != 200)


def test_what_a_mail_can_tell_others_opens_that_mail_only(preview: Preview) -> None:
    view = preview.view()
    assert view["frames"] == f"/{MAILS}/mail/"
    assert TOKEN not in MAILS
    assert preview.client.get(f"/{MAILS}/mail/{view['number']}/light/images").status_code == 200
    assert preview.client.get(f"/{TOKEN}/mail/{view['number']}/light/images").status_code == 404
    for path in ("", "page.js", f"part/{view['number']}/message", "mail/../", "api/events"):
        assert preview.client.get(f"/{MAILS}/{path}").status_code == 404
    assert preview.client.post(f"/{MAILS}/api/people", json={"text": "a"}).status_code == 404


def test_two_names_for_the_host_are_none(preview: Preview) -> None:
    twice = [("host", f"127.0.0.1:{PORT}"), ("host", "evil.example")]
    assert preview.client.get(f"/{TOKEN}/", headers=twice).status_code == 421


def test_the_page_runs_its_own_scripts_only(preview: Preview) -> None:
    policy = preview.client.get(f"/{TOKEN}/").headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    for name, kind in (("page.js", "text/javascript"), ("frames.js", "text/javascript"), ("page.css", "text/css")):
        asset = preview.client.get(f"/{TOKEN}/{name}")
        assert asset.headers["content-type"].startswith(kind)
        assert "://" not in asset.text.replace("http://www.w3.org", ""), "nothing of others"
    for name in ("site.py", "..%2fsite.py", "__init__.py", "nothing"):
        assert preview.client.get(f"/{TOKEN}/{name}").status_code == 404


@pytest.mark.parametrize("body", [b"[]", b"{", b'"x"', b"[" * 5000, b"\xff", b" " * (MOST_BODY + 1)])
def test_what_is_no_question_is_refused(preview: Preview, body: bytes) -> None:
    answer = preview.client.post(f"/{TOKEN}/api/view", content=body)
    assert answer.status_code == 422
    assert answer.json()["message"]


@pytest.mark.parametrize("what", ["view", "state", "people", "checks", "again"])
def test_nothing_is_asked_by_an_address(preview: Preview, what: str) -> None:
    assert preview.client.get(f"/{TOKEN}/api/{what}").status_code == 405


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_a_mail_is_shown_with_what_an_inbox_has_of_it(preview: Preview) -> None:
    view = preview.view()
    assert (view["subject"], view["preheader"], view["sender"]) == ("Rivers rise", "What we saw", "Rivers United")
    assert view["snippet"].startswith("What we saw ")
    html = preview.part(view["number"], "source")
    assert view["bytes"] == len(html.encode())
    assert view["clipped"] == 102_400
    assert "the <strong>river</strong> rises" in html
    assert "river rises" in preview.part(view["number"], "text")
    assert preview.part(view["number"], "message").partition("\r\n\r\n")[0].count("\nFrom: ") == 1
    assert view["current"] is True


def test_a_frame_runs_nothing_and_numbers_its_elements(preview: Preview) -> None:
    number = preview.view()["number"]
    answer = preview.client.get(f"/{MAILS}/mail/{number}/light/images")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; img-src https: http: data:;")
    assert policy.endswith("sandbox allow-same-origin")
    assert "script-src" not in policy
    assert "connect-src" not in policy
    source = Document(preview.part(number, "source"))
    numbers = [int(each.get(ATTRIBUTE)) for each in Document(answer.text).elements if each.get(ATTRIBUTE)]
    assert numbers == list(range(len(source.elements)))


def test_images_are_off_for_every_kind_of_image(preview: Preview) -> None:
    number = preview.view()["number"]
    answer = preview.client.get(f"/{MAILS}/mail/{number}/light/no-images")
    assert "img-src" not in answer.headers["content-security-policy"]


def test_dark_and_light_are_answered(preview: Preview) -> None:
    number = preview.view()["number"]
    assert "prefers-color-scheme" in preview.part(number, "source")
    dark, light = preview.frame(number, "dark"), preview.frame(number, "light")
    assert "prefers-color-scheme" not in dark + light
    assert "color-scheme:dark !important" in dark
    assert "color-scheme:light !important" in light


@pytest.mark.parametrize(
    "path", ["mail/1/blue/images", "mail/1/dark/some", "mail/999/dark/images", "part/1/secret", "part/999/text"]
)
def test_what_is_not_there_is_not_found(preview: Preview, path: str) -> None:
    preview.view()
    assert preview.client.get(f"/{TOKEN}/{path}").status_code == 404


def test_views_of_long_ago_are_gone(preview: Preview) -> None:
    first = preview.view()["number"]
    for _ in range(KEPT):
        preview.session.view(Wish())
    with pytest.raises(NotFoundError):
        preview.session.shown(first)


# --- as whom ----------------------------------------------------------------------------------------------------------


def test_somebody_is_found_and_looked_at_as(preview: Preview) -> None:
    with preview.house.program.store.write() as connection:
        from mailer.audience.address import parse_address
        from mailer.model import How, SubscriptionState
        from mailer.services.subscribers import Entry, add_in
        from mailer.store.subscriptions import Origin

        entry = Entry(preview.house.program.list_named("weekly"), SubscriptionState.CONFIRMED, Origin(How.COMMAND, "x"))
        address = parse_address("zoe@example.org")
        add_in(connection, entry, address, {"first_name": "Zoë"}, preview.house.moment)
    preview.view()
    (reader,) = preview.ask("people", text="zoë")["readers"]
    assert reader["label"] == "Zoë <zoe@example.org>"
    assert reader["real"] is True
    assert "zoe" not in reader["key"], "an address is not in what names somebody"
    view = preview.view(reader=reader["key"])
    assert "Hello Zoë," in preview.part(view["number"], "text")
    assert view["reader"]["label"] == "Zoë <zoe@example.org>"
    assert preview.ask("people", text="  ")["readers"] == []


def test_readers_who_do_not_exist_are_always_there(preview: Preview) -> None:
    readers = {each["key"]: each for each in preview.ask("state")["readers"]}
    assert {"made-up", "nothing-known", "long-name", "arabic", "japanese", "markup"} <= set(readers)
    assert "Hello friend," in preview.part(preview.view(reader="nothing-known")["number"], "text")
    source = preview.part(preview.view(reader="markup")["number"], "source")
    assert "Hello &lt;b&gt;Tom&lt;/b&gt;," in source


def test_a_reader_who_is_gone_is_not_shown(preview: Preview) -> None:
    assert preview.ask("view", 404, reader="person:nobody")["message"] == "that reader is not known any more"
    assert preview.ask("view", 404, reader="nonsense")["message"]


def test_another_language_turns_labels_and_direction(preview: Preview) -> None:
    own, arabic = preview.view(), preview.view(language="ar")
    assert (own["direction"], arabic["direction"], arabic["language"]) == ("ltr", "rtl", "ar")
    assert 'dir="rtl"' in preview.part(arabic["number"], "source")
    assert own["hash"] != arabic["hash"]
    assert preview.view()["hash"] == own["hash"], "the issue itself is as it was"


def test_through_another_list(preview: Preview) -> None:
    preview.write(f"issues/{NAME}.md", '---\nkind: bulletin\nsubject: S\nlists: ["weekly", "alerts"]\n---\n\nHello\n')
    first, second = preview.view(), preview.view(list="alerts")
    assert "List-ID: Weekly bulletin" in preview.part(first["number"], "message")
    assert "List-ID: Alerts" in preview.part(second["number"], "message")
    assert preview.part(preview.view(list="no such").get("number"), "message").count("List-ID: Weekly") == 1


def test_looked_at_first_as_who_was_named(house: House, url: str) -> None:
    write_issue(house, NAME)
    house.join("ann")
    opener = lambda: open_mailer(Workspace(house.folder), {"DATABASE_URL": url})  # noqa: E731
    session = Session(opener, NAME, "ann@example.org")
    view = session.view(Wish(session.first_reader))
    assert view is not None
    assert view.reader.recipient.email == "ann@example.org"
    session.close()


# --- changes and mistakes ---------------------------------------------------------------------------------------------


def test_a_changed_template_is_another_mail(preview: Preview) -> None:
    before = preview.view()
    preview.write("templates/bulletin.mjml", OWN)
    after = preview.view()
    assert "OWN" in preview.part(after["number"], "source")
    assert "OWN" not in preview.part(before["number"], "source"), "what is shown stays as it is until the next is there"
    assert preview.ask("state")["generation"] == 2


def test_a_mistake_is_told_with_its_place_and_the_last_good_mail_stays(preview: Preview) -> None:
    good = preview.view()
    preview.write("templates/bulletin.mjml", OWN.replace("OWN", "OWN\n{{ nosuch.thing }}\n"))
    (trouble,) = preview.troubles()
    assert (trouble["message"], trouble["file"], trouble["line"]) == (
        "'nosuch' is undefined", "templates/bulletin.mjml", 2,
    )  # fmt: skip
    assert {"line": 2, "text": "{{ nosuch.thing }}"} in trouble["around"]
    stale = preview.view()
    assert stale["current"] is False
    assert preview.part(stale["number"], "source") == preview.part(good["number"], "source")
    assert (
        preview.ask("checks", number=stale["number"])["findings"]
        == preview.ask("checks", number=good["number"])["findings"]
    )
    preview.write("templates/bulletin.mjml", OWN)
    assert preview.troubles() == []
    assert preview.view()["current"] is True


@pytest.mark.parametrize(
    ("path", "text", "file", "line"),
    [
        (f"issues/{NAME}.md", FRONT + "subject: S\nnonsense: 1\n---\n", f"issues/{NAME}.md", 5),
        (f"issues/{NAME}.md", FRONT + "subject: '{{ nosuch }}'\n---\nx", f"issues/{NAME}.md", 4),
        (f"issues/{NAME}.md", FRONT + "subject: S\n---\n\nx\n{{ nosuch }}\n", f"issues/{NAME}.md", 8),
        ("mailer.toml", "[organisation]\nname = 3\n", "mailer.toml", 2),
        ("subscribers/weekly.toml", 'title = "Weekly"\nnonsense = 1\n', "subscribers/weekly.toml", 2),
    ],
)  # fmt: skip
def test_every_file_of_an_issue_may_be_wrong(preview: Preview, path: str, text: str, file: str, line: int) -> None:
    preview.view()
    before = (preview.house.folder / path).read_text()
    preview.write(path, text)
    assert [(each["file"], each["line"]) for each in preview.troubles()][:1] == [(file, line)]
    assert preview.view()["current"] is False
    preview.write(path, before)
    assert preview.troubles() == []
    assert preview.view()["current"] is True


def test_wrong_from_the_beginning_there_is_a_page_all_the_same(preview: Preview, url: str) -> None:
    (preview.house.folder / "issues" / f"{NAME}.md").write_text("---\nkind: nonsense\n---\n")
    session = Session(lambda: open_mailer(Workspace(preview.house.folder), {"DATABASE_URL": url}), NAME)
    assert session.refresh().troubles
    assert session.view(Wish()) is None
    assert session.search("ann") == []
    assert list(shots(session, Wish())) == []
    session.close()


def test_wrong_in_one_language_it_is_shown_in_another(preview: Preview) -> None:
    broken = OWN.replace("OWN", "OWN{% if issue.language == 'ar' %}{{ nosuch }}{% endif %}")
    preview.write("templates/bulletin.mjml", broken)
    assert preview.view()["current"] is True
    asked = preview.ask("view", language="ar")
    assert [each["message"] for each in asked["state"]["troubles"]] == ["'nosuch' is undefined"]
    assert asked["view"]["current"] is False
    asked = preview.ask("view")
    assert asked["state"]["troubles"] == []
    assert asked["view"]["current"] is True


def test_settings_are_read_again(preview: Preview) -> None:
    settings = preview.house.folder / "mailer.toml"
    preview.write(
        "mailer.toml", settings.read_text().replace('[from.office]\nname = "Rivers', '[from.office]\nname = "Seas')
    )
    assert preview.view()["sender"] == "Seas United"


# --- checks and pictures ----------------------------------------------------------------------------------------------


def test_what_the_checks_find_has_its_place_in_the_mail_and_in_the_file(preview: Preview) -> None:
    write_issue(preview.house, NAME, "Hello, [click here](https://rivers.example/x) and read.\n")
    preview.session.refresh()
    view = preview.view()
    told = preview.ask("checks", number=view["number"])
    assert told["number"] == view["number"]
    assert told["recipients"] == 1
    (finding,) = [each for each in told["findings"] if each["rule"] == "generic-link"]
    assert finding["level"] == "warning"
    element = Document(preview.part(view["number"], "source")).elements[finding["element"]]
    assert (element.tag, element.get("href")) == ("a", "https://rivers.example/x")
    assert finding["file"] == f"issues/{NAME}.md"
    assert "click here" in (preview.house.folder / finding["file"]).read_text().split("\n")[finding["source_line"] - 1]


def found_in(preview: Preview, language: str) -> set[str]:
    told = preview.ask("checks", number=preview.view(language=language)["number"])
    return {each["rule"] for each in told["findings"]}


def test_a_sent_issue_is_compared_in_the_language_it_was_sent_in(preview: Preview) -> None:
    send(preview.house, NAME)
    preview.session.refresh()
    for language in ("", "en", "ar"):
        assert "sent-otherwise" not in found_in(preview, language), language
    write_issue(preview.house, NAME, "Hello, something else.\n")
    preview.session.refresh()
    for language in ("", "en", "ar"):
        assert "sent-otherwise" in found_in(preview, language), language


def test_an_approval_holds_in_whatever_language_the_issue_is_looked_at(preview: Preview) -> None:
    approve(preview.house.program, NAME, preview.view()["hash"])
    preview.write("mailer.toml", SETTINGS + "[approval]\nrequired = 1\n")
    told = [preview.ask("checks", number=preview.view(language=each)["number"])["approvals"] for each in ("", "ar")]
    assert len(told[0]) == 2 and told[0] == told[1]


def test_checks_are_of_a_view(preview: Preview) -> None:
    assert preview.ask("checks", 422)["message"] == "which view is meant is not said"
    assert preview.ask("checks", 404, number=77)["message"] == "that view is gone"


def test_pictures_can_be_taken_of_every_frame(preview: Preview) -> None:
    found = list(shots(preview.session, Wish()))
    assert [(each.name, each.width, each.scheme, each.images, each.direction) for each in found] == [
        ("phone-light", 375, "light", True, "ltr"), ("phone-dark", 375, "dark", True, "ltr"),
        ("phone-images-off", 375, "light", False, "ltr"), ("phone-right-to-left", 375, "light", True, "rtl"),
        ("desktop-light", 800, "light", True, "ltr"), ("desktop-dark", 800, "dark", True, "ltr"),
        ("desktop-images-off", 800, "light", False, "ltr"), ("desktop-right-to-left", 800, "light", True, "rtl"),
        ("inbox-light", 375, "light", False, "ltr"), ("inbox-dark", 375, "dark", False, "ltr"),
        ("text", 800, "light", False, "ltr"), ("source", 800, "light", False, "ltr"),
        ("message", 800, "light", False, "ltr"),
    ]  # fmt: skip
    assert all("prefers-color-scheme" not in each.html for each in found if not each.drawn)
    assert [each.name for each in found if each.drawn] == ["inbox-light", "inbox-dark", "text", "source", "message"]
    brief = [each.name for each in shots(preview.session, Wish("arabic"), whole=False)]
    assert brief == ["phone-light", "desktop-light", "inbox-light", "text"]


def test_nothing_of_the_database_changes(preview: Preview) -> None:
    file = Path(preview.house.folder).parent / "mailer.db"

    def dump() -> str:
        import sqlite3

        with sqlite3.connect(file) as connection:
            return "\n".join(connection.iterdump())

    preview.view()
    preview.ask("checks", number=preview.view()["number"])
    before = dump()
    for key in ("made-up", "arabic"):
        number = preview.view(reader=key, language="de")["number"]
        preview.ask("checks", number=number)
    preview.ask("people", text="ann")
    assert dump() == before
    assert json.loads(json.dumps(preview.ask("state")))["variants"] == []
